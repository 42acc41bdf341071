//! What a run answers: a number of the operator's own, or a network's signed challenge; and the network's receipt for it.

use serde::{Deserialize, Serialize};

use super::Proof;
use crate::Digest;
use crate::document::Document;

/// What the run's seeds were bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Challenge {
    /// The operator chose the number, so nothing bounds when the run was made.
    SelfIssued {
        /// 32 random bytes.
        nonce: Digest,
    },
    /// The run began after a network had made this document, which is repeated here.
    Network {
        /// As the network signed it.
        document: Box<NetworkChallenge>,
    },
}

/// A network asks for a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkChallenge {
    /// [`NetworkChallenge::KIND`]
    pub kind: String,
    /// [`NetworkChallenge::SCHEMA`]
    pub schema: String,
    /// The signer, as `did:key`.
    pub network: String,
    /// The digest of the suite to run.
    pub suite: Digest,
    /// The rules that the network judges by, by name or address; what they say is its own matter.
    pub policy: Option<String>,
    /// 32 random bytes: nobody knew the run's seeds before.
    pub nonce: Digest,
    /// When it was made; no run answers it earlier. UTC, `2026-11-21T03:45:00Z`.
    pub not_before: String,
    /// A receipt after this is none.
    pub expires_at: String,
    /// A public random number that was not known before its time.
    pub beacon: Option<Beacon>,
    /// The signature; `null` only while it is being made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// A round of a drand network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beacon {
    /// The hash of the drand network's chain.
    pub chain: Digest,
    /// Its number.
    pub round: u64,
    /// In hexadecimal digits.
    pub signature: String,
}

/// A network confirms when it had the answer to its challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// [`Receipt::KIND`]
    pub kind: String,
    /// [`Receipt::SCHEMA`]
    pub schema: String,
    /// The signer, as `did:key`; the challenge's.
    pub network: String,
    /// SHA-256 of the profile's canonical form without proof.
    pub body_digest: Digest,
    /// SHA-256 of the challenge's file.
    pub challenge_digest: Digest,
    /// By the network's clock.
    pub received_at: String,
    /// The signature; `null` only while it is being made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

impl Document for NetworkChallenge {
    const KIND: &'static str = "proofmark.challenge";
    const SCHEMA: &'static str = "1.0.0";
    const SIGNER: &'static str = "network";

    fn signer(&self) -> &str {
        &self.network
    }

    fn proof(&self) -> Option<&Proof> {
        self.proof.as_ref()
    }

    fn set_proof(&mut self, proof: Option<Proof>) {
        self.proof = proof;
    }
}

impl Document for Receipt {
    const KIND: &'static str = "proofmark.receipt";
    const SCHEMA: &'static str = "1.0.0";
    const SIGNER: &'static str = "network";

    fn signer(&self) -> &str {
        &self.network
    }

    fn proof(&self) -> Option<&Proof> {
        self.proof.as_ref()
    }

    fn set_proof(&mut self, proof: Option<Proof>) {
        self.proof = proof;
    }
}
