//! The surface of one window, and how the canvas gets onto it.

use std::sync::Arc;

use panels::Rect;
use winit::window::Window;

use super::blit::Blitter;
use super::{Gpu, GpuCanvas, GpuError, Submission};

/// Present modes that do not wait for the screen, best first: several windows that each waited would wait for one
/// another, and frames are paced by the server's clock anyway.
const WANTED_MODES: [wgpu::PresentMode; 2] = [wgpu::PresentMode::Mailbox, wgpu::PresentMode::Immediate];

/// Where a window can be drawn on.
pub type Surface = wgpu::Surface<'static>;

/// What belongs to one window and one device.
pub struct Output {
    surface: Surface,
    config: wgpu::SurfaceConfiguration,
    blitter: Blitter,
    /// The surface still works but no longer fits its window.
    is_stale: bool,
}

/// How presenting went.
#[derive(Debug)]
pub enum Shown {
    Done(Submission),
    /// Shown, but the surface does not fit any more: show it again.
    Again(Submission),
    /// The window cannot take it now, and why.
    NotNow(&'static str),
    /// The surface is gone; make another.
    Lost,
}

impl Output {
    /// For a window that lost its surface.
    ///
    /// # Errors
    /// When it gets none, or the adapter cannot present there.
    pub fn of(gpu: &Gpu, window: &Arc<Window>) -> Result<Self, GpuError> {
        let surface = gpu.instance.create_surface(Arc::clone(window))?;
        Self::new(gpu, surface, window.inner_size().into())
    }

    /// For a window of `width` × `height`.
    ///
    /// # Errors
    /// When the adapter cannot present there.
    pub fn new(gpu: &Gpu, surface: Surface, (width, height): (u32, u32)) -> Result<Self, GpuError> {
        let capabilities = surface.get_capabilities(&gpu.adapter);
        let mut config =
            surface.get_default_config(&gpu.adapter, width.max(1), height.max(1)).ok_or(GpuError::CannotPresent)?;
        // The canvas holds sRGB values as they are: a surface that converts would make them paler.
        if let Some(format) = capabilities.formats.iter().find(|format| !format.is_srgb()) {
            config.format = *format;
        }
        let offered = |mode: &wgpu::PresentMode| capabilities.present_modes.contains(mode);
        config.present_mode = WANTED_MODES.into_iter().find(offered).unwrap_or(wgpu::PresentMode::Fifo);
        surface.configure(&gpu.device, &config);
        let blitter = Blitter::new(gpu, config.format);
        Ok(Self { surface, config, blitter, is_stale: false })
    }

    /// The window has another size.
    pub fn resize(&mut self, gpu: &Gpu, (width, height): (u32, u32)) {
        self.is_stale = false;
        if width > 0 && height > 0 {
            (self.config.width, self.config.height) = (width, height);
            self.surface.configure(&gpu.device, &self.config);
        }
    }

    /// Shows `region` of the canvas in a window of this size; `before` is called just before it is presented.
    pub fn present(
        &mut self,
        gpu: &Gpu,
        canvas: &GpuCanvas,
        region: Rect,
        size: (u32, u32),
        before: impl FnOnce(),
    ) -> Shown {
        if self.is_stale {
            self.resize(gpu, size);
        }
        let frame = match self.surface.get_current_texture() {
            wgpu::CurrentSurfaceTexture::Success(frame) => frame,
            wgpu::CurrentSurfaceTexture::Suboptimal(frame) => {
                self.is_stale = true;
                frame
            }
            wgpu::CurrentSurfaceTexture::Outdated => {
                self.resize(gpu, size);
                return Shown::NotNow("its surface is outdated");
            }
            wgpu::CurrentSurfaceTexture::Validation => {
                self.resize(gpu, size);
                return Shown::NotNow("its surface is not valid");
            }
            wgpu::CurrentSurfaceTexture::Lost => return Shown::Lost,
            wgpu::CurrentSurfaceTexture::Timeout => return Shown::NotNow("it gives no picture to draw on"),
            wgpu::CurrentSurfaceTexture::Occluded => return Shown::NotNow("it is covered"),
        };
        let commands = self.blitter.blit(gpu, canvas, region, &frame.texture);
        let submission = gpu.queue.submit([commands]);
        before();
        gpu.queue.present(frame);
        if self.is_stale { Shown::Again(submission) } else { Shown::Done(submission) }
    }
}
