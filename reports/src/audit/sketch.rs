//! What is kept of an output whose bits differ between machines: enough to tell its noise from another computation.
//!
//! An output is rows of numbers: the logits of a step of a sequence, the embedding of a text, the scores of a request. A sketch has the
//! [`KEPT`] largest numbers of each row with their places. It is in the manner of TOPLOC (arXiv 2501.16007), with the numbers themselves
//! instead of a polynomial through them, because a profile's sketches lie in a file of their own. Its digest stands in the profile as the
//! output digest, with layouts as in [`crate::chain`]:
//!
//! `H("proofmark/sketch/1", number of sequences, tokens of each sequence, places and values of each row)`: a field each, tokens (of a
//! generation) and places as 4 bytes a number, values as 8. No two sketches have the same fields, so a sketch cannot be cut up in another
//! way under its digest.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// Numbers of a row.
pub const KEPT: usize = 16;
/// Values are kept in units of 2^-20: finer than what the arithmetic of candle leaves of an f32 logit.
const UNITS: f64 = 1_048_576.0;
/// No number of a row is compared at a scale finer than this, in the same unit: a score may be close to 0.
const LEAST_SCALE: i64 = 1024;
/// Of a sketch that cannot be of this output.
pub const INCOMPARABLE_PPM: u64 = 1_000_000_000;

/// The largest numbers of each row of an output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sketch {
    /// Of a generation: `(batch, steps)`; else empty.
    pub tokens: Vec<Vec<u32>>,
    /// `(batch * steps)` rows of logits, `(batch)` embeddings, or one of scores.
    pub rows: Vec<SketchRow>,
}

/// The largest numbers of a row, descending; of equals the first in the row first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SketchRow {
    /// Their places in the row.
    pub places: Vec<u32>,
    /// Themselves, in units of 2^-20.
    pub values: Vec<i64>,
}

impl Sketch {
    /// Of `numbers` in rows of `width`.
    ///
    /// # Panics
    /// When `width` is 0 or a number is not finite.
    #[must_use]
    pub fn of(tokens: Vec<Vec<u32>>, numbers: &[f32], width: usize) -> Self {
        Self { tokens, rows: numbers.chunks(width).map(SketchRow::of).collect() }
    }

    /// What a profile has as output digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut fields = vec![(self.tokens.len() as u64).to_le_bytes().to_vec()];
        fields.extend(self.tokens.iter().map(|tokens| tokens.iter().flat_map(|t| t.to_le_bytes()).collect()));
        for SketchRow { places, values } in &self.rows {
            fields.push(places.iter().flat_map(|place| place.to_le_bytes()).collect());
            fields.push(values.iter().flat_map(|value| value.to_le_bytes()).collect());
        }
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        Digest::of_fields("proofmark/sketch/1", &fields)
    }

    /// How far this sketch is from that of `numbers` in rows of `width`, which another computation gave: the greatest distance of a row,
    /// in millionths of the row's size. [`INCOMPARABLE_PPM`] where it has another shape, or a token is not the largest logit's.
    #[must_use]
    pub fn distance_ppm(&self, numbers: &[f32], width: usize) -> u64 {
        let rows = numbers.chunks(width);
        let tokens = self.tokens.iter().flatten();
        let is_chosen = |(row, token): (&SketchRow, &u32)| row.places.first() == Some(token);
        let is_comparable = rows.len() == self.rows.len()
            && (self.tokens.is_empty() || tokens.clone().count() == self.rows.len())
            && self.rows.iter().zip(tokens).all(is_chosen);
        if !is_comparable {
            return INCOMPARABLE_PPM;
        }
        self.rows.iter().zip(rows).map(|(row, numbers)| row.distance_ppm(numbers)).max().unwrap_or(0)
    }
}

impl SketchRow {
    fn of(numbers: &[f32]) -> Self {
        let mut places: Vec<u32> = (0..numbers.len() as u32).collect();
        let number = |place: &u32| numbers[*place as usize];
        let descending = |a: &u32, b: &u32| number(b).total_cmp(&number(a)).then(a.cmp(b));
        if places.len() > KEPT {
            places.select_nth_unstable_by(KEPT, descending);
            places.truncate(KEPT);
        }
        places.sort_unstable_by(descending);
        let values = places.iter().map(|place| quantised(number(place))).collect();
        Self { places, values }
    }

    /// The root mean square difference but for a unit, as a share of the root mean square of the row's largest numbers: of the stated
    /// numbers from those that are in their places here, or, if that is more, from the largest ones here.
    fn distance_ppm(&self, numbers: &[f32]) -> u64 {
        let largest = Self::of(numbers);
        // First, so that no more is looked at than was to be kept.
        if !self.has_shape_of(&largest) {
            return INCOMPARABLE_PPM;
        }
        let in_place: Option<Vec<i64>> = self
            .places
            .iter()
            .map(|place| numbers.get(usize::try_from(*place).ok()?).map(|number| quantised(*number)))
            .collect();
        let descends = self.values.windows(2).all(|pair| pair[0] >= pair[1]);
        let differ = self.places.iter().enumerate().all(|(at, place)| !self.places[..at].contains(place));
        let Some(in_place) = in_place.filter(|_| descends && differ) else {
            return INCOMPARABLE_PPM;
        };
        let size = largest.values.iter().map(|value| square(*value).max(square(LEAST_SCALE)));
        let size: f64 = size.sum();
        let off = |others: &[i64]| -> f64 {
            let apart = self.values.iter().zip(others).map(|(a, b)| a.saturating_sub(*b).saturating_abs());
            // To which of two units a number is rounded, the least noise decides.
            apart.map(|units| square(units.saturating_sub(1).max(0))).sum()
        };
        let most = off(&in_place).max(off(&largest.values));
        (((most / size).sqrt() * 1e6).round() as u64).min(INCOMPARABLE_PPM)
    }

    fn has_shape_of(&self, other: &Self) -> bool {
        [self.places.len(), self.values.len()] == [other.places.len(), other.values.len()]
    }
}

fn square(value: i64) -> f64 {
    value as f64 * value as f64
}

fn quantised(number: f32) -> i64 {
    assert!(number.is_finite(), "a number that is not finite is never kept");
    (f64::from(number) * UNITS).round() as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows() -> impl Strategy<Value = Vec<f32>> {
        prop::collection::vec(-20.0_f32..20.0, 40..=40)
    }

    #[test]
    fn the_largest_numbers_are_kept_and_of_equals_the_first() {
        let mut numbers = vec![0.0; 30];
        (numbers[7], numbers[3], numbers[9]) = (2.0, 1.0, 2.0);
        let Sketch { rows, .. } = Sketch::of(Vec::new(), &numbers, 30);
        assert_eq!(rows[0].places[..4], [7, 9, 3, 0]);
        assert_eq!((rows[0].values[0], rows[0].values[3], rows[0].places.len()), (2 << 20, 0, KEPT));
        let narrow = Sketch::of(Vec::new(), &[3.0, 4.0], 2);
        assert_eq!(narrow.rows[0].places, [1, 0]);
    }

    #[test]
    fn what_cannot_be_of_the_output_is_incomparable() {
        let numbers: Vec<f32> = (0..60_u8).map(f32::from).collect();
        let honest = Sketch::of(vec![vec![29, 29]], &numbers, 30);
        assert_eq!(honest.distance_ppm(&numbers, 30), 0);
        type Change = fn(&mut Sketch);
        let changes: [Change; 8] = [
            |sketch| sketch.tokens[0][1] = 28,
            |sketch| sketch.tokens[0].truncate(1),
            |sketch| drop(sketch.rows.pop()),
            |sketch| sketch.rows[1].places.truncate(15),
            |sketch| sketch.rows[1].values.truncate(15),
            |sketch| sketch.rows[1].places[5] = 30,
            |sketch| sketch.rows[1].places[5] = sketch.rows[1].places[4],
            |sketch| sketch.rows[1].values.swap(4, 5),
        ];
        for change in changes {
            let mut changed = honest.clone();
            change(&mut changed);
            assert_eq!(changed.distance_ppm(&numbers, 30), INCOMPARABLE_PPM, "{changed:?}");
            assert_ne!(changed.digest(), honest.digest());
        }
    }

    /// Whoever edits the file of kept outputs would else accuse an honest operator.
    #[test]
    fn a_sketch_cut_up_in_another_way_has_another_digest() {
        let numbers: Vec<f32> = (0..60_u8).map(f32::from).collect();
        let honest = Sketch::of(vec![vec![29, 29]], &numbers, 30);
        type Change = fn(&mut Sketch);
        let changes: [Change; 4] = [
            |sketch| sketch.tokens = vec![vec![29], vec![29]],
            |sketch| {
                let place = sketch.rows[0].places.pop().unwrap();
                sketch.rows[1].places.insert(0, place);
            },
            |sketch| {
                let value = sketch.rows[0].values.pop().unwrap();
                sketch.rows[1].values.insert(0, value);
            },
            |sketch| sketch.rows.push(SketchRow { places: Vec::new(), values: Vec::new() }),
        ];
        for change in changes {
            let mut changed = honest.clone();
            change(&mut changed);
            assert_ne!(changed.digest(), honest.digest(), "{changed:?}");
        }
    }

    #[test]
    fn a_row_of_millions_of_numbers_is_refused_at_once() {
        let numbers: Vec<f32> = (0..30_u8).map(f32::from).collect();
        let mut sketch = Sketch::of(Vec::new(), &numbers, 30);
        sketch.rows[0].places = (0..5_000_000).collect();
        assert_eq!(sketch.distance_ppm(&numbers, 30), INCOMPARABLE_PPM);
    }

    #[test]
    fn the_digest_matches_the_independent_vector() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/audit.json")).unwrap();
        let vector = &vectors["sketch"];
        let sketch: Sketch = serde_json::from_value(vector["content"].clone()).unwrap();
        assert_eq!(vector["digest"], sketch.digest().to_string());
    }

    #[test]
    fn the_distance_is_the_share_that_was_added() {
        let numbers: Vec<f32> = (1..=16_u8).map(f32::from).collect();
        let larger: Vec<f32> = numbers.iter().map(|number| number * 1.25).collect();
        assert_eq!(Sketch::of(Vec::new(), &larger, 16).distance_ppm(&numbers, 16), 250_000);
        // One row of two counts alone.
        let both = [&numbers[..], &larger].concat();
        let honest = [&numbers[..], &numbers].concat();
        assert_eq!(Sketch::of(Vec::new(), &both, 16).distance_ppm(&honest, 16), 250_000);
    }

    /// An honest reranker of four documents was accused for it.
    #[test]
    fn a_unit_is_no_distance() {
        let numbers = [0.004_f32, 0.003, 0.002, 0.001];
        let rounded = numbers.map(|number| number + 2.0_f32.powi(-20));
        let distance = Sketch::of(Vec::new(), &rounded, 4).distance_ppm(&numbers, 4);
        assert_eq!(distance, 0);
        let other = numbers.map(|number| number * 1.01);
        assert!(Sketch::of(Vec::new(), &other, 4).distance_ppm(&numbers, 4) > 5_000);
    }

    #[test]
    fn extreme_claims_neither_overflow_nor_pass() {
        let numbers: Vec<f32> = (1..=16_u8).map(f32::from).collect();
        let mut sketch = Sketch::of(Vec::new(), &numbers, 16);
        sketch.rows[0].values = vec![i64::MAX; 16];
        assert_eq!(sketch.distance_ppm(&numbers, 16), INCOMPARABLE_PPM);
        sketch.rows[0].values = vec![i64::MIN; 16];
        assert_eq!(sketch.distance_ppm(&numbers, 16), INCOMPARABLE_PPM);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_sketch_is_at_no_distance_from_its_own_output(numbers in rows()) {
            let sketch = Sketch::of(Vec::new(), &numbers, 20);
            prop_assert_eq!(sketch.distance_ppm(&numbers, 20), 0);
        }

        #[test]
        fn small_noise_is_a_small_distance(numbers in rows(), noise in prop::collection::vec(-1e-3_f32..1e-3, 40..=40)) {
            let noisy: Vec<f32> = numbers.iter().zip(noise).map(|(number, noise)| number + noise).collect();
            let largest = numbers.iter().take(20).copied().fold(f32::MIN, f32::max);
            prop_assume!(largest > 10.0);
            let distance = Sketch::of(Vec::new(), &noisy[..20], 20).distance_ppm(&numbers[..20], 20);
            prop_assert!(distance < 2_000, "{distance}");
        }
    }
}
