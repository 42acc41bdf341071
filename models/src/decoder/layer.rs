use super::spec::{DecoderSpec, FeedForward, HeadNorming, LayerSpec, NormPlaces};
use crate::exact::attention::Visibility;
use crate::layers::{
    Experts, GatedMlp, HeadNorms, Hidden, LayerCache, Norm, Operand, Part, ProjectionScopes, RotaryEmbedding,
    SelfAttention, Workspace,
};
use crate::weights::Scope;
use crate::{Numerics, Result};

/// Attention and feed-forward part, each with its norms.
#[derive(Debug)]
pub(super) struct DecoderLayer {
    self_attn: SelfAttention,
    mlp: FeedForwardLayer,
    norms: Norms,
}

#[derive(Debug)]
enum FeedForwardLayer {
    Gated(GatedMlp),
    Experts(Experts),
}

/// By their names in checkpoints, which mean another place in each arrangement.
#[derive(Debug)]
enum Norms {
    Before {
        input_layernorm: Norm,
        post_attention_layernorm: Norm,
    },
    BeforeAndAfter {
        input_layernorm: Norm,
        post_attention_layernorm: Norm,
        pre_feedforward_layernorm: Norm,
        post_feedforward_layernorm: Norm,
    },
}

impl DecoderLayer {
    pub(super) fn load(
        scope: &Scope<'_>,
        spec: &DecoderSpec,
        layer: LayerSpec,
        numerics: Numerics,
    ) -> Result<Self> {
        let dims = spec.attention;
        let norm = |scope: &Scope<'_>, name: &str, width: usize| {
            Norm::load_rms(&scope.child(name), width, spec.norm_scale, spec.rms_norm_eps, numerics)
        };
        let attn = scope.child("self_attn");
        let scopes = ProjectionScopes {
            query: attn.child("q_proj"),
            key: attn.child("k_proj"),
            value: attn.child("v_proj"),
            output: attn.child("o_proj"),
        };
        let head_norms = match spec.head_norms {
            HeadNorming::Absent => None,
            HeadNorming::Present => Some(HeadNorms {
                q_norm: norm(&attn, "q_norm", dims.head_dim)?,
                k_norm: norm(&attn, "k_norm", dims.head_dim)?,
            }),
        };
        let self_attn = SelfAttention::load(&scopes, dims, spec.biases, numerics)?
            .with_head_norms(head_norms)
            .with_score_scale(spec.score_scale);
        let (mlp, activation) = (scope.child("mlp"), spec.activation);
        let mlp = match layer.feed_forward {
            FeedForward::Gated { intermediate, bias } => FeedForwardLayer::Gated(GatedMlp::load(
                &mlp,
                dims.hidden,
                intermediate,
                activation,
                bias,
                numerics,
            )?),
            FeedForward::Experts { dims, weights } => {
                FeedForwardLayer::Experts(Experts::load(&mlp, dims, weights, activation, numerics)?)
            }
        };
        let norm = |name: &str| norm(scope, name, dims.hidden);
        let (input_layernorm, post_attention_layernorm) =
            (norm("input_layernorm")?, norm("post_attention_layernorm")?);
        let norms = match spec.norms {
            NormPlaces::Before => Norms::Before { input_layernorm, post_attention_layernorm },
            NormPlaces::BeforeAndAfter => Norms::BeforeAndAfter {
                input_layernorm,
                post_attention_layernorm,
                pre_feedforward_layernorm: norm("pre_feedforward_layernorm")?,
                post_feedforward_layernorm: norm("post_feedforward_layernorm")?,
            },
        };
        Ok(Self { self_attn, mlp, norms })
    }

    /// `y + mlp(norm(y))` with `y = x + attention(norm(x))`; or `y + norm(mlp(norm(y)))` with `y = x + norm(attention(norm(x)))`.
    pub(super) fn forward(
        &self,
        x: Hidden,
        rotary: &RotaryEmbedding,
        visibility: &Visibility,
        cache: &mut LayerCache,
        workspace: &mut Workspace,
    ) -> Result<Hidden> {
        let normed = |norm: &Norm, x: &Hidden, workspace: &mut Workspace| -> Result<Operand> {
            let normed = norm.operand(x, workspace)?;
            workspace.ended(Part::Norm);
            Ok(normed)
        };
        match &self.norms {
            Norms::Before { input_layernorm, post_attention_layernorm } => {
                let operand = normed(input_layernorm, &x, workspace)?;
                let y = self.self_attn.add_to(operand, x, Some(rotary), visibility, cache, workspace)?;
                let operand = normed(post_attention_layernorm, &y, workspace)?;
                self.mlp.add_to(operand, y, workspace)
            }
            Norms::BeforeAndAfter {
                input_layernorm,
                post_attention_layernorm,
                pre_feedforward_layernorm,
                post_feedforward_layernorm,
            } => {
                let operand = normed(input_layernorm, &x, workspace)?;
                let y = self.self_attn.forward(operand, Some(rotary), visibility, cache, workspace)?;
                let y = x.plus(&post_attention_layernorm.forward(y)?)?;
                let operand = normed(pre_feedforward_layernorm, &y, workspace)?;
                let z = self.mlp.forward(operand, workspace)?;
                y.plus(&post_feedforward_layernorm.forward(z)?)
            }
        }
    }
}

impl FeedForwardLayer {
    fn add_to(&self, x: Operand, residual: Hidden, workspace: &mut Workspace) -> Result<Hidden> {
        match self {
            Self::Gated(mlp) => mlp.add_to(x, residual, workspace),
            Self::Experts(_) => residual.plus(&self.forward(x, workspace)?),
        }
    }

    fn forward(&self, x: Operand, workspace: &mut Workspace) -> Result<Hidden> {
        match self {
            Self::Gated(mlp) => mlp.forward(x, workspace),
            Self::Experts(experts) => experts.forward(x, workspace),
        }
    }
}
