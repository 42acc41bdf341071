/// Layers of one width, each attention and a feed-forward part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stack {
    /// How many layers.
    pub layers: u64,
    /// Width of the residual stream.
    pub hidden: u64,
    /// Query heads.
    pub heads: u64,
    /// Key heads.
    pub kv_heads: u64,
    /// Width of a head.
    pub head_dim: u64,
    /// Of queries and values.
    pub projection_bias: Bias,
    /// Of keys.
    pub key_bias: Bias,
    /// Of the projection of what was attended.
    pub output_bias: Bias,
    /// Of layers without experts.
    pub feed_forward: FeedForward,
    /// Layers with experts in its place.
    pub sparse: Option<Sparse>,
    /// Layers that see a window of keys.
    pub sliding: Option<Sliding>,
    /// Weights of all norms of a layer.
    pub norms: u64,
    /// Whether each layer also attends to what another stack made.
    pub cross_attention: CrossAttention,
}

/// The feed-forward part of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedForward {
    /// Its width.
    pub intermediate: u64,
    /// Matrices into that width: two where one gates the other.
    pub widening: u64,
    /// Of all its matrices.
    pub bias: Bias,
}

/// Layers whose feed-forward part is a choice of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sparse {
    /// How many layers.
    pub layers: u64,
    /// How many experts each has.
    pub experts: u64,
    /// Experts that a token goes to.
    pub chosen: u64,
    /// Width of an expert.
    pub intermediate: u64,
}

/// Layers that see a window of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sliding {
    /// How many layers.
    pub layers: u64,
    /// Keys that a query sees at most.
    pub window: u64,
}

/// Whether layers also attend to what another stack made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossAttention {
    /// They do not.
    Absent,
    /// With four projections and a norm more.
    Present,
}

/// Whether linear layers have a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bias {
    /// None.
    Absent,
    /// One number an output.
    Present,
}

/// A matrix `(outputs, inputs)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Linear {
    pub(crate) outputs: u64,
    pub(crate) inputs: u64,
    pub(crate) bias: Bias,
}

impl Stack {
    /// An encoder's, or a decoder's of an encoder: as wide keys as queries, biases everywhere, a plain feed-forward part, two layer norms.
    pub(super) fn of_encoder(layers: u64, hidden: u64, heads: u64, intermediate: u64) -> Self {
        Self {
            layers,
            hidden,
            heads,
            kv_heads: heads,
            head_dim: hidden / heads,
            projection_bias: Bias::Present,
            key_bias: Bias::Present,
            output_bias: Bias::Present,
            feed_forward: FeedForward { intermediate, widening: 1, bias: Bias::Present },
            sparse: None,
            sliding: None,
            norms: 4 * hidden,
            cross_attention: CrossAttention::Absent,
        }
    }

    /// Elements of a token's queries in one layer: heads by their width.
    #[must_use]
    pub fn query_width(&self) -> u64 {
        self.heads * self.head_dim
    }

    /// Elements of a token's keys in one layer, and of its values.
    #[must_use]
    pub fn kv_width(&self) -> u64 {
        self.kv_heads * self.head_dim
    }

    /// Queries, keys, values, output.
    pub(crate) fn attention(&self) -> [Linear; 4] {
        let (hidden, queries, keys) = (self.hidden, self.query_width(), self.kv_width());
        [
            Linear { outputs: queries, inputs: hidden, bias: self.projection_bias },
            Linear { outputs: keys, inputs: hidden, bias: self.key_bias },
            Linear { outputs: keys, inputs: hidden, bias: self.projection_bias },
            Linear { outputs: hidden, inputs: queries, bias: self.output_bias },
        ]
    }

    /// Weights of all layers.
    pub(crate) fn parameters(&self) -> u128 {
        self.linears(|sparse| sparse.experts, Linear::weights) + self.norm_weights()
    }

    /// Weights of all matrices.
    pub(crate) fn matrices(&self) -> u128 {
        self.linears(|sparse| sparse.experts, Linear::products)
    }

    /// Weights that one token makes a pass read.
    pub(crate) fn weights_of_a_token(&self) -> u128 {
        self.linears(|sparse| sparse.chosen, Linear::weights) + self.norm_weights()
    }

    /// Weights of matrices that one token makes a pass read.
    pub(crate) fn matrices_of_a_token(&self) -> u128 {
        self.linears(|sparse| sparse.chosen, Linear::products)
    }

    /// The matrices of all layers that make keys and values of a source.
    pub(crate) fn source_keys(&self) -> Vec<Linear> {
        let [_, key, value, _] = self.attention();
        [key, value].repeat(self.layers as usize)
    }

    fn norm_weights(&self) -> u128 {
        let cross = match self.cross_attention {
            CrossAttention::Absent => 0,
            CrossAttention::Present => 2 * self.hidden,
        };
        u128::from(self.layers) * u128::from(self.norms + cross)
    }

    /// The sum of something of all linear layers, so many experts of each layer that has some among them.
    fn linears(&self, experts: impl Fn(&Sparse) -> u64, of: impl Fn(&Linear) -> u64) -> u128 {
        let sum = |linears: &[Linear]| linears.iter().map(|linear| u128::from(of(linear))).sum::<u128>();
        let attentions = match self.cross_attention {
            CrossAttention::Absent => 1,
            CrossAttention::Present => 2,
        };
        let of_experts = self.sparse.map_or(0, |sparse| {
            let router = u128::from(sparse.experts) * u128::from(self.hidden);
            let chosen = u128::from(experts(&sparse)) * sum(&self.expert(&sparse));
            u128::from(sparse.layers) * (router + chosen)
        });
        u128::from(self.layers) * attentions * sum(&self.attention())
            + u128::from(self.dense_layers()) * sum(&self.feed_forward_linears())
            + of_experts
    }

    /// Multiplications of all layers for one token, without those with keys and values.
    pub(crate) fn products(&self) -> u128 {
        let sum =
            |linears: &[Linear]| linears.iter().map(|linear| u128::from(linear.products())).sum::<u128>();
        let own = sum(&self.attention());
        let cross = match self.cross_attention {
            CrossAttention::Absent => 0,
            // Queries and output; keys and values are made once for a request.
            CrossAttention::Present => 2 * u128::from(self.hidden * self.query_width()),
        };
        let experts = self.sparse.map_or(0, |sparse| {
            let router = u128::from(sparse.experts * self.hidden);
            u128::from(sparse.layers) * (router + u128::from(sparse.chosen) * sum(&self.expert(&sparse)))
        });
        u128::from(self.layers) * (own + cross)
            + u128::from(self.dense_layers()) * sum(&self.feed_forward_linears())
            + experts
    }

    /// The greatest matrix of a layer, in weights.
    pub(crate) fn greatest_products(&self) -> u64 {
        let expert = self.sparse.map(|sparse| self.expert(&sparse)).unwrap_or_default();
        let linears = self.attention().into_iter().chain(self.feed_forward_linears()).chain(expert);
        linears.map(|linear| linear.products()).max().unwrap_or(0)
    }

    /// The widest feed-forward part.
    pub(crate) fn intermediate(&self) -> u64 {
        let sparse = self.sparse.map_or(0, |sparse| sparse.intermediate);
        if self.dense_layers() > 0 { self.feed_forward.intermediate.max(sparse) } else { sparse }
    }

    fn dense_layers(&self) -> u64 {
        self.layers - self.sparse.map_or(0, |sparse| sparse.layers)
    }

    fn feed_forward_linears(&self) -> Vec<Linear> {
        let FeedForward { intermediate, widening, bias } = self.feed_forward;
        let mut linears =
            vec![Linear { outputs: intermediate, inputs: self.hidden, bias }; widening as usize];
        linears.push(Linear { outputs: self.hidden, inputs: intermediate, bias });
        linears
    }

    fn expert(&self, sparse: &Sparse) -> Vec<Linear> {
        let (hidden, width, bias) = (self.hidden, sparse.intermediate, Bias::Absent);
        let into = Linear { outputs: width, inputs: hidden, bias };
        vec![into, into, Linear { outputs: hidden, inputs: width, bias }]
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
