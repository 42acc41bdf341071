//! What a profile says, in short, for those who read in-toto statements and no profiles.

use serde::{Deserialize, Serialize};

use super::{Profile, SuiteReference};
use crate::Digest;
use crate::in_toto::Predicate;
#[cfg(test)]
use crate::schema::form;

/// The operator's statement about a profile; all of it follows from the profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProfileSummary {
    /// SHA-256 of the profile's canonical form without proof.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub body_digest: Digest,
    /// As the profile's.
    #[cfg_attr(test, schemars(with = "form::DidKey"))]
    pub operator: String,
    /// As the profile's.
    pub suite: SuiteReference,
    /// As the profile's.
    #[cfg_attr(test, schemars(with = "form::Time"))]
    pub started_at: String,
    /// As the profile's.
    #[cfg_attr(test, schemars(with = "form::Time"))]
    pub finished_at: String,
    /// As the profile's, without its rows.
    pub coverage: CoverageSummary,
}

/// The probability that a request of the suite's demand mix succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CoverageSummary {
    /// Over the suite's demand mix.
    pub success_ppm: u64,
    /// 95 % interval, rounded outward.
    pub low_ppm: u64,
    /// As `low_ppm`.
    pub high_ppm: u64,
}

impl ProfileSummary {
    /// The summary of a profile, given the digest of its body.
    #[must_use]
    pub fn of(profile: &Profile, body_digest: Digest) -> Self {
        let coverage = &profile.coverage;
        Self {
            body_digest,
            operator: profile.operator.clone(),
            suite: profile.suite.clone(),
            started_at: profile.started_at.clone(),
            finished_at: profile.finished_at.clone(),
            coverage: CoverageSummary {
                success_ppm: coverage.success_ppm,
                low_ppm: coverage.low_ppm,
                high_ppm: coverage.high_ppm,
            },
        }
    }
}

impl Predicate for ProfileSummary {
    const TYPE: &'static str = "urn:x-proofmark:coverage-profile:v1";
}
