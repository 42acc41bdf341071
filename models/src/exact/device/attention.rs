use super::kernels::{self, AttentionShape, PANEL};
use super::memory::Buffer;
use super::{Device, Matrix, Result};
use crate::exact::BLOCK;
use crate::exact::attention::Visibility;
use crate::exact::kv_cache::Columns;

/// Bytes of scores at one time; queries of longer calls come in parts.
const MOST_SCORE_BYTES: usize = 1 << 28;

/// Keys and values of one layer, as [`crate::exact::kv_cache::KvCache`].
#[derive(Debug)]
pub struct KvCache {
    keys: Buffer,
    values: Buffer,
    /// `[sequences, kv_heads, head_dim]`
    dims: [usize; 3],
    /// A multiple of 32.
    padded: usize,
    capacity: usize,
    length: usize,
}

/// `softmax(scale * q k^T) v` over the visible keys of a cache, as [`crate::exact::attention::Attention`].
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    /// Keys and values.
    pub cache: &'a KvCache,
    /// The keys that each query sees: at least one, and only those that the cache holds.
    pub visibility: &'a Visibility,
    /// Query heads; a multiple of the cache's.
    pub heads: usize,
    /// What scores are multiplied by.
    pub scale: f32,
}

impl KvCache {
    /// An empty cache for `capacity` tokens of each of `sequences`.
    ///
    /// # Errors
    /// When the device has no memory left.
    pub fn new(
        device: &'static Device,
        sequences: usize,
        kv_heads: usize,
        head_dim: usize,
        capacity: usize,
    ) -> Result<Self> {
        let padded = capacity.next_multiple_of(PANEL);
        let bytes = 4 * sequences * kv_heads * padded * head_dim;
        let (keys, values) = (Buffer::uninitialised(device, bytes)?, Buffer::uninitialised(device, bytes)?);
        Ok(Self { keys, values, dims: [sequences, kv_heads, head_dim], padded, capacity, length: 0 })
    }

    /// Tokens so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Tokens that each sequence has room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// `[sequences, kv_heads, head_dim]`
    #[must_use]
    pub fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// Forgets all tokens.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// Appends the tokens of `rows`: `(sequences * tokens, stride)`, the same number to each sequence.
    ///
    /// # Errors
    /// When the device failed.
    ///
    /// # Panics
    /// When there is no room, or the rows are no whole number of tokens a sequence.
    pub fn append(&mut self, rows: &Matrix, columns: Columns) -> Result<()> {
        let [sequences, ..] = self.dims;
        let tokens = rows.rows / sequences.max(1);
        assert!(rows.rows == sequences * tokens && columns.stride == rows.width);
        assert!(self.length + tokens <= self.capacity, "no room in the cache");
        let shape = self.shape(tokens, self.dims[1], columns.stride);
        let places = (columns.keys, columns.values);
        kernels::append_to_cache(
            (&mut self.keys, &mut self.values),
            &rows.buffer,
            places,
            self.length,
            &shape,
        )?;
        self.length += tokens;
        Ok(())
    }

    /// Of a call of `tokens`, as far as the cache knows it.
    fn shape(&self, tokens: usize, heads: usize, stride: usize) -> AttentionShape {
        let [sequences, kv_heads, head_dim] = self.dims;
        AttentionShape {
            sequences,
            all_tokens: tokens,
            begin: 0,
            tokens,
            heads,
            kv_heads,
            head_dim,
            capacity: self.padded,
            stride,
            origin: 0,
            span: 0,
            first: 0,
            window: u32::MAX as usize,
        }
    }
}

impl Attention<'_> {
    /// Attends from the first `heads * head_dim` elements of each row of `queries`, `(sequences * tokens, stride)`, to
    /// `(sequences * tokens, heads * head_dim)`.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When shapes do not fit, or a query sees no key or more than there are; layers check that before.
    pub fn forward(&self, queries: &Matrix) -> Result<Matrix> {
        self.in_parts(queries, MOST_SCORE_BYTES)
    }

    /// As [`Self::forward`], with so many bytes of scores at one time where a token needs no more.
    ///
    /// # Errors
    /// As [`Self::forward`].
    ///
    /// # Panics
    /// As [`Self::forward`].
    pub fn in_parts(&self, queries: &Matrix, most_score_bytes: usize) -> Result<Matrix> {
        let [sequences, _, head_dim] = self.cache.dims;
        let device = queries.device();
        let tokens = queries.rows / sequences;
        assert_eq!(queries.rows, sequences * tokens);
        for (sequence, query) in (0..sequences).flat_map(|sequence| [(sequence, 0), (sequence, tokens - 1)]) {
            let keys = self.visibility.keys(sequence, query);
            assert!(!keys.is_empty() && keys.end <= self.cache.length, "keys {keys:?}");
        }
        let call = self.cache.shape(tokens, self.heads, queries.width);
        let (call, lengths) = match self.visibility {
            Visibility::Causal { first } => (AttentionShape { first: *first, ..call }, None),
            Visibility::Sliding { first, window } => {
                (AttentionShape { first: *first, window: (*window).min(u32::MAX as usize), ..call }, None)
            }
            Visibility::Lengths(lengths) => {
                let lengths: Vec<u32> = lengths.iter().map(|length| *length as u32).collect();
                (call, Some(Buffer::of_u32(device, &lengths)?))
            }
        };
        let mut output = Matrix::uninitialised(device, queries.rows, self.heads * head_dim)?;
        let token_bytes = 4 * sequences * self.heads * self.cache.length.next_multiple_of(BLOCK);
        let at_a_time = (most_score_bytes / token_bytes).clamp(1, tokens);
        for begin in (0..tokens).step_by(at_a_time) {
            let part = begin..tokens.min(begin + at_a_time);
            let keys =
                |query: usize| (0..sequences).map(move |sequence| self.visibility.keys(sequence, query));
            let origin = keys(part.start).map(|keys| keys.start).min().unwrap_or(0) / BLOCK * BLOCK;
            let end = keys(part.end - 1).map(|keys| keys.end).max().unwrap_or(0);
            let span = (end - origin).next_multiple_of(PANEL);
            let shape = AttentionShape { begin, tokens: part.len(), origin, span, ..call };
            let mut scores = Buffer::uninitialised(device, shape.score_bytes())?;
            let mut totals = Buffer::uninitialised(device, shape.total_bytes())?;
            kernels::attention(
                &mut output.buffer,
                &queries.buffer,
                (&self.cache.keys, &self.cache.values),
                lengths.as_ref(),
                (&mut scores, &mut totals),
                self.scale,
                &shape,
            )?;
        }
        Ok(output)
    }
}
