//! Try before you trust: what a source would bring, read and mapped, and nothing recorded.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use protocol::event::ObservationRow;
use protocol::map::{Feature, Geometry, LayerReport, MICROS_PER_DEGREE};
use protocol::{Catalogue, Document, SeriesKey, SourceId, Timestamp};
use serde::Serialize;
use tokio::time::{Instant, timeout};
use utoipa::ToSchema;

use super::SourceError;
use super::rows::{LayerRead, RowProblem, RowRead};
use crate::centre::{admit, admit_document, admit_feature, admit_layer};
use crate::config::SourceSpec;

/// How long a source may take to be tried.
const PATIENCE: Duration = Duration::from_secs(120);

/// The first rows that a source gives.
#[derive(Debug, Default)]
pub struct Sample {
    /// The file that they stand in, where there are files.
    pub file: Option<String>,
    pub pieces: Vec<RowRead>,
}

/// The sample that a source takes of itself.
pub type Sampling<'a> = BoxFuture<'a, Result<Sample, SourceError>>;

/// What came of a trial.
#[derive(Debug, Serialize, ToSchema)]
pub struct Trial {
    #[schema(value_type = String, example = "quyet-toan")]
    pub source: SourceId,
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    pub took_ms: u64,
    /// How many values of those that were read would be taken, and how many rows or values refused.
    pub taken: usize,
    pub refused_count: usize,
    /// The first that would be taken, in their order.
    pub rows: Vec<TriedRow>,
    /// The first documents that would be taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<TriedDocument>,
    /// The first points of layers that would be taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<TriedPoint>,
    /// The first that would be refused, and why.
    pub refused: Vec<TriedProblem>,
}

/// A value that would be taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct TriedRow {
    /// Counted from 1 with the header.
    pub row: u64,
    pub indicator: String,
    pub area: String,
    #[schema(example = "actual")]
    pub scenario: String,
    /// Microseconds of Unix time.
    #[schema(value_type = i64)]
    pub time: Timestamp,
    pub value: f64,
    #[schema(example = "automatic")]
    pub status: String,
}

/// A document that would be taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct TriedDocument {
    #[schema(example = "000.00.00.H48,2023/08/14,1234/UBND-KTTH")]
    pub id: String,
    /// Who sent it.
    pub from: String,
    pub subject: String,
    /// By when it asks for something, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2023-08-30")]
    pub due_on: Option<String>,
    #[schema(example = "normal")]
    pub priority: String,
}

/// A point of a layer that would be taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct TriedPoint {
    pub layer: String,
    /// As of when it is there; microseconds of Unix time.
    #[schema(value_type = i64)]
    pub time: Timestamp,
    pub id: String,
    pub name: String,
    pub longitude: f64,
    pub latitude: f64,
}

/// Something that would be refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct TriedProblem {
    pub place: String,
    pub reason: String,
}

/// Why a source cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    #[error("source '{0}' is of the kind '{1}': there is nothing to read")]
    Nothing(SourceId, String),
    #[error("source '{0}': {1}")]
    Failed(SourceId, SourceError),
    #[error("source '{0}' has given nothing within {secs} s", secs = PATIENCE.as_secs())]
    Silent(SourceId),
}

/// Reads the first values of a source, at most so many, and says what would become of them.
///
/// # Errors
/// When there is nothing to read, or it cannot be read.
pub async fn try_out(
    spec: &SourceSpec,
    catalogue: &Catalogue,
    now: Timestamp,
    most_values: usize,
) -> Result<Trial, TrialError> {
    let SourceSpec { info, source, .. } = spec;
    let nothing = || TrialError::Nothing(info.id.clone(), info.kind.clone());
    let sampling = source.as_ref().and_then(|source| source.sample(now, most_values)).ok_or_else(nothing)?;
    let began = Instant::now();
    let sample = timeout(PATIENCE, sampling).await.map_err(|_| TrialError::Silent(info.id.clone()))?;
    let sample = sample.map_err(|error| TrialError::Failed(info.id.clone(), error))?;
    let mut trial = Trial {
        source: info.id.clone(),
        kind: info.kind.clone(),
        file: sample.file,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        taken: 0,
        refused_count: 0,
        rows: Vec::new(),
        documents: Vec::new(),
        points: Vec::new(),
        refused: Vec::new(),
    };
    for piece in sample.pieces {
        trial.take(piece, catalogue, now);
    }
    (trial.taken, trial.refused_count) =
        (trial.rows.len() + trial.documents.len() + trial.points.len(), trial.refused.len());
    trial.rows.truncate(most_values);
    trial.documents.truncate(most_values);
    trial.points.truncate(most_values);
    trial.refused.truncate(most_values);
    Ok(trial)
}

impl TriedDocument {
    fn of(document: &Document) -> Self {
        Self {
            id: document.id.to_string(),
            from: document.from.name.clone(),
            subject: document.subject.clone(),
            due_on: document.due_on.map(|day| day.to_string()),
            priority: named(&document.priority),
        }
    }
}

impl Trial {
    fn take(&mut self, piece: RowRead, catalogue: &Catalogue, now: Timestamp) {
        let sheet = piece.sheet;
        let mut refuse = |problem: RowProblem| {
            let problem = RowProblem { sheet: sheet.clone(), ..problem };
            self.refused.push(TriedProblem { place: problem.place("the whole"), reason: problem.said() });
        };
        piece.problems.into_iter().for_each(&mut refuse);
        for document in piece.documents {
            match admit_document(&document, now) {
                Ok(()) => self.documents.push(TriedDocument::of(&document)),
                Err(reason) => refuse(RowProblem::whole(reason)),
            }
        }
        for layer in piece.layers {
            self.points.extend(tried_points(&layer, catalogue, now, &self.source, &mut refuse));
        }
        for (row, observation) in piece.rows {
            if let Err(reason) = admit::check(catalogue, &observation, now) {
                refuse(RowProblem::of_row(row, reason));
                continue;
            }
            let ObservationRow { series: SeriesKey { indicator, area, scenario }, value, .. } = observation;
            self.rows.push(TriedRow {
                row,
                indicator: indicator.to_string(),
                area: area.to_string(),
                scenario: named(&scenario),
                time: observation.phenomenon_time,
                value,
                status: named(&observation.status),
            });
        }
    }

    /// As people read it, times by the clocks of `zone`.
    pub fn text(&self, zone: &TimeZone) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text, zone);
        text
    }

    fn write(&self, text: &mut String, zone: &TimeZone) -> fmt::Result {
        let file = self.file.as_ref().map(|file| format!(", {file}")).unwrap_or_default();
        writeln!(text, "{} ({}{file}): read in {} ms, nothing recorded\n", self.source, self.kind, self.took_ms)?;
        let time = |time: Timestamp| {
            let time = jiff::Timestamp::from_microsecond(time.as_micros()).unwrap_or_default();
            zone.to_datetime(time).strftime("%Y-%m-%d %H:%M:%S").to_string()
        };
        let head = ["row", "indicator", "area", "scenario", "true at", "value", "status"].map(str::to_owned);
        let lines = self.rows.iter().map(|row| {
            let TriedRow { indicator, area, scenario, status, .. } = row;
            let words = |word: &String| word.clone();
            let (number, time, value) = (row.row.to_string(), time(row.time), row.value.to_string());
            [number, words(indicator), words(area), words(scenario), time, value, words(status)]
        });
        let lines: Vec<[String; 7]> = std::iter::once(head).chain(lines).collect();
        let widths: Vec<usize> =
            (0..7).map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)).collect();
        for line in lines.iter().filter(|_| !self.rows.is_empty()) {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(text, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        for document in &self.documents {
            let TriedDocument { id, from, subject, due_on, priority } = document;
            let due_on = due_on.as_deref().unwrap_or("none");
            writeln!(text, "  {id}\n    from {from}; priority {priority}; due on {due_on}\n    {subject}")?;
        }
        for point in &self.points {
            let TriedPoint { layer, id, name, longitude, latitude, .. } = point;
            let time = time(point.time);
            writeln!(text, "  {layer}  {id}  {name}  {longitude:.6}, {latitude:.6}  as of {time}")?;
        }
        let (taken, refused) = (self.taken, self.refused_count);
        let what = match (self.documents.is_empty(), self.points.is_empty()) {
            (true, true) => "values",
            (false, _) => "documents",
            (true, false) => "points",
        };
        writeln!(text, "\nof what was read {taken} {what} would be taken, {refused} rows or values refused")?;
        for problem in &self.refused {
            writeln!(text, "  {}: {}", problem.place, problem.reason)?;
        }
        Ok(())
    }
}

/// The points of a layer that would be taken.
fn tried_points(
    read: &LayerRead,
    catalogue: &Catalogue,
    now: Timestamp,
    source: &SourceId,
    refuse: &mut impl FnMut(RowProblem),
) -> Vec<TriedPoint> {
    let LayerRead { layer, time, features } = read;
    let (mut seen, mut taken) = (BTreeSet::new(), Vec::new());
    for (row, feature) in features {
        match admit_feature(catalogue, feature, &mut seen) {
            Ok(()) => taken.push(feature.clone()),
            Err(reason) => refuse(RowProblem::of_row(*row, reason)),
        }
    }
    let (layer, source, time) = (layer.clone(), source.clone(), *time);
    let report = LayerReport { layer, source, time, received_at: now, features: Some(Arc::new(taken)) };
    if let Err(reason) = admit_layer(catalogue, &report, now) {
        refuse(RowProblem::whole(reason));
        return Vec::new();
    }
    let point = |feature: &Feature| {
        let Geometry::Point(at) = feature.geometry else { return None };
        let [longitude, latitude] = at.map(|micros| f64::from(micros) / MICROS_PER_DEGREE);
        let (id, name) = (feature.id.clone(), feature.name.vi.clone());
        Some(TriedPoint { layer: report.layer.to_string(), time, id, name, longitude, latitude })
    };
    report.features.iter().flat_map(|features| features.iter()).filter_map(point).collect()
}

/// The name that configuration and API give something.
fn named(of: &impl Serialize) -> String {
    serde_json::to_value(of).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
