//! Random numbers that are the same on each platform.
//!
//! What is made of the words of [`Draws`] takes basic operations of f64, and the logarithm, exponential and cosine of libm (Rust, basic
//! operations only).

use std::f64::consts::TAU;

use crate::Digest;
use crate::draws::Draws;

/// 2^-53
const STEP: f64 = f64::EPSILON / 2.0;

/// A machine of an operator of a fleet: what all its random numbers begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Of the fleet.
    pub(super) seed: u64,
    /// Among the operators of the fleet.
    pub(super) operator: u32,
    /// Among the machines of the operator.
    pub(super) machine: u32,
}

impl Origin {
    /// The operator's first machine.
    pub(super) fn first(seed: u64, operator: u32) -> Self {
        Self { seed, operator, machine: 0 }
    }

    /// Numbers for one purpose, of which there may be several.
    pub(super) fn random(self, purpose: &str, place: usize) -> Random {
        let Self { seed, operator, machine } = self;
        Random::of(purpose, &[seed, operator.into(), machine.into(), place as u64])
    }
}

/// A stream of random numbers.
pub(super) struct Random(Draws);

impl Random {
    /// The stream of a purpose; each purpose has a fixed number of fields.
    pub(super) fn of(purpose: &str, fields: &[u64]) -> Self {
        let bytes: Vec<u8> = fields.iter().flat_map(|field| field.to_le_bytes()).collect();
        let key = Digest::of_fields("proofmark/synthetic/1", &[purpose.as_bytes(), &bytes]);
        Self(Draws::keyed(key))
    }

    /// 32 random bytes.
    pub(super) fn digest(&mut self) -> Digest {
        let mut bytes = [0; 32];
        for word in bytes.as_chunks_mut::<8>().0 {
            *word = self.0.word().to_le_bytes();
        }
        Digest(bytes)
    }

    /// Uniform in `(0, 1]`.
    pub(super) fn uniform(&mut self) -> f64 {
        // Exact: both are multiples of it, and no more than 1.
        self.0.unit() + STEP
    }

    /// Whether something happens that does so with this probability.
    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.uniform() <= probability
    }

    /// Uniform below `count`, which is far below 2^64; 0 below nothing.
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.0.below(count)
    }

    /// Standard normal, by Box and Muller (1958).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(self.uniform())).sqrt();
        radius * libm::cos(TAU * self.uniform())
    }

    /// A factor around 1 whose logarithm is normal with this standard deviation.
    pub(super) fn factor(&mut self, spread: f64) -> f64 {
        libm::exp(spread * self.normal())
    }

    /// One of `items`, by their shares in whatever unit; `None` of nothing.
    pub(super) fn weighted<'a, T>(&mut self, items: &'a [T], share: impl Fn(&T) -> u32) -> Option<&'a T> {
        let all = items.iter().map(|item| share(item) as usize).sum();
        let mut left = self.below(all);
        items.iter().find(|item| match left.checked_sub(share(item) as usize) {
            Some(behind) => {
                left = behind;
                false
            }
            None => true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: usize = 100_000;

    fn mean(values: impl Iterator<Item = f64>) -> f64 {
        values.sum::<f64>() / COUNT as f64
    }

    /// Words by an implementation of ChaCha in Python. Normal numbers are those of libm, which nowhere differ; by Python's `math` (glibc)
    /// the last bit of two of them is another.
    #[test]
    fn words_and_numbers_are_those_of_other_platforms() {
        let random = || Random::of("platforms", &[1, 2]);
        let mut words = random();
        let expected = [0x952c_2eba_678e_b4f9, 0xfdee_3793_1ca0_fde4, 0x31c8_e143_a03e_28ce];
        assert_eq!([words.0.word(), words.0.word(), words.0.word()], expected);
        let mut numbers = random();
        let expected = [0x3ff0_9b7c_dbbf_0597, 0x3ffc_dad6_83bd_6df4, 0x3ff1_21e9_6fb2_4911];
        assert_eq!([numbers.normal(), numbers.normal(), numbers.normal()].map(f64::to_bits), expected);
    }

    #[test]
    fn normal_numbers_have_their_moments() {
        let mut random = Random::of("moments", &[]);
        let values: Vec<f64> = (0..COUNT).map(|_| random.normal()).collect();
        // Four standard deviations of each: sqrt(1 / n), sqrt(2 / n), sqrt(96 / n).
        assert!(mean(values.iter().copied()).abs() < 0.0127);
        assert!((mean(values.iter().map(|value| value.powi(2))) - 1.0).abs() < 0.0179);
        assert!((mean(values.iter().map(|value| value.powi(4))) - 3.0).abs() < 0.124);
    }

    #[test]
    fn items_come_as_often_as_their_shares_say() {
        let mut random = Random::of("shares", &[]);
        let mut counts = [0; 4];
        for _ in 0..COUNT {
            counts[*random.weighted(&[0, 1, 2, 3], |item| [1, 0, 3, 6][*item]).unwrap()] += 1;
        }
        for (count, share) in counts.into_iter().zip([0.1, 0.0, 0.3, 0.6]) {
            let deviation = (share * (1.0 - share) * COUNT as f64).sqrt();
            assert!((f64::from(count) - share * COUNT as f64).abs() <= 4.0 * deviation, "{counts:?}");
        }
        assert_eq!(random.weighted(&[0; 0], |_| 1), None);
    }

    #[test]
    fn machines_and_purposes_have_streams_of_their_own() {
        let first = Origin::first(1, 2);
        let others =
            [Origin { seed: 2, ..first }, Origin { operator: 3, ..first }, Origin { machine: 1, ..first }];
        let word = |origin: Origin| origin.random("a", 0).0.word();
        assert_eq!(word(first), word(first));
        assert!(others.into_iter().all(|other| word(other) != word(first)));
        assert_ne!(first.random("b", 0).0.word(), word(first));
        assert_ne!(first.random("a", 1).0.word(), word(first));
    }
}
