//! Integrals from 0 to 1 of polynomials of any degree, with a bound of the error.
//!
//! Gauss and Legendre's rule of 16 points is exact up to degree 31. For a function that is analytic and at most M in absolute value
//! inside the Bernstein ellipse with parameter rho > 1 around an interval of half-width r, its Chebyshev coefficients fall
//! like 2 M rho^-k; the rule is exact for those below 2 POINTS, is off by at most 2 + 2 / (k^2 - 1) for each even one above, and
//! by nothing for odd ones, so the error is at most `r (64 / 15) M rho^(-2 POINTS) / (1 - rho^-2)` (Trefethen, *Approximation
//! Theory and Approximation Practice*, chapter 19). Intervals are halved until that is small enough.

/// Of the rule on each interval.
const POINTS: usize = 16;
/// Ellipses that are tried for the bound.
const RHO: [f64; 6] = [1.5, 2.0, 3.0, 4.0, 6.0, 9.0];
/// Intervals are no narrower than this, whatever the bound says.
const NARROWEST: f64 = 1e-12;
/// As many intervals as one may expect; each has this part of the tolerance.
const INTERVALS: f64 = 64.0;

/// Points with their weights, and how far the sum over them may be from the integral.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Between 0 and 1.
    pub points: Vec<(f64, f64)>,
    /// Absolute, for every function within the bound.
    pub error: f64,
}

/// The part of the complex plane in which a function is bounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// No real part is less.
    pub least_real: f64,
    /// No modulus is greater.
    pub greatest_modulus: f64,
}

/// A rule for polynomials of this degree that are, in absolute value, at most `bound` of each region; off by about `tolerance` at most.
#[must_use]
pub fn rule(degree: usize, bound: impl Fn(Region) -> f64, tolerance: f64) -> Rule {
    let gauss = gauss_legendre();
    let mut rule = Rule { points: Vec::new(), error: 0.0 };
    let allowed = tolerance / INTERVALS;
    let mut open = vec![(0.0_f64, 1.0_f64)];
    while let Some((from, to)) = open.pop() {
        let (centre, half) = (from.midpoint(to), (to - from) / 2.0);
        // What is so small on the interval itself is left out.
        let left_out = bound(Region { least_real: from, greatest_modulus: to }) * (to - from);
        if left_out <= allowed {
            rule.error += left_out;
            continue;
        }
        let error = if degree < 2 * POINTS { 0.0 } else { error(centre, half, &bound) };
        if error <= allowed || half < NARROWEST {
            rule.points.extend(gauss.iter().map(|(point, weight)| (centre + half * point, half * weight)));
            rule.error += error;
        } else {
            open.extend([(centre, to), (from, centre)]);
        }
    }
    rule
}

fn error(centre: f64, half: f64, bound: impl Fn(Region) -> f64) -> f64 {
    let of = |rho: &f64| {
        let reach = half * (rho + 1.0 / rho) / 2.0;
        let region = Region { least_real: centre - reach, greatest_modulus: centre + reach };
        let falls = rho.powi(-2 * POINTS as i32) / (1.0 - 1.0 / (rho * rho));
        half * 64.0 / 15.0 * bound(region) * falls
    };
    RHO.iter().map(of).fold(f64::INFINITY, f64::min)
}

/// Points and weights on -1 to 1: roots of the Legendre polynomial, by Newton's method.
fn gauss_legendre() -> [(f64, f64); POINTS] {
    std::array::from_fn(|index| {
        let mut point = -(std::f64::consts::PI * (index as f64 + 0.75) / (POINTS as f64 + 0.5)).cos();
        let mut slope = 0.0;
        for _ in 0..8 {
            let value;
            (value, slope) = legendre(point);
            point -= value / slope;
        }
        (point, 2.0 / ((1.0 - point * point) * slope * slope))
    })
}

/// The Legendre polynomial of degree [`POINTS`] and its derivative.
fn legendre(x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for degree in 2..=POINTS {
        let degree = degree as f64;
        (before, value) = (value, ((2.0 * degree - 1.0) * x * value - (degree - 1.0) * before) / degree);
    }
    (value, POINTS as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integral(rule: &Rule, function: impl Fn(f64) -> f64) -> f64 {
        rule.points.iter().map(|(point, weight)| weight * function(*point)).sum()
    }

    #[test]
    fn powers_up_to_degree_31_are_integrated_by_16_points() {
        for degree in 0..32 {
            let rule = rule(degree, |region| region.greatest_modulus.powi(degree as i32), 1e-15);
            assert_eq!((rule.points.len(), rule.error), (POINTS, 0.0), "{degree}");
            let expected = 1.0 / (degree as f64 + 1.0);
            assert!((integral(&rule, |x| x.powi(degree as i32)) - expected).abs() < 1e-15, "{degree}");
        }
    }

    #[test]
    fn high_powers_are_integrated_within_the_stated_error() {
        for degree in [40_usize, 100, 1000, 100_000] {
            let bound = |region: Region| {
                // (1 - z)^n
                let reach = 1.0 - region.least_real;
                (reach.max(0.0).powi(2) + region.greatest_modulus.powi(2))
                    .sqrt()
                    .max(reach)
                    .powi(degree as i32)
            };
            let rule = rule(degree, bound, 1e-13 / degree as f64);
            let expected = 1.0 / (degree as f64 + 1.0);
            let off = (integral(&rule, |x| (1.0 - x).powi(degree as i32)) - expected).abs();
            assert!(off <= rule.error + 2e-16 * degree as f64 * expected, "{degree}: {off}, {}", rule.error);
        }
    }
}
