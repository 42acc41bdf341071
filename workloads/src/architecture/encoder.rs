use super::fields::{ConfigFault, Fields, MAX_LAYERS, MAX_POSITIONS, MAX_SIZE, fault, require_divides};
use super::stack::{Bias, Linear, Stack};

/// Sizes of an encoder: BERT and its relatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoder {
    /// `vocab_size`: rows of the table of words.
    pub vocab: u64,
    /// `max_position_embeddings`: rows of the table of positions.
    pub positions: u64,
    /// The row of the first token.
    pub first_position: u64,
    /// `type_vocab_size`: rows of the table of segments; 0 where there is none.
    pub segments: u64,
    /// Outputs of a classifier.
    pub labels: u64,
    /// Its layers.
    pub stack: Stack,
}

impl Encoder {
    pub(super) fn of(fields: Fields<'_>) -> Result<Self, ConfigFault> {
        let is_distilbert = fields.is_of("distilbert");
        let [hidden_size, intermediate_size, num_layers, num_heads] = match is_distilbert {
            true => ["dim", "hidden_dim", "n_layers", "n_heads"],
            false => ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"],
        };
        let hidden = fields.size(hidden_size, MAX_SIZE)?;
        let heads = fields.size(num_heads, MAX_SIZE)?;
        require_divides(num_heads, heads, hidden_size, hidden)?;
        let intermediate = fields.size(intermediate_size, MAX_SIZE)?;
        let stack = Stack::of_encoder(fields.size(num_layers, MAX_LAYERS)?, hidden, heads, intermediate);
        let positions = fields.size("max_position_embeddings", MAX_POSITIONS)?;
        let is_roberta = fields.is_of("roberta") || fields.is_of("xlm-roberta");
        let first_position = match is_roberta {
            true => fields.optional_size("pad_token_id", MAX_SIZE)?.unwrap_or(1) + 1,
            false => 0,
        };
        if first_position >= positions {
            let fact = format!("max_position_embeddings {positions} leaves no room behind {first_position}");
            return Err(fault("max_position_embeddings", fact));
        }
        let segments = match is_distilbert {
            true => 0,
            false => fields.optional_size("type_vocab_size", MAX_SIZE)?.unwrap_or(2),
        };
        let vocab = fields.size("vocab_size", MAX_SIZE)?;
        Ok(Self { vocab, positions, first_position, segments, labels: fields.labels()?, stack })
    }

    /// Without a head, which depends on the task.
    pub(super) fn parameters(&self) -> u128 {
        let rows = self.vocab + self.positions + self.segments;
        u128::from((rows + 2) * self.stack.hidden) + self.stack.parameters()
    }

    /// The two linear layers of a head with so many labels; they see one token a sequence.
    pub(crate) fn head(&self, labels: u64) -> [Linear; 2] {
        let (inputs, bias) = (self.stack.hidden, Bias::Present);
        [Linear { outputs: inputs, inputs, bias }, Linear { outputs: labels, inputs, bias }]
    }
}
