//! What a member of a fleet claims, and where that comes from.

use super::declared::Declared;
use super::hardware::Hardware;
use super::members::Member;
use super::random::Origin;
use super::run::{Arithmetic, Noise};
use super::truth::Kind;
use crate::schema::v1::{Cell, SelfCheck};

/// A member of a fleet, and where what it says comes from.
pub(super) struct Claim {
    kind: Kind,
    pub(super) own: Origin,
    pub(super) of: Option<Origin>,
    /// Of the machine that was measured, if any was.
    pub(super) hardware: Origin,
    /// Of the machine that it claims to be of.
    pub(super) commitment: Origin,
    pub(super) noise: Noise,
}

impl Claim {
    pub(super) fn of(member: Member, seed: u64) -> Self {
        let Member { operator, machine, kind, of } = member;
        let own = Origin { seed, operator, machine };
        let of = of.map(|operator| Origin::first(seed, operator));
        let other = of.unwrap_or(own);
        let honest = Noise { times: own, outputs: own, jitter: None };
        let (commitment, noise) = match kind {
            Kind::Ordinary | Kind::SecondMachine | Kind::ComputesWrongly => (own, honest),
            Kind::SharedMachine => (other, honest),
            Kind::NearCopy => (own, Noise { times: other, jitter: Some(own), ..honest }),
            Kind::ExactCopy => (own, Noise { times: other, outputs: other, jitter: None }),
        };
        Self { kind, own, of, hardware: other, commitment, noise }
    }

    pub(super) fn arithmetic(&self) -> Arithmetic {
        if self.kind == Kind::ComputesWrongly { Arithmetic::Wrong } else { Arithmetic::Right }
    }

    /// What is said of a machine's place under several keys is the same; whoever copies figures claims to be elsewhere.
    pub(super) fn declared(&self, hardware: &Hardware) -> Declared {
        let hosting = hardware.class.hosting;
        let own = Declared::of(self.own, hosting);
        match (self.kind, self.of) {
            (Kind::SharedMachine, Some(of)) => {
                let Declared { region, provider, .. } = Declared::of(of, hosting);
                Declared { region, provider, ..own }
            }
            _ => own,
        }
    }

    /// A machine that can run nothing has nothing to compute wrongly.
    pub(super) fn kind(&self, cells: &[Cell]) -> Kind {
        let is_wrong = cells.iter().any(|cell| cell.self_check == SelfCheck::Mismatch);
        if self.kind == Kind::ComputesWrongly && !is_wrong { Kind::Ordinary } else { self.kind }
    }
}
