//! The elementary functions against correctly rounded results, densely (`EXACT.md`, section 12).
//!
//! The reference is computed in f64, whose own error of about 1e-16 cannot move a bound stated in ulp of f32.

use proofmark_models::exact::function::{erf, exp, gelu, gelu_tanh, log, quick_gelu, sigmoid, silu, tanh};

/// Distance between neighbours takes this step through all bit patterns; prime, so that low bits vary.
const STEP: usize = 251;

/// Maps bit patterns to integers in the order of the numbers.
fn ordinal(x: f32) -> i64 {
    let bits = i64::from(x.to_bits() & 0x7fff_ffff);
    if x.is_sign_negative() { -bits } else { bits }
}

fn inputs() -> impl Iterator<Item = f32> {
    (0..=u32::MAX).step_by(STEP).map(f32::from_bits).filter(|x| !x.is_nan())
}

fn largest_ulp(name: &str, function: fn(f32) -> f32, reference: fn(f64) -> f64) -> i64 {
    let (mut largest, mut at) = (0, 0.0);
    for x in inputs() {
        let (actual, expected) = (function(x), reference(f64::from(x)) as f32);
        if expected.is_nan() {
            assert!(actual.is_nan(), "{name}({x}) is {actual}, expected NaN");
            continue;
        }
        let distance = (ordinal(actual) - ordinal(expected)).abs();
        if distance > largest {
            (largest, at) = (distance, x);
        }
    }
    println!("{name}: at most {largest} ulp, at {at:e} ({:#010x})", at.to_bits());
    largest
}

fn check_absolute(name: &str, function: fn(f32) -> f32, reference: fn(f64) -> f64, bound: fn(f64) -> f64) {
    let mut share = 0.0_f64;
    for x in inputs().filter(|x| x.is_finite() && x.abs() < 1e30) {
        let (actual, expected) = (f64::from(function(x)), reference(f64::from(x)));
        let error = (actual - expected).abs();
        assert!(error <= bound(f64::from(x)), "{name}({x:e}) is {actual:e}, expected {expected:e}");
        share = share.max(error / bound(f64::from(x)));
    }
    println!("{name}: at most {share:.2} of the bound");
}

#[test]
fn exp_is_within_two_ulp() {
    assert!(largest_ulp("exp", exp, libm::exp) <= 2);
}

#[test]
fn log_is_within_two_ulp() {
    assert!(largest_ulp("log", log, libm::log) <= 2);
}

#[test]
fn tanh_is_within_two_ulp() {
    assert!(largest_ulp("tanh", tanh, libm::tanh) <= 2);
}

#[test]
fn erf_is_within_two_ulp() {
    assert!(largest_ulp("erf", erf, libm::erf) <= 2);
}

#[test]
fn sigmoid_and_silu_keep_their_absolute_bounds() {
    check_absolute("sigmoid", sigmoid, |x| 1.0 / (1.0 + libm::exp(-x)), |_| 3e-7);
    let bound = |x: f64| 1e-6 + 3e-7 * x.abs();
    check_absolute("silu", silu, |x| x / (1.0 + libm::exp(-x)), bound);
    check_absolute("quick_gelu", quick_gelu, |x| x / (1.0 + libm::exp(-1.702 * x)), bound);
}

#[test]
fn gelu_keeps_its_absolute_bounds() {
    let bound = |x: f64| 1e-6 + 5e-7 * x.abs();
    check_absolute("gelu", gelu, |x| 0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2)), bound);
    let reference = |x: f64| {
        let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
        0.5 * x * (1.0 + libm::tanh(inner))
    };
    check_absolute("gelu_tanh", gelu_tanh, reference, bound);
}
