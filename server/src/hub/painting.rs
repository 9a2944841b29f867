//! Panels painted by the server, for browsers that do not paint themselves: one more subscriber of a view.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use panels::Link;
use parking_lot::Mutex;
use protocol::change::{Envelope, PaintedPanel, Picture, PictureChange};
use protocol::message::{Frame, Signal};
use protocol::view::ViewState;
use protocol::{PanelId, ServerMessage, Timestamp};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::ViewError;
use super::encode::{self, EncodeError, Message, encode};
use super::ring::{Channel, Encoding};
use crate::clock::Clock;
use crate::log::tail::LogState;
use crate::painter::{Painter, link_of};

/// Panels are painted at most this often.
const PAINT_INTERVAL: Duration = Duration::from_millis(500);
/// How many intervals without a change until an empty frame tells that the link is alive.
const HEARTBEAT_INTERVALS: u32 = 2;

/// How long a picture may take to come as far as its view.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a painter that panicked is left alone.
const RESTART: Duration = Duration::from_secs(5);

type Shown = (u64, Arc<ViewState>);
/// Paints a view at a moment, again and again, and tells what changed.
type Paint = Box<dyn FnMut(&Arc<ViewState>, Timestamp, Link) -> Vec<PictureChange> + Send>;

fn painter() -> Paint {
    let mut painter = Painter::default();
    Box::new(move |view, now, link| painter.paint(view, now, link))
}

/// What has been painted, each piece with the offset that it last changed at.
#[derive(Default)]
struct Painted {
    offset: u64,
    picture: Option<(u64, Picture)>,
    panels: BTreeMap<PanelId, (u64, PaintedPanel)>,
    /// Panels that time alone has changed since; they are sent again to who resumes.
    repainted: BTreeMap<PanelId, PaintedPanel>,
}

/// A handle to the painter of a view. The painter stops when the last handle is gone.
#[derive(Clone)]
pub struct Painting {
    shown: watch::Sender<Option<Shown>>,
    painted: Arc<Mutex<Painted>>,
    channel: Arc<Channel>,
    /// Up to where it is painted.
    reached: watch::Receiver<Option<u64>>,
}

/// What a subscriber starts with.
pub struct Start {
    pub first: Vec<Message>,
    pub position: u64,
    pub cursor: u64,
    pub resumed: bool,
}

impl Painting {
    /// Starts a painter into `channel`.
    #[must_use]
    pub fn start(channel: Arc<Channel>, clock: Clock, log: watch::Receiver<LogState>) -> Self {
        Self::start_with(Box::new(painter), channel, clock, log)
    }

    fn start_with(
        new: Box<dyn Fn() -> Paint + Send + Sync>,
        channel: Arc<Channel>,
        clock: Clock,
        log: watch::Receiver<LogState>,
    ) -> Self {
        let (shown, states) = watch::channel(None);
        let (progress, reached) = watch::channel(None);
        let painted = Arc::<Mutex<Painted>>::default();
        let worker = Worker { new, painted: Arc::clone(&painted), channel: Arc::clone(&channel), clock, log, progress };
        tokio::spawn(worker.run(states));
        Self { shown, painted, channel, reached }
    }

    /// Shows a state as of `offset`, at the next interval.
    pub fn show(&self, offset: u64, state: Arc<ViewState>) {
        self.shown.send_replace(Some((offset, state)));
    }

    /// What is shown is still so at `offset`.
    pub fn advance(&self, offset: u64) {
        self.shown.send_if_modified(|shown| {
            let advanced = shown.as_mut().filter(|(shown, _)| *shown < offset);
            advanced.map(|(shown, _)| *shown = offset).is_some()
        });
    }

    /// What a client that has everything up to `resume` starts with, once that is painted.
    ///
    /// # Errors
    /// When it cannot be encoded, or the painter does not get there.
    pub async fn subscribe(&self, resume: Option<u64>, clock: &Clock) -> Result<Start, ViewError> {
        let mut reached = self.reached.clone();
        let is_there = |reached: &Option<u64>| reached.is_some_and(|offset| offset >= resume.unwrap_or(0));
        match tokio::time::timeout(PATIENCE, reached.wait_for(is_there)).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Err(ViewError::Stopped),
            Err(_) => return Err(ViewError::Behind("the panels are not painted in time".to_owned())),
        }
        let painted = self.painted.lock();
        let offset = painted.offset;
        let changes = painted.changes_after(resume.unwrap_or(0));
        let mut first = vec![match resume {
            Some(since) => {
                let frame = Frame { since, until: offset, present_at: clock.now(), changes };
                encode(Encoding::Svg, &ServerMessage::Frame(frame))?
            }
            None => encode::snapshot(Encoding::Svg, offset, changes)?,
        }];
        if resume.is_some() && !painted.repainted.is_empty() {
            first.push(repainted(painted.repainted.values().cloned().collect())?);
        }
        Ok(Start { first, position: offset, cursor: self.channel.next(), resumed: resume.is_some() })
    }
}

fn repainted(panels: Vec<PaintedPanel>) -> Result<Message, EncodeError> {
    encode(Encoding::Svg, &ServerMessage::<PictureChange>::Signal(Signal::Repainted { panels }))
}

impl Painted {
    fn changes_after(&self, position: u64) -> Vec<Envelope<PictureChange>> {
        let picture =
            self.picture.iter().map(|(at, picture)| Envelope::new(*at, PictureChange::Picture(picture.clone())));
        let panels = self.panels.values().map(|(at, panel)| Envelope::new(*at, PictureChange::Panel(panel.clone())));
        picture.chain(panels).filter(|change| change.at > position || position == 0).collect()
    }

    fn take(&mut self, offset: u64, changes: &[PictureChange], by_time: bool) {
        self.offset = offset;
        for change in changes {
            match change {
                PictureChange::Picture(picture) => {
                    self.panels.retain(|id, _| picture.panels.contains(id));
                    self.repainted.clear();
                    self.picture = Some((offset, picture.clone()));
                }
                PictureChange::Panel(panel) => {
                    let held = self.panels.get(&panel.id).map_or(offset, |(at, _)| *at);
                    let at = if by_time { held } else { offset };
                    self.panels.insert(panel.id.clone(), (at, panel.clone()));
                    if by_time {
                        self.repainted.insert(panel.id.clone(), panel.clone());
                    } else {
                        self.repainted.remove(&panel.id);
                    }
                }
            }
        }
    }
}

struct Worker {
    new: Box<dyn Fn() -> Paint + Send + Sync>,
    painted: Arc<Mutex<Painted>>,
    channel: Arc<Channel>,
    clock: Clock,
    log: watch::Receiver<LogState>,
    progress: watch::Sender<Option<u64>>,
}

impl Worker {
    async fn run(self, mut states: watch::Receiver<Option<Shown>>) {
        let mut paint = (self.new)();
        let mut interval = tokio::time::interval(PAINT_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut quiet = 0;
        while states.has_changed().is_ok() {
            interval.tick().await;
            let Some((offset, state)) = states.borrow_and_update().clone() else { continue };
            let (now, link) = (self.clock.now(), link_of(&self.log.borrow()));
            let painting = tokio::task::spawn_blocking(move || {
                let changes = paint(&state, now, link);
                (paint, changes)
            });
            let Ok((returned, changes)) = painting.await else {
                // Silence until then: the page shows a lost link, not an old picture as if it were new.
                tracing::error!("painting a view panicked; it is painted anew in {} s", RESTART.as_secs());
                paint = (self.new)();
                tokio::time::sleep(RESTART).await;
                continue;
            };
            paint = returned;
            quiet = if changes.is_empty() { quiet + 1 } else { 0 };
            if let Err(error) = self.send(offset, changes, quiet >= HEARTBEAT_INTERVALS) {
                tracing::error!(%error, "a painted frame is lost");
            }
            if quiet >= HEARTBEAT_INTERVALS {
                quiet = 0;
            }
            self.progress.send_replace(Some(offset));
        }
    }

    /// A frame when the log has moved on or a heartbeat is due, a signal when only time has.
    fn send(&self, offset: u64, mut changes: Vec<PictureChange>, heartbeat: bool) -> Result<(), EncodeError> {
        let mut painted = self.painted.lock();
        let since = painted.offset;
        if since == offset {
            // A painter that was started anew paints everything, also what stands.
            let held = painted.picture.as_ref().map(|(_, picture)| picture);
            changes.retain(|change| !matches!(change, PictureChange::Picture(picture) if Some(picture) == held));
        }
        let by_time = since == offset && !changes.iter().any(|change| matches!(change, PictureChange::Picture(_)));
        painted.take(offset, &changes, by_time);
        if by_time && !changes.is_empty() {
            let panels = changes.into_iter().filter_map(|change| match change {
                PictureChange::Panel(panel) => Some(panel),
                PictureChange::Picture(_) => None,
            });
            self.channel.push(repainted(panels.collect())?, offset);
        } else if since != offset || heartbeat {
            let changes = changes.into_iter().map(|change| Envelope::new(offset, change)).collect();
            let frame = Frame { since, until: offset, present_at: self.clock.now(), changes };
            self.channel.push(encode(Encoding::Svg, &ServerMessage::Frame(frame))?, offset);
        }
        Ok(())
    }
}
