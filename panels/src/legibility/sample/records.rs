//! Made-up tasks, alarms and a session, to see whether there is room for them.

use std::sync::Arc;

use protocol::alarm::{AlarmSeverity, AlarmState};
use protocol::change::Change;
use protocol::day::Day;
use protocol::observation::Name;
use protocol::session::{AgendaItem, Session, Stage};
use protocol::task::{SourceDocument, Task, TaskOrigin, TaskState, Urgency};
use protocol::{AgencyId, Alarm, Catalogue, ObservationStatus, SourceId, Timestamp, ViewState};

use super::{Day as Sample, NOW};

const TASKS: i32 = 24;
const ALARMS: i64 = 4;
const ITEMS: u16 = 5;

/// As many of each as a centre has on an ordinary day; more are late, and alarms stand, on a bad one.
pub(super) fn apply(view: &mut ViewState, catalogue: &Catalogue, day: Sample) {
    let agencies: Vec<&AgencyId> = catalogue.agencies.keys().collect();
    let agency =
        |index: usize| agencies.get(index % agencies.len().max(1)).map_or_else(|| "agency".into(), |id| (*id).clone());
    let source = || catalogue.sources.keys().next().cloned().unwrap_or_else(|| "source".into());
    let today = crate::number::today(NOW);
    for index in 0..TASKS {
        let lead = agency(index as usize);
        view.apply(4, &Change::Task(Arc::new(task(index, lead, source(), words(catalogue), (today, day)))));
    }
    for index in (0..ALARMS).filter(|_| day == Sample::Bad) {
        let agency = agency(index as usize);
        view.apply(4, &Change::Alarm(Arc::new(alarm(index, agency, source(), words(catalogue)))));
    }
    view.apply(4, &Change::Session(Arc::new(session(catalogue, agency, source(), day))));
}

/// A name as long as those of the centre are.
fn words(catalogue: &Catalogue) -> Name {
    let mut names: Vec<&Name> = catalogue.indicators.values().map(|indicator| &indicator.name).collect();
    names.sort_by_key(|name| name.vi.chars().count());
    // Longer than most, but not the longest: a task says what is to be done in a few words.
    names.get(names.len() * 3 / 4).map_or_else(Name::default, |name| (*name).clone())
}

fn task(index: i32, lead: AgencyId, source: SourceId, content: Name, (today, day): (Day, Sample)) -> Task {
    let is_done = index % 3 != 0;
    let late = if day == Sample::Bad && index % 2 == 0 { 12 } else { -8 };
    Task {
        id: format!("sample-{index:02}").into(),
        content,
        document: Some(SourceDocument { number: "2888/UBND-TH".to_owned(), date: today.plus(-40), summary: None }),
        given_by: lead.clone(),
        given_on: today.plus(-40),
        lead,
        with: Vec::new(),
        deadline: Some(today.plus(-late)),
        extensions: Vec::new(),
        urgency: Urgency::Normal,
        origin: TaskOrigin::PeoplesCommittee,
        sector: None,
        state: if is_done { TaskState::Done } else { TaskState::InProgress },
        progress_percent: None,
        closed_on: is_done.then(|| today.plus(-9)),
        lateness_reason: None,
        source,
        received_at: NOW,
        status: ObservationStatus::Simulated,
    }
}

fn alarm(index: i64, agency: AgencyId, source: SourceId, text: Name) -> Alarm {
    Alarm {
        id: format!("sample-{index}").into(),
        severity: if index == 0 { AlarmSeverity::Critical } else { AlarmSeverity::Warning },
        rule: None,
        chatter: 0,
        text,
        series: None,
        area: None,
        agency: Some(agency),
        raised_at: NOW.plus_micros(-index * 3_600_000_000),
        state: AlarmState::Raised,
        source,
        received_at: NOW,
        status: ObservationStatus::Simulated,
    }
}

fn session(catalogue: &Catalogue, agency: impl Fn(usize) -> AgencyId, source: SourceId, day: Sample) -> Session {
    let since = |minutes: i64| NOW.plus_micros(-minutes * 60_000_000);
    // Over its time on a bad day.
    let open_since = since(if day == Sample::Bad { 27 } else { 8 });
    let item = |index: u16| AgendaItem {
        title: words(catalogue),
        presenter: Name::default(),
        agency: Some(agency(usize::from(index))),
        minutes: 20,
        layout: None,
        indicators: Vec::new(),
        stage: match index {
            0 => Stage::Closed { since: since(40), at: open_since },
            1 => Stage::Open { since: open_since },
            _ => Stage::Planned,
        },
    };
    Session {
        id: "sample".into(),
        title: words(catalogue),
        place: None,
        starts_at: since(40),
        chair: Name::default(),
        items: (0..ITEMS).map(item).collect(),
        stage: Stage::Open { since: since(40) },
        source,
        received_at: Timestamp(NOW.as_micros()),
        status: ObservationStatus::Simulated,
    }
}
