//! Weights as the kernels read them (`models/kernels/weights.cuh`):
//!
//! ```text
//! [panel of 32 outputs][packet of 16 bytes][output]
//! ```
//! Outputs that a panel lacks are zeros.

use half::{bf16, f16};
use rayon::prelude::*;

use super::kernels::{PANEL, packed_bytes};
use crate::exact::precision::Precision;
use crate::exact::quantise::{Q8_BLOCK, Q8Block};

const PACKET: usize = 16;

/// Packs `outputs`, rows of `width` numbers; bytes of integers, and for eight bits their scales: `[panel][block][output]`.
pub(super) fn pack(outputs: &[&[f32]], width: usize, precision: Precision) -> (Vec<u8>, Vec<f32>) {
    match precision {
        Precision::F32 => (numbers(outputs, width, precision, |x| x.to_le_bytes()), Vec::new()),
        Precision::Bf16 => {
            (numbers(outputs, width, precision, |x| bf16::from_f32(x).to_le_bytes()), Vec::new())
        }
        Precision::F16 => {
            (numbers(outputs, width, precision, |x| f16::from_f32(x).to_le_bytes()), Vec::new())
        }
        Precision::Q8 => integers(outputs, width),
    }
}

fn numbers<const BYTES: usize>(
    outputs: &[&[f32]],
    width: usize,
    precision: Precision,
    bytes: impl Fn(f32) -> [u8; BYTES] + Sync,
) -> Vec<u8> {
    let mut packed = vec![0; packed_bytes(outputs.len(), width, precision)];
    let panel_bytes = (width * BYTES).next_multiple_of(PACKET) * PANEL;
    packed.par_chunks_mut(panel_bytes).zip(outputs.par_chunks(PANEL)).for_each(|(panel, outputs)| {
        for (place, output) in outputs.iter().enumerate() {
            for (packet, numbers) in output.chunks(PACKET / BYTES).enumerate() {
                let slots = panel[(packet * PANEL + place) * PACKET..].chunks_exact_mut(BYTES);
                slots.zip(numbers).for_each(|(slot, number)| slot.copy_from_slice(&bytes(*number)));
            }
        }
    });
    packed
}

fn integers(outputs: &[&[f32]], width: usize) -> (Vec<u8>, Vec<f32>) {
    let blocks = width.div_ceil(Q8_BLOCK);
    let mut packed = vec![0; packed_bytes(outputs.len(), width, Precision::Q8)];
    let mut scales = vec![0.0; outputs.len().next_multiple_of(PANEL) * blocks];
    let panels = packed.par_chunks_mut(blocks * Q8_BLOCK * PANEL).zip(scales.par_chunks_mut(blocks * PANEL));
    panels.zip(outputs.par_chunks(PANEL)).for_each(|((panel, scales), outputs)| {
        for (place, output) in outputs.iter().enumerate() {
            for (block, numbers) in output.chunks(Q8_BLOCK).enumerate() {
                let Q8Block { scale, integers } = Q8Block::of_part(numbers);
                scales[block * PANEL + place] = scale;
                for (half, integers) in integers.chunks_exact(PACKET).enumerate() {
                    let slots = &mut panel[((2 * block + half) * PANEL + place) * PACKET..][..PACKET];
                    slots
                        .iter_mut()
                        .zip(integers)
                        .for_each(|(slot, integer)| *slot = integer.cast_unsigned());
                }
            }
        }
    });
    (packed, scales)
}
