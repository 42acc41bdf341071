//! What the GPU reaches at most.

use std::time::{Duration, Instant};

use proofmark_models::exact::device::Device;
use proofmark_models::exact::device::ceilings::{ReadBuffer, multiply_adds};

use crate::engine::Extent;

const BUFFER_BYTES: usize = 4 << 30;
const SMALL_BUFFER_BYTES: usize = 1 << 20;
const BURSTS: usize = 20;

/// The best of some bursts.
#[derive(Clone, Copy)]
pub(crate) struct Peaks {
    pub(crate) read_bytes_per_s: f64,
    pub(crate) f32_flops_per_s: f64,
}

impl Peaks {
    pub(crate) fn measure(gpu: &'static Device, extent: Extent) -> Self {
        let (bytes, burst) = match extent {
            Extent::Whole => (BUFFER_BYTES, Duration::from_millis(100)),
            Extent::Small => (SMALL_BUFFER_BYTES, Duration::ZERO),
        };
        let buffer = ReadBuffer::new(gpu, bytes).unwrap();
        let peaks = Self {
            f32_flops_per_s: best_rate(burst, |rounds| multiply_adds(gpu, rounds).unwrap()),
            read_bytes_per_s: best_rate(burst, |passes| buffer.read(u64::from(passes)).unwrap()),
        };
        drop(buffer);
        gpu.release_free_memory();
        peaks
    }
}

/// Of work by the second, in bursts no shorter than `burst`.
fn best_rate(burst: Duration, work: impl Fn(u32) -> u64) -> f64 {
    let (mut amount, mut rates) = (1, Vec::new());
    while rates.len() < BURSTS {
        let started = Instant::now();
        let done = work(amount);
        let elapsed = started.elapsed();
        if elapsed < burst {
            amount *= 2;
        } else {
            rates.push(done as f64 / elapsed.as_secs_f64());
        }
    }
    rates.into_iter().fold(0.0, f64::max)
}
