//! The render thread's own: state, picture and canvas, brought from message to pixels.

use std::path::Path;
use std::time::Instant;

use panels::{Link, Rect};
use protocol::{Canvas, StreamPosition, Timestamp};

use crate::capture::{self, CaptureError, Pixels};
use crate::clock::LocalClock;
use crate::connection::Inbound;
use crate::gpu::canvas::Drawn;
use crate::gpu::{Gpu, GpuCanvas, GpuError, Submission};
use crate::model::{Model, Step};
use crate::painter::Painter;
use crate::picture::Picture;
use crate::report::{Cause, ControlCommand, DeviceState, Note, Presented, Report};
use crate::retry::Retry;
use crate::transition::{Spot, Transition};

/// The canvas before anything is known of the wall.
const UNKNOWN_CANVAS: Canvas = Canvas { width_px: 1920, height_px: 1080 };

/// A device and the canvas on it.
pub struct Rig {
    pub gpu: Gpu,
    pub canvas: GpuCanvas,
}

/// Everything that one process shows.
pub struct Wall {
    clock: LocalClock,
    model: Model,
    painter: Painter,
    picture: Picture,
    transition: Option<Transition>,
    /// A size that was asked for, whatever the wall's own is.
    fixed: Option<Canvas>,
    canvas: Canvas,
    rig: Option<Rig>,
    /// There has been a device: it may come back.
    had_device: bool,
    retry: Retry,
    /// The device was lost and the picture is not back.
    is_restoring: bool,
    first_picture_at: Option<Timestamp>,
    report: Report,
    pictures: capture::Writer,
}

/// What an update came to, until the GPU has finished it.
#[derive(Debug)]
pub struct Update {
    steps: Vec<Step>,
    drawn: Option<Drawn>,
    /// Nothing may be shown before; local time.
    show_at: Option<Timestamp>,
    changed_panels: usize,
    cause: Cause,
    link: Link,
}

impl Update {
    /// Whether the canvas has other pixels than before.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        self.drawn.is_some()
    }

    /// Nothing of it may be shown before; local time.
    #[must_use]
    pub fn show_at(&self) -> Option<Timestamp> {
        self.show_at
    }

    /// It is finished when `submission` is, too.
    pub fn include(&mut self, submission: Submission) {
        if let Some(drawn) = &mut self.drawn {
            drawn.submission = submission;
        }
    }
}

impl Wall {
    #[must_use]
    pub fn new(clock: LocalClock, language: String, fixed: Option<Canvas>, report: Report) -> Self {
        let mut wall = Self {
            clock,
            model: Model::default(),
            painter: Painter::new(language),
            picture: Picture::default(),
            transition: None,
            fixed,
            canvas: fixed.unwrap_or(UNKNOWN_CANVAS),
            rig: None,
            had_device: false,
            retry: Retry::default(),
            is_restoring: false,
            first_picture_at: None,
            report,
            pictures: capture::Writer::default(),
        };
        wall.painter.wait(wall.canvas, Link::Live, None, &mut wall.picture);
        wall
    }

    #[must_use]
    pub fn clock(&self) -> LocalClock {
        self.clock
    }

    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    #[must_use]
    pub fn rig(&self) -> Option<&Rig> {
        self.rig.as_ref()
    }

    /// When the first picture with all of the view was on the canvas; local time.
    #[must_use]
    pub fn first_picture_at(&self) -> Option<Timestamp> {
        self.first_picture_at
    }

    /// Takes in a message from the connection.
    pub fn receive(&mut self, message: Inbound) {
        self.model.receive(message);
    }

    /// Whether there must be another device before anything can be drawn.
    #[must_use]
    pub fn needs_device(&self) -> bool {
        self.rig.as_ref().is_none_or(|rig| rig.gpu.is_lost())
    }

    /// Sees to it that there is a device, from `make` if it must be; `false` while there is none. A driver that
    /// resets needs a moment, so once there has been one, it is asked for until it comes.
    ///
    /// # Errors
    /// Why there is none at the start.
    pub fn revive(&mut self, make: impl FnOnce() -> Result<Gpu, GpuError>) -> Result<bool, GpuError> {
        if !self.needs_device() {
            return Ok(true);
        }
        if !self.retry.begin(Instant::now()) {
            return Ok(false);
        }
        self.drop_device();
        match make().and_then(|gpu| self.restore(gpu)) {
            Ok(()) => Ok(true),
            Err(error) if self.had_device => {
                tracing::warn!(%error, "no graphics device yet");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Gives up what is left of a lost device; says so once.
    fn drop_device(&mut self) {
        self.transition = None;
        if self.rig.take().is_some() {
            self.is_restoring = true;
            tracing::warn!("the graphics device was lost; building everything anew");
            self.report.line(&Note::Device { state: DeviceState::Lost, at: self.clock.now() });
        }
    }

    /// Draws on `gpu` from here on: everything is built anew.
    fn restore(&mut self, gpu: Gpu) -> Result<(), GpuError> {
        let canvas = GpuCanvas::new(&gpu, self.canvas.width_px, self.canvas.height_px)?;
        self.picture.damage_all();
        self.rig = Some(Rig { gpu, canvas });
        self.had_device = true;
        Ok(())
    }

    /// When something is to be done without any message. Without a device that is only to ask for one.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        if self.needs_device() {
            return Some(self.retry.due().unwrap_or_else(Instant::now));
        }
        let clock = self.model.clock();
        let step = |transition: &Transition| transition.next_step(clock.server_from_local(self.clock.now()));
        let repaint = self.painter.next_change().into_iter().chain(self.transition.as_ref().map(step)).min();
        let repaint = repaint.map(|due| clock.local_from_server(due));
        self.model.due_at().into_iter().chain(repaint).min().map(|due| self.clock.instant(due))
    }

    /// Keeps up with the server while nothing can be drawn.
    pub fn follow(&mut self) {
        self.model.advance(self.clock.now());
    }

    /// Applies what is due and draws what changed; nothing is submitted when nothing did.
    ///
    /// # Errors
    /// [`GpuError::Lost`] when the device must be replaced.
    pub fn update(&mut self) -> Result<Update, GpuError> {
        let now = self.clock.now();
        self.model.set_busy(self.transition.is_some());
        let show_at = self.model.advance(now);
        let (touched, steps) = self.model.take_touched();
        let link = self.model.link();
        if touched.arranged {
            self.arrange(touched.arranged_at)?;
        }
        if touched.all && self.model.view().arranged().is_none() {
            self.painter.wait(self.canvas, link, self.model.goodbye(), &mut self.picture);
        }
        let server_now = self.model.clock().server_from_local(show_at.unwrap_or(now));
        let changed_panels = self.painter.paint(self.model.view(), server_now, link, &touched, &mut self.picture);
        let drawn = match &mut self.rig {
            Some(rig) if !rig.gpu.is_lost() => rig.canvas.draw(&rig.gpu, &mut self.picture),
            _ => None,
        };
        let composed = self.compose(server_now);
        let cause = cause(&steps, self.is_restoring, composed.is_some());
        let drawn = composed.or(drawn);
        Ok(Update { steps, drawn, show_at, changed_panels, cause, link })
    }

    /// Waits for the GPU and reports what was presented.
    ///
    /// # Errors
    /// [`GpuError::Lost`] when the device must be replaced; the picture will be drawn again.
    pub fn finish(&mut self, update: Update) -> Result<(), GpuError> {
        let finished = match (&self.rig, &update.drawn) {
            (Some(rig), Some(drawn)) => rig.gpu.wait(drawn.submission.clone()),
            (Some(rig), None) if rig.gpu.is_lost() => Err(GpuError::Lost),
            _ => Ok(()),
        };
        let presented_at = self.clock.now();
        if finished.is_err() {
            self.abandon(update);
            return finished;
        }
        self.retry.succeed();
        if update.is_drawn() {
            if self.model.view().arranged().is_some() && self.first_picture_at.is_none() {
                self.first_picture_at = Some(presented_at);
            }
            if std::mem::take(&mut self.is_restoring) {
                tracing::info!("the picture is back");
                self.report.line(&Note::Device { state: DeviceState::Restored, at: presented_at });
            }
        }
        self.tell(&update, presented_at);
        Ok(())
    }

    /// An update that will not be shown: the next one tells of it.
    pub fn abandon(&mut self, update: Update) {
        self.model.put_back(update.steps);
    }

    fn tell(&mut self, update: &Update, presented_at: Timestamp) {
        let mut reported = false;
        for step in &update.steps {
            match step {
                Step::Frame { position, present_at } => {
                    let line = self.presented(*position, Cause::Frame, Some(*present_at), presented_at, update);
                    self.report.line(&line);
                    reported = true;
                }
                other => {
                    if let Some(note) = note(other) {
                        self.report.line(&note);
                    }
                }
            }
        }
        if !reported
            && update.is_drawn()
            && let Some(position) = self.model.position()
        {
            let line = self.presented(position, update.cause, None, presented_at, update);
            self.report.line(&line);
        }
    }

    fn presented(
        &self,
        position: StreamPosition,
        cause: Cause,
        present_at: Option<Timestamp>,
        presented_at: Timestamp,
        update: &Update,
    ) -> Presented {
        let clock = self.model.clock();
        Presented {
            epoch: position.epoch,
            until: position.offset,
            cause,
            present_at,
            presented_at,
            clock_ahead: clock.ahead_micros,
            clock_good: clock.is_good,
            changed_panels: update.changed_panels,
            link: update.link.into(),
        }
    }

    /// Other panels, perhaps on a canvas of another size; since a moment, if there were others until then.
    fn arrange(&mut self, since: Option<Timestamp>) -> Result<(), GpuError> {
        let Some(arranged) = self.model.view().arranged().cloned() else { return Ok(()) };
        let limit = self.rig.as_ref().map_or(u32::MAX, |rig| rig.gpu.max_side_px());
        let canvas = within(self.fixed.unwrap_or(arranged.canvas), limit);
        let before = self.painter.spots();
        self.painter.arrange(&arranged, canvas, &mut self.picture);
        let began = since.filter(|_| canvas == self.canvas);
        self.go_over(began, &before);
        if canvas != self.canvas {
            self.canvas = canvas;
            if let Some(rig) = &mut self.rig {
                rig.canvas = GpuCanvas::new(&rig.gpu, canvas.width_px, canvas.height_px)?;
            }
        }
        Ok(())
    }

    /// Lets what is to be seen now go over into what is drawn next; without a moment it is replaced at once.
    fn go_over(&mut self, began: Option<Timestamp>, before: &[Spot]) {
        let is_on_the_way = self.transition.take().is_some();
        let Some(rig) = self.rig.as_mut().filter(|rig| !rig.gpu.is_lost()) else { return };
        let Some(began) = began else {
            rig.canvas.forget_before(&rig.gpu);
            return;
        };
        let whole = Rect::new(0.0, 0.0, self.canvas.width_px as f32, self.canvas.height_px as f32);
        self.transition = match is_on_the_way {
            true => Some(Transition::from_picture(began, whole)),
            false => Transition::between(began, before, &self.painter.spots()),
        };
        if let Some(transition) = &self.transition {
            rig.canvas.keep_before(&rig.gpu, transition.sprite_count());
        }
    }

    /// Shows panels on their way, or the picture alone when they have arrived.
    fn compose(&mut self, server_now: Timestamp) -> Option<Drawn> {
        let transition = self.transition.as_ref()?;
        let rig = self.rig.as_mut().filter(|rig| !rig.gpu.is_lost())?;
        match transition.sprites(server_now) {
            Some(sprites) => rig.canvas.compose(&rig.gpu, &sprites),
            None => {
                self.transition = None;
                rig.canvas.forget_before(&rig.gpu)
            }
        }
    }

    /// Does what standard input asked for, and answers in the report.
    pub fn command(&mut self, command: Result<ControlCommand, String>) {
        let answer = command.and_then(|command| self.obey(command).map_err(|error| error.to_string()));
        match answer {
            Ok(Some(note)) => self.report.line(&note),
            Ok(None) => {}
            Err(message) => self.report.line(&Note::Error { message }),
        }
    }

    fn obey(&mut self, command: ControlCommand) -> Result<Option<Note>, CaptureError> {
        let rig = self.rig.as_ref().ok_or(CaptureError::NoPicture)?;
        let StreamPosition { epoch, offset: until } =
            self.model.position().unwrap_or(StreamPosition { epoch: 0, offset: 0 });
        match command {
            ControlCommand::DestroyDevice => {
                rig.gpu.destroy();
                Ok(None)
            }
            ControlCommand::Pixel { x, y } => {
                let rgba = capture::pixel(&rig.gpu, &rig.canvas, x, y)?;
                Ok(Some(Note::Pixel { x, y, rgba, epoch, until }))
            }
            ControlCommand::Capture(path) => {
                let (pixels, report) = (self.pixels()?, self.report.clone());
                let note = Note::Capture { path: path.clone(), epoch, until };
                let told = move |outcome: Result<(), CaptureError>| match outcome {
                    Ok(()) => report.line(&note),
                    Err(error) => report.line(&Note::Error { message: error.to_string() }),
                };
                self.pictures.write(path, pixels, Box::new(told))?;
                Ok(None)
            }
        }
    }

    /// Writes the canvas to a PNG file.
    ///
    /// # Errors
    /// When there is no complete picture, the device goes, or the file cannot be written.
    pub fn capture(&self, path: &Path) -> Result<(), CaptureError> {
        capture::write_png(path, &self.pixels()?)
    }

    fn pixels(&self) -> Result<Pixels, CaptureError> {
        let rig = self.rig.as_ref().filter(|_| self.first_picture_at.is_some()).ok_or(CaptureError::NoPicture)?;
        Ok(capture::canvas(&rig.gpu, &rig.canvas)?)
    }
}

/// Smaller in proportion where the adapter cannot hold it.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "smaller than what was a u32")]
fn within(canvas: Canvas, limit: u32) -> Canvas {
    let longest = canvas.width_px.max(canvas.height_px);
    if longest <= limit {
        return canvas;
    }
    tracing::warn!(?canvas, limit, "the canvas is larger than the adapter can hold; it is drawn smaller");
    let shrink = f64::from(limit) / f64::from(longest);
    let side = |side: u32| ((f64::from(side) * shrink) as u32).max(1);
    Canvas { width_px: side(canvas.width_px), height_px: side(canvas.height_px) }
}

fn cause(steps: &[Step], is_restoring: bool, is_composed: bool) -> Cause {
    let any = |wanted: fn(&Step) -> bool| steps.iter().any(wanted);
    match () {
        () if is_restoring => Cause::Device,
        () if any(|step| matches!(step, Step::Snapshot(_))) => Cause::Snapshot,
        () if any(|step| matches!(step, Step::Link(_))) => Cause::Link,
        () if is_composed => Cause::Transition,
        () => Cause::Clock,
    }
}

/// Everything but frames, which are reported as presented.
fn note(step: &Step) -> Option<Note> {
    Some(match step {
        Step::Snapshot(StreamPosition { epoch, offset }) => Note::Snapshot { epoch: *epoch, offset: *offset },
        Step::Resumed(StreamPosition { epoch, offset }) => Note::Resumed { epoch: *epoch, offset: *offset },
        Step::Gap { position, since } => Note::Gap { position: *position, since: *since },
        Step::Bye { reason, detail } => Note::Bye { reason: *reason, detail: detail.clone() },
        Step::Link(link) => Note::Link { state: (*link).into(), since: since(*link) },
        Step::Frame { .. } => return None,
    })
}

fn since(link: Link) -> Option<Timestamp> {
    match link {
        Link::Live => None,
        Link::Lost { since } | Link::LogAway { since } => Some(since),
    }
}
