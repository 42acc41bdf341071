//! How weights of eight bits lie in memory: panels of 32 outputs, block by block of 32 `k`.
//!
//! ```text
//! panel 0:  k = 0..32: | k = 0..4: output 0, output 1, .. 31 | k = 4..8: ... | k = 28..32 | 32 scales |   1152 bytes
//!           k = 32..64: ...
//! panel 1:  ...
//! ```
//! So one output's weights for four `k` are one word, as instructions want them, and a panel is one stream from memory. The last panel
//! is filled up with zero outputs, the last block with zeros.

use rayon::prelude::*;

use super::panel::PANEL;
use super::quantise::{GROUP, Q8_BLOCK, Q8Block};
use super::vector::Vector;
use super::vector::bytes::{ByteVector, STORED_ABOVE, StoredGroups};

/// Blocks that a thread packs at a time.
const BLOCKS_A_TASK: usize = 16;

/// The weights of a panel's outputs for one block of `k`.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct ByteBlock {
    /// Four `k` after four `k`, sixteen outputs after sixteen.
    groups: [[StoredGroups; 2]; Q8_BLOCK / GROUP],
    scales: [[f32; 16]; 2],
}

impl ByteBlock {
    const ZERO: Self =
        Self { groups: [[[[STORED_ABOVE as u8; GROUP]; 16]; 2]; Q8_BLOCK / GROUP], scales: [[0.0; 16]; 2] };

    fn set(&mut self, output: usize, block: &Q8Block) {
        self.scales[output / 16][output % 16] = block.scale;
        let (quads, _) = block.integers.as_chunks::<GROUP>();
        for (groups, integers) in self.groups.iter_mut().zip(quads) {
            groups[output / 16][output % 16] =
                integers.map(|integer| (i32::from(integer) + STORED_ABOVE) as u8);
        }
    }

    /// The number that one weight stands for.
    pub(crate) fn value(&self, output: usize, k: usize) -> f32 {
        let stored = self.groups[k / GROUP][output / 16][output % 16][k % GROUP];
        (i32::from(stored) - STORED_ABOVE) as f32 * self.scales[output / 16][output % 16]
    }

    /// Four `k` of sixteen outputs.
    #[inline(always)]
    pub(crate) fn weights<B: ByteVector>(&self, group: usize, half: usize) -> B::Weights {
        B::weights(&self.groups[group][half])
    }

    /// The scales of sixteen outputs.
    #[inline(always)]
    pub(crate) fn scales<V: Vector>(&self, half: usize) -> V {
        V::load(&self.scales[half])
    }
}

/// Weights by output, `None` for a zero output, quantised, `[panel][block]`.
pub(crate) fn pack(outputs: &[Option<&[f32]>], in_features: usize) -> Vec<ByteBlock> {
    let blocks = in_features.div_ceil(Q8_BLOCK);
    let block = |place: usize| {
        let (panel, first) = (place / blocks, place % blocks * Q8_BLOCK);
        let k = first..in_features.min(first + Q8_BLOCK);
        let mut block = ByteBlock::ZERO;
        for (output, weights) in outputs[panel * PANEL..].iter().take(PANEL).enumerate() {
            if let Some(weights) = weights {
                block.set(output, &Q8Block::of_part(&weights[k.clone()]));
            }
        }
        block
    };
    let count = outputs.len().div_ceil(PANEL) * blocks;
    (0..count).into_par_iter().with_min_len(BLOCKS_A_TASK).map(block).collect()
}
