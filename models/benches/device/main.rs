//! Exact and stock numerics on a GPU, by what the GPU reaches at most, in turns within one run:
//! `cargo bench -p proofmark-models --bench device --features cuda` (`cuda-exact` leaves stock candle out).
//!
//! Calls of a product are begun one behind another and waited for together, as in a model. Copies of weights and inputs take turns, so
//! many that no cache of a GPU holds them. In each round every engine is timed once, another first in each; ratios are of one round.
//!
//! With feature `emulation` alone it runs small shapes on the emulator, and stock candle on the processor: their times mean nothing,
//! but that it works.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod decoders;
mod engine;
mod peaks;
mod products;
#[path = "../shapes/mod.rs"]
mod shapes;
mod table;

use proofmark_models::NativeDevice;
use proofmark_models::exact::device::Device;

use engine::Extent;
use peaks::Peaks;

fn main() {
    if proofmark_bench::is_not_to_measure() {
        return;
    }
    let gpu = match Device::cuda(0) {
        Ok(gpu) => gpu,
        Err(error) => return println!("SKIPPED: {error}"),
    };
    let facts = gpu.facts().unwrap();
    // Its own, or a driver that has it.
    let is_emulator = facts.name.starts_with("emulat");
    let extent = if is_emulator { Extent::Small } else { Extent::Whole };
    let version = |version: Option<(u32, u32)>| {
        version.map_or_else(|| "none".to_owned(), |(major, minor)| format!("{major}.{minor}"))
    };
    let (capability, cuda) = (version(facts.compute_capability), version(facts.cuda_version));
    println!(
        "{}, {} multiprocessors, compute capability {capability}, CUDA {cuda}",
        facts.name, facts.multiprocessors
    );
    if extent == Extent::Small {
        println!("on the emulator, whose times mean nothing");
    }
    let native = Native::open(extent).map_err(|error| println!("without stock candle: {error}")).ok();
    let peaks = Peaks::measure(gpu, extent);
    println!(
        "reads {:.0} GB/s, multiplies and adds {:.2} TFLOP/s of f32 at most",
        peaks.read_bytes_per_s / 1e9,
        peaks.f32_flops_per_s / 1e12
    );
    products::run(gpu, native.as_ref(), peaks, extent);
    decoders::run(gpu, native.as_ref(), peaks, extent);
}

/// Where stock candle computes.
struct Native {
    tensors: candle_core::Device,
    models: NativeDevice,
}

impl Native {
    fn open(extent: Extent) -> proofmark_models::Result<Self> {
        match extent {
            Extent::Whole => {
                Ok(Self { tensors: candle_core::Device::new_cuda(0)?, models: NativeDevice::cuda(0)? })
            }
            Extent::Small => Ok(Self { tensors: candle_core::Device::Cpu, models: NativeDevice::CPU }),
        }
    }
}
