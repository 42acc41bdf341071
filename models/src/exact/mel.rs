//! Triangular filters on the mel scale, correctly rounded to f32 (`EXACT.md`, section 14).
//!
//! The scale and the equal areas of the filters are those of Slaney, "Auditory Toolbox", 1998: linear below 1000 Hz, above it 27
//! steps for a factor of 6.4.

use super::double_double::DoubleDouble;
use super::function::maximum;

/// Hertz from one frequency of a transform of 400 samples at 16 kHz to the next.
const HERTZ: usize = 40;
/// Where the last filter ends.
const END_HERTZ: f64 = 8000.0;

/// The weights of the frequencies `40 k` Hz for `k <= 200` in each of `count` filters between 0 and 8000 Hz: `(count, 201)`.
///
/// # Panics
/// When `count` is zero.
#[must_use]
pub fn mel_filters(count: usize) -> Vec<f32> {
    assert!(count > 0);
    let corners: Vec<DoubleDouble> = (0..count + 2).map(|index| corner(index, count + 1)).collect();
    let filter = |corners: &[DoubleDouble]| {
        let [low, middle, high] = [corners[0], corners[1], corners[2]];
        let weight = move |k: usize| {
            let hertz = DoubleDouble::from((HERTZ * k) as f64);
            let part = smaller((hertz - low) / (middle - low), (high - hertz) / (high - middle));
            let weight = (part + part) / (high - low);
            maximum(0.0, weight.to_f32())
        };
        (0..=END_HERTZ as usize / HERTZ).map(weight).collect::<Vec<f32>>()
    };
    corners.windows(3).flat_map(filter).collect()
}

/// Hertz of the corner `index` of `last`, evenly on the mel scale; the ends are exact.
fn corner(index: usize, last: usize) -> DoubleDouble {
    if index == last {
        return DoubleDouble::from(END_HERTZ);
    }
    // ln 8 and ln 6.4 = ln 32 - ln 5; 15 mels are 1000 Hz.
    let octaves = |count: f64| DoubleDouble::log(2.0) * DoubleDouble::from(count);
    let (log_8, log_step) = (octaves(3.0), octaves(5.0) - DoubleDouble::log(5.0));
    let end = DoubleDouble::from(15.0) + DoubleDouble::from(27.0) * log_8 / log_step;
    let mels = (end * DoubleDouble::from(index as f64)).divided_by(last as f64);
    let beyond = mels - DoubleDouble::from(15.0);
    if is_positive(beyond) {
        DoubleDouble::from(1000.0) * (beyond * log_step).divided_by(27.0).exp()
    } else {
        (mels * DoubleDouble::from(200.0)).divided_by(3.0)
    }
}

fn smaller(a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    if is_positive(a - b) { b } else { a }
}

fn is_positive(x: DoubleDouble) -> bool {
    x.to_f32() > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_rise_and_fall_once_and_have_an_area_of_about_one() {
        for count in [1, 80, 128] {
            for (index, filter) in mel_filters(count).chunks_exact(201).enumerate() {
                let peak = (0..201).max_by(|a, b| filter[*a].total_cmp(&filter[*b])).unwrap();
                assert!(
                    filter[..=peak].is_sorted() && filter[peak..].iter().rev().is_sorted(),
                    "{count} {index}"
                );
                let area: f32 = filter.iter().map(|weight| weight * HERTZ as f32).sum();
                assert!(count == 128 || (area - 1.0).abs() < 0.35, "{count} {index}: {area}");
            }
        }
        assert_eq!(mel_filters(80)[80 * 201 - 1].to_bits(), 0);
    }
}
