//! How fast this machine reads memory: the ceiling of linear layers with a single row.

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use anyhow::{Result, ensure};

const PASSES: usize = 12;

/// Independent sums, so that additions wait for loads and not for each other.
const LANES: usize = 16;

/// Reads a buffer of that size repeatedly, a part a thread; the fastest pass counts.
pub(crate) fn best_gigabytes_per_s(mebibytes: usize, threads: usize) -> Result<f64> {
    ensure!(mebibytes > 0 && threads > 0, "nothing to read, or nobody to read it");
    // Values other than zero: untouched zero pages would all be one page, which the cache holds.
    let buffer: Vec<u64> = (0..(mebibytes << 20) as u64 / 8).collect();
    let part = buffer.len().div_ceil(threads);
    let fastest_s = (0..PASSES)
        .map(|_| {
            let begin = Instant::now();
            thread::scope(|scope| {
                for part in buffer.chunks(part) {
                    scope.spawn(move || black_box(sum(black_box(part))));
                }
            });
            begin.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    Ok(size_of_val(buffer.as_slice()) as f64 / fastest_s / 1e9)
}

fn sum(values: &[u64]) -> u64 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0_u64; LANES];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*value);
        }
    }
    sums.iter().chain(rest).fold(0, |total, value| total.wrapping_add(*value))
}
