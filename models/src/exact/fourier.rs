//! Tables of the discrete Fourier transform and its window, correctly rounded to f32 (`EXACT.md`, section 14).

use super::double_double::DoubleDouble;

/// The periodic Hann window: `(1 - cos(2 pi n / length)) / 2` for `n < length`.
///
/// # Panics
/// When `length` is zero, or 2^20 or more.
#[must_use]
pub fn hann_window(length: usize) -> Vec<f32> {
    let entry = |n| {
        let (_, cos) = DoubleDouble::sin_cos_of_turn(n, length);
        (DoubleDouble::from(1.0) - cos).divided_by(2.0).to_f32()
    };
    (0..length).map(entry).collect()
}

/// What real samples are multiplied by: for each frequency up to half of `length` the cosines, then for each the sines:
/// `(2 * (length / 2 + 1), length)`.
///
/// # Panics
/// When `length` is zero, or 2^20 or more.
#[must_use]
pub fn fourier_table(length: usize) -> Vec<f32> {
    let turn: Vec<(f32, f32)> = (0..length)
        .map(|part| {
            let (sin, cos) = DoubleDouble::sin_cos_of_turn(part, length);
            // The number zero is +0, also where it came out as the negative of one.
            (cos.to_f32() + 0.0, sin.to_f32() + 0.0)
        })
        .collect();
    let places = || (0..=length / 2).flat_map(|k| (0..length).map(move |n| n * k % length));
    let cosines = places().map(|place| turn[place].0);
    cosines.chain(places().map(|place| turn[place].1)).collect()
}
