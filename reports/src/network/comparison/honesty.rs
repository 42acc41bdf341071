//! Who computes the same bits, and who looks like somebody else.

use super::Known;
use crate::network::resemblance::{self, ResemblanceKind};
use crate::network::{agreement, claim::Claim};
use crate::schema::comparison::{AgreementFigures, DeterminismFigures, ResemblanceFigures, SharedDigest};

pub(super) fn agreement(known: &Known<'_>) -> Vec<AgreementFigures> {
    let (suite, claims) = (known.question.suite, known.question.claims);
    let figures = |found: agreement::Agreement| {
        let mut differing: Vec<String> =
            found.differing().into_iter().map(|claim| claims[claim].operator.clone()).collect();
        differing.sort_unstable();
        differing.dedup();
        AgreementFigures {
            workload: suite.workloads[found.workload].id.clone(),
            golden: found.golden,
            digests: found
                .sharing
                .iter()
                .map(|(digest, claims)| SharedDigest { digest: *digest, profiles: claims.len() as u64 })
                .collect(),
            differing,
        }
    };
    agreement::agreements(suite, claims).into_iter().map(figures).collect()
}

pub(super) fn determinism(known: &Known<'_>) -> DeterminismFigures {
    let agreement::Determinism { hardware, same } =
        agreement::determinism(known.question.suite, known.question.claims);
    DeterminismFigures { hardware, same }
}

pub(super) fn resemblances(known: &Known<'_>) -> Vec<ResemblanceFigures> {
    let claims = known.question.claims;
    let figures = |found: resemblance::Resemblance| {
        let both: [&Claim; 2] = [&claims[found.claims.0], &claims[found.claims.1]];
        let (kind, detail) = match found.kind {
            ResemblanceKind::SameSamples { workloads } => (
                "same_samples",
                format!("the first request took the same nanoseconds in {workloads} workloads"),
            ),
            ResemblanceKind::NearMedians { farthest } => (
                "near_medians",
                format!("no median is farther from the other's than {:.2} %", 100.0 * farthest),
            ),
        };
        ResemblanceFigures {
            operators: both.map(|claim| claim.operator.clone()),
            report_ids: both.map(|claim| claim.report_id),
            kind: kind.to_owned(),
            detail,
        }
    };
    resemblance::resemblances(claims).into_iter().map(figures).collect()
}
