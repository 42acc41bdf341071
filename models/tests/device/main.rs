//! The kernels of `models/kernels` give the bits of the portable oracle: on the emulator (feature `emulation`), under two orders of
//! threads, and on a GPU (feature `cuda-exact`) where there is one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attention;
#[path = "../devices/mod.rs"]
mod devices;
#[cfg(feature = "cuda-exact")]
mod disassembly;
mod images;
mod linear;
mod rows;

use devices::devices;
use proofmark_models::Precision;

/// Numbers of a kind that `seed` chooses: usual ones, or with zeros of both signs, subnormals, tiny and huge ones among them.
fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut draw = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let usual = |drawn: u64| ((drawn >> 40) as f32 - 8_388_608.0) / 8_388_608.0;
    let is_adversarial = seed % 3 == 2;
    (0..count)
        .map(|_| {
            let drawn = draw();
            match drawn % 16 {
                0 if is_adversarial => 0.0,
                1 if is_adversarial => -0.0,
                2 if is_adversarial => f32::from_bits(drawn as u32 >> 16 & 0x007f_ffff),
                3 if is_adversarial => -f32::from_bits(drawn as u32 >> 9 & 0x007f_ffff),
                4 if is_adversarial => usual(drawn) * 1e-30,
                5 if is_adversarial => usual(drawn) * 1e17,
                _ => usual(drawn),
            }
        })
        .collect()
}

/// Weights: the same, of this precision.
fn weights(seed: u64, count: usize, precision: Precision) -> Vec<f32> {
    let mut weights = numbers(seed, count);
    // Nothing above binary16's range.
    weights.iter_mut().for_each(|weight| *weight = weight.clamp(-60_000.0, 60_000.0));
    precision.round(&mut weights).unwrap();
    weights
}

#[track_caller]
fn assert_bits(actual: &[f32], expected: &[f32], what: &dyn std::fmt::Display) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let are_same = actual.to_bits() == expected.to_bits() || actual.is_nan() && expected.is_nan();
        assert!(are_same, "{what}: element {index} is {actual:e}, expected {expected:e}");
    }
}
