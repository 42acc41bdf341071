//! Which machines to add next.

use super::coverage::gain;

/// A gain is greater than another by more than rounding, as a share of it.
const ROUNDING: f64 = 1e-12;

/// One more machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Addition {
    /// Its place among the kinds.
    pub kind: usize,
    /// By how much coverage rises.
    pub gain: f64,
}

/// Up to `steps` machines, each the one of `kinds` (its chances in each row) that raises coverage most after those before it, from the
/// `failure` of each row; none that adds nothing.
///
/// Coverage is monotone and submodular, so these reach at least 1 - 1/e of what the best choice of as many could add (Nemhauser, Wolsey and
/// Fisher, 1978).
#[must_use]
pub fn additions(kinds: &[Vec<f64>], failure: &[f64], shares: &[f64], steps: usize) -> Vec<Addition> {
    let mut failure = failure.to_vec();
    let mut added = Vec::new();
    for _ in 0..steps {
        let mut best = Addition { kind: 0, gain: 0.0 };
        for (kind, chances) in kinds.iter().enumerate() {
            let gain = gain(chances, &failure, shares);
            if gain > best.gain * (1.0 + ROUNDING) {
                best = Addition { kind, gain };
            }
        }
        if best.gain <= 0.0 {
            break;
        }
        for (failure, chance) in failure.iter_mut().zip(&kinds[best.kind]) {
            *failure *= 1.0 - chance;
        }
        added.push(best);
    }
    added
}
