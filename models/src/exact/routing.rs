//! Which experts a token goes to (`EXACT.md`, section 9).

use super::function::{exp, maximum};
use super::sum::sum;

/// What the weights of a token's experts add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpertWeights {
    /// One: they are divided by their sum.
    Normalised,
    /// What the chosen ones have of all experts' one.
    AsRouted,
}

/// An expert that a token goes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Its index.
    pub expert: usize,
    /// What its output is multiplied by.
    pub weight: f32,
}

/// Turns the router's `logits` into shares of one: `(experts,)`.
pub fn softmax(logits: &mut [f32]) {
    let largest = logits.iter().fold(f32::NEG_INFINITY, |a, b| maximum(a, *b));
    logits.iter_mut().for_each(|x| *x = exp(*x - largest));
    let total = sum(logits, 0);
    logits.iter_mut().for_each(|x| *x /= total);
}

/// The `count` greatest of `shares`, of equal ones the first, in ascending order of expert; `None` where one is NaN.
#[must_use]
pub fn choose(shares: &[f32], count: usize, weights: ExpertWeights) -> Option<Vec<Choice>> {
    if shares.iter().any(|share| share.is_nan()) {
        return None;
    }
    let mut order: Vec<usize> = (0..shares.len()).collect();
    // Stable, so that of equal shares the first comes first.
    order.sort_by(|a, b| shares[*b].partial_cmp(&shares[*a]).unwrap_or(std::cmp::Ordering::Equal));
    order.truncate(count);
    order.sort_unstable();
    let total = match weights {
        ExpertWeights::Normalised => sum(&order.iter().map(|expert| shares[*expert]).collect::<Vec<_>>(), 0),
        ExpertWeights::AsRouted => 1.0,
    };
    Some(order.into_iter().map(|expert| Choice { expert, weight: shares[expert] / total }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_shares_the_first_is_chosen() {
        let choice = |expert, weight| Choice { expert, weight };
        let shares = [0.125, 0.25, 0.125, 0.25, 0.25];
        let chosen = choose(&shares, 2, ExpertWeights::AsRouted).unwrap();
        assert_eq!(chosen, [choice(1, 0.25), choice(3, 0.25)]);
        let chosen = choose(&shares, 4, ExpertWeights::Normalised).unwrap();
        assert_eq!(chosen.iter().map(|choice| choice.expert).collect::<Vec<_>>(), [0, 1, 3, 4]);
        assert_eq!(chosen[0].weight.to_bits(), (0.125_f32 / 0.875).to_bits());
        assert!(choose(&[0.5, f32::NAN], 1, ExpertWeights::AsRouted).is_none());
    }

    #[test]
    fn shares_add_up_to_one_and_keep_the_order_of_logits() {
        let mut shares = [1.0, -2.0, 3.5, 0.0, 90.0, 89.0];
        softmax(&mut shares);
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(shares[4] > shares[5] && shares[5] > shares[2] && shares[2] >= shares[0]);
    }
}
