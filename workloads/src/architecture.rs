//! What a model's configuration says of sizes.
//!
//! Field names and defaults are those of transformers' `LlamaConfig` and `BertConfig`.

use serde_json::{Map, Value};

/// Bounds on each size and on the number of weights, far beyond any model, so that a product of three sizes fits 64 bits.
const MAX_SIZE: u64 = 1 << 20;
const MAX_LAYERS: u64 = 1 << 12;
const MAX_POSITIONS: u64 = 1 << 24;
const MAX_PARAMETERS: u64 = 1 << 44;

/// The network that a `config.json` describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// `llama`: causal, with grouped keys and a language-model head.
    Decoder(Decoder),
    /// `bert`: each token sees each other.
    Encoder(Encoder),
}

/// Sizes of a decoder of the Llama family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoder {
    /// `vocab_size`: rows of the embedding table, and of the head.
    pub vocab: u64,
    /// `hidden_size`: width of the residual stream.
    pub hidden: u64,
    /// `intermediate_size`: width of the feed-forward part.
    pub intermediate: u64,
    /// `num_hidden_layers`
    pub layers: u64,
    /// `num_attention_heads`: query heads.
    pub heads: u64,
    /// `num_key_value_heads`, or as many as query heads.
    pub kv_heads: u64,
    /// `head_dim`, or `hidden_size` by heads.
    pub head_dim: u64,
    /// `max_position_embeddings`: the longest sequence.
    pub positions: u64,
    /// `tie_word_embeddings`
    pub head: Head,
    /// `attention_bias`: of the four projections.
    pub attention_bias: Bias,
    /// `mlp_bias`: of the feed-forward part.
    pub mlp_bias: Bias,
}

/// Sizes of an encoder of the BERT family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoder {
    /// `vocab_size`: rows of the table of words.
    pub vocab: u64,
    /// `hidden_size`: width of the residual stream.
    pub hidden: u64,
    /// `intermediate_size`: width of the feed-forward part.
    pub intermediate: u64,
    /// `num_hidden_layers`
    pub layers: u64,
    /// `num_attention_heads`
    pub heads: u64,
    /// `max_position_embeddings`: the longest sequence, and rows of the table of positions.
    pub positions: u64,
    /// `type_vocab_size`, or 2: rows of the table of segments.
    pub segments: u64,
}

/// Where a decoder's output layer has its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// They are the embedding table.
    Tied,
    /// A matrix of its own.
    Own,
}

/// Whether linear layers have a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bias {
    /// None.
    Absent,
    /// One number an output.
    Present,
}

/// A matrix `(outputs, inputs)` that every token is multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Linear {
    pub(crate) outputs: u64,
    pub(crate) inputs: u64,
    bias: Bias,
}

/// What is wrong with a configuration, and in which field.
#[derive(Debug)]
pub(crate) struct ConfigFault {
    pub(crate) field: &'static str,
    pub(crate) fact: String,
}

impl Architecture {
    /// Reads and checks the sizes in a configuration.
    pub(crate) fn of(config: &Map<String, Value>) -> Result<Self, ConfigFault> {
        let fields = Fields(config);
        let architecture = match config.get("model_type").and_then(Value::as_str) {
            Some("llama") => Self::Decoder(Decoder::of(fields)?),
            Some("bert") => Self::Encoder(Encoder::of(fields)?),
            Some(other) => {
                return Err(fault("model_type", format!("model_type `{other}` is none of llama, bert")));
            }
            None => return Err(fault("model_type", "config has no model_type".to_owned())),
        };
        let parameters = architecture.parameters();
        if parameters > MAX_PARAMETERS {
            let fact = format!("a model of {parameters} parameters, more than the limit of {MAX_PARAMETERS}");
            return Err(fault("num_hidden_layers", fact));
        }
        Ok(architecture)
    }

    /// The number of weights; an encoder's without a head, which [`Self::ranking_head_parameters`] counts.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        let table_rows = match self {
            Self::Decoder(decoder) if decoder.head == Head::Own => 2 * decoder.vocab,
            Self::Decoder(decoder) => decoder.vocab,
            Self::Encoder(encoder) => encoder.vocab + encoder.positions + encoder.segments,
        };
        table_rows * self.hidden() + self.norm_parameters() + self.layers() * self.layer_parameters()
    }

    /// Weights of an encoder's head for reranking: a pooler `(hidden, hidden)` and one label, both with bias.
    #[must_use]
    pub fn ranking_head_parameters(&self) -> u64 {
        self.ranking_head().iter().map(Linear::weights).sum()
    }

    /// Rows of the embedding table.
    #[must_use]
    pub fn vocab(&self) -> u64 {
        match self {
            Self::Decoder(decoder) => decoder.vocab,
            Self::Encoder(encoder) => encoder.vocab,
        }
    }

    /// Width of the residual stream.
    #[must_use]
    pub fn hidden(&self) -> u64 {
        match self {
            Self::Decoder(decoder) => decoder.hidden,
            Self::Encoder(encoder) => encoder.hidden,
        }
    }

    /// How many layers.
    #[must_use]
    pub fn layers(&self) -> u64 {
        match self {
            Self::Decoder(decoder) => decoder.layers,
            Self::Encoder(encoder) => encoder.layers,
        }
    }

    /// The longest sequence, in tokens.
    #[must_use]
    pub fn positions(&self) -> u64 {
        match self {
            Self::Decoder(decoder) => decoder.positions,
            Self::Encoder(encoder) => encoder.positions,
        }
    }

    /// Width of the feed-forward part.
    #[must_use]
    pub fn intermediate(&self) -> u64 {
        match self {
            Self::Decoder(decoder) => decoder.intermediate,
            Self::Encoder(encoder) => encoder.intermediate,
        }
    }

    /// Query heads.
    #[must_use]
    pub fn heads(&self) -> u64 {
        match self {
            Self::Decoder(decoder) => decoder.heads,
            Self::Encoder(encoder) => encoder.heads,
        }
    }

    /// Elements of a token's queries in one layer: heads by their width.
    #[must_use]
    pub fn query_width(&self) -> u64 {
        match self {
            Self::Decoder(decoder) => decoder.heads * decoder.head_dim,
            Self::Encoder(encoder) => encoder.hidden,
        }
    }

    /// Elements of a token's keys in one layer, and of its values.
    #[must_use]
    pub fn kv_width(&self) -> u64 {
        match self {
            Self::Decoder(decoder) => decoder.kv_heads * decoder.head_dim,
            Self::Encoder(encoder) => encoder.hidden,
        }
    }

    /// The matrices of one layer: queries, keys, values, output, then the feed-forward part.
    pub(crate) fn layer_linears(&self) -> Vec<Linear> {
        let (hidden, queries, keys) = (self.hidden(), self.query_width(), self.kv_width());
        let (attention_bias, intermediate, mlp_bias, widening) = match self {
            Self::Decoder(decoder) => (decoder.attention_bias, decoder.intermediate, decoder.mlp_bias, 2),
            Self::Encoder(encoder) => (Bias::Present, encoder.intermediate, Bias::Present, 1),
        };
        let linear = |outputs, inputs, bias| Linear { outputs, inputs, bias };
        let mut linears = vec![
            linear(queries, hidden, attention_bias),
            linear(keys, hidden, attention_bias),
            linear(keys, hidden, attention_bias),
            linear(hidden, queries, attention_bias),
        ];
        linears.extend(vec![linear(intermediate, hidden, mlp_bias); widening]);
        linears.push(linear(hidden, intermediate, mlp_bias));
        linears
    }

    /// Pooler and classifier of a cross-encoder; they see one token a sequence.
    pub(crate) fn ranking_head(&self) -> [Linear; 2] {
        let (inputs, bias) = (self.hidden(), Bias::Present);
        [Linear { outputs: inputs, inputs, bias }, Linear { outputs: 1, inputs, bias }]
    }

    /// All weights of one layer: its matrices, and two norms.
    pub(crate) fn layer_parameters(&self) -> u64 {
        self.layer_linears().iter().map(Linear::weights).sum::<u64>() + 2 * self.norm_parameters()
    }

    /// Weights of one normalisation: a scale, in an encoder also a shift.
    pub(crate) fn norm_parameters(&self) -> u64 {
        match self {
            Self::Decoder(decoder) => decoder.hidden,
            Self::Encoder(encoder) => 2 * encoder.hidden,
        }
    }
}

impl Decoder {
    fn of(fields: Fields<'_>) -> Result<Self, ConfigFault> {
        let hidden = fields.size("hidden_size", MAX_SIZE)?;
        let heads = fields.size("num_attention_heads", MAX_SIZE)?;
        let kv_heads = fields.optional_size("num_key_value_heads", MAX_SIZE)?.unwrap_or(heads);
        require_divides("num_key_value_heads", kv_heads, "num_attention_heads", heads)?;
        let head_dim = match fields.optional_size("head_dim", MAX_SIZE)? {
            Some(head_dim) => head_dim,
            None => {
                require_divides("num_attention_heads", heads, "hidden_size", hidden)?;
                hidden / heads
            }
        };
        if !head_dim.is_multiple_of(2) {
            let fact = format!("a head of {head_dim} elements, which rotary positions turn in pairs");
            return Err(fault("head_dim", fact));
        }
        if heads * head_dim > MAX_SIZE {
            let fact = format!("{heads} heads of {head_dim} elements, more than {MAX_SIZE} in all");
            return Err(fault("num_attention_heads", fact));
        }
        Ok(Self {
            vocab: fields.size("vocab_size", MAX_SIZE)?,
            hidden,
            intermediate: fields.size("intermediate_size", MAX_SIZE)?,
            layers: fields.size("num_hidden_layers", MAX_LAYERS)?,
            heads,
            kv_heads,
            head_dim,
            positions: fields.size("max_position_embeddings", MAX_POSITIONS)?,
            head: if fields.flag("tie_word_embeddings")? { Head::Tied } else { Head::Own },
            attention_bias: fields.bias("attention_bias")?,
            mlp_bias: fields.bias("mlp_bias")?,
        })
    }
}

impl Encoder {
    fn of(fields: Fields<'_>) -> Result<Self, ConfigFault> {
        let hidden = fields.size("hidden_size", MAX_SIZE)?;
        let heads = fields.size("num_attention_heads", MAX_SIZE)?;
        require_divides("num_attention_heads", heads, "hidden_size", hidden)?;
        Ok(Self {
            vocab: fields.size("vocab_size", MAX_SIZE)?,
            hidden,
            intermediate: fields.size("intermediate_size", MAX_SIZE)?,
            layers: fields.size("num_hidden_layers", MAX_LAYERS)?,
            heads,
            positions: fields.size("max_position_embeddings", MAX_POSITIONS)?,
            segments: fields.optional_size("type_vocab_size", MAX_SIZE)?.unwrap_or(2),
        })
    }
}

impl Linear {
    /// Weights, with the bias.
    pub(crate) fn weights(&self) -> u64 {
        self.products() + if self.bias == Bias::Present { self.outputs } else { 0 }
    }

    /// Multiplications for one token.
    pub(crate) fn products(&self) -> u64 {
        self.outputs * self.inputs
    }
}

/// The members of `config.json`.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn size(self, field: &'static str, most: u64) -> Result<u64, ConfigFault> {
        self.optional_size(field, most)?.ok_or_else(|| fault(field, format!("config has no {field}")))
    }

    fn optional_size(self, field: &'static str, most: u64) -> Result<Option<u64>, ConfigFault> {
        let Some(value) = self.0.get(field) else { return Ok(None) };
        match value.as_u64() {
            Some(size) if (1..=most).contains(&size) => Ok(Some(size)),
            _ => Err(fault(field, format!("{field} {value} is not a number from 1 to {most}"))),
        }
    }

    fn flag(self, field: &'static str) -> Result<bool, ConfigFault> {
        match self.0.get(field) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(value) => Err(fault(field, format!("{field} {value} is neither true nor false"))),
        }
    }

    fn bias(self, field: &'static str) -> Result<Bias, ConfigFault> {
        Ok(if self.flag(field)? { Bias::Present } else { Bias::Absent })
    }
}

fn require_divides(field: &'static str, divisor: u64, divided: &str, number: u64) -> Result<(), ConfigFault> {
    if number.is_multiple_of(divisor) {
        return Ok(());
    }
    Err(fault(field, format!("{divided} {number} is no multiple of {field} {divisor}")))
}

fn fault(field: &'static str, fact: String) -> ConfigFault {
    ConfigFault { field, fact }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(config: Value) -> Architecture {
        Architecture::of(config.as_object().unwrap()).unwrap()
    }

    /// Parameters as the models' authors count them: with the pooler of published BERT checkpoints.
    #[test]
    fn well_known_models_have_their_number_of_parameters() {
        let llama = |vocab, hidden, intermediate, layers, heads, kv_heads, tied| {
            parse(json!({
                "model_type": "llama", "vocab_size": vocab, "hidden_size": hidden, "intermediate_size": intermediate,
                "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv_heads,
                "max_position_embeddings": 8192, "tie_word_embeddings": tied,
            }))
        };
        assert_eq!(llama(49_152, 576, 1536, 30, 9, 3, true).parameters(), 134_515_008); // SmolLM2-135M
        assert_eq!(llama(32_000, 4096, 11_008, 32, 32, 32, false).parameters(), 6_738_415_616); // Llama 2 7B
        assert_eq!(llama(128_256, 8192, 28_672, 80, 64, 8, false).parameters(), 70_553_706_496); // Llama 3 70B

        let bert = |hidden: u64, intermediate, layers, heads| {
            let model = parse(json!({
                "model_type": "bert", "vocab_size": 30_522, "hidden_size": hidden, "intermediate_size": intermediate,
                "num_hidden_layers": layers, "num_attention_heads": heads, "max_position_embeddings": 512,
            }));
            assert_eq!(model.ranking_head_parameters(), hidden * hidden + hidden + hidden + 1);
            model.parameters() + hidden * hidden + hidden
        };
        assert_eq!(bert(384, 1536, 6, 12), 22_713_216); // all-MiniLM-L6-v2
        assert_eq!(bert(384, 1536, 12, 12), 33_360_000); // bge-small-en-v1.5
        assert_eq!(bert(768, 3072, 12, 12), 109_482_240); // bert-base-uncased
    }

    #[test]
    fn biases_and_a_wide_head_are_counted() {
        let config = |bias: bool| {
            parse(json!({
                "model_type": "llama", "vocab_size": 10, "hidden_size": 4, "intermediate_size": 6,
                "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
                "max_position_embeddings": 16, "attention_bias": bias, "mlp_bias": bias,
            }))
        };
        let matrices = 32 * 4 + 2 * 16 * 4 + 4 * 32 + 3 * 6 * 4;
        let biases = 32 + 2 * 16 + 4 + 2 * 6 + 4;
        assert_eq!(config(false).parameters(), 2 * 10 * 4 + 4 + 2 * (matrices + 8));
        assert_eq!(config(true).parameters() - config(false).parameters(), 2 * biases);
    }

    #[test]
    fn the_largest_sizes_overflow_nothing() {
        let config = json!({
            "model_type": "llama", "vocab_size": MAX_SIZE, "hidden_size": MAX_SIZE, "intermediate_size": MAX_SIZE,
            "num_hidden_layers": MAX_LAYERS, "num_attention_heads": MAX_SIZE / 2, "head_dim": 2,
            "max_position_embeddings": MAX_POSITIONS, "attention_bias": true, "mlp_bias": true,
        });
        let refusal = Architecture::of(config.as_object().unwrap()).unwrap_err();
        assert_eq!(refusal.field, "num_hidden_layers");
        assert!(refusal.fact.contains("more than the limit"), "{}", refusal.fact);
    }
}
