//! What a run answers: a number of the operator's own, or a network's signed challenge; and the network's receipt for it.

use serde::{Deserialize, Serialize};

use super::Proof;
use crate::Digest;
use crate::document::Document;
#[cfg(test)]
use crate::schema::form;

/// What the run's seeds were bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Challenge {
    /// The operator chose the number, so nothing bounds when the run was made.
    SelfIssued {
        /// 32 random bytes.
        #[cfg_attr(test, schemars(with = "form::Digest"))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NetworkChallenge {
    /// The kind of document.
    #[cfg_attr(test, schemars(extend("const" = Self::KIND)))]
    pub kind: String,
    /// The version of its schema.
    #[cfg_attr(test, schemars(extend("const" = Self::SCHEMA)))]
    pub schema: String,
    /// The signer, as `did:key`.
    #[cfg_attr(test, schemars(with = "form::DidKey"))]
    pub network: String,
    /// The digest of the suite to run.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub suite: Digest,
    /// The rules that the network judges by, by name or address; what they say is its own matter.
    pub policy: Option<String>,
    /// 32 random bytes: nobody knew the run's seeds before.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub nonce: Digest,
    /// When it was made; no run answers it earlier. UTC, `2026-11-21T03:45:00Z`.
    #[cfg_attr(test, schemars(with = "form::Time"))]
    pub not_before: String,
    /// A receipt after this is none.
    #[cfg_attr(test, schemars(with = "form::Time"))]
    pub expires_at: String,
    /// A public random number that was not known before its time.
    pub beacon: Option<Beacon>,
    /// The signature; left out only while it is being made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Proof"))]
    pub proof: Option<Proof>,
}

/// A round of a drand network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Beacon {
    /// The hash of the drand network's chain.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub chain: Digest,
    /// Its number.
    pub round: u64,
    /// In hexadecimal digits.
    pub signature: String,
}

/// A network confirms when it had the answer to its challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The kind of document.
    #[cfg_attr(test, schemars(extend("const" = Self::KIND)))]
    pub kind: String,
    /// The version of its schema.
    #[cfg_attr(test, schemars(extend("const" = Self::SCHEMA)))]
    pub schema: String,
    /// The signer, as `did:key`; the challenge's.
    #[cfg_attr(test, schemars(with = "form::DidKey"))]
    pub network: String,
    /// SHA-256 of the profile's canonical form without proof.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub body_digest: Digest,
    /// SHA-256 of the challenge's file.
    #[cfg_attr(test, schemars(with = "form::Digest"))]
    pub challenge_digest: Digest,
    /// By the network's clock.
    #[cfg_attr(test, schemars(with = "form::Time"))]
    pub received_at: String,
    /// The signature; left out only while it is being made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Proof"))]
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
