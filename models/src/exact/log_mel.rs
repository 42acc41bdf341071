//! Logarithms of the energy in each band of hearing, frame by frame (`EXACT.md`, section 14).

use rayon::prelude::*;

use super::blocks::Blocks;
use super::fourier::{fourier_table, hann_window};
use super::function::{log, maximum};
use super::isa::{Isa, Kernel};
use super::linear::PackedLinear;
use super::mel::mel_filters;
use super::precision::Precision;
use super::vector::Vector;

/// Samples of a frame.
pub const FRAME: usize = 400;
/// Samples from one frame to the next.
pub const HOP: usize = 160;
/// Frequencies of a frame's transform.
pub const FREQUENCIES: usize = FRAME / 2 + 1;

/// The least energy, 1e-10.
pub const FLOOR: f32 = f32::from_bits(0x2edb_e6ff);
/// 1 / ln 10.
const LOG10_E: f32 = f32::from_bits(0x3ede_5bd9);
/// How far below the loudest anything may lie, in powers of ten.
pub const RANGE: f32 = 8.0;

/// The transform and the filters, packed.
#[derive(Clone, Debug)]
pub struct LogMel {
    window: Vec<f32>,
    fourier: PackedLinear,
    filters: PackedLinear,
    isa: Isa,
}

impl LogMel {
    /// For so many bands.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn new(bands: usize, isa: Isa) -> Self {
        // Tables are no weights: they are binary32 in every precision.
        let packed = |table: &[f32], inputs| PackedLinear::new(table, None, inputs, Precision::F32, isa);
        Self {
            window: hann_window(FRAME),
            fourier: packed(&fourier_table(FRAME), FRAME),
            filters: packed(&mel_filters(bands), FREQUENCIES),
            isa,
        }
    }

    /// The bands of a waveform at 16 kHz, frame by frame: `(samples / 160, bands)`.
    ///
    /// # Panics
    /// When there are 200 samples or fewer.
    #[must_use]
    pub fn forward(&self, waveform: &[f32]) -> Vec<f32> {
        let frames = waveform.len() / HOP;
        let mut blocks = Blocks::default().resized(frames, FRAME);
        blocks.fill(|frame, mut row| {
            let samples = frame_samples(waveform, frame).zip(&self.window);
            let windowed: Vec<f32> = samples.map(|(sample, weight)| sample * weight).collect();
            row.copy_from(&windowed);
        });
        let mut spectrum = Vec::new();
        self.fourier.forward(&blocks, &mut spectrum);
        let mut blocks = blocks.resized(frames, FREQUENCIES);
        blocks.fill(|frame, row| {
            let spectrum = &spectrum[frame * 2 * FREQUENCIES..][..2 * FREQUENCIES];
            let (re, im) = spectrum.split_at(FREQUENCIES);
            let power: Vec<f32> = re.iter().zip(im).map(|(re, im)| im.mul_add(*im, re * re)).collect();
            let mut row = row;
            row.copy_from(&power);
        });
        let mut bands = Vec::new();
        self.filters.forward(&blocks, &mut bands);
        bands.par_chunks_mut(4096).for_each(|energies| self.isa.run(Log10 { energies }));
        let largest = bands.iter().fold(f32::NEG_INFINITY, |largest, band| maximum(largest, *band));
        let least = largest - RANGE;
        bands.iter_mut().for_each(|band| *band = (maximum(*band, least) + 4.0) / 4.0);
        bands
    }
}

/// The samples of a frame, whose middle is `frame * 160`; the waveform is mirrored at its first and last samples, which are not
/// repeated.
///
/// # Panics
/// When there are 200 samples or fewer.
pub fn frame_samples(waveform: &[f32], frame: usize) -> impl Iterator<Item = f32> {
    let (padding, last) = (FRAME / 2, waveform.len() - 1);
    assert!(padding <= last);
    (frame * HOP..frame * HOP + FRAME).map(move |at| {
        let place = at.abs_diff(padding);
        waveform[if place > last { 2 * last - place } else { place }]
    })
}

struct Log10<'a> {
    energies: &'a mut [f32],
}

impl Kernel for Log10<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        for energy in self.energies {
            *energy = log(maximum(*energy, FLOOR)) * LOG10_E;
        }
    }
}
