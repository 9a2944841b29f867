//! The hub over a real log and history, as its subscribers see it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::event::{CatalogueRevised, LayoutShown, ObservationRow, ObservationsRecorded};
use protocol::message::{CloseReason, ViewName};
use protocol::{Event, ObservationStatus, Scenario, SeriesKey, ServerMessage, StreamPosition, Timestamp, ViewState};
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::ring::{Channel, Read};
use super::{Encoding, Handle, HubSettings, Message, RingLimits, Subscription, ViewError};
use crate::clock::Clock;
use crate::log::Draft;
use crate::log::local::{LocalLog, Written};
use crate::log::tail::{Tail, TailItem};
use crate::store::{Projection, ProjectionState, Reader};

/// What a test waits for comes within this, or not at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// One indicator in one area; a wall that shows one of two layouts.
pub(crate) fn revised() -> CatalogueRevised {
    let panel = |id: &str, kind: &str, row: u16, options: serde_json::Value| {
        json!({ "id": id, "kind": kind, "options": options,
                "place": { "column": 0, "row": row, "columns": 12, "rows": 6 } })
    };
    let figure = json!({ "indicator": "rain", "area": "qn", "sparkline": false });
    let course = |secs: u64| json!({ "indicator": "rain", "area": "qn", "secs": secs, "buckets": 10 });
    let layout = |id: &str, panels: Vec<serde_json::Value>| json!({ "id": id, "name": { "vi": id }, "version": 1, "read_only": true, "panels": panels });
    let revised = json!({
        "at": 0,
        "catalogue": {
            "organisation": { "vi": "UBND" }, "centre": { "vi": "IOC" },
            "areas": { "qn": { "id": "qn", "name": { "vi": "Quảng Ngãi" } } },
            "agencies": { "kttv": { "id": "kttv", "name": { "vi": "Đài KTTV" } } },
            "indicators": { "rain": { "id": "rain", "name": { "vi": "Mưa" }, "unit": { "vi": "mm" },
                "period": "continuous", "owner": "kttv", "expected_interval_secs": 600 } },
            "sources": {},
        },
        "walls": { "main": { "id": "main", "name": { "vi": "Tường" }, "layout": "overview",
            "canvas": { "width_px": 1920, "height_px": 1080 } } },
        "layouts": {
            "overview": layout("overview", vec![panel("now", "value", 0, figure), panel("course", "series", 6, course(100))]),
            "other": layout("other", vec![panel("course", "series", 0, course(50))]),
        },
    });
    serde_json::from_value(revised).unwrap()
}

pub(crate) fn catalogue_revised() -> Event {
    Event::CatalogueRevised(Box::new(revised()))
}

pub(crate) fn shown(layout: &str) -> Event {
    Event::LayoutShown(LayoutShown { at: Timestamp(0), wall: "main".into(), layout: layout.into() })
}

pub(crate) fn rain(secs: i64, value: f64) -> Event {
    rain_of(SeriesKey { indicator: "rain".into(), area: "qn".into(), scenario: Scenario::Actual }, secs, value)
}

/// The same while the gauge is broken.
pub(crate) fn broken_rain(secs: i64) -> Event {
    let Event::ObservationsRecorded(mut recorded) = rain(secs, 999.0) else { unreachable!() };
    let broken = |row: protocol::event::Row<'_>| ObservationRow { status: ObservationStatus::Fault, ..row.to_owned() };
    recorded.rows = recorded.rows.iter().map(broken).collect();
    Event::ObservationsRecorded(recorded)
}

/// What no layout of the tests shows.
pub(crate) fn rain_elsewhere(secs: i64) -> Event {
    rain_of(SeriesKey { indicator: "rain".into(), area: "elsewhere".into(), scenario: Scenario::Plan }, secs, 0.0)
}

fn rain_of(series: SeriesKey, secs: i64, value: f64) -> Event {
    let phenomenon_time = Timestamp::from_secs(secs);
    Event::ObservationsRecorded(ObservationsRecorded {
        source: "push".into(),
        received_at: phenomenon_time,
        rows: [ObservationRow { series, value, phenomenon_time, status: ObservationStatus::ByHand }]
            .into_iter()
            .collect(),
        idempotency_key: None,
        refused_count: 0,
        refused: Vec::new(),
    })
}

pub(crate) fn wall() -> ViewName {
    ViewName::Wall("main".into())
}

pub(crate) const LIMITS: RingLimits = RingLimits { bytes: 8 << 20, age: Duration::from_secs(60) };

/// What a frame of the WebSocket protocol carries.
pub(crate) fn payload(message: &Message) -> &[u8] {
    let bytes = message.bytes();
    let head = match bytes[1] & 0x7f {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    &bytes[head..]
}

/// What a client makes of what it is sent.
#[derive(Default)]
pub(crate) struct Client {
    pub(crate) state: ViewState,
    pub(crate) position: u64,
    /// When each frame with changes came.
    pub(crate) changed: Vec<Instant>,
    pub(crate) frames: usize,
}

impl Client {
    pub(crate) fn take(&mut self, message: &Message, now: Instant) {
        match serde_json::from_slice::<ServerMessage>(payload(message)).unwrap() {
            ServerMessage::Snapshot { offset, changes } => {
                self.state = ViewState::default();
                changes.into_iter().for_each(|change| self.state.apply(change.at, &change.change.unwrap()));
                self.position = offset;
            }
            ServerMessage::Frame(frame) => {
                assert!(frame.since <= self.position, "a gap: {} after {}", frame.since, self.position);
                self.frames += 1;
                let fresh = frame.changes.into_iter().filter(|change| change.at > self.position);
                let fresh: Vec<_> = fresh.collect();
                if !fresh.is_empty() {
                    self.changed.push(now);
                }
                fresh.into_iter().for_each(|change| self.state.apply(change.at, &change.change.unwrap()));
                self.position = self.position.max(frame.until);
            }
            _ => {}
        }
    }

    /// Reads what the channel has behind the cursor; why it is closed, if it is.
    pub(crate) fn read(&mut self, channel: &Channel, cursor: &mut u64, now: Instant) -> Option<CloseReason> {
        loop {
            match channel.read(*cursor) {
                Read::Message(message, _) => self.take(&message, now),
                Read::Empty => return None,
                Read::Behind => panic!("the ring is large"),
                Read::Closed(reason) => return Some(reason),
            }
            *cursor += 1;
        }
    }

    pub(crate) fn rain(&self) -> Option<f64> {
        let latest = self.state.latest_values().find(|latest| latest.series.scenario == Scenario::Actual);
        latest.map(|latest| latest.value)
    }
}

/// A log, its history and a hub, with gates between them.
struct Rig {
    log: LocalLog,
    tail: Arc<Tail>,
    hub: Handle,
    /// What the tail has told, and where the hub hears it.
    items: mpsc::Receiver<TailItem>,
    gate: mpsc::Sender<TailItem>,
    /// How far the history is, and how far the hub's loads believe it to be.
    projected: watch::Receiver<ProjectionState>,
    believed: watch::Sender<ProjectionState>,
}

impl Rig {
    async fn start(folder: &Path) -> Self {
        let log = LocalLog::open(folder).unwrap();
        let (tail, items) = Tail::open(&log).unwrap();
        let projected = Projection::start(folder, log.clone(), tail.head()).unwrap();
        let believed = watch::Sender::new(projected.borrow().clone());
        let reader = Reader::new(folder, log.clone(), tail.head(), believed.subscribe());
        let settings = HubSettings {
            tick: Duration::from_millis(20),
            readout_interval: Duration::from_millis(50),
            patience: Duration::from_millis(600),
            ring: LIMITS,
        };
        let (gate, gated) = mpsc::channel(64);
        let hub = super::start(settings, &tail, gated, reader, Clock);
        let mut rig = Self { log, tail, hub, items, gate, projected, believed };
        rig.append(vec![catalogue_revised()]).await;
        rig.pass().await;
        rig
    }

    /// In the log and its history, of which nobody has been told.
    async fn append(&mut self, events: Vec<Event>) {
        let drafts = events.into_iter().map(|event| Draft { body: rmp_serde::to_vec_named(&event).unwrap(), event });
        let written: Vec<Written> = self.log.append(drafts.collect(), Timestamp(0)).await.unwrap();
        self.tail.advance(&written).await.unwrap();
        let offset = self.log.head().position.offset;
        let is_there = |state: &ProjectionState| state.offset >= offset;
        tokio::time::timeout(PATIENCE, self.projected.wait_for(is_there)).await.unwrap().unwrap();
    }

    /// Lets the hub hear of entries.
    async fn tell_hub(&mut self) {
        while let Ok(item) = self.items.try_recv() {
            self.gate.send(item).await.unwrap();
        }
    }

    /// Lets the history answer.
    fn tell_history(&self) {
        self.believed.send_replace(self.projected.borrow().clone());
    }

    async fn pass(&mut self) {
        self.tell_history();
        self.tell_hub().await;
    }

    fn position(&self, offset: u64) -> StreamPosition {
        StreamPosition { epoch: self.log.head().position.epoch, offset }
    }

    fn head(&self) -> StreamPosition {
        self.log.head().position
    }
}

/// A subscriber and what it has been sent.
struct Seat {
    subscription: Subscription,
    client: Client,
}

async fn subscribe(hub: Handle, encoding: Encoding, resume: Option<StreamPosition>) -> Result<Seat, ViewError> {
    let subscribing = tokio::time::timeout(PATIENCE, hub.subscribe(wall(), encoding, resume));
    let subscription = subscribing.await.expect("in time")?;
    let mut client = Client { position: resume.map_or(0, |resume| resume.offset), ..Client::default() };
    if encoding == Encoding::Json {
        subscription.first.iter().for_each(|message| client.take(message, Instant::now()));
    }
    Ok(Seat { subscription, client })
}

impl Seat {
    /// Reads until what is waited for has come; why the channel was closed, if it was.
    async fn until(&mut self, is_so: impl Fn(&Client) -> bool) -> Option<CloseReason> {
        let Subscription { follower, cursor, .. } = &mut self.subscription;
        let mut news = follower.watch();
        let waiting = async {
            loop {
                let closed = self.client.read(follower, cursor, Instant::now());
                if closed.is_some() || is_so(&self.client) {
                    return closed;
                }
                news.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("in time")
    }
}

fn layout(client: &Client) -> &str {
    client.state.arranged().map_or("", |arranged| arranged.layout.id.as_str())
}

#[tokio::test]
async fn a_history_that_is_ahead_of_the_hub_hides_no_layout() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path()).await;
    rig.append(vec![rain(1000, 1.0), shown("other"), rain(1010, 2.0)]).await;
    rig.tell_history();
    let joining = tokio::spawn(subscribe(rig.hub.clone(), Encoding::Json, None));
    // Time for a load that would be taken as it comes.
    drop(tokio::time::timeout(Duration::from_millis(200), std::future::pending::<()>()).await);
    rig.tell_hub().await;
    let mut seat = joining.await.unwrap().unwrap();
    assert_eq!(seat.until(|client| layout(client) == "other" && client.position >= 4).await, None);
    assert_eq!(seat.client.rain(), Some(2.0));
}

#[tokio::test]
async fn a_wall_that_a_revision_removes_sends_its_watchers_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path()).await;
    let mut seat = subscribe(rig.hub.clone(), Encoding::Json, None).await.unwrap();
    let mut without = revised();
    without.walls.clear();
    rig.append(vec![Event::CatalogueRevised(Box::new(without))]).await;
    rig.pass().await;
    assert_eq!(seat.until(|_| false).await, Some(CloseReason::UnknownView));
    let refused = subscribe(rig.hub.clone(), Encoding::Json, None).await.err();
    assert!(matches!(refused, Some(ViewError::Unknown { .. })), "{refused:?}");
    rig.append(vec![catalogue_revised()]).await;
    rig.pass().await;
    subscribe(rig.hub.clone(), Encoding::Json, None).await.unwrap();
}

#[tokio::test]
async fn a_new_epoch_sends_everyone_away_for_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path()).await;
    rig.append(vec![rain(1000, 1.0), rain(1010, 2.0), rain(1020, 3.0)]).await;
    rig.pass().await;
    let mut seat = subscribe(rig.hub.clone(), Encoding::Json, None).await.unwrap();
    assert_eq!(seat.until(|client| client.rain() == Some(3.0)).await, None);
    let before = rig.position(seat.client.position);
    rig.log.cut(before.epoch + 1, 3).await.unwrap();
    rig.tail.restart(&rig.log, None).await.unwrap();
    let epoch = rig.head().epoch;
    let is_there = |state: &ProjectionState| state.epoch == epoch && state.offset == 3;
    rig.projected.wait_for(is_there).await.unwrap();
    rig.pass().await;
    assert_eq!(seat.until(|_| false).await, Some(CloseReason::NewEpoch));
    let mut seat = subscribe(rig.hub.clone(), Encoding::Json, Some(before)).await.unwrap();
    assert_eq!((seat.subscription.resumed, seat.subscription.epoch), (false, epoch));
    assert_eq!((seat.client.position, seat.client.rain()), (3, Some(2.0)));
    rig.append(vec![rain(1030, 4.0)]).await;
    rig.pass().await;
    assert_eq!(seat.until(|client| client.rain() == Some(4.0)).await, None);
}

#[tokio::test]
async fn who_has_more_than_the_server_is_not_kept_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::start(folder.path()).await;
    for encoding in [Encoding::Json, Encoding::Svg] {
        let refused = subscribe(rig.hub.clone(), encoding, Some(rig.position(1_000_000))).await.err();
        assert!(matches!(&refused, Some(ViewError::Behind(here)) if here.contains("entry 1 ")), "{refused:?}");
    }
}

#[tokio::test]
async fn a_view_whose_history_does_not_answer_is_refused_and_its_clients_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path()).await;
    rig.append(vec![rain(1000, 1.0), rain(1010, 2.0)]).await;
    rig.pass().await;
    let mut seat = subscribe(rig.hub.clone(), Encoding::Json, None).await.unwrap();
    assert_eq!(seat.client.rain(), Some(2.0));
    rig.append(vec![rain(1000, 5.0), rain(1020, 3.0)]).await;
    rig.tell_hub().await;
    assert_eq!(seat.until(|_| false).await, Some(CloseReason::Behind));
    assert_eq!(seat.client.position, 3, "nothing was claimed that was not told");
    let refused = rig.hub.view_once(wall()).await.err();
    assert!(matches!(&refused, Some(ViewError::Behind(reason)) if reason.contains("cannot be loaded")), "{refused:?}");
    rig.tell_history();
    let mut seat = subscribe(rig.hub.clone(), Encoding::Json, Some(rig.position(3))).await.unwrap();
    assert!(seat.subscription.resumed);
    assert_eq!(seat.until(|client| client.position == 5).await, None);
    assert_eq!(rig.hub.view_once(wall()).await.unwrap().latest_values().count(), 1);
}

#[tokio::test]
async fn a_painted_page_that_resumes_is_never_sent_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(folder.path()).await;
    rig.append(vec![rain(1000, 1.0)]).await;
    rig.pass().await;
    let _first = subscribe(rig.hub.clone(), Encoding::Svg, None).await.unwrap();
    // Numbers of the view and numbers of others: the picture lags behind both.
    for value in 2..6 {
        let event = if value % 2 == 0 { rain(1000 + value, value as f64) } else { rain_elsewhere(1000 + value) };
        rig.append(vec![event]).await;
        rig.pass().await;
        let head = rig.head();
        let seat = subscribe(rig.hub.clone(), Encoding::Svg, Some(head)).await.unwrap();
        assert!(seat.subscription.resumed, "after entry {}", head.offset);
        assert!(seat.subscription.position >= head.offset, "{} is before {}", seat.subscription.position, head.offset);
    }
}
