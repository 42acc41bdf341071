//! Elementary functions of `exact/1` (`EXACT.md`, section 4).
//!
//! Only `+ - * /`, `fma`, comparison, selection and integer operations, each rounded once, so every machine gives the
//! same bits. The coefficients are minimax fits; `models/reference/fit_polynomials.py` makes them.

use super::isa::{Isa, Kernel};
use super::vector::Vector;

/// A function of each element, an activation of checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `gelu` with the error function.
    Gelu,
    /// `gelu` with the hyperbolic tangent.
    GeluTanh,
    /// The hyperbolic tangent.
    Tanh,
    /// `x * sigmoid(x)`.
    Silu,
    /// `x * sigmoid(1.702 x)`.
    QuickGelu,
    /// `x` where it is above 0, else +0.
    Relu,
}

impl Function {
    /// Replaces each number by its value.
    pub fn map(self, x: &mut [f32], isa: Isa) {
        isa.run(Map { function: self, x });
    }

    #[inline(always)]
    pub(crate) fn apply(self, x: &mut [f32]) {
        match self {
            Self::Gelu => x.iter_mut().for_each(|x| *x = gelu(*x)),
            Self::GeluTanh => x.iter_mut().for_each(|x| *x = gelu_tanh(*x)),
            Self::Tanh => x.iter_mut().for_each(|x| *x = tanh(*x)),
            Self::Silu => x.iter_mut().for_each(|x| *x = silu(*x)),
            Self::QuickGelu => x.iter_mut().for_each(|x| *x = quick_gelu(*x)),
            Self::Relu => x.iter_mut().for_each(|x| *x = maximum(0.0, *x)),
        }
    }
}

struct Map<'a> {
    function: Function,
    x: &'a mut [f32],
}

impl Kernel for Map<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        self.function.apply(self.x);
    }
}

#[inline(always)]
const fn f(bits: u32) -> f32 {
    f32::from_bits(bits)
}

/// Evaluates a polynomial by Horner's rule with `fma`; coefficients from the constant term upwards.
#[inline(always)]
fn horner<const N: usize>(x: f32, coefficients: [u32; N]) -> f32 {
    let mut sum = f(coefficients[N - 1]);
    for index in (0..N - 1).rev() {
        sum = x.mul_add(sum, f(coefficients[index]));
    }
    sum
}

/// Adding and subtracting it rounds |x| < 2^22 to an integer, ties to even (12582912 = 1.5 * 2^23).
pub(crate) const ROUND: u32 = 0x4b40_0000;
const LOG2_E: u32 = 0x3fb8_aa3b;
/// ln 2 in two parts; the first has 15 trailing zero bits, so that `k * LN2_HIGH` is exact for |k| < 2^15.
const LN2_HIGH: u32 = 0x3f31_8000;
const LN2_LOW: u32 = 0xb95e_8083;
const EXP_OVERFLOW: u32 = 0x42b1_7217;
const EXP_UNDERFLOW: u32 = 0xc2cf_f1b4;
const EXP: [u32; 5] = [0x3eff_fffe, 0x3e2a_aa49, 0x3d2a_ac79, 0x3c09_1cf1, 0x3ab5_1225];

/// e^x.
#[inline(always)]
#[must_use]
pub fn exp(x: f32) -> f32 {
    // Out of range, the quotient below would leave the integers of a scale; the value is selected at the end.
    let clamped = if x > f(EXP_OVERFLOW) { f(EXP_OVERFLOW) } else { x };
    let clamped = if clamped < f(EXP_UNDERFLOW) { f(EXP_UNDERFLOW) } else { clamped };
    let shifted = clamped.mul_add(f(LOG2_E), f(ROUND));
    let k = shifted - f(ROUND);
    let r = k.mul_add(-f(LN2_HIGH), clamped);
    let r = k.mul_add(-f(LN2_LOW), r);
    let p = (r * r).mul_add(horner(r, EXP), r) + 1.0;
    // 2^k in two factors, so that the second product alone rounds, also into the subnormals.
    let k = shifted.to_bits().wrapping_sub(ROUND).cast_signed();
    let half = k >> 1;
    let scaled = (p * power_of_two(half)) * power_of_two(k - half);
    let scaled = if x > f(EXP_OVERFLOW) { f32::INFINITY } else { scaled };
    let scaled = if x < f(EXP_UNDERFLOW) { 0.0 } else { scaled };
    if x.is_nan() { x } else { scaled }
}

/// 2^k for -126 <= k <= 127.
#[inline(always)]
fn power_of_two(k: i32) -> f32 {
    f(((k + 127) << 23).cast_unsigned())
}

const SQRT_HALF: u32 = 0x3f35_04f3;
const TWO_TO_23: u32 = 0x4b00_0000;
const MIN_NORMAL: u32 = 0x0080_0000;
const LOG: [u32; 8] =
    [0x3eaa_aaaa, 0xbe80_0114, 0x3e4c_d004, 0xbe2a_3922, 0x3e11_6d0a, 0xbe06_c2a2, 0x3e02_add3, 0xbd9c_5b04];

/// The natural logarithm; of +0 and -0 -infinity, of a negative number NaN.
#[inline(always)]
#[must_use]
pub fn log(x: f32) -> f32 {
    let subnormal = x < f(MIN_NORMAL);
    let normal = if subnormal { x * f(TWO_TO_23) } else { x };
    // x = 2^exponent * (1 + t) with sqrt(1/2) <= 1 + t < sqrt(2)
    let offset = normal.to_bits().wrapping_sub(SQRT_HALF).cast_signed();
    let exponent = offset >> 23;
    let mantissa = f((offset & 0x007f_ffff).cast_unsigned().wrapping_add(SQRT_HALF));
    let k = (exponent - if subnormal { 23 } else { 0 }) as f32;
    let t = mantissa - 1.0;
    let square = t * t;
    let tail = (square * t) * horner(t, LOG);
    let tail = k.mul_add(f(LN2_LOW), tail);
    let tail = square.mul_add(-0.5, tail);
    let sum = k.mul_add(f(LN2_HIGH), t + tail);
    let sum = if x == f32::INFINITY { x } else { sum };
    let sum = if x == 0.0 { f32::NEG_INFINITY } else { sum };
    if x < 0.0 || x.is_nan() { f32::NAN } else { sum }
}

const TANH_SMALL: u32 = 0x3f20_0000;
const TANH: [u32; 5] = [0xbeaa_aa99, 0x3e08_8393, 0xbd5c_1e2e, 0x3ca9_1351, 0xbbba_f0f2];

/// The hyperbolic tangent.
#[inline(always)]
#[must_use]
pub fn tanh(x: f32) -> f32 {
    let magnitude = x.abs();
    let square = magnitude * magnitude;
    let small = (square * magnitude).mul_add(horner(square, TANH), magnitude);
    let large = 1.0 - 2.0 / (exp(magnitude + magnitude) + 1.0);
    let value = if magnitude < f(TANH_SMALL) { small } else { large };
    let value = f(value.to_bits() | (x.to_bits() & 0x8000_0000));
    if x.is_nan() { x } else { value }
}

/// 3.95: from about 3.92 upwards the result rounds to 1.
const ERF_ONE: u32 = 0x407c_cccd;
const ERF_SMALL: [u32; 7] =
    [0x3e03_75d4, 0xbec0_939f, 0x3de7_167c, 0xbcdb_fc87, 0x3baa_02da, 0xba51_fb88, 0x38a4_b52f];
const ERF_LARGE: [u32; 7] =
    [0x3f90_790e, 0x3f22_8d5d, 0x3dda_2cdd, 0xbcc4_b0cd, 0x3b76_4028, 0xb9b7_d001, 0x376a_416b];

/// The error function.
#[inline(always)]
#[must_use]
pub fn erf(x: f32) -> f32 {
    let magnitude = x.abs();
    let square = x * x;
    let small = x.mul_add(horner(square, ERF_SMALL), x);
    // erfc(t) = exp(-t * Q(t)) for 1 <= t
    let clamped = if magnitude > f(ERF_ONE) { f(ERF_ONE) } else { magnitude };
    let large = 1.0 - exp(-(clamped * horner(clamped, ERF_LARGE)));
    let large = f(large.to_bits() | (x.to_bits() & 0x8000_0000));
    let value = if magnitude < 1.0 { small } else { large };
    if x.is_nan() { x } else { value }
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
#[must_use]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `x / (1 + e^-x)`.
#[inline(always)]
#[must_use]
pub fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

const SQRT_HALF_NEAREST: u32 = 0x3f35_04f3;
const SQRT_2_OVER_PI: u32 = 0x3f4c_422a;
const GELU_CUBIC: u32 = 0x3d37_2713;

/// `x/2 * (1 + erf(x / sqrt 2))`, called `gelu` in checkpoints.
#[inline(always)]
#[must_use]
pub fn gelu(x: f32) -> f32 {
    (0.5 * x) * (1.0 + erf(x * f(SQRT_HALF_NEAREST)))
}

/// `x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))`, called `gelu_pytorch_tanh` or `gelu_new` in checkpoints.
#[inline(always)]
#[must_use]
pub fn gelu_tanh(x: f32) -> f32 {
    let cubic = ((x * x) * x).mul_add(f(GELU_CUBIC), x);
    (0.5 * x) * (1.0 + tanh(f(SQRT_2_OVER_PI) * cubic))
}

const QUICK_GELU: u32 = 0x3fd9_db23; // 1.702

/// `x / (1 + e^-(1.702 x))`, called `quick_gelu` in checkpoints.
#[inline(always)]
#[must_use]
pub fn quick_gelu(x: f32) -> f32 {
    x / (1.0 + exp(-(f(QUICK_GELU) * x)))
}

/// The larger of two numbers: `b` if `b > a`, else `a`. So a NaN in `b` is dropped, and of two zeros the first stays.
#[inline(always)]
#[must_use]
pub fn maximum(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}
