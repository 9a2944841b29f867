//! What clients are told. Unknown kinds are skipped, so that old walls keep working.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::map::LayerReport;
use crate::message::Mode;
use crate::records::{Horizon, RecordKind};
use crate::{
    Alarm, Canvas, Catalogue, Layout, Observation, ObservationStatus, PanelId, SeriesKey, Session, SourceId,
    SourceState, Task, Timestamp, Wall,
};

/// Which buckets of a series a panel draws.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct WindowSpec {
    pub series: SeriesKey,
    pub span: Span,
    /// At most 2,048.
    pub buckets: u16,
}

/// Most buckets that a window may have.
pub const MAX_BUCKETS: u16 = 2048;

/// A stretch of time with both its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// The newest so many seconds, measured back from the newest bucket.
    Last { secs: u64 },
    /// Between two fixed moments.
    Between { from: Timestamp, to: Timestamp },
}

impl WindowSpec {
    /// The width of one bucket in microseconds, at least 1.
    #[must_use]
    pub fn bucket_micros(&self) -> i64 {
        let span = match self.span {
            Span::Last { secs } => i64::try_from(secs).unwrap_or(i64::MAX / 1_000_000).saturating_mul(1_000_000),
            Span::Between { from, to } => to.since(from),
        };
        let buckets = self.most_buckets();
        (span.saturating_add(buckets - 1) / buckets).max(1)
    }

    fn most_buckets(&self) -> i64 {
        i64::from(self.buckets.clamp(1, MAX_BUCKETS))
    }

    /// The start of the bucket that `time` falls into; `None` outside a fixed span. The end of a fixed span belongs
    /// to its last bucket.
    #[must_use]
    pub fn bucket_start(&self, time: Timestamp) -> Option<Timestamp> {
        let width = self.bucket_micros();
        let (origin, last) = match self.span {
            Span::Last { .. } => (0, i64::MAX),
            Span::Between { from, to } if from <= time && time <= to => (from.as_micros(), self.most_buckets() - 1),
            Span::Between { .. } => return None,
        };
        let steps = time.as_micros().checked_sub(origin)?.div_euclid(width).min(last);
        Some(Timestamp(origin.saturating_add(steps.saturating_mul(width))))
    }

    /// The first bucket start that is kept when `newest` is the newest one.
    #[must_use]
    pub fn oldest_start(&self, newest: Timestamp) -> Timestamp {
        match self.span {
            Span::Last { .. } => {
                let kept = self.most_buckets() - 1;
                newest.plus_micros(-self.bucket_micros().saturating_mul(kept))
            }
            Span::Between { from, .. } => from,
        }
    }
}

/// What a stretch of a series came to, with where its last value comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    pub start: Timestamp,
    pub min: f64,
    pub max: f64,
    pub last: f64,
    /// When the last value was true.
    pub time: Timestamp,
    pub received_at: Timestamp,
    pub status: ObservationStatus,
    pub source: SourceId,
    /// The offset of the newest observation in it.
    pub at: u64,
}

/// What a view shows: replaces everything a client had. The numbers follow in the same frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Arranged {
    pub mode: Mode,
    /// The wall, when the view is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall: Option<Wall>,
    pub canvas: Canvas,
    pub layout: Layout,
    /// The panel that fills the wall: of the layout there is only it, and what heads the wall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spotlight: Option<PanelId>,
    /// Only what the layout names.
    pub catalogue: Catalogue,
    /// The series whose latest values are sent.
    pub series: Vec<SeriesKey>,
    /// The windows whose buckets are sent; buckets name them by their place here.
    pub windows: Vec<WindowSpec>,
    /// The kinds of records that are sent.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub records: BTreeSet<RecordKind>,
}

impl Arranged {
    /// Whether a change of records is sent to this view.
    #[must_use]
    pub fn has_records_of(&self, change: &Change) -> bool {
        change.record_kinds().iter().any(|kind| self.records.contains(kind))
    }
}

/// Some buckets of one window, each replacing the one with the same start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Buckets {
    /// The place of the window in [`Arranged::windows`].
    pub window: u16,
    pub buckets: Vec<Bucket>,
}

/// One thing a client is told of a view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum Change {
    Arranged(Arc<Arranged>),
    /// The latest value of a series.
    Observed(Arc<Observation>),
    Buckets(Buckets),
    Task(Arc<Task>),
    Alarm(Arc<Alarm>),
    Session(Arc<Session>),
    /// How a source does.
    SourceState(Arc<SourceState>),
    /// Up to when tasks, alarms and sessions that have ended are held.
    Horizon(Horizon),
    /// Where the features of a layer are.
    Layer(Arc<LayerReport>),
}

/// Which panels a painted picture has, in painting order; replaces everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Picture {
    pub title: String,
    pub canvas: Canvas,
    pub panels: Vec<PanelId>,
}

/// One painted panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaintedPanel {
    pub id: PanelId,
    /// A `<g>` element in canvas pixels; numbers carry `data-provenance`.
    pub svg: String,
}

/// What a client of the `svg` subprotocol is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum PictureChange {
    Picture(Picture),
    Panel(PaintedPanel),
}

/// What travels in an [`Envelope`].
pub trait Body: Sized {
    /// The kind it is sent under.
    fn kind(&self) -> &'static str;
    /// Writes the body as one value.
    ///
    /// # Errors
    /// Those of the serializer.
    fn serialize_body<S: SerializeStruct>(&self, to: &mut S) -> Result<(), S::Error>;
    /// Reads the body of `kind`; `None` for a kind that is not known here.
    fn deserialize_body<'de, D: Deserializer<'de>>(kind: &str, body: D) -> Option<Result<Self, D::Error>>;
}

macro_rules! body {
    ($name:ident { $($kind:literal => $variant:ident),* $(,)? }) => {
        impl Body for $name {
            fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $kind),* }
            }
            fn serialize_body<S: SerializeStruct>(&self, to: &mut S) -> Result<(), S::Error> {
                match self { $(Self::$variant(body) => to.serialize_field("body", body)),* }
            }
            fn deserialize_body<'de, D: Deserializer<'de>>(kind: &str, body: D) -> Option<Result<Self, D::Error>> {
                match kind {
                    $($kind => Some(Deserialize::deserialize(body).map(Self::$variant)),)*
                    _ => None,
                }
            }
        }
    };
}
body!(Change {
    "arranged" => Arranged,
    "observed" => Observed,
    "buckets" => Buckets,
    "task" => Task,
    "alarm" => Alarm,
    "session" => Session,
    "source_state" => SourceState,
    "horizon" => Horizon,
    "layer" => Layer,
});
body!(PictureChange { "picture" => Picture, "panel" => Panel });

/// A change with its own offset: `{at, kind, body}`.
///
/// The envelope is read first, the body second: an unknown kind gives `change: None`, a malformed
/// known one is an error.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope<C = Change> {
    pub at: u64,
    pub change: Option<C>,
}

impl<C> Envelope<C> {
    /// A known change at `at`.
    pub fn new(at: u64, change: C) -> Self {
        Self { at, change: Some(change) }
    }
}

impl<C: Body> Serialize for Envelope<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let change =
            self.change.as_ref().ok_or_else(|| serde::ser::Error::custom("an unknown change cannot be sent on"))?;
        let mut envelope = serializer.serialize_struct("Envelope", 3)?;
        envelope.serialize_field("at", &self.at)?;
        envelope.serialize_field("kind", change.kind())?;
        change.serialize_body(&mut envelope)?;
        envelope.end()
    }
}

impl<'de, C: Body> Deserialize<'de> for Envelope<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor(PhantomData))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Field {
    At,
    Kind,
    Body,
    #[serde(other)]
    Other,
}

struct EnvelopeVisitor<C>(PhantomData<C>);

impl<'de, C: Body> Visitor<'de> for EnvelopeVisitor<C> {
    type Value = Envelope<C>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a change {at, kind, body}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut at, mut kind, mut early, mut change) = (None, None::<String>, None::<serde_json::Value>, None);
        while let Some(field) = map.next_key::<Field>()? {
            match field {
                Field::At => at = Some(map.next_value::<u64>()?),
                Field::Kind => kind = Some(map.next_value::<String>()?),
                Field::Body => match &kind {
                    Some(kind) => change = map.next_value_seed(BodySeed::<C>(kind, PhantomData))?,
                    None => early = Some(map.next_value()?),
                },
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let kind = kind.ok_or_else(|| de::Error::missing_field("kind"))?;
        if let Some(body) = early {
            change = C::deserialize_body(&kind, body).transpose().map_err(de::Error::custom)?;
        }
        Ok(Envelope { at: at.ok_or_else(|| de::Error::missing_field("at"))?, change })
    }
}

struct BodySeed<'a, C>(&'a str, PhantomData<C>);

impl<'de, C: Body> DeserializeSeed<'de> for BodySeed<'_, C> {
    type Value = Option<C>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if is_known::<C>(self.0) {
            return C::deserialize_body(self.0, deserializer).transpose();
        }
        IgnoredAny::deserialize(deserializer).map(|_| None)
    }
}

/// Asks with an empty body, so that the real one is only consumed by a kind that knows it.
fn is_known<C: Body>(kind: &str) -> bool {
    C::deserialize_body(kind, serde::de::value::UnitDeserializer::<serde::de::value::Error>::new()).is_some()
}

#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct EnvelopeShape<C> {
    at: u64,
    #[serde(flatten)]
    change: C,
}

impl<C: JsonSchema> JsonSchema for Envelope<C> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}Envelope", C::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        EnvelopeShape::<C>::json_schema(generator)
    }
}
