//! One window of the wall: which part of the canvas it shows, and on which monitor.

use std::sync::Arc;

use panels::Rect;
use winit::dpi::PhysicalSize;
use winit::error::OsError;
use winit::event_loop::ActiveEventLoop;
use winit::monitor::MonitorHandle;
use winit::window::{Fullscreen, Window};

use crate::gpu::output::{Output, Shown, Surface};
use crate::gpu::{Gpu, GpuError, Submission};
use crate::wall::{Rig, Wall};

/// Of a window that is not fullscreen.
const WINDOW_SIZE: PhysicalSize<u32> = PhysicalSize::new(1280, 720);

/// A window and how far it is behind the canvas.
pub struct DisplayWindow {
    /// `None` shows the whole canvas.
    display: Option<String>,
    pub window: Arc<Window>,
    output: Option<Output>,
    pub is_damaged: bool,
    /// The monitor it is to fill, until that was looked at.
    unverified: Option<MonitorHandle>,
    /// What was said last of why it shows nothing, so that it is said once.
    problem: String,
    /// What was said last of its name.
    is_unknown: bool,
}

impl DisplayWindow {
    fn new(display: Option<String>, window: Arc<Window>, monitor: Option<MonitorHandle>) -> Self {
        Self {
            display,
            window,
            output: None,
            is_damaged: true,
            unverified: monitor,
            problem: String::new(),
            is_unknown: false,
        }
    }

    /// Gives up what belongs to a device.
    pub fn drop_output(&mut self) {
        self.output = None;
    }

    /// Takes a surface that was made for it.
    pub fn take(&mut self, gpu: &Gpu, surface: Surface) {
        self.is_damaged = true;
        self.output = Output::new(gpu, surface, self.size()).map_err(|error| self.complain(&error)).ok();
    }

    pub fn resize(&mut self, wall: &Wall) {
        let size = self.size();
        if let (Some(output), Some(rig)) = (&mut self.output, wall.rig()) {
            output.resize(&rig.gpu, size);
        }
        self.is_damaged = true;
        self.verify_monitor();
    }

    /// Fills the screen, or no longer.
    pub fn toggle_fullscreen(&self) {
        let is_full = self.window.fullscreen().is_some();
        self.window.set_fullscreen((!is_full).then_some(Fullscreen::Borderless(None)));
        self.window.set_cursor_visible(is_full);
    }

    fn size(&self) -> (u32, u32) {
        self.window.inner_size().into()
    }

    /// Shows the canvas as it is; `None` when the window cannot take it now.
    ///
    /// # Errors
    /// When the device must be replaced.
    pub fn present(&mut self, wall: &Wall) -> Result<Option<Submission>, GpuError> {
        let Some(rig) = wall.rig() else { return Ok(None) };
        let region = self.region(wall, rig);
        let size = self.size();
        let Some(output) = &mut self.output else {
            self.make_output(rig);
            return Ok(None);
        };
        let shown = output.present(&rig.gpu, &rig.canvas, region, size, || self.window.pre_present_notify());
        match shown {
            Shown::Done(submission) => {
                self.is_damaged = false;
                self.problem.clear();
                Ok(Some(submission))
            }
            Shown::Again(submission) => Ok(Some(submission)),
            Shown::NotNow(why) => {
                self.complain(&why);
                rig.gpu.free_finished()?;
                Ok(None)
            }
            Shown::Lost => {
                self.make_output(rig);
                Ok(None)
            }
        }
    }

    /// Another surface on the same device; if there is none now, it is asked for again.
    fn make_output(&mut self, rig: &Rig) {
        // Two surfaces of one window cannot be at the same time.
        self.output = None;
        self.output = Output::of(&rig.gpu, &self.window).map_err(|error| self.complain(&error)).ok();
    }

    fn complain(&mut self, problem: &impl ToString) {
        let problem = problem.to_string();
        if self.problem != problem {
            tracing::warn!(display = self.display, problem, "a window cannot be drawn on; it is tried again");
            self.problem = problem;
        }
    }

    /// The part of the canvas that it shows, in canvas pixels.
    fn region(&mut self, wall: &Wall, rig: &Rig) -> Rect {
        let (width, height) = rig.canvas.size_px();
        let whole = Rect::new(0.0, 0.0, width as f32, height as f32);
        let (Some(name), Some(arranged)) = (&self.display, wall.model().view().arranged()) else { return whole };
        let displays = arranged.wall.as_ref().map_or(&[][..], |wall| &wall.displays);
        let found = displays.iter().find(|display| display.name == *name);
        let was_unknown = std::mem::replace(&mut self.is_unknown, found.is_none());
        let Some(display) = found else {
            if !was_unknown {
                let known: Vec<_> = displays.iter().map(|display| display.name.as_str()).collect();
                tracing::error!(
                    display = name,
                    known = known.join(", "),
                    "the wall has no display of that name; showing the whole canvas"
                );
            }
            return whole;
        };
        // The canvas may be drawn smaller than it is arranged.
        let scale = whole.width / arranged.canvas.width_px.max(1) as f32;
        let [x, y, width, height] =
            [display.x_px, display.y_px, display.width_px, display.height_px].map(|side| side as f32 * scale);
        Rect::new(x, y, width, height)
    }

    /// Window systems place windows as they like: looks once, when it has its size, whether it is where it should.
    fn verify_monitor(&mut self) {
        let Some(wanted) = self.unverified.take() else { return };
        let Some(found) = self.window.current_monitor().filter(|found| *found != wanted) else { return };
        tracing::warn!(
            display = self.display,
            wanted = wanted.name(),
            found = found.name(),
            "a window came up on another monitor; moving it"
        );
        self.window.set_fullscreen(Some(Fullscreen::Borderless(Some(wanted))));
    }
}

/// One window each; named displays fill a monitor each, as far as there are monitors.
///
/// # Errors
/// When the window system opens none.
pub fn open(event_loop: &ActiveEventLoop, displays: &[String]) -> Result<Vec<DisplayWindow>, OsError> {
    let monitors: Vec<MonitorHandle> = event_loop.available_monitors().collect();
    if displays.is_empty() {
        return Ok(vec![open_one(event_loop, None, None)?]);
    }
    let places: Vec<_> = monitors
        .iter()
        .map(|monitor| (monitor.name().unwrap_or_default(), (monitor.position().x, monitor.position().y)))
        .collect();
    let chosen = choose(displays, &places);
    let open = |(name, place): (&String, Option<usize>)| {
        let monitor = place.and_then(|place| monitors.get(place)).cloned();
        let shown = monitor.as_ref().and_then(MonitorHandle::name).unwrap_or_else(|| "none".to_owned());
        tracing::info!(display = name, monitor = shown, "opening a window");
        open_one(event_loop, Some(name.clone()), monitor)
    };
    displays.iter().zip(chosen).map(open).collect()
}

fn open_one(
    event_loop: &ActiveEventLoop,
    display: Option<String>,
    monitor: Option<MonitorHandle>,
) -> Result<DisplayWindow, OsError> {
    let title = display.as_deref().map_or_else(|| "Toàn Cảnh".to_owned(), |name| format!("Toàn Cảnh · {name}"));
    let mut attributes = Window::default_attributes().with_title(title).with_inner_size(WINDOW_SIZE);
    if let Some(monitor) = &monitor {
        // Geometry first: without a window manager X11 ignores the wish to be fullscreen.
        attributes = attributes
            .with_decorations(false)
            .with_position(monitor.position())
            .with_inner_size(monitor.size())
            .with_fullscreen(Some(Fullscreen::Borderless(Some(monitor.clone()))));
    }
    let window = Arc::new(event_loop.create_window(attributes)?);
    window.set_cursor_visible(monitor.is_none());
    Ok(DisplayWindow::new(display, window, monitor))
}

/// Which monitor each display gets: the one of its own name, else the next one that nobody is named after, from
/// left to right and from top to bottom.
fn choose(displays: &[String], monitors: &[(String, (i32, i32))]) -> Vec<Option<usize>> {
    let named: Vec<_> = displays.iter().map(|display| monitors.iter().position(|(name, _)| name == display)).collect();
    let mut others: Vec<usize> = (0..monitors.len()).filter(|index| !named.contains(&Some(*index))).collect();
    others.sort_by_key(|index| monitors.get(*index).map(|(_, position)| *position));
    let mut others = others.into_iter();
    named.into_iter().map(|named| named.or_else(|| others.next())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_find_the_monitor_of_their_name_and_the_rest_go_by_place() {
        let monitors = [("DP-2", (1920, 0)), ("HDMI-1", (3840, 0)), ("DP-1", (0, 0))];
        let monitors = monitors.map(|(name, position)| (name.to_owned(), position));
        for (displays, chosen) in [
            (&["left", "middle", "right"][..], &[Some(2), Some(0), Some(1)][..]),
            (&["left", "DP-1"], &[Some(0), Some(2)]),
            (&["HDMI-1", "DP-2"], &[Some(1), Some(0)]),
            (&["a", "b", "c", "d"], &[Some(2), Some(0), Some(1), None]),
        ] {
            let names: Vec<_> = displays.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(choose(&names, &monitors), chosen, "{displays:?}");
        }
    }
}
