use super::WhisperConfig;
use crate::decoder::{LogitRows, Logits};
use crate::exact::attention::Visibility;
use crate::layers::{
    AttentionDims, CrossAttention, Embedding, Hidden, LayerCache, Linear, Memory, Mlp, Norm, Operand,
    PreNormShape, ProjectionScopes, SelfAttention, Use, Workspace,
};
use crate::weights::Scope;
use crate::{Error, Numerics, Result};

/// From tokens, and what was heard, to logits.
#[derive(Debug)]
pub(super) struct Decoder {
    embed_tokens: Embedding,
    embed_positions: Embedding,
    layers: Vec<DecoderLayer>,
    layer_norm: Norm,
    proj_out: Linear,
    dims: AttentionDims,
    numerics: Numerics,
}

/// What was heard, keys and values of the tokens so far, and the memory of a call.
#[derive(Debug)]
pub(super) struct DecoderCache {
    layers: Vec<(LayerCache, Memory)>,
    workspace: Workspace,
    batch: usize,
    capacity: usize,
    length: usize,
}

#[derive(Debug)]
struct DecoderLayer {
    self_attn_layer_norm: Norm,
    self_attn: SelfAttention,
    encoder_attn_layer_norm: Norm,
    encoder_attn: CrossAttention,
    final_layer_norm: Norm,
    mlp: Mlp,
}

impl Decoder {
    pub(super) fn load(scope: &Scope<'_>, config: &WhisperConfig, numerics: Numerics) -> Result<Self> {
        let (hidden, shape) = (config.d_model, config.decoder());
        let table =
            |name: &str, count, usage| Embedding::load(&scope.child(name), count, hidden, usage, numerics);
        let embed_tokens = table("embed_tokens", config.vocab_size, Use::Tied)?;
        let layers = (0..shape.layers)
            .map(|layer| DecoderLayer::load(&scope.child("layers").child(layer), &shape, numerics));
        Ok(Self {
            proj_out: Linear::tied(&embed_tokens)?,
            embed_tokens,
            embed_positions: table("embed_positions", config.max_target_positions, Use::LookUp)?,
            layers: layers.collect::<Result<_>>()?,
            layer_norm: Norm::load_layer(&scope.child("layer_norm"), hidden, shape.eps, numerics)?,
            dims: shape.dims,
            numerics,
        })
    }

    /// No tokens yet, and room for `capacity`, behind what was heard: `(batch, positions, d_model)`.
    pub(super) fn cache(
        &self,
        heard: Hidden,
        capacity: usize,
        mut workspace: Workspace,
    ) -> Result<DecoderCache> {
        let (batch, ..) = heard.dims();
        let operand: Operand = heard.operand(&mut workspace);
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let own = LayerCache::growing(self.dims, batch, capacity, self.numerics)?;
            layers.push((own, layer.encoder_attn.remember(&operand, &mut workspace)?));
        }
        workspace.keep(operand);
        Ok(DecoderCache { layers, workspace, batch, capacity, length: 0 })
    }

    /// Runs the cache's sequences by equally many tokens each, given one sequence after another in `ids`.
    pub(super) fn forward(&self, ids: &[u32], cache: &mut DecoderCache, rows: LogitRows) -> Result<Logits> {
        let seq = ids.len().checked_div(cache.batch).unwrap_or(0);
        if seq == 0 || ids.len() != cache.batch * seq || cache.length + seq > cache.capacity {
            let (count, batch) = (ids.len(), cache.batch);
            let (length, capacity) = (cache.length, cache.capacity);
            let fact = format!("{count} ids in {batch} sequences of {length}, room for {capacity}");
            return Err(Error::InvalidInput(fact));
        }
        let first_row = match rows {
            LogitRows::All => 0,
            LogitRows::Last => seq - 1,
            LogitRows::From(first) => first,
        };
        let visibility = Visibility::Causal { first: cache.length };
        let positions: Vec<u32> = (cache.length as u32..(cache.length + seq) as u32).collect();
        let workspace = &mut cache.workspace;
        let x = self.embed_tokens.forward(ids, cache.batch)?;
        let mut x = self.embed_positions.add_to(&positions, x)?;
        for (layer, (own, heard)) in self.layers.iter().zip(&mut cache.layers) {
            x = layer.forward(x, &visibility, own, heard, workspace)?;
        }
        cache.length += seq;
        let normed = self.layer_norm.operand(&x.tokens_from(first_row)?, workspace)?;
        let logits = self.proj_out.forward(&normed)?;
        workspace.keep(normed);
        let dims = logits.dims();
        Ok(Logits { values: logits.into_values()?, dims })
    }
}

impl DecoderLayer {
    fn load(scope: &Scope<'_>, shape: &PreNormShape, numerics: Numerics) -> Result<Self> {
        let PreNormShape { dims, biases, intermediate, activation, eps, .. } = *shape;
        let norm = |name: &str| Norm::load_layer(&scope.child(name), dims.hidden, eps, numerics);
        let scopes = |name: &str| projections(&scope.child(name));
        let (up, down) = (scope.child("fc1"), scope.child("fc2"));
        Ok(Self {
            self_attn_layer_norm: norm("self_attn_layer_norm")?,
            self_attn: SelfAttention::load(&scopes("self_attn"), dims, biases, numerics)?,
            encoder_attn_layer_norm: norm("encoder_attn_layer_norm")?,
            encoder_attn: CrossAttention::load(&scopes("encoder_attn"), dims, biases, numerics)?,
            final_layer_norm: norm("final_layer_norm")?,
            mlp: Mlp::load((&up, &down), dims.hidden, intermediate, activation, numerics)?,
        })
    }

    /// `z + mlp(norm(z))` with `z = y + heard(norm(y))` and `y = x + attention(norm(x))`
    fn forward(
        &self,
        x: Hidden,
        visibility: &Visibility,
        own: &mut LayerCache,
        heard: &Memory,
        workspace: &mut Workspace,
    ) -> Result<Hidden> {
        let normed = self.self_attn_layer_norm.operand(&x, workspace)?;
        let y = self.self_attn.add_to(normed, x, None, visibility, own, workspace)?;
        let normed = self.encoder_attn_layer_norm.operand(&y, workspace)?;
        let z = self.encoder_attn.add_to(normed, y, heard, workspace)?;
        let normed = self.final_layer_norm.operand(&z, workspace)?;
        self.mlp.add_to(normed, z, workspace)
    }
}

/// Where the projections of an attention lie.
pub(super) fn projections<'a>(scope: &Scope<'a>) -> ProjectionScopes<'a> {
    ProjectionScopes {
        query: scope.child("q_proj"),
        key: scope.child("k_proj"),
        value: scope.child("v_proj"),
        output: scope.child("out_proj"),
    }
}
