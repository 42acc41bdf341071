//! Everything that this package calls of proofmark-models.

use std::hint::black_box;

use anyhow::{Context, Result};
use proofmark_models::decoder::{Decoder as ExactDecoder, DecoderCache, DecoderSpec, LogitRows};
use proofmark_models::exact::blocks::Blocks;
use proofmark_models::exact::crew::with_crew;
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::linear::PackedLinear;
use proofmark_models::weights::Weights;
use proofmark_models::{Numerics, Precision as Format};

use crate::decoder::Decoder;
use crate::request::Precision;
use crate::{pseudo_random, smollm2};

/// The longest sequence that can be measured.
const POSITIONS: usize = 2048;

pub(crate) fn isa_name() -> String {
    Isa::detect().to_string()
}

/// One call is one product from rows to rows; packing is done before.
pub(crate) fn linear(
    m: usize,
    n: usize,
    k: usize,
    precision: Precision,
) -> impl FnMut() -> Result<()> + Send {
    let weight = pseudo_random::uniform(1, n * k, 0.02);
    let layer = PackedLinear::new(&weight, None, k, format(precision), Isa::detect());
    let x = pseudo_random::uniform(2, m * k, 1.0);
    let mut y = Vec::new();
    move || {
        // Bringing the rows into blocks belongs to it; in a model, norms and activations do that in passing.
        layer.forward(&Blocks::of_rows(black_box(&x), k), &mut y);
        black_box(&y);
        Ok(())
    }
}

/// Runs operators as a model does, with the threads of the pool awake; those of OpenMP stay awake by themselves.
pub(crate) fn in_a_pass<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    with_crew(run)
}

pub(crate) struct ExactLlama {
    model: ExactDecoder,
    cache: Option<DecoderCache>,
}

impl ExactLlama {
    pub(crate) fn load(precision: Precision) -> Result<Self> {
        let config = DecoderSpec::parse(&smollm2::config()?)?;
        let weights = Weights::synthetic(1, format(precision));
        let model = ExactDecoder::load(&config, &weights, POSITIONS, Numerics::Exact(Isa::detect()))?;
        Ok(Self { model, cache: None })
    }

    fn forward(&mut self, ids: &[u32]) -> Result<()> {
        let cache = self.cache.as_mut().context("a step without a start")?;
        black_box(self.model.forward(ids, cache, LogitRows::Last)?);
        Ok(())
    }
}

impl Decoder for ExactLlama {
    fn start(&mut self, prompt: &[u32], capacity: usize) -> Result<()> {
        self.cache = Some(self.model.cache(1, capacity));
        self.forward(prompt)
    }

    fn step(&mut self, id: u32) -> Result<()> {
        self.forward(&[id])
    }
}

fn format(precision: Precision) -> Format {
    match precision {
        Precision::F32 => Format::F32,
        Precision::Bf16 => Format::Bf16,
    }
}
