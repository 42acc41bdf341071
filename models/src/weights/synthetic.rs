//! Weights from a seed (`EXACT.md`, section 10): one ChaCha8 stream a tensor, keyed by the tensor's name.

use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use chacha20::{ChaCha8, Key, Nonce};
use rayon::prelude::*;

use super::Init;
use crate::framed_hash::FramedHash;

/// sqrt(3) * 0.02, nearest f32: half the width of a uniform distribution with standard deviation 0.02.
const MATRIX_BOUND: f32 = f32::from_bits(0x3d0d_e3bd);
const BIAS_BOUND: f32 = f32::from_bits(0x3ca3_d70a); // 0.02
const SCALE_BOUND: f32 = f32::from_bits(0x3dcc_cccd); // 0.1
const LOGIT_SCALE: f32 = f32::from_bits(0x402a_3055); // 2.6592
/// 2^-23
const STEP: f32 = f32::from_bits(0x3400_0000);
/// Values a task.
const TASK: usize = 1 << 18;

/// A generator of tensors.
#[derive(Clone, Copy, Debug)]
pub struct Synthetic {
    seed: u64,
}

impl Synthetic {
    /// The generator of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The `count` values of the tensor `name`, row-major.
    #[must_use]
    pub fn generate(&self, name: &str, count: usize, init: Init) -> Vec<f32> {
        let seed = self.seed.to_le_bytes();
        let key = FramedHash::new("proofmark/synthetic/1").field(&seed).field(name.as_bytes()).finish();
        let mut values = vec![0.0; count];
        values.par_chunks_mut(TASK).enumerate().for_each(|(task, values)| {
            let mut stream = ChaCha8::new(&Key::from(key), &Nonce::default());
            stream.seek((task * TASK * 4) as u64);
            let mut bytes = vec![0; values.len() * 4];
            stream.apply_keystream(&mut bytes);
            let (words, _) = bytes.as_chunks::<4>();
            for (value, word) in values.iter_mut().zip(words) {
                *value = sample(u32::from_le_bytes(*word), init);
            }
        });
        values
    }
}

/// One value: the word's upper 24 bits as `v` in `[-1, 1)`, exactly, then one rounding.
fn sample(word: u32, init: Init) -> f32 {
    let v = ((word >> 8).cast_signed() - (1 << 23)) as f32 * STEP;
    match init {
        Init::Matrix => v * MATRIX_BOUND,
        Init::Bias => v * BIAS_BOUND,
        Init::Scale => v.mul_add(SCALE_BOUND, 1.0),
        Init::ScaleOffset => v * SCALE_BOUND,
        Init::LogitScale => LOGIT_SCALE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_join_without_a_seam() {
        let all = Synthetic::new(7).generate("w", TASK + 100, Init::Matrix);
        let start = Synthetic::new(7).generate("w", 50, Init::Matrix);
        assert_eq!(all[..50], start[..]);
        assert_ne!(all[..100], all[TASK..]);
    }

    #[test]
    fn moments_are_those_of_the_distribution() {
        let values = Synthetic::new(1).generate("w", 100_000, Init::Matrix);
        let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / 1e5;
        let std = (values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 1e5).sqrt();
        assert!(mean.abs() < 3e-4 && (std - 0.02).abs() < 2e-4, "mean {mean}, standard deviation {std}");
    }

    #[test]
    fn names_and_seeds_give_different_tensors() {
        let tensor = |seed, name| Synthetic::new(seed).generate(name, 8, Init::Bias);
        assert_ne!(tensor(1, "a"), tensor(1, "b"));
        assert_ne!(tensor(1, "a"), tensor(2, "a"));
    }
}
