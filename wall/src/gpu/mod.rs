//! The only wgpu besides the windows and the read-back: pictures become pixels on a retained canvas.

pub mod atlas;
pub mod blit;
pub mod canvas;
pub mod compose;
mod encode;
mod images;
pub mod output;
pub mod pipelines;
mod tile;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use canvas::GpuCanvas;

/// The blit onto windows; beside the others so that all shaders are checked together.
pub const BLIT_WGSL: &str = include_str!("blit.wgsl");

/// Longest wait for the GPU before it counts as lost.
const COMPLETION_TIMEOUT: Duration = Duration::from_secs(10);

/// Work that the GPU was given.
pub type Submission = wgpu::SubmissionIndex;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    #[error(
        "no graphics adapter: {0}. Install the driver of the graphics card, or for drawing in software \
         `apt-get install libvulkan1 mesa-vulkan-drivers` (Vulkan) or `libegl1 libgl1-mesa-dri` (OpenGL)"
    )]
    NoAdapter(#[from] wgpu::RequestAdapterError),
    #[error("the graphics adapter gives no device: {0}")]
    NoDevice(#[from] wgpu::RequestDeviceError),
    #[error("the graphics device was lost")]
    Lost,
    #[error("the graphics device did not finish: {0}")]
    Unfinished(#[from] wgpu::PollError),
    #[error("the picture could not be read back: {0}")]
    ReadBack(String),
    #[error("the window has no surface: {0}")]
    Surface(#[from] wgpu::CreateSurfaceError),
    #[error("the graphics adapter cannot present on this window")]
    CannotPresent,
    #[error("the canvas of {width} × {height} px is larger than the adapter can hold ({limit} px a side)")]
    TooLarge { width: u32, height: u32, limit: u32 },
}

/// A device and all that belongs to it. After a loss it is replaced whole.
pub struct Gpu {
    pub instance: wgpu::Instance,
    pub adapter: wgpu::Adapter,
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    lost: Arc<AtomicBool>,
}

impl Gpu {
    /// Without any window.
    ///
    /// # Errors
    /// When there is no adapter or it gives no device.
    pub fn headless() -> Result<Self, GpuError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        Self::of(instance, None)
    }

    /// With an adapter that can present on `surface`.
    ///
    /// # Errors
    /// When there is no adapter or it gives no device.
    pub fn of(instance: wgpu::Instance, surface: Option<&wgpu::Surface<'_>>) -> Result<Self, GpuError> {
        let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            compatible_surface: surface,
            ..Default::default()
        }))?;
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("wall"),
            required_limits: adapter.limits(),
            ..Default::default()
        }))?;
        let info = adapter.get_info();
        tracing::info!(adapter = info.name, backend = %info.backend, driver = info.driver_info, "graphics device ready");
        let lost = Arc::new(AtomicBool::new(false));
        watch(&device, &lost);
        Ok(Self { instance, adapter, device, queue, lost })
    }

    /// Whether the device is gone and everything must be built anew.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Loses the device on purpose.
    pub fn destroy(&self) {
        self.device.destroy();
        self.lost.store(true, Ordering::Release);
    }

    /// Waits until the GPU has finished `submission`.
    ///
    /// # Errors
    /// [`GpuError::Lost`] when the device went meanwhile.
    pub fn wait(&self, submission: Submission) -> Result<(), GpuError> {
        self.wait_at_most(submission, COMPLETION_TIMEOUT)
    }

    /// Waits until the GPU has finished `submission`, or `timeout` has passed: then the device counts as lost,
    /// because nobody knows which pixels came.
    ///
    /// # Errors
    /// [`GpuError::Lost`] when the device went meanwhile, [`GpuError::Unfinished`] when it takes too long.
    pub fn wait_at_most(&self, submission: Submission, timeout: Duration) -> Result<(), GpuError> {
        let done =
            self.device.poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: Some(timeout) });
        if self.is_lost() {
            return Err(GpuError::Lost);
        }
        if let Err(error) = done {
            self.lost.store(true, Ordering::Release);
            return Err(error.into());
        }
        Ok(())
    }

    /// Frees what finished frames used, where no wait does it.
    ///
    /// # Errors
    /// When the device went meanwhile.
    pub fn free_finished(&self) -> Result<(), GpuError> {
        self.device.poll(wgpu::PollType::Poll)?;
        Ok(())
    }

    /// Most pixels a side of a texture.
    #[must_use]
    pub fn max_side_px(&self) -> u32 {
        self.device.limits().max_texture_dimension_2d
    }
}

fn linear_sampler(device: &wgpu::Device) -> wgpu::Sampler {
    device.create_sampler(&wgpu::SamplerDescriptor {
        mag_filter: wgpu::FilterMode::Linear,
        min_filter: wgpu::FilterMode::Linear,
        mipmap_filter: wgpu::MipmapFilterMode::Linear,
        ..Default::default()
    })
}

/// Notes the loss of the device; errors that nobody expected are logged, once each as wgpu reports them.
fn watch(device: &wgpu::Device, lost: &Arc<AtomicBool>) {
    let flag = Arc::clone(lost);
    device.set_device_lost_callback(move |reason, message| {
        // Dropping the last handle is reported as a loss too; then nobody looks at the flag any more.
        flag.store(true, Ordering::Release);
        tracing::debug!(?reason, message, "graphics device lost");
    });
    let flag = Arc::clone(lost);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        if matches!(error, wgpu::Error::OutOfMemory { .. } | wgpu::Error::Internal { .. }) {
            flag.store(true, Ordering::Release);
        }
        if !flag.load(Ordering::Acquire) {
            tracing::error!(%error, "graphics error");
        }
    }));
}
