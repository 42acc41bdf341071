//! The decoder of candle-transformers, with weights made up as they are asked for.

use std::hint::black_box;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::{SimpleBackend, VarBuilder};
use candle_transformers::models::llama::{Cache, Llama, LlamaConfig};
use serde_json::Value;

use crate::candle_linear::dtype;
use crate::decoder::Decoder;
use crate::request::Precision;
use crate::{pseudo_random, smollm2};

pub(crate) struct CandleLlama {
    model: Llama,
    /// Its rotary tables cost more than a step, so each sequence begins with a copy.
    empty_cache: Cache,
    sequence: Option<Sequence>,
}

struct Sequence {
    cache: Cache,
    length: usize,
}

impl CandleLlama {
    pub(crate) fn load(precision: Precision) -> Result<Self> {
        let config: LlamaConfig = serde_json::from_value(Value::Object(smollm2::config()?))?;
        let config = config.into_config(false);
        let dtype = dtype(precision);
        let weights = VarBuilder::from_backend(Box::new(MadeUpWeights), dtype, Device::Cpu);
        let model = Llama::load(weights, &config)?;
        let empty_cache = Cache::new(true, dtype, &config, &Device::Cpu)?;
        Ok(Self { model, empty_cache, sequence: None })
    }

    fn forward(&mut self, ids: &[u32]) -> Result<()> {
        let Sequence { cache, length } = self.sequence.as_mut().context("a step without a start")?;
        let ids = Tensor::new(ids, &Device::Cpu)?.unsqueeze(0)?;
        black_box(self.model.forward(&ids, *length, cache)?);
        *length += ids.elem_count();
        Ok(())
    }
}

impl Decoder for CandleLlama {
    fn start(&mut self, prompt: &[u32], _capacity: usize) -> Result<()> {
        self.sequence = Some(Sequence { cache: self.empty_cache.clone(), length: 0 });
        self.forward(prompt)
    }

    fn step(&mut self, id: u32) -> Result<()> {
        self.forward(&[id])
    }
}

/// Any tensor, of any name and shape: matrices around 0, scales of norms 1.
struct MadeUpWeights;

impl SimpleBackend for MadeUpWeights {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: candle_nn::Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        if shape.rank() == 1 {
            return Tensor::ones(shape, dtype, device);
        }
        let seed = name.bytes().fold(1_u64, |seed, byte| seed.wrapping_mul(257).wrapping_add(byte.into()));
        let values = pseudo_random::uniform(seed, shape.elem_count(), 0.035);
        Tensor::from_vec(values, shape, device)?.to_dtype(dtype)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("no shape for `{name}`")
    }

    fn contains_tensor(&self, _name: &str) -> bool {
        true
    }
}
