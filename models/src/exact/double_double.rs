//! Numbers as unevaluated sums of two f64, about 106 bits, for tables that are correctly rounded to f32.
//!
//! Only IEEE-754 basic operations and `fma`, so every machine gets the same tables. With errors near 2^-95 the chance
//! that a table entry lies too close to a rounding boundary is about 2^-70; the vectors, made with 200 bits by an
//! independent program, confirm the entries that models use. Algorithms: Dekker 1971, Knuth TAOCP 2 §4.2.2, as
//! collected in Hida, Li and Bailey 2001, "Algorithms for quad-double precision floating point arithmetic".

use std::ops::{Add, Div, Mul, Neg, Sub};

/// `high + low`, where `|low|` is at most half a unit in the last place of `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DoubleDouble {
    high: f64,
    low: f64,
}

const ZERO: DoubleDouble = DoubleDouble { high: 0.0, low: 0.0 };
const ONE: DoubleDouble = DoubleDouble { high: 1.0, low: 0.0 };

/// pi/2 in three parts, 159 bits.
const HALF_PI: [u64; 3] = [0x3ff9_21fb_5444_2d18, 0x3c91_a626_3314_5c07, 0xb91f_1976_b7ed_8fbc];
const TWO_OVER_PI: u64 = 0x3fe4_5f30_6dc9_c883;
const LN_2: u64 = 0x3fe6_2e42_fefa_39ef;

impl From<f64> for DoubleDouble {
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

impl DoubleDouble {
    /// The exact product of two f64.
    #[must_use]
    pub fn product(a: f64, b: f64) -> Self {
        let high = a * b;
        Self { high, low: a.mul_add(b, -high) }
    }

    fn two_sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let part = high - a;
        Self { high, low: (a - (high - part)) + (b - part) }
    }

    fn quick_two_sum(a: f64, b: f64) -> Self {
        let high = a + b;
        Self { high, low: b - (high - a) }
    }

    /// Divides by an f64.
    #[must_use]
    pub fn divided_by(self, divisor: f64) -> Self {
        let first = self.high / divisor;
        let rest = self - Self::product(first, divisor);
        Self::quick_two_sum(first, rest.high / divisor)
    }

    /// e^x for |x| < 64: Taylor at x / 256, squared eight times.
    #[must_use]
    pub fn exp(self) -> Self {
        let r = Self { high: self.high / 256.0, low: self.low / 256.0 };
        let mut sum = ONE;
        for n in (1..=24).rev() {
            sum = ONE + (r * sum).divided_by(f64::from(n));
        }
        for _ in 0..8 {
            sum = sum * sum;
        }
        sum
    }

    /// The natural logarithm of a positive normal f64: Newton's iteration on `exp`, seven doublings of precision.
    #[must_use]
    pub fn log(x: f64) -> Self {
        let exponent = (x.to_bits() >> 52) as i32 - 1023;
        let mut y = Self::from(f64::from(exponent) * f64::from_bits(LN_2));
        for _ in 0..8 {
            y = y + (Self::from(x) * (-y).exp() - ONE);
        }
        y
    }

    /// Sine and cosine of an f64 with |x| < 2^30.
    #[must_use]
    pub fn sin_cos(x: f64) -> (Self, Self) {
        let quarter_turns = (x * f64::from_bits(TWO_OVER_PI)).round_ties_even();
        let r = HALF_PI
            .into_iter()
            .fold(Self::from(x), |r, part| r - Self::product(quarter_turns, f64::from_bits(part)));
        r.taylor_sin_cos().turned((quarter_turns as i64).rem_euclid(4))
    }

    /// Sine and cosine of `part / whole` of a turn; exact at whole quarters.
    ///
    /// # Panics
    /// At 2^20 parts.
    #[must_use]
    pub fn sin_cos_of_turn(part: usize, whole: usize) -> (Self, Self) {
        assert!(whole > 0 && whole < 1 << 20);
        // In quarters of `whole` parts each; then an eighth of a turn at most to either side of the nearest one.
        let parts = 4 * (part % whole);
        let quarters = (2 * parts + whole) / (2 * whole);
        let rest = parts as f64 - (quarters * whole) as f64;
        let angle = |half_pi: u64| Self::product(rest, f64::from_bits(half_pi));
        let r = (angle(HALF_PI[0]) + angle(HALF_PI[1])).divided_by(whole as f64);
        r.taylor_sin_cos().turned(quarters as i64 % 4)
    }

    /// For at most an eighth of a turn.
    fn taylor_sin_cos(self) -> SinCos {
        let square = self * self;
        let (mut sin, mut cos) = (ONE, ONE);
        for n in (1..=15).rev() {
            let (even, odd) = (f64::from(2 * n), f64::from(2 * n + 1));
            sin = ONE - (square * sin).divided_by(even * odd);
            cos = ONE - (square * cos).divided_by((even - 1.0) * even);
        }
        SinCos(self * sin, cos)
    }

    /// The nearest f32, ties to even, of the whole sum: rounded to odd in f64 first, so that the second rounding is
    /// the only one (Boldo and Melquiond 2008).
    #[must_use]
    pub fn to_f32(self) -> f32 {
        let bits = self.high.to_bits();
        let odd = if self.low == 0.0 {
            bits
        } else if (self.low > 0.0) == (self.high > 0.0) {
            bits | 1
        } else {
            (bits - 1) | 1
        };
        f64::from_bits(odd) as f32
    }
}

/// Sine and cosine.
struct SinCos(DoubleDouble, DoubleDouble);

impl SinCos {
    /// A number of quarter turns on, below four.
    fn turned(self, quarters: i64) -> (DoubleDouble, DoubleDouble) {
        let Self(sin, cos) = self;
        match quarters {
            0 => (sin, cos),
            1 => (cos, -sin),
            2 => (-sin, -cos),
            _ => (-cos, sin),
        }
    }
}

impl Div for DoubleDouble {
    type Output = Self;

    /// Long division: three digits of an f64 each.
    fn div(self, divisor: Self) -> Self {
        let digit = |rest: Self| rest.high / divisor.high;
        let first = digit(self);
        let rest = self - divisor * Self::from(first);
        let second = digit(rest);
        let rest = rest - divisor * Self::from(second);
        Self::quick_two_sum(first, second) + Self::from(digit(rest))
    }
}

impl Add for DoubleDouble {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let high = Self::two_sum(self.high, other.high);
        let low = Self::two_sum(self.low, other.low);
        let sum = Self::quick_two_sum(high.high, high.low + low.high);
        Self::quick_two_sum(sum.high, sum.low + low.low)
    }
}

impl Sub for DoubleDouble {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Neg for DoubleDouble {
    type Output = Self;

    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Mul for DoubleDouble {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        if self == ZERO || other == ZERO {
            return ZERO;
        }
        let product = Self::product(self.high, other.high);
        let cross = self.high.mul_add(other.low, self.low * other.high);
        Self::quick_two_sum(product.high, product.low + cross)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_and_exponential_are_inverse_to_ninety_bits() {
        for x in [2.0, 10_000.0, 500_000.0, 1e6, 1.5] {
            let back = DoubleDouble::log(x).exp() - DoubleDouble::from(x);
            assert!(back.high.abs() < x * 2.0_f64.powi(-90), "{x}: {back:?}");
        }
    }

    #[test]
    fn sine_and_cosine_lie_on_the_circle_and_match_the_library() {
        for i in 0..4000_i32 {
            let x = f64::from(i) * 32.77;
            let (sin, cos) = DoubleDouble::sin_cos(x);
            let radius = sin * sin + cos * cos - ONE;
            assert!(radius.high.abs() < 2.0_f64.powi(-95), "{x}: {radius:?}");
            assert!(
                (sin.high - libm::sin(x)).abs() < 1e-15 && (cos.high - libm::cos(x)).abs() < 1e-15,
                "{x}"
            );
        }
    }

    #[test]
    fn parts_of_a_turn_are_those_of_the_library_and_exact_at_quarters() {
        for part in 0..800 {
            let (sin, cos) = DoubleDouble::sin_cos_of_turn(part, 400);
            let (expected_sin, expected_cos) = libm::sincos(part as f64 / 200.0 * std::f64::consts::PI);
            assert!(
                (sin.high - expected_sin).abs() < 4e-15 && (cos.high - expected_cos).abs() < 4e-15,
                "{part}"
            );
            let radius = sin * sin + cos * cos - ONE;
            assert!(radius.high.abs() < 2.0_f64.powi(-95), "{part}: {radius:?}");
        }
        assert_eq!(DoubleDouble::sin_cos_of_turn(300, 400), (-ONE, DoubleDouble::from(0.0)));
    }

    #[test]
    fn a_quotient_times_its_divisor_is_the_dividend() {
        let (a, b) = (DoubleDouble::log(5.0), DoubleDouble::log(3.0));
        let gap = a / b * b - a;
        assert!(gap.high.abs() < 2.0_f64.powi(-98), "{gap:?}");
    }

    #[test]
    fn rounding_to_f32_sees_the_low_part() {
        let tie = 1.0 + 2.0_f64.powi(-24);
        let just = |low: f64| DoubleDouble { high: tie, low }.to_f32().to_bits();
        assert_eq!(just(0.0), 0x3f80_0000);
        assert_eq!(just(1e-30), 0x3f80_0001);
        assert_eq!(just(-1e-30), 0x3f80_0000);
    }
}
