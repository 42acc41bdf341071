//! How weights lie in memory: panels of 32 outputs, for each `k` the weights of the panel's outputs together.
//!
//! ```text
//! panel 0:  k = 0: output 0..32 | k = 1: output 0..32 | ...        a row is 128 bytes (f32) or 64 (bf16, f16)
//! panel 1:  k = 0: output 32..64 | ...
//! f32, f16  outputs in order
//! bf16      sixteen words; the upper half of word i is output i, the lower half output i + 16, so that one mask and one
//!           shift widen them, on any instruction set
//! ```
//! The last panel is filled up with zero outputs, which are dropped; `k` is never padded.

use half::{bf16, f16};

use super::vector::Vector;

/// Outputs a panel: two AVX-512 registers, four AVX2 registers.
pub(crate) const PANEL: usize = 32;

/// The weights of a panel's outputs for one `k`, in one format.
pub(crate) trait PanelRow: Copy + Send + Sync {
    /// All weights +0.
    const ZERO: Self;

    /// Stores the weight of one output, which the format represents exactly.
    fn set(&mut self, output: usize, value: f32);

    /// The weight of one output.
    fn value(&self, output: usize) -> f32;

    /// Outputs 0 to 15, widened.
    fn first<V: Vector>(&self) -> V;

    /// Outputs 16 to 31, widened.
    fn second<V: Vector>(&self) -> V;
}

/// 32 binary32 numbers.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct F32Row([[f32; 16]; 2]);

/// 32 bfloat16 numbers in 16 words.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Bf16Row([u32; 16]);

/// 32 binary16 numbers.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct F16Row([[u16; 16]; 2]);

impl F32Row {
    /// Stores the weights of the first outputs.
    #[inline(always)]
    pub(crate) fn fill(&mut self, values: &[f32]) {
        self.0.as_flattened_mut()[..values.len()].copy_from_slice(values);
    }
}

impl PanelRow for F32Row {
    const ZERO: Self = Self([[0.0; 16]; 2]);

    #[inline(always)]
    fn set(&mut self, output: usize, value: f32) {
        self.0[output / 16][output % 16] = value;
    }

    #[inline(always)]
    fn value(&self, output: usize) -> f32 {
        self.0[output / 16][output % 16]
    }

    #[inline(always)]
    fn first<V: Vector>(&self) -> V {
        V::load(&self.0[0])
    }

    #[inline(always)]
    fn second<V: Vector>(&self) -> V {
        V::load(&self.0[1])
    }
}

impl PanelRow for Bf16Row {
    const ZERO: Self = Self([0; 16]);

    #[inline(always)]
    fn set(&mut self, output: usize, value: f32) {
        let bits = u32::from(bf16::from_f32(value).to_bits());
        let word = &mut self.0[output % 16];
        *word = if output < 16 { *word & 0xffff | bits << 16 } else { *word & 0xffff_0000 | bits };
    }

    #[inline(always)]
    fn value(&self, output: usize) -> f32 {
        let word = self.0[output % 16];
        f32::from_bits(if output < 16 { word & 0xffff_0000 } else { word << 16 })
    }

    #[inline(always)]
    fn first<V: Vector>(&self) -> V {
        V::widen_upper(&self.0)
    }

    #[inline(always)]
    fn second<V: Vector>(&self) -> V {
        V::widen_lower(&self.0)
    }
}

impl PanelRow for F16Row {
    const ZERO: Self = Self([[0; 16]; 2]);

    #[inline(always)]
    fn set(&mut self, output: usize, value: f32) {
        self.0[output / 16][output % 16] = f16::from_f32(value).to_bits();
    }

    #[inline(always)]
    fn value(&self, output: usize) -> f32 {
        f16::from_bits(self.0[output / 16][output % 16]).to_f32()
    }

    #[inline(always)]
    fn first<V: Vector>(&self) -> V {
        V::widen_f16(&self.0[0])
    }

    #[inline(always)]
    fn second<V: Vector>(&self) -> V {
        V::widen_f16(&self.0[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back<W: PanelRow>() {
        let mut row = W::ZERO;
        let values: Vec<f32> = (0..PANEL).map(|output| output as f32 - 9.5).collect();
        for (output, value) in values.iter().enumerate() {
            row.set(output, *value);
        }
        for (output, value) in values.iter().enumerate() {
            assert_eq!(row.value(output), *value);
        }
        // setting again replaces, also in a shared word
        row.set(3, 1.0);
        row.set(19, -2.0);
        assert_eq!((row.value(3), row.value(19), row.value(4)), (1.0, -2.0, -5.5));
    }

    #[test]
    fn each_format_gives_back_what_was_set() {
        read_back::<F32Row>();
        read_back::<Bf16Row>();
        read_back::<F16Row>();
    }
}
