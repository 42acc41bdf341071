//! Random numbers from a seed, the same on each platform: words of a ChaCha stream with 8 rounds (nonce zero, counter from
//! zero), read as little-endian u64.

use chacha20::cipher::{KeyIvInit, StreamCipher};
use chacha20::{ChaCha8, Key, Nonce};

use crate::Digest;

/// Words that are made at once.
const WORDS: usize = 64;
/// 2^-53
const STEP: f64 = f64::EPSILON / 2.0;

/// A stream of random numbers.
pub(crate) struct Draws {
    stream: ChaCha8,
    bytes: [u8; 8 * WORDS],
    used: usize,
}

impl Draws {
    /// The stream for one purpose and one seed.
    #[must_use]
    pub(crate) fn new(purpose: &str, seed: u64) -> Self {
        Self::keyed(Digest::of_fields(purpose, &[&seed.to_le_bytes()]))
    }

    /// The stream of a key.
    #[must_use]
    pub(crate) fn keyed(key: Digest) -> Self {
        let stream = ChaCha8::new(&Key::from(key.0), &Nonce::default());
        Self { stream, bytes: [0; 8 * WORDS], used: WORDS }
    }

    /// Uniform in [0, 1), in steps of 2^-53.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 * STEP
    }

    /// Uniform below `count`, to 2^-64 of a part; 0 if there is nothing below.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let product = u128::from(self.word()) * count as u128;
        (product >> 64) as usize
    }

    /// Uniform among all of 64 bits.
    pub(crate) fn word(&mut self) -> u64 {
        if self.used == WORDS {
            self.bytes.fill(0);
            self.stream.apply_keystream(&mut self.bytes);
            self.used = 0;
        }
        let (words, _) = self.bytes.as_chunks::<8>();
        let word = u64::from_le_bytes(words[self.used]);
        self.used += 1;
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_uniform_and_follow_from_purpose_and_seed() {
        let counted = |purpose, seed| {
            let mut draws = Draws::new(purpose, seed);
            let mut counts = [0_u32; 10];
            for _ in 0..100_000 {
                counts[draws.below(10)] += 1;
            }
            let mean = (0..100_000).map(|_| draws.unit()).sum::<f64>() / 100_000.0;
            (counts, mean)
        };
        let (counts, mean) = counted("test", 1);
        // Five standard deviations.
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 475), "{counts:?}");
        assert!((mean - 0.5).abs() < 0.0046, "{mean}");
        assert_eq!(counted("test", 1), (counts, mean));
        assert_ne!(counted("test", 2).0, counts);
        assert_ne!(counted("other", 1).0, counts);
    }
}
