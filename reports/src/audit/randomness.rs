//! Where the random number of an audit comes from, and whether its signer could choose it.

use super::AuditPredicate;
use crate::beacon::{BeaconFault, BeaconRound, first_round_after};
use crate::schema::v1::{Beacon, Receipt};
use crate::{Digest, Timestamp};

/// The random number that decides which answers are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Randomness {
    /// One of the auditor's own, who alone knows that it was not chosen.
    Private {
        /// The number.
        nonce: Digest,
    },
    /// The first round of drand after a network had received the profile: unknown when the profile was made, and no one's choice.
    Public {
        /// That round.
        round: BeaconRound,
        /// Whose time says which round it is. Whether it holds for the profile is for `verify` to say.
        receipt: Box<Receipt>,
    },
}

/// Why a random number does not decide an audit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RandomnessFault {
    /// None, several, or half of one.
    #[error("its random number is neither a nonce alone nor a beacon with a receipt")]
    Sources,
    /// The round does not hold.
    #[error("beacon: {0}")]
    Beacon(#[from] BeaconFault),
    /// The receipt has no time.
    #[error("receipt: received_at is {fact}")]
    ReceivedAt {
        /// What is wrong with it.
        fact: String,
    },
    /// Another round than the receipt's time asks for.
    #[error(
        "beacon: round {expected} is the first after the receipt of {received_at}, this is round {actual}"
    )]
    NotTheFirst {
        /// Of the receipt.
        received_at: Timestamp,
        /// The round's number, as it must be.
        expected: u64,
        /// As it is.
        actual: u64,
    },
}

impl Randomness {
    /// The number of a public audit.
    ///
    /// # Errors
    /// [`RandomnessFault`], unless the round is the first after the receipt.
    pub fn public(round: BeaconRound, receipt: Receipt) -> Result<Self, RandomnessFault> {
        let received_at: Timestamp = receipt
            .received_at
            .parse()
            .map_err(|error| RandomnessFault::ReceivedAt { fact: format!("{error}") })?;
        let (expected, actual) = (first_round_after(received_at), round.number());
        if actual != expected {
            return Err(RandomnessFault::NotTheFirst { received_at, expected, actual });
        }
        Ok(Self::Public { round, receipt: Box::new(receipt) })
    }

    /// The number that a signed audit states.
    ///
    /// # Errors
    /// [`RandomnessFault`]
    pub fn of(audit: &AuditPredicate) -> Result<Self, RandomnessFault> {
        match (&audit.nonce, &audit.beacon, &audit.receipt) {
            (Some(nonce), None, None) => Ok(Self::Private { nonce: *nonce }),
            (None, Some(beacon), Some(receipt)) => {
                Self::public(BeaconRound::verify(beacon)?, receipt.as_ref().clone())
            }
            _ => Err(RandomnessFault::Sources),
        }
    }

    /// The number.
    #[must_use]
    pub fn number(&self) -> Digest {
        match self {
            Self::Private { nonce } => *nonce,
            Self::Public { round, .. } => round.randomness(),
        }
    }

    /// The members `nonce`, `beacon` and `receipt` that state it.
    #[must_use]
    pub fn stated(&self) -> (Option<Digest>, Option<Beacon>, Option<Box<Receipt>>) {
        match self {
            Self::Private { nonce } => (Some(*nonce), None, None),
            Self::Public { round, receipt } => (None, Some(round.beacon()), Some(receipt.clone())),
        }
    }
}
