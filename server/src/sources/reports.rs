//! Tasks, alarms, sessions, documents and layers on their way from a source into the log.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::event::{DocumentReceived, RecordsReported};
use protocol::map::LayerReport;
use protocol::records::{Record, Shelf};
use protocol::{Alarm, Document, Event, Session, SourceId, Task, Timestamp};

use super::rows::{LayerRead, RowProblem};
use super::{Link, SourceError};
use crate::centre::{Standing, admit_document, admit_feature, admit_layer};

/// Most records of one entry of the log.
const CHUNK: usize = 200;

/// Records as another system has them by now. Source and time of arrival are put in when they are reported.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reported {
    pub tasks: Vec<Task>,
    pub alarms: Vec<Alarm>,
    pub sessions: Vec<Session>,
}

/// What is known only when it comes in.
trait Arriving: Record + PartialEq + Sized {
    fn arrive(&mut self, source: &SourceId, at: Timestamp);
    fn arrived(&self) -> (&SourceId, Timestamp);
    /// As it will stand once it was reported over what is known of it.
    fn reported_over(self, _known: &Self) -> Self {
        self
    }
}

macro_rules! arriving {
    ($($record:ty $(, $over:item)?);*) => { $(
        impl Arriving for $record {
            fn arrive(&mut self, source: &SourceId, at: Timestamp) {
                self.source.clone_from(source);
                self.received_at = at;
            }
            fn arrived(&self) -> (&SourceId, Timestamp) {
                (&self.source, self.received_at)
            }
            $($over)?
        }
    )* };
}
arriving!(
    Task;
    Alarm,
    fn reported_over(self, known: &Self) -> Self {
        Alarm::reported_over(&self, known)
    };
    Session
);

impl Link {
    /// Makes durable what differs from what the centre has. What may not come in is noted as a problem.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn report(&self, Reported { tasks, alarms, sessions }: Reported) -> Result<(), SourceError> {
        let (centre, now) = (Arc::clone(&self.centre.borrow()), self.now());
        let records = &centre.records;
        let horizon = records.horizon.as_ref().map(|horizon| horizon.value);
        let held = (&records.tasks, horizon.map(|horizon| horizon.tasks));
        let tasks = self.news("task", tasks, held, |task| centre.admit_task(task, now));
        let held = (&records.alarms, horizon.map(|horizon| horizon.alarms));
        let alarms = self.news("alarm", alarms, held, |alarm| centre.admit_alarm(alarm, now));
        let held = (&records.sessions, horizon.map(|horizon| horizon.sessions));
        let sessions = self.news("session", sessions, held, |session| centre.admit_session(session, now));
        let mut news = Vec::new();
        news.extend(tasks.chunks(CHUNK).map(|tasks| RecordsReported { tasks: tasks.to_vec(), ..self.nothing(now) }));
        news.extend(
            alarms.chunks(CHUNK).map(|alarms| RecordsReported { alarms: alarms.to_vec(), ..self.nothing(now) }),
        );
        news.extend(
            sessions.chunks(CHUNK).map(|sessions| RecordsReported { sessions: sessions.to_vec(), ..self.nothing(now) }),
        );
        for reported in news {
            self.take(reported).await?;
        }
        self.health.well(&self.source, self.now());
        Ok(())
    }

    /// Makes a document durable, unless the centre knows it; or tells why it may not come in.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn receive(&self, document: Document) -> Result<Result<(), String>, SourceError> {
        let received_at = self.now();
        let document = Document { source: self.source.clone(), received_at, ..document };
        let documents = self.documents();
        match admit_document(&document, received_at).and_then(|()| documents.standing(&document)) {
            Ok(Standing::New) => {}
            Ok(Standing::Known | Standing::Past) => return Ok(Ok(())),
            Err(reason) => return Ok(Err(reason)),
        }
        let document = Arc::new(document);
        self.recorder.tell(Event::DocumentReceived(DocumentReceived { document })).await?;
        self.health.delivered(&self.source, received_at, 1, 0);
        Ok(Ok(()))
    }

    /// Makes durable where the features of a layer are, unless the centre knows it; what of it may not come in.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn place(&self, read: LayerRead) -> Result<Vec<RowProblem>, SourceError> {
        let (catalogue, centre) = (self.catalogue.borrow().clone(), Arc::clone(&self.centre.borrow()));
        let (mut problems, mut seen, mut features) = (Vec::new(), BTreeSet::new(), Vec::new());
        for (row, feature) in read.features {
            match admit_feature(&catalogue, &feature, &mut seen) {
                Ok(()) => features.push(feature),
                Err(reason) => problems.push(RowProblem::of_row(row, reason)),
            }
        }
        let (source, received_at) = (self.source.clone(), self.now());
        let features = Some(Arc::new(features));
        let mut report = LayerReport { layer: read.layer, source, time: read.time, received_at, features };
        if let Err(reason) = admit_layer(&catalogue, &report, received_at) {
            problems.push(RowProblem::whole(reason));
            return Ok(problems);
        }
        if let Some(held) = centre.reported(&report).map(|held| &held.report) {
            let is_same = held.features == report.features;
            if report.time < held.time || (is_same && report.time == held.time) {
                return Ok(problems);
            }
            report.features = report.features.filter(|_| !is_same);
        }
        let count = report.features.as_ref().map_or(0, |features| features.len() as u64);
        self.recorder.tell(Event::LayerReported(Arc::new(report))).await?;
        self.health.delivered(&self.source, received_at, count, 0);
        Ok(problems)
    }

    async fn take(&self, reported: RecordsReported) -> Result<(), SourceError> {
        let room = self.centre.borrow().has_room_for(&reported);
        if let Err(reason) = room {
            self.problem("records", &reason);
            return Ok(());
        }
        let recorded = self.recorder.report(reported).await?;
        self.health.delivered(&self.source, self.now(), recorded.accepted, 0);
        Ok(())
    }

    /// Those that may come in and are not as the centre has them. What ended before the horizon would leave again.
    fn news<T: Arriving>(
        &self,
        what: &str,
        records: Vec<T>,
        (held, horizon): (&Shelf<T>, Option<Timestamp>),
        admit: impl Fn(&T) -> Result<(), String>,
    ) -> Vec<Arc<T>>
    where
        T::Id: std::fmt::Display,
    {
        let is_past = |record: &T| horizon.is_some_and(|horizon| record.ended_at().is_some_and(|end| end < horizon));
        let mut news = Vec::new();
        for mut record in records {
            let held = held.get(record.id()).map(|held| &held.value);
            record.arrive(&self.source, held.map_or(self.now(), |held| held.arrived().1));
            if let Some(held) = held {
                record = record.reported_over(held);
            }
            let is_known = held.is_some_and(|held| **held == record);
            if is_known || (held.is_none() && is_past(&record)) {
                continue;
            }
            record.arrive(&self.source, self.now());
            let owner = held.map(|held| held.arrived().0).filter(|owner| **owner != self.source);
            let admitted = match owner {
                Some(owner) => Err(format!("source '{owner}' has one of this id; ids are of the whole centre")),
                None => admit(&record),
            };
            match admitted {
                Ok(()) => news.push(Arc::new(record)),
                Err(reason) => self.problem(format!("{what} '{}'", record.id()), &reason),
            }
        }
        news
    }

    fn nothing(&self, received_at: Timestamp) -> RecordsReported {
        let (tasks, alarms, sessions) = (Vec::new(), Vec::new(), Vec::new());
        RecordsReported { source: self.source.clone(), received_at, tasks, alarms, sessions, idempotency_key: None }
    }
}

#[cfg(test)]
mod tests {
    use protocol::alarm::{AlarmSeverity, AlarmState};
    use protocol::event::CatalogueRevised;
    use protocol::{Catalogue, Event, ObservationStatus};
    use tokio::sync::watch;

    use super::*;
    use crate::clock::Clock;
    use crate::log::Backend;
    use crate::log::local::LocalLog;
    use crate::log::recorder::Recorder;
    use crate::log::tail::Tail;
    use crate::sources::health::Board;
    use crate::store::{Projection, Reader};

    fn alarm(id: &str, agency: Option<&str>, cleared: bool) -> Alarm {
        Alarm {
            id: id.into(),
            severity: AlarmSeverity::Warning,
            rule: None,
            chatter: 0,
            text: protocol::observation::Name { vi: "Mưa lớn".to_owned(), en: None },
            series: None,
            area: None,
            agency: agency.map(Into::into),
            raised_at: Timestamp::from_secs(1_000_000),
            state: if cleared {
                AlarmState::Cleared { at: Timestamp::from_secs(1_000_001) }
            } else {
                AlarmState::Raised
            },
            source: "".into(),
            received_at: Timestamp(0),
            status: ObservationStatus::ByHand,
        }
    }

    fn alarms(alarms: Vec<Alarm>) -> Reported {
        Reported { alarms, ..Reported::default() }
    }

    /// A link of the source `first` to a centre of its own in a folder, and where the log ends.
    async fn link(folder: &std::path::Path) -> (Link, watch::Receiver<crate::log::Head>) {
        let log = LocalLog::open(folder).unwrap();
        let (tail, mut items) = Tail::open(&log).unwrap();
        tokio::spawn(async move { while items.recv().await.is_some() {} });
        let projected = Projection::start(folder, log.clone(), tail.head()).unwrap();
        let store = Reader::new(folder, log.clone(), tail.head(), projected);
        let (centre, head) = (tail.centre(), tail.head());
        let recorder = Recorder::start(log, Backend::Local, tail, Clock);
        let agency = r#"{ "id": "kttv", "name": { "vi": "Đài KTTV" } }"#;
        let agencies = [("kttv".into(), Arc::new(serde_json::from_str(agency).unwrap()))].into();
        let catalogue = Catalogue { agencies, ..Catalogue::default() };
        let (_, followed) = watch::channel(Arc::new(catalogue.clone()));
        let (at, walls, layouts) = (Timestamp(0), Default::default(), Default::default());
        let revised = CatalogueRevised { at, catalogue, walls, layouts };
        recorder.tell(Event::CatalogueRevised(Box::new(revised))).await.unwrap();
        let link = Link {
            source: "first".into(),
            state: folder.join("state"),
            health: Board::default(),
            clock: Clock,
            recorder,
            store,
            catalogue: followed,
            centre,
            stopping: watch::channel(false).1,
            bell: Default::default(),
            pace: Default::default(),
            is_echo: false,
        };
        (link, head)
    }

    #[tokio::test]
    async fn only_what_differs_is_recorded_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (first, head) = link(folder.path()).await;
        let offset = |head: &watch::Receiver<crate::log::Head>| head.borrow().position.offset;
        let told = || alarms((0..450).map(|number| alarm(&format!("a{number}"), Some("kttv"), false)).collect());
        first.report(told()).await.unwrap();
        assert_eq!((offset(&head), first.records().alarms.len()), (4, 450), "in chunks");
        first.report(told()).await.unwrap();
        assert_eq!(offset(&head), 4);
        let health = first.health.of(&first.source).unwrap();
        assert_eq!((health.alive, health.accepted), (true, 450));
        drop(first);
        let (again, head) = link(folder.path()).await;
        let before = offset(&head);
        again.report(told()).await.unwrap();
        assert_eq!((offset(&head), again.records().alarms.len()), (before, 450));
        let mut changed = told();
        changed.alarms[7] = alarm("a7", Some("kttv"), true);
        again.report(changed).await.unwrap();
        assert_eq!(offset(&head), before + 1);
        let held = &again.records().alarms["a7"].value;
        assert_eq!((held.is_active(), held.source.as_str()), (false, "first"));
    }

    #[tokio::test]
    async fn what_may_not_come_in_is_a_problem_of_the_source() {
        let folder = tempfile::tempdir().unwrap();
        let (first, _head) = link(folder.path()).await;
        first.report(alarms(vec![alarm("taken", None, false), alarm("stray", Some("kttw"), false)])).await.unwrap();
        assert_eq!(first.records().alarms.len(), 1);
        let second = Link { source: "second".into(), ..first.clone() };
        second.report(alarms(vec![alarm("taken", None, true)])).await.unwrap();
        assert!(second.records().alarms["taken"].value.is_active());
        let problem = |source: &str| first.health.of(&source.into()).unwrap().problems.remove(0);
        for (source, place, reason) in [
            ("first", "alarm 'stray'", "unknown agency 'kttw'; did you mean 'kttv'?"),
            ("second", "alarm 'taken'", "source 'first' has one of this id; ids are of the whole centre"),
        ] {
            let problem = problem(source);
            assert_eq!((problem.place.as_str(), problem.reason.as_str()), (place, reason));
        }
    }

    #[tokio::test]
    async fn what_ended_before_the_horizon_is_not_told_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let (first, head) = link(folder.path()).await;
        first.report(alarms(vec![alarm("now", None, false)])).await.unwrap();
        let before = head.borrow().position.offset;
        first.report(alarms(vec![alarm("long-ago", None, true)])).await.unwrap();
        assert_eq!(head.borrow().position.offset, before);
    }
}
