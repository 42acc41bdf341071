//! Work that nothing but the machine's speed limits: multiply-adds in registers, and reading of memory.
//!
//! The two sides of the roofline (Williams, Waterman and Patterson, "Roofline", 2009), for the instruction set of the kernels. Here is
//! a stated amount of work on every thread of the pool; whoever holds a clock makes a speed of it.

use std::hint::black_box;

use super::LANES;
use super::isa::{Isa, Kernel};
use super::vector::Vector;

/// No instruction set keeps more sums in registers.
const MOST_CHAINS: usize = 24;

/// Streams through a part of the buffer, each with its own sum.
const STREAMS: usize = 4;
/// Lines between the one in use and the one asked for; further than the hardware looks across pages.
const AHEAD: usize = 64;

/// Carries out `rounds` multiply-adds in each lane of as many registers as the kernels sum in, on every thread of the pool at once,
/// without touching memory. Returns how many f32 operations these were; a multiply-add counts two.
#[must_use]
pub fn multiply_adds(isa: Isa, rounds: u64) -> u64 {
    let on_a_thread = || {
        let mut sums = start();
        let (factor, addend) = black_box((FACTOR, ADDEND));
        let chains = isa.run(Chains { sums: &mut sums, rounds, factor, addend });
        black_box(sums);
        2 * rounds * (chains * LANES) as u64
    };
    rayon::broadcast(|_| on_a_thread()).into_iter().sum()
}

/// So close to -1 that the sums swing for a hundred thousand rounds before they settle: real operands, whose bits change.
pub(super) const FACTOR: f32 = -0.99999;
pub(super) const ADDEND: f32 = 1.0;

/// Different for each chain and lane, so that none can be computed for another.
fn start() -> [[f32; LANES]; MOST_CHAINS] {
    let mut sums = [[0.0; LANES]; MOST_CHAINS];
    for (index, sum) in sums.as_flattened_mut().iter_mut().enumerate() {
        *sum = 1.0 + index as f32 / 512.0;
    }
    sums
}

/// Replaces each sum by `sum * factor + addend`, `rounds` times, in the first so many chains as it returns.
struct Chains<'a> {
    sums: &'a mut [[f32; LANES]; MOST_CHAINS],
    rounds: u64,
    factor: f32,
    addend: f32,
}

impl Kernel for Chains<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<V: Vector>(self) -> usize {
        // As many as the kernels' tiles have, which is enough to hide the latency of a multiply-add.
        match V::SUMS {
            24.. => self.chains::<V, 24>(),
            6..24 => self.chains::<V, 6>(),
            _ => self.chains::<V, 4>(),
        }
    }
}

impl Chains<'_> {
    #[inline(always)]
    fn chains<V: Vector, const CHAINS: usize>(self) -> usize {
        let mut sums = [V::zero(); CHAINS];
        for (sum, lanes) in sums.iter_mut().zip(self.sums.iter()) {
            *sum = V::load(lanes);
        }
        let (factor, addend) = (V::splat(self.factor), V::splat(self.addend));
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = sum.mul_add(factor, addend);
            }
        }
        for (sum, lanes) in sums.iter().zip(self.sums.iter_mut()) {
            sum.store(lanes);
        }
        CHAINS
    }
}

/// Memory to be read, a part for each thread of the pool.
#[derive(Debug)]
pub struct ReadBuffer {
    isa: Isa,
    parts: Vec<Vec<Line>>,
}

/// A cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line([f32; LANES]);

impl ReadBuffer {
    /// A buffer of `bytes` or slightly less. Each thread writes its own part first, so that the memory lies near it.
    #[must_use]
    pub fn new(isa: Isa, bytes: usize) -> Self {
        let lines = bytes / rayon::current_num_threads() / size_of::<Line>();
        let lines = lines - lines % STREAMS;
        // Ones: pages of zeros might all be the same one.
        Self { isa, parts: rayon::broadcast(|_| vec![Line([1.0; LANES]); lines]) }
    }

    /// Reads all of it, each thread its own part. Returns how many bytes these were.
    #[must_use]
    pub fn read(&self) -> u64 {
        let on_a_thread = |part: &[Line]| {
            let mut sums = [0.0; LANES];
            self.isa.run(Sum { lines: part, sums: &mut sums });
            black_box(sums);
            size_of_val(part) as u64
        };
        rayon::broadcast(|thread| on_a_thread(&self.parts[thread.index()])).into_iter().sum()
    }
}

/// Adds up the lines, lane by lane.
struct Sum<'a> {
    lines: &'a [Line],
    sums: &'a mut [f32; LANES],
}

impl Kernel for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let length = self.lines.len() / STREAMS;
        let mut sums = [V::zero(); STREAMS];
        let mut streams = [&[][..]; STREAMS];
        for (stream, lines) in streams.iter_mut().zip(self.lines.chunks_exact(length.max(1))) {
            *stream = lines;
        }
        for index in 0..length {
            for (sum, stream) in sums.iter_mut().zip(&streams) {
                let line = &stream[index];
                V::prefetch((&raw const *line).wrapping_add(AHEAD));
                *sum = sum.add(V::load(&line.0));
            }
        }
        let [a, b, c, d] = sums;
        a.add(b).add(c.add(d)).store(self.sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn available() -> impl Iterator<Item = Isa> {
        Isa::ALL.into_iter().filter(|isa| isa.is_available())
    }

    /// The definition, lane by lane.
    fn chain_reference(start: f32, rounds: u64) -> f32 {
        (0..rounds).fold(start, |sum, _| sum.mul_add(FACTOR, ADDEND))
    }

    #[test]
    fn every_chain_carries_out_its_multiply_adds() {
        for isa in available() {
            let mut sums = start();
            let rounds = 1000;
            let chains = isa.run(Chains { sums: &mut sums, rounds, factor: FACTOR, addend: ADDEND });
            assert!(chains >= 4, "{isa}");
            for (lane, (sum, start)) in sums.as_flattened().iter().zip(start().as_flattened()).enumerate() {
                let rounds = if lane < chains * LANES { rounds } else { 0 };
                assert_eq!(sum.to_bits(), chain_reference(*start, rounds).to_bits(), "{isa} {lane}");
            }
        }
    }

    #[test]
    fn operands_still_change_after_many_rounds() {
        let early = chain_reference(1.5, 50_000);
        assert_ne!(early.to_bits(), chain_reference(1.5, 50_002).to_bits());
    }

    #[test]
    fn operations_are_counted_on_all_threads() {
        for isa in available() {
            let once = multiply_adds(isa, 1);
            assert!(once >= (2 * 4 * LANES * rayon::current_num_threads()) as u64, "{isa}");
            assert_eq!(multiply_adds(isa, 10), 10 * once);
        }
    }

    #[test]
    fn every_line_is_read_once() {
        for isa in available() {
            for length in [0, 4, 8, 100, 4096] {
                let mut lines = vec![Line([1.0; LANES]); length];
                for (index, line) in lines.iter_mut().enumerate() {
                    line.0[index % LANES] = 3.0;
                }
                let mut expected = [0.0_f32; LANES];
                for line in &lines {
                    for (sum, lane) in expected.iter_mut().zip(line.0) {
                        *sum += lane;
                    }
                }
                let mut sums = [0.0; LANES];
                isa.run(Sum { lines: &lines, sums: &mut sums });
                assert_eq!(sums, expected, "{isa} {length}");
            }
        }
    }

    #[test]
    fn a_buffer_has_the_asked_size_and_all_of_it_is_read() {
        for bytes in [0, 1 << 10, 10_000_000] {
            let read = ReadBuffer::new(Isa::detect(), bytes).read();
            let threads = rayon::current_num_threads();
            let lost = bytes as u64 - read;
            assert!(lost <= (threads * (STREAMS + 1) * size_of::<Line>()) as u64, "{bytes} {read}");
        }
    }
}
