//! Row sums in 16 lanes (`EXACT.md`, section 3).

use super::LANES;

/// A row sum under way: each lane has taken its elements so far.
#[derive(Clone, Copy)]
pub(crate) struct Lanes([f32; LANES]);

impl Lanes {
    /// Nothing taken yet.
    pub(crate) const ZERO: Self = Self([0.0; LANES]);

    /// Takes `values`, of which the first belongs to lane `first mod 16`, through `accumulate(lane, element)`.
    #[inline(always)]
    pub(crate) fn take(&mut self, values: &[f32], first: usize, accumulate: impl Fn(f32, f32) -> f32) {
        let Self(lanes) = self;
        // Up to a multiple of 16 one by one, then whole groups, in which lane and offset agree.
        let lead = ((LANES - first % LANES) % LANES).min(values.len());
        let (head, aligned) = values.split_at(lead);
        for (index, &value) in head.iter().enumerate() {
            let lane = &mut lanes[(first + index) % LANES];
            *lane = accumulate(*lane, value);
        }
        let (groups, tail) = aligned.as_chunks::<LANES>();
        for group in groups {
            for (lane, &value) in lanes.iter_mut().zip(group) {
                *lane = accumulate(*lane, value);
            }
        }
        for (lane, &value) in lanes.iter_mut().zip(tail) {
            *lane = accumulate(*lane, value);
        }
    }

    /// The lanes folded 8, 4, 2, 1.
    #[inline(always)]
    pub(crate) fn fold(self) -> f32 {
        let Self(mut lanes) = self;
        let mut width = LANES / 2;
        while width > 0 {
            for lane in 0..width {
                lanes[lane] += lanes[lane + width];
            }
            width /= 2;
        }
        lanes[0]
    }
}

/// The row sum of `values`, of which the first belongs to lane `first mod 16`, through `accumulate(lane, element)`.
#[inline(always)]
pub(crate) fn lane_sum(values: &[f32], first: usize, accumulate: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = Lanes::ZERO;
    lanes.take(values, first, accumulate);
    lanes.fold()
}

/// The row sum of `values`, of which the first stands at position `first`.
#[inline(always)]
#[must_use]
pub fn sum(values: &[f32], first: usize) -> f32 {
    lane_sum(values, first, |lane, x| lane + x)
}

/// The row sum of squares, each by one `fma`.
#[inline(always)]
#[must_use]
pub fn sum_of_squares(values: &[f32]) -> f32 {
    lane_sum(values, 0, |lane, x| x.mul_add(x, lane))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, element by element.
    fn lane_sum_reference(values: &[f32], first: usize) -> f32 {
        let mut lanes = [0.0_f32; LANES];
        for (index, value) in values.iter().enumerate() {
            lanes[(first + index) % LANES] += value;
        }
        let a: Vec<f32> = (0..8).map(|i| lanes[i] + lanes[i + 8]).collect();
        let b: Vec<f32> = (0..4).map(|i| a[i] + a[i + 4]).collect();
        (b[0] + b[2]) + (b[1] + b[3])
    }

    #[test]
    fn any_length_and_first_position_follow_the_definition() {
        let values: Vec<f32> = (0..100).map(|i| 1.0 / (i as f32 + 0.3) - 0.2).collect();
        for first in 0..40 {
            for length in 0..values.len() {
                let expected = lane_sum_reference(&values[..length], first);
                assert_eq!(sum(&values[..length], first).to_bits(), expected.to_bits(), "{first} {length}");
            }
        }
    }
}
