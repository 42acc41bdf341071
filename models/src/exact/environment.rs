//! Whether the floating-point unit does what `EXACT.md` presumes.

use std::hint::black_box;

use super::isa::{Isa, Kernel};
use super::vector::Vector;

/// What a thread's floating-point unit does otherwise than IEEE-754 demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentFault {
    /// Subnormal results or operands are treated as zero (FTZ or DAZ).
    #[error("the floating-point unit flushes subnormals to zero")]
    FlushesSubnormals,
    /// Rounding is not to nearest, ties to even.
    #[error("the floating-point unit does not round to nearest even")]
    RoundsOtherwise,
    /// `fma` rounds twice.
    #[error("the fused multiply-add of this machine rounds twice")]
    FmaRoundsTwice,
}

/// Checks the calling thread's floating-point unit by results, on any architecture.
///
/// # Errors
/// The first fault found.
pub fn check_environment() -> Result<(), EnvironmentFault> {
    let smallest = f32::from_bits(1);
    let halved = black_box(f32::MIN_POSITIVE) * black_box(0.5);
    if halved.to_bits() != 0x0040_0000 || (black_box(smallest) + black_box(smallest)).to_bits() != 2 {
        return Err(EnvironmentFault::FlushesSubnormals);
    }
    // 1 + 2^-24 is a tie that goes to the even 1; 1 + 3 * 2^-24 is one that goes up to 1 + 2^-22.
    let up = black_box(1.0_f32) + black_box(f32::from_bits(0x3440_0000));
    let down = black_box(1.0_f32) + black_box(f32::from_bits(0x3380_0000));
    let negative = black_box(-1.0_f32) - black_box(f32::from_bits(0x3380_0001));
    if up.to_bits() != 0x3f80_0002 || down.to_bits() != 0x3f80_0000 || negative.to_bits() != 0xbf80_0001 {
        return Err(EnvironmentFault::RoundsOtherwise);
    }
    // (1 + 2^-12)^2 - (1 + 2^-11) = 2^-24, which a rounded product loses.
    let x = black_box(f32::from_bits(0x3f80_0800));
    if x.mul_add(x, -black_box(f32::from_bits(0x3f80_1000))).to_bits() != 0x3380_0000 {
        return Err(EnvironmentFault::FmaRoundsTwice);
    }
    Ok(())
}

/// Checks the floating-point unit of every thread of the pool, and that the kernels' fused multiply-add on `isa` rounds once.
///
/// # Errors
/// The first fault found.
pub fn check_all_threads(isa: Isa) -> Result<(), EnvironmentFault> {
    let check = || check_environment().and_then(|()| isa.run(FusedOnce));
    check()?;
    rayon::broadcast(|_| check()).into_iter().collect()
}

/// The vector's multiply-add where rounding twice would lose the result; its lanes must also keep subnormals.
struct FusedOnce;

impl Kernel for FusedOnce {
    type Output = Result<(), EnvironmentFault>;

    #[inline(always)]
    fn run<V: Vector>(self) -> Self::Output {
        let lanes = |bits: u32| V::load(black_box(&[f32::from_bits(bits); 16]));
        let mut fused = [0.0; 16];
        lanes(0x3f80_0800).mul_add(lanes(0x3f80_0800), lanes(0xbf80_1000)).store(&mut fused);
        if fused.iter().any(|lane| lane.to_bits() != 0x3380_0000) {
            return Err(EnvironmentFault::FmaRoundsTwice);
        }
        // 2^-126 / 2 + 0
        lanes(0x0080_0000).mul_add(lanes(0x3f00_0000), V::zero()).store(&mut fused);
        if fused.iter().any(|lane| lane.to_bits() != 0x0040_0000) {
            return Err(EnvironmentFault::FlushesSubnormals);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_conforms_on_every_thread_and_instruction_set() {
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            assert_eq!(check_all_threads(isa), Ok(()));
        }
    }

    /// The only test that breaks a thread's floating-point unit, in a pool of its own.
    #[test]
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, deprecated, reason = "nothing safe sets the control register")]
    fn a_thread_that_flushes_subnormals_or_rounds_down_is_found() {
        use std::arch::x86_64::{_mm_getcsr, _mm_setcsr};
        // flush to zero; denormals are zero; round down
        for (bits, fault) in [
            (0x8000, EnvironmentFault::FlushesSubnormals),
            (0x0040, EnvironmentFault::FlushesSubnormals),
            (0x2000, EnvironmentFault::RoundsOtherwise),
        ] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
            pool.broadcast(|context| {
                if context.index() == 2 {
                    // SAFETY: the thread computes nothing but the check before its pool ends.
                    unsafe { _mm_setcsr(_mm_getcsr() | bits) }
                }
            });
            let found = pool.install(|| check_all_threads(Isa::Portable));
            assert_eq!(found, Err(fault), "{bits:#x}");
        }
    }
}
