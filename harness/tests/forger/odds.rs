//! How often an audit of a few answers draws one that is not genuine.

use std::collections::BTreeSet;

use proofmark_reports::Digest;
use proofmark_reports::audit::{audit_seed, sample};

/// Numbers of auditors that are played through. The draws of `audit` are those of [`sample`], so none has to compute anything.
const AUDITS: u64 = 10_000;
/// What `proofmark audit` checks of a cell unless it is told otherwise.
const DEFAULT_ANSWERS: u64 = 2;

/// A cell of a forged profile.
#[derive(Clone, Debug)]
pub(crate) struct Audited {
    pub(crate) cell: u64,
    pub(crate) answers: u64,
    /// Places that an audit of all answers finds to be others.
    pub(crate) mismatched: BTreeSet<u64>,
}

/// How likely an audit at the default sampling is to find anything, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Odds {
    /// The share of the audits that did.
    pub(crate) measured_ppm: u64,
    /// 1 less the product of C(n - m, c) / C(n, c) over the cells.
    pub(crate) computed_ppm: u64,
}

impl Odds {
    pub(crate) fn of(cells: &[Audited]) -> Self {
        let finds = |number: &u64| {
            let seed = audit_seed(Digest::of(b"red team"), &Digest::of(&number.to_le_bytes()).0);
            cells.iter().any(|Audited { cell, answers, mismatched }| {
                let drawn = sample(seed, *cell, *answers, DEFAULT_ANSWERS);
                drawn.iter().any(|place| mismatched.contains(place))
            })
        };
        let found = (0..AUDITS).filter(finds).count() as u64;
        let missed: f64 = cells.iter().map(missed).product();
        let odds = Self {
            measured_ppm: found * 1_000_000 / AUDITS,
            computed_ppm: ((1.0 - missed) * 1e4).round() as u64 * 100,
        };
        let deviation = (missed * (1.0 - missed) / AUDITS as f64).sqrt() * 1e6;
        let difference = odds.measured_ppm.abs_diff(odds.computed_ppm) as f64;
        assert!(difference <= 4.0 * deviation + 50.0, "{odds:?}");
        odds
    }
}

/// The probability that none of a cell's draws is of a place that differs: each draw takes one of those that are left.
fn missed(cell: &Audited) -> f64 {
    let (answers, genuine) = (cell.answers, cell.answers - cell.mismatched.len() as u64);
    (0..DEFAULT_ANSWERS.min(answers))
        .map(|drawn| genuine.saturating_sub(drawn) as f64 / (answers - drawn) as f64)
        .product()
}
