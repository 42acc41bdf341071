//! Qwen3 with experts: `Qwen3MoeForCausalLM`.

use serde::Deserialize;
use serde_json::json;

use super::fields::DecoderFields;
use super::spec::{DecoderSpec, FeedForward, HeadNorming, LayerSpec};
use crate::config::{self, ConfigMap, require, require_present};
use crate::exact::routing::ExpertWeights;
use crate::layers::{Bias, ExpertDims};
use crate::{Error, Result};

/// Bound on the number of experts, far beyond any model.
const MAX_EXPERTS: usize = 1 << 12;

#[derive(Deserialize)]
struct ExpertFields {
    num_experts: usize,
    num_experts_per_tok: usize,
    moe_intermediate_size: usize,
    #[serde(default)]
    norm_topk_prob: bool,
    #[serde(default = "default_decoder_sparse_step")]
    decoder_sparse_step: usize,
    mlp_only_layers: Option<Vec<usize>>,
}

fn default_decoder_sparse_step() -> usize {
    1
}

pub(super) fn spec(map: &ConfigMap) -> Result<DecoderSpec> {
    require(map, "hidden_act", "silu", |value| value == "silu")?;
    require(map, "use_sliding_window", "false", |value| *value == json!(false))?;
    require_present(map, "num_key_value_heads")?;
    let experts: ExpertFields = config::parse(map)?;
    let ExpertFields { num_experts, num_experts_per_tok, moe_intermediate_size, .. } = experts;
    if !(1..=MAX_EXPERTS).contains(&num_experts)
        || !(1..=num_experts).contains(&num_experts_per_tok)
        || moe_intermediate_size == 0
        || experts.decoder_sparse_step == 0
    {
        let fact = format!(
            "num_experts {num_experts}, num_experts_per_tok {num_experts_per_tok}, moe_intermediate_size \
             {moe_intermediate_size}, decoder_sparse_step {}",
            experts.decoder_sparse_step
        );
        return Err(Error::InvalidConfig(fact));
    }
    let fields = DecoderFields::read(map)?;
    let sparse = FeedForward::Experts {
        dims: ExpertDims {
            hidden: fields.hidden_size,
            intermediate: moe_intermediate_size,
            experts: num_experts,
            chosen: num_experts_per_tok,
        },
        weights: if experts.norm_topk_prob { ExpertWeights::Normalised } else { ExpertWeights::AsRouted },
    };
    let dense = experts.mlp_only_layers.unwrap_or_default();
    let is_sparse =
        |layer: usize| !dense.contains(&layer) && (layer + 1).is_multiple_of(experts.decoder_sparse_step);
    let layer = |layer: usize| LayerSpec {
        window: None,
        rope: 0,
        feed_forward: if is_sparse(layer) { sparse } else { fields.gated(Bias::Absent) },
    };
    Ok(DecoderSpec {
        biases: fields.attention_biases(),
        head_norms: HeadNorming::Present,
        layers: (0..fields.num_hidden_layers).map(layer).collect(),
        ..fields.spec()
    })
}
