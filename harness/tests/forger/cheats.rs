//! Models that are cheaper than those they are passed off as.

use std::sync::Arc;

use proofmark::cell::model::Model;
use proofmark_models::weights::{Init, Synthetic, Weights};
use proofmark_models::{Numerics, Precision};
use proofmark_workloads::{self as workloads, Workload};

/// Weights that share a scale in the 4-bit format.
const GROUP: usize = 32;

/// What is computed instead of a workload's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cheat {
    /// Nothing else: the model itself.
    Honest,
    /// Each group of 32 weights as 4-bit integers and a scale, as common runtimes store them.
    FourBitWeights,
    /// As that with 8 bits.
    EightBitWeights,
    /// All in bf16.
    Bf16,
    /// The last layer left out.
    DroppedLayer,
    /// Half of the layers.
    SmallerModel,
}

impl Cheat {
    pub(crate) const ALL: [Self; 6] = [
        Self::Honest,
        Self::FourBitWeights,
        Self::EightBitWeights,
        Self::Bf16,
        Self::DroppedLayer,
        Self::SmallerModel,
    ];

    /// As a table says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::FourBitWeights => "4-bit weights",
            Self::EightBitWeights => "8-bit weights",
            Self::Bf16 => "bf16 for f32",
            Self::DroppedLayer => "a layer dropped",
            Self::SmallerModel => "half of the layers",
        }
    }

    /// Whether it is another computation than the workload's own.
    pub(crate) fn applies_to(self, workload: &Workload) -> bool {
        match self {
            Self::Bf16 => workload.precision == "f32",
            Self::EightBitWeights => workload.precision != "q8",
            _ => true,
        }
    }

    /// What answers in the model's place.
    pub(crate) fn model(self, workload: &Workload) -> anyhow::Result<Model> {
        let numerics = match workload.numerics {
            workloads::Numerics::Exact1 | workloads::Numerics::ExactQ8 => {
                Numerics::Exact(proofmark_models::exact::isa::Isa::detect())
            }
            workloads::Numerics::Native => Numerics::Native,
        };
        let precision: Precision = workload.precision.parse()?;
        let seed = workload.model.weights.seed().expect("a suite with synthetic weights");
        let synthetic = Synthetic::new(seed);
        let rounded = |bits: u32| {
            Weights::custom(precision, move |name, shape, init| {
                let mut values = synthetic.generate(name, shape.iter().product(), init);
                if init == Init::Matrix {
                    values.chunks_mut(GROUP).for_each(|group| round_group(group, bits));
                }
                Ok(values)
            })
        };
        let genuine = Weights::synthetic(seed, precision);
        match self {
            Self::Honest => Model::of(workload, &genuine, numerics),
            Self::FourBitWeights => Model::of(workload, &rounded(4), numerics),
            Self::EightBitWeights => Model::of(workload, &rounded(8), numerics),
            Self::Bf16 => {
                let bf16 = Weights::synthetic(seed, Precision::Bf16);
                Model::of(&Workload { precision: "bf16".to_owned(), ..workload.clone() }, &bf16, numerics)
            }
            Self::DroppedLayer => Model::of(&with_layers(workload, |layers| layers - 1), &genuine, numerics),
            Self::SmallerModel => Model::of(&with_layers(workload, |layers| layers / 2), &genuine, numerics),
        }
    }
}

/// The workload on a model of other depth, whose layers have the same weights.
fn with_layers(workload: &Workload, change: impl Fn(u64) -> u64) -> Workload {
    let mut model = workloads::Model::clone(&workload.model);
    let layers = model.config["num_hidden_layers"].as_u64().unwrap_or(1);
    model.config.insert("num_hidden_layers".to_owned(), change(layers).into());
    Workload { model: Arc::new(model), ..workload.clone() }
}

/// The nearest multiples of a scale that the group's largest weight fixes.
fn round_group(group: &mut [f32], bits: u32) {
    let largest = group.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let steps = (1_u32 << (bits - 1)) as f32 - 1.0;
    let scale = (largest / steps).max(f32::MIN_POSITIVE);
    group.iter_mut().for_each(|value| *value = (*value / scale).round() * scale);
}
