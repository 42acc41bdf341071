//! Whether the floating-point unit does what `EXACT.md` presumes.

use std::hint::black_box;

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

#[cfg(test)]
mod tests {
    #[test]
    fn this_machine_conforms() {
        assert_eq!(super::check_environment(), Ok(()));
    }
}
