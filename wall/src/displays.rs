//! Windows: one for each display of the wall, or one with the whole canvas.

use std::sync::Arc;
use std::time::{Duration, Instant};

use panels::Rect;
use protocol::Timestamp;
use tokio::sync::mpsc;
use winit::application::ApplicationHandler;
use winit::dpi::PhysicalSize;
use winit::event::{ElementState, KeyEvent, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, OwnedDisplayHandle};
use winit::keyboard::{Key, NamedKey};
use winit::monitor::MonitorHandle;
use winit::window::{Fullscreen, Window, WindowId};

use crate::connection::Inbound;
use crate::gpu::blit::Blitter;
use crate::gpu::{Gpu, GpuError};
use crate::headless::{CaptureStep, CaptureWish, DEVICE_ATTEMPTS, DEVICE_PAUSE, EndedEarly};
use crate::report::ControlCommand;
use crate::wall::{Rig, Wall};

/// What wakes the event loop besides the windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// There is something in a channel.
    Message,
    Stop,
}

/// A window that is covered or not ready is tried again after this.
const SURFACE_PAUSE: Duration = Duration::from_millis(100);
/// Of a window that is not fullscreen.
const WINDOW_SIZE: PhysicalSize<u32> = PhysicalSize::new(1280, 720);

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
        retry_at: None,
        device_attempts: 0,
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
    retry_at: Option<Instant>,
    device_attempts: u32,
}

/// One window and how far it is behind the canvas.
struct DisplayWindow {
    /// `None` shows the whole canvas.
    display: Option<String>,
    window: Arc<Window>,
    output: Option<Output>,
    is_damaged: bool,
}

/// What belongs to the device.
struct Output {
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    blitter: Blitter,
}

impl ApplicationHandler<Wake> for Displays {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        if !self.windows.is_empty() {
            return;
        }
        match open_windows(event_loop, &self.task.displays) {
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
            WindowEvent::Resized(size) => {
                if let (Some(output), Some(rig)) = (&mut window.output, self.task.wall.rig()) {
                    output.resize(rig, size);
                }
                window.is_damaged = true;
            }
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
                let Some(window) = self.windows.iter().find(|window| window.window.id() == id) else { return };
                let is_full = window.window.fullscreen().is_some();
                window.window.set_fullscreen((!is_full).then_some(Fullscreen::Borderless(None)));
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
            Err(GpuError::Lost | GpuError::Unfinished(_)) => self.retry_at = Some(Instant::now()),
            Err(error) => return Err(Err(error.into())),
        }
        let clock = self.task.wall.clock();
        let mut due = self.task.wall.due_at().map(|due| clock.instant(due));
        if let Some(wish) = &self.task.capture {
            match wish.step(self.task.wall.first_picture_at(), self.started, clock.now()) {
                CaptureStep::Take => return Err(self.task.wall.capture(&wish.path).map_err(EndedEarly::from)),
                CaptureStep::GiveUp => return Err(Err(EndedEarly::NoPicture)),
                CaptureStep::Wait(at) => due = due.into_iter().chain([clock.instant(at)]).min(),
            }
        }
        Ok(due.into_iter().chain(self.retry_at).min())
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
        if self.task.wall.needs_device() && !self.replace_device()? {
            return Ok(());
        }
        let update = self.task.wall.update()?;
        if update.is_drawn() {
            self.windows.iter_mut().for_each(|window| window.is_damaged = true);
        }
        for window in self.windows.iter_mut().filter(|window| window.is_damaged) {
            if !window.present(&self.task.wall)? {
                self.retry_at = Some(Instant::now() + SURFACE_PAUSE);
            }
        }
        self.task.wall.finish(update)
    }

    /// Another device with new surfaces; `false` when there is none yet.
    fn replace_device(&mut self) -> Result<bool, GpuError> {
        let had_one = self.task.wall.rig().is_some() || self.device_attempts > 0;
        self.windows.iter_mut().for_each(|window| window.output = None);
        self.task.wall.drop_device();
        match self.new_device() {
            Ok(()) => {
                self.device_attempts = 0;
                Ok(true)
            }
            Err(error) if had_one && self.device_attempts < DEVICE_ATTEMPTS => {
                self.device_attempts += 1;
                tracing::warn!(%error, attempt = self.device_attempts, "no graphics device yet");
                self.retry_at = Some(Instant::now() + DEVICE_PAUSE);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn new_device(&mut self) -> Result<(), GpuError> {
        let handle = Box::new(self.display_handle.clone());
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_with_display_handle_from_env(handle));
        let surfaces = self.windows.iter().map(|window| instance.create_surface(Arc::clone(&window.window)));
        let surfaces: Vec<_> = surfaces.collect::<Result<_, _>>()?;
        let gpu = Gpu::of(instance, surfaces.first())?;
        for (window, surface) in self.windows.iter_mut().zip(surfaces) {
            window.output = Output::new(&gpu, surface, window.window.inner_size());
            window.is_damaged = true;
        }
        self.task.wall.restore(gpu)
    }
}

impl Output {
    fn new(gpu: &Gpu, surface: wgpu::Surface<'static>, size: PhysicalSize<u32>) -> Option<Self> {
        let capabilities = surface.get_capabilities(&gpu.adapter);
        let mut config = surface.get_default_config(&gpu.adapter, size.width.max(1), size.height.max(1))?;
        // The canvas holds sRGB values as they are: a surface that converts would make them paler.
        if let Some(format) = capabilities.formats.iter().find(|format| !format.is_srgb()) {
            config.format = *format;
        }
        config.present_mode = wgpu::PresentMode::AutoVsync;
        surface.configure(&gpu.device, &config);
        let blitter = Blitter::new(gpu, config.format);
        Some(Self { surface, config, blitter })
    }

    fn resize(&mut self, rig: &Rig, size: PhysicalSize<u32>) {
        if size.width > 0 && size.height > 0 {
            (self.config.width, self.config.height) = (size.width, size.height);
            self.surface.configure(&rig.gpu.device, &self.config);
        }
    }
}

impl DisplayWindow {
    /// Shows the canvas as it is; `false` when the window cannot take it now.
    fn present(&mut self, wall: &Wall) -> Result<bool, GpuError> {
        let (Some(rig), Some(output)) = (wall.rig(), &mut self.output) else { return Ok(true) };
        let frame = match output.surface.get_current_texture() {
            wgpu::CurrentSurfaceTexture::Success(frame) | wgpu::CurrentSurfaceTexture::Suboptimal(frame) => frame,
            wgpu::CurrentSurfaceTexture::Outdated | wgpu::CurrentSurfaceTexture::Validation => {
                output.resize(rig, self.window.inner_size());
                return Ok(false);
            }
            wgpu::CurrentSurfaceTexture::Lost => {
                let surface = rig.gpu.instance.create_surface(Arc::clone(&self.window))?;
                self.output = Output::new(&rig.gpu, surface, self.window.inner_size());
                return Ok(false);
            }
            wgpu::CurrentSurfaceTexture::Timeout | wgpu::CurrentSurfaceTexture::Occluded => {
                // Without a present nothing else would free what earlier frames used.
                rig.gpu.device.poll(wgpu::PollType::Poll)?;
                return Ok(false);
            }
        };
        let region = region(wall, self.display.as_deref(), rig);
        let commands = output.blitter.blit(&rig.gpu, &rig.canvas, region, &frame.texture);
        rig.gpu.queue.submit([commands]);
        self.window.pre_present_notify();
        rig.gpu.queue.present(frame);
        self.is_damaged = false;
        Ok(true)
    }
}

/// The part of the canvas that a display shows, in canvas pixels.
fn region(wall: &Wall, display: Option<&str>, rig: &Rig) -> Rect {
    let (width, height) = rig.canvas.size_px();
    let whole = Rect::new(0.0, 0.0, width as f32, height as f32);
    let (Some(name), Some(arranged)) = (display, wall.model().view().arranged()) else { return whole };
    let displays = arranged.wall.as_ref().map_or(&[][..], |wall| &wall.displays);
    let Some(display) = displays.iter().find(|display| display.name == name) else {
        let known: Vec<_> = displays.iter().map(|display| display.name.as_str()).collect();
        tracing::error!(
            display = name,
            known = known.join(", "),
            "the wall has no display of that name; showing the whole canvas"
        );
        return whole;
    };
    // The canvas may be drawn smaller than it is arranged.
    let scale = whole.width / arranged.canvas.width_px.max(1) as f32;
    let [x, y, width, height] =
        [display.x_px, display.y_px, display.width_px, display.height_px].map(|side| side as f32 * scale);
    Rect::new(x, y, width, height)
}

/// One window each; named displays fill a monitor each, as far as there are monitors.
fn open_windows(
    event_loop: &ActiveEventLoop,
    displays: &[String],
) -> Result<Vec<DisplayWindow>, winit::error::OsError> {
    let monitors: Vec<MonitorHandle> = event_loop.available_monitors().collect();
    let names = if displays.is_empty() { vec![None] } else { displays.iter().cloned().map(Some).collect() };
    let open = |(index, display): (usize, Option<String>)| {
        let title = display.as_deref().map_or_else(|| "Toàn Cảnh".to_owned(), |name| format!("Toàn Cảnh · {name}"));
        let mut attributes = Window::default_attributes().with_title(title).with_inner_size(WINDOW_SIZE);
        if let Some(monitor) = monitors.get(index).filter(|_| display.is_some()) {
            // Geometry first: without a window manager X11 ignores the wish to be fullscreen.
            attributes = attributes
                .with_decorations(false)
                .with_position(monitor.position())
                .with_inner_size(monitor.size())
                .with_fullscreen(Some(Fullscreen::Borderless(Some(monitor.clone()))));
        }
        let window = Arc::new(event_loop.create_window(attributes)?);
        Ok(DisplayWindow { display, window, output: None, is_damaged: true })
    };
    names.into_iter().enumerate().map(open).collect()
}

/// Libraries that winit loads at run time, and the Debian packages they come in.
const X11_LIBRARIES: [(&str, &str); 3] =
    [("libXcursor.so.1", "libxcursor1"), ("libXi.so.6", "libxi6"), ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0")];

/// What must be there before a window can be opened: winit would panic without it.
///
/// # Errors
/// What is missing and what to install or start.
pub fn check_window_system() -> Result<(), String> {
    let has = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if has("WAYLAND_DISPLAY") || has("WAYLAND_SOCKET") {
        return Ok(());
    }
    if !has("DISPLAY") {
        return Err("there is no window system (neither WAYLAND_DISPLAY nor DISPLAY is set); start one, or draw with --headless 3840x2160".into());
    }
    let missing: Vec<_> = X11_LIBRARIES.iter().filter(|(library, _)| !is_installed(library)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let libraries: Vec<_> = missing.iter().map(|(library, _)| *library).collect();
    let packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
    Err(format!("windows need {}; install them: apt-get install {}", libraries.join(", "), packages.join(" ")))
}

/// Whether the loader would find it: in its cache, or in a folder it is told to look in.
fn is_installed(library: &str) -> bool {
    let cached = std::fs::read("/etc/ld.so.cache")
        .is_ok_and(|cache| cache.windows(library.len()).any(|window| window == library.as_bytes()));
    let told = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let usual = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"].map(std::path::PathBuf::from);
    cached || std::env::split_paths(&told).chain(usual).any(|folder| folder.join(library).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_nowhere_is_missed() {
        assert!(!is_installed("libNoSuchThing.so.7"));
        assert!(is_installed("libc.so.6"));
    }
}
