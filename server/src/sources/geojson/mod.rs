//! A layer of a map whose points move: GeoJSON that comes into a folder, or is asked for over HTTP.

mod asked;
mod folder;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use protocol::{LayerId, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::folder::FolderOptions;
use super::http::Request;
use super::rows::json::Path;
use super::rows::{Cell, LayerRead, RowProblem, RowRead, TimeFormat, zone};
use super::trial::Sampling;
use super::{Link, Source, SourceError};
use crate::config::{Options, PointProperties, points};
use asked::Asked;
use folder::Folder;

/// `[source.options]` of a layer whose points move.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct GeojsonOptions {
    /// Of maps.toml.
    layer: LayerId,
    #[serde(default)]
    files: Option<FolderOptions>,
    #[serde(default)]
    http: Option<Request>,
    /// Where it says as of when its points are where they are; when it was written or given if absent.
    #[serde(default)]
    time: Option<TimeOptions>,
    #[serde(default)]
    properties: PointProperties,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeOptions {
    path: Path,
    #[serde(default = "iso")]
    format: String,
}

fn iso() -> String {
    "iso".to_owned()
}

/// Reads the options of a layer whose points move.
pub fn read(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    let GeojsonOptions { layer, files, http, time, properties } = options.take()?;
    let time_zone = options.settings.time_zone.clone();
    if let Some(time) = &time
        && let Err(problem) = TimeFormat::parse(&time.format, zone(&time_zone))
    {
        options.report(&["time", "format"], &problem);
    }
    let points = Points { layer, time, properties, time_zone };
    match (files, http) {
        (Some(files), None) => {
            files.check(options);
            let folder = options.dir.join(&files.folder);
            Some(Arc::new(Follower { points: points.clone(), way: Folder { folder, files, points } }))
        }
        (None, Some(mut request)) => {
            request.check(&["http"], options);
            request.ca_file = request.ca_file.map(|file| options.dir.join(file));
            Some(Arc::new(Follower { points: points.clone(), way: Asked { request, points } }))
        }
        _ => {
            options.report(&["layer"], "give either 'files', a folder that GeoJSON comes into, or 'http', an address");
            None
        }
    }
}

/// How GeoJSON is had, with what is read from it.
#[derive(Debug, Clone)]
struct Follower<W> {
    points: Points,
    way: W,
}

impl<W: Source> Source for Follower<W> {
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>> {
        self.way.run(link).boxed()
    }

    fn sample(&self, now: Timestamp, values: usize) -> Option<Sampling<'_>> {
        self.way.sample(now, values)
    }

    fn layer(&self) -> Option<&LayerId> {
        Some(&self.points.layer)
    }
}

/// What is read from GeoJSON.
#[derive(Debug, Clone)]
struct Points {
    layer: LayerId,
    time: Option<TimeOptions>,
    properties: PointProperties,
    time_zone: String,
}

impl Points {
    /// All points of GeoJSON that was written, or is so, at `written`.
    ///
    /// # Errors
    /// What is wrong with it as a whole: then its points are left where they were.
    fn read(&self, root: &Value, written: Timestamp) -> Result<RowRead, RowProblem> {
        let time = self.time(root, written)?;
        let read = points(root, &self.properties);
        let read =
            read.map_err(|problems| RowProblem::whole(problems.into_iter().take(10).collect::<Vec<_>>().join("; ")))?;
        let (mut features, mut problems) = (Vec::new(), Vec::new());
        for point in read {
            match point {
                Ok((number, feature)) => features.push((number as u64, feature)),
                Err((number, column, reason)) => {
                    problems.push(RowProblem { column, ..RowProblem::of_row(number as u64, reason) });
                }
            }
        }
        if features.is_empty() && !problems.is_empty() {
            return Ok(RowRead { problems, ..RowRead::default() });
        }
        let layers = vec![LayerRead { layer: self.layer.clone(), time, features }];
        Ok(RowRead { layers, problems, ..RowRead::default() })
    }

    fn time(&self, root: &Value, written: Timestamp) -> Result<Timestamp, RowProblem> {
        let Some(TimeOptions { path, format }) = &self.time else { return Ok(written) };
        let wrong = |reason| RowProblem { column: Some(path.0.to_string()), ..RowProblem::whole(reason) };
        let format = TimeFormat::parse(format, zone(&self.time_zone)).map_err(wrong)?;
        let cell = match path.0.query(root).first() {
            Some(Value::String(text)) => Cell::text_of(text),
            Some(Value::Number(number)) => Cell::Text(number.to_string().into()),
            _ => return Err(wrong("is not there, and was to say as of when its points are where they are".to_owned())),
        };
        Ok(format.moment(&cell).map_err(wrong)?.at)
    }
}
