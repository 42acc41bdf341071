use crate::architecture::{CrossAttention, Linear, Stack};

/// One pass of a stack, or the sum of several.
pub(super) struct Pass {
    count: u64,
    /// New tokens of each sequence.
    tokens: u64,
    keys: Keys,
    /// Tokens of the source that cross-attention sees.
    source: u64,
}

/// Which keys the queries of one sequence see.
enum Keys {
    /// Each of them all.
    All,
    /// Each those before it and itself; so many tokens lie before the first.
    Causal { before: u64 },
}

/// Multiplications, numbers of weights, and numbers from caches of earlier passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// Multiplications of linear layers.
    pub(super) linear_products: u128,
    /// All others: of attention and of convolutions.
    pub(super) products: u128,
    /// Weights of matrices of linear layers.
    pub(super) matrices: u128,
    /// All others.
    pub(super) weights: u128,
    pub(super) cached: u128,
}

impl Pass {
    /// An encoder's.
    pub(super) fn whole(tokens: u64) -> Self {
        Self { count: 1, tokens, keys: Keys::All, source: 0 }
    }

    /// A decoder's, behind so many tokens.
    pub(super) fn causal(before: u64, tokens: u64) -> Self {
        Self { count: 1, tokens, keys: Keys::Causal { before }, source: 0 }
    }

    /// A decoder's passes of one token each, behind so many tokens.
    pub(super) fn steps(before: u64, steps: u64) -> Self {
        Self { count: steps, ..Self::causal(before, steps) }
    }

    /// With so many tokens of a source.
    pub(super) fn over(self, source: u64) -> Self {
        Self { source, ..self }
    }

    /// Keys that the queries of one sequence see, summed over the queries, `window` at most each.
    fn seen(&self, window: u64) -> u128 {
        match self.keys {
            Keys::All => u128::from(self.tokens) * u128::from(self.tokens),
            Keys::Causal { before } => seen(before, self.tokens, window),
        }
    }

    /// Keys of one sequence that come from earlier passes: of each pass those that its one query sees, without its own.
    fn cached(&self, window: u64) -> u128 {
        if self.is_behind_others() { self.seen(window) - u128::from(self.tokens) } else { 0 }
    }

    fn is_behind_others(&self) -> bool {
        matches!(self.keys, Keys::Causal { before } if before > 0)
    }
}

/// Keys that `tokens` queries behind `before` others see together, each those before it and itself, `window` at most.
pub(super) fn seen(before: u64, tokens: u64, window: u64) -> u128 {
    let (before, end, window) =
        (u128::from(before), u128::from(before) + u128::from(tokens), u128::from(window));
    let growing = window.clamp(before, end);
    (growing * (growing + 1) - before * (before + 1)) / 2 + (end - growing) * window
}

impl Cost {
    pub(super) const NOTHING: Self =
        Self { linear_products: 0, products: 0, matrices: 0, weights: 0, cached: 0 };

    /// What the layers of a stack cost for `sequences` sequences.
    pub(super) fn of_stack(stack: &Stack, pass: &Pass, sequences: u128) -> Self {
        let (sliding, window) = stack.sliding.map_or((0, 0), |sliding| (sliding.layers, sliding.window));
        let by_layers = |of: &dyn Fn(u64) -> u128| {
            u128::from(stack.layers - sliding) * of(u64::MAX) + u128::from(sliding) * of(window)
        };
        let source = match stack.cross_attention {
            CrossAttention::Absent => 0,
            CrossAttention::Present => u128::from(stack.layers) * u128::from(pass.source),
        };
        let (tokens, count) = (u128::from(pass.tokens), u128::from(pass.count));
        let queries = u128::from(stack.query_width());
        let seen = by_layers(&|window| pass.seen(window)) + tokens * source;
        let cached_source = if pass.is_behind_others() { count * source } else { 0 };
        let cached = by_layers(&|window| pass.cached(window)) + cached_source;
        let matrices = count * stack.matrices_of_a_token();
        Self {
            linear_products: sequences * tokens * stack.products(),
            // A product with a key, and one with its value.
            products: sequences * 2 * seen * queries,
            matrices,
            weights: count * stack.weights_of_a_token() - matrices,
            cached: sequences * cached * u128::from(2 * stack.kv_width()),
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            linear_products: self.linear_products + other.linear_products,
            products: self.products + other.products,
            matrices: self.matrices + other.matrices,
            weights: self.weights + other.weights,
            cached: self.cached + other.cached,
        }
    }

    pub(super) fn with_weights(self, weights: u128) -> Self {
        Self { weights: self.weights + weights, ..self }
    }

    /// With linear layers that are read `passes` times and multiply `rows` rows in all.
    pub(super) fn with_linears(mut self, linears: &[Linear], passes: u128, rows: u128) -> Self {
        for linear in linears {
            let products = u128::from(linear.products());
            self.linear_products += rows * products;
            self.matrices += passes * products;
            self.weights += passes * (u128::from(linear.weights()) - products);
        }
        self
    }

    pub(super) fn with_products(self, products: u128) -> Self {
        Self { products: self.products + products, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_counted_query_by_query() {
        for (before, tokens, window) in
            [(0, 5, u64::MAX), (0, 5, 3), (4, 3, 5), (4, 3, 4), (4, 3, 2), (7, 0, 3)]
        {
            let counted: u64 = (0..tokens).map(|query| (before + query + 1).min(window)).sum();
            assert_eq!(seen(before, tokens, window), u128::from(counted), "{before} {tokens} {window}");
        }
    }
}
