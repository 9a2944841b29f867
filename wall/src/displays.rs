//! The wall in windows: one for each display, or one with the whole canvas.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::Timestamp;
use tokio::sync::mpsc;
use winit::application::ApplicationHandler;
use winit::event::{ElementState, KeyEvent, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, OwnedDisplayHandle};
use winit::keyboard::{Key, NamedKey};
use winit::window::WindowId;

use crate::connection::Inbound;
use crate::gpu::{Gpu, GpuError};
use crate::headless::{CaptureStep, CaptureWish, EndedEarly};
use crate::report::ControlCommand;
use crate::wall::{Update, Wall};
use crate::window::{self, DisplayWindow};

/// What wakes the event loop besides the windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// There is something in a channel.
    Message,
    Stop,
}

/// A window that is covered or not ready is tried again after this.
const SURFACE_PAUSE: Duration = Duration::from_millis(100);

/// What is shown and where from.
pub struct Task {
    pub wall: Wall,
    pub messages: mpsc::Receiver<Inbound>,
    pub commands: mpsc::Receiver<Result<ControlCommand, String>>,
    pub capture: Option<CaptureWish>,
    /// Names of displays; empty for one window with everything.
    pub displays: Vec<String>,
}

/// Runs until the windows are closed, the capture is taken, or a stop comes.
///
/// # Errors
/// When there is no graphics device, no window system, or no picture to capture.
pub fn run(event_loop: EventLoop<Wake>, task: Task) -> Result<(), EndedEarly> {
    let started = task.wall.clock().now();
    let mut displays = Displays {
        task,
        windows: Vec::new(),
        display_handle: event_loop.owned_display_handle(),
        started,
        ended: None,
        held: None,
        retry_at: None,
    };
    event_loop.run_app(&mut displays).map_err(|error| EndedEarly::Windows(error.to_string()))?;
    displays.ended.unwrap_or(Ok(()))
}

struct Displays {
    task: Task,
    windows: Vec<DisplayWindow>,
    display_handle: OwnedDisplayHandle,
    started: Timestamp,
    ended: Option<Result<(), EndedEarly>>,
    /// On the canvas, but not to be shown yet.
    held: Option<Update>,
    /// When windows that could not be drawn on are tried again.
    retry_at: Option<Instant>,
}

impl ApplicationHandler<Wake> for Displays {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        if !self.windows.is_empty() {
            return;
        }
        match window::open(event_loop, &self.task.displays) {
            Ok(windows) => self.windows = windows,
            Err(error) => self.end(event_loop, Err(EndedEarly::Windows(error.to_string()))),
        }
    }

    fn user_event(&mut self, event_loop: &ActiveEventLoop, wake: Wake) {
        if wake == Wake::Stop {
            self.end(event_loop, Ok(()));
        }
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, id: WindowId, event: WindowEvent) {
        let Some(window) = self.windows.iter_mut().find(|window| window.window.id() == id) else { return };
        match event {
            WindowEvent::CloseRequested => self.end(event_loop, Ok(())),
            WindowEvent::RedrawRequested => window.is_damaged = true,
            WindowEvent::Resized(_) => window.resize(&self.task.wall),
            WindowEvent::KeyboardInput { event, .. } => self.key(event_loop, id, &event),
            _ => {}
        }
    }

    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        if self.ended.is_some() || self.windows.is_empty() {
            return;
        }
        match self.step() {
            Ok(Some(wake_at)) => event_loop.set_control_flow(ControlFlow::WaitUntil(wake_at)),
            Ok(None) => event_loop.set_control_flow(ControlFlow::Wait),
            Err(ended) => self.end(event_loop, ended),
        }
    }
}

impl Displays {
    fn end(&mut self, event_loop: &ActiveEventLoop, ended: Result<(), EndedEarly>) {
        self.ended = Some(ended);
        event_loop.exit();
    }

    fn key(&mut self, event_loop: &ActiveEventLoop, id: WindowId, event: &KeyEvent) {
        if event.state != ElementState::Pressed || event.repeat {
            return;
        }
        match &event.logical_key {
            Key::Named(NamedKey::Escape) => self.end(event_loop, Ok(())),
            Key::Character(letter) if letter == "q" => self.end(event_loop, Ok(())),
            Key::Named(NamedKey::F11) => {
                if let Some(window) = self.windows.iter().find(|window| window.window.id() == id) {
                    window.toggle_fullscreen();
                }
            }
            _ => {}
        }
    }

    /// Takes in what came, draws and presents what is due; returns when to look again, or how it ended.
    fn step(&mut self) -> Result<Option<Instant>, Result<(), EndedEarly>> {
        if !self.drain() {
            return Err(Ok(()));
        }
        self.retry_at = None;
        match self.draw() {
            Ok(()) => {}
            Err(error) if self.task.wall.needs_device() => tracing::debug!(%error, "drawing again on another device"),
            Err(error) => return Err(Err(error.into())),
        }
        let (wall, clock) = (&self.task.wall, self.task.wall.clock());
        let held_until = self.held.as_ref().and_then(Update::show_at).map(|at| clock.instant(at));
        let mut wake_at = held_until.or_else(|| wall.wake_at());
        if let Some(wish) = &self.task.capture {
            match wish.step(wall.first_picture_at(), self.started, clock.now()) {
                CaptureStep::Take => return Err(wall.capture(&wish.path).map_err(EndedEarly::from)),
                CaptureStep::GiveUp => return Err(Err(EndedEarly::NoPicture)),
                CaptureStep::Wait(at) => wake_at = wake_at.into_iter().chain([clock.instant(at)]).min(),
            }
        }
        Ok(wake_at.into_iter().chain(self.retry_at).min())
    }

    /// `false` when the connection has ended for good.
    fn drain(&mut self) -> bool {
        while let Ok(command) = self.task.commands.try_recv() {
            self.task.wall.command(command);
        }
        loop {
            match self.task.messages.try_recv() {
                Ok(message) => self.task.wall.receive(message),
                Err(mpsc::error::TryRecvError::Empty) => return true,
                Err(mpsc::error::TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn draw(&mut self) -> Result<(), GpuError> {
        let (wall, windows) = (&mut self.task.wall, &mut self.windows);
        if wall.needs_device()
            && let Some(update) = self.held.take()
        {
            wall.abandon(update);
        }
        if !wall.revive(|| new_device(&self.display_handle, windows))? {
            wall.follow();
            return Ok(());
        }
        let mut update = match self.held.take() {
            Some(update) => update,
            None => wall.update()?,
        };
        if update.is_drawn() {
            windows.iter_mut().for_each(|window| window.is_damaged = true);
        }
        if update.show_at().is_some_and(|at| wall.clock().now() < at) {
            self.held = Some(update);
            return Ok(());
        }
        for window in windows.iter_mut().filter(|window| window.is_damaged) {
            if let Some(submission) = window.present(wall)? {
                update.include(submission);
            }
            if window.is_damaged {
                self.retry_at = Some(Instant::now() + SURFACE_PAUSE);
            }
        }
        wall.finish(update)
    }
}

/// Another device, with new surfaces for all windows.
fn new_device(display_handle: &OwnedDisplayHandle, windows: &mut [DisplayWindow]) -> Result<Gpu, GpuError> {
    windows.iter_mut().for_each(DisplayWindow::drop_output);
    let handle = Box::new(display_handle.clone());
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_with_display_handle_from_env(handle));
    let surfaces = windows.iter().map(|window| instance.create_surface(Arc::clone(&window.window)));
    let surfaces: Vec<_> = surfaces.collect::<Result<_, _>>()?;
    let gpu = Gpu::of(instance, surfaces.first())?;
    for (window, surface) in windows.iter_mut().zip(surfaces) {
        window.take(&gpu, surface);
    }
    Ok(gpu)
}
