//! Every attack of the red team.

mod answers;
mod figures;
mod freshness;
mod models;

use std::collections::BTreeSet;
use std::fmt;

use proofmark_reports::audit::KeptOutput;
use proofmark_reports::schema::v1::Profile;
use proofmark_reports::{Digest, document};

use super::Asked;
use super::answers::{Answers, Source};
use super::cheats::Cheat;
use super::scene::Scene;

/// The runs that are forged.
pub(crate) struct Scenes {
    pub(crate) exact: Scene,
    pub(crate) native: Scene,
    pub(crate) asked: Scene,
}

impl Scenes {
    pub(crate) fn new() -> Self {
        Self {
            exact: Scene::self_issued("exact"),
            native: Scene::self_issued("native"),
            asked: Scene::asked(),
        }
    }
}

/// A forged profile, and what is known of it beforehand.
pub(crate) struct Attack<'a> {
    pub(crate) name: &'static str,
    pub(crate) skill: Skill,
    pub(crate) numerics: &'static str,
    pub(crate) caught_by: CaughtBy,
    pub(crate) evidence: Evidence,
    pub(crate) forged: Forged<'a>,
}

/// What a forger hands in.
pub(crate) struct Forged<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) bytes: Vec<u8>,
    pub(crate) kept: Vec<KeptOutput>,
    /// Cell and place of answers that are not the genuine ones.
    pub(crate) changed: BTreeSet<(u64, u64)>,
}

/// How much of what follows from a change the forger recomputes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skill {
    /// Nothing but the signature.
    Lazy,
    /// Everything that needs no genuine model.
    Competent,
}

/// What a verifier has beside the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    Nothing,
    /// The challenge that the profile must answer.
    Challenge(&'static str),
    /// That, and a receipt that the network gave for this profile.
    Received(&'static str),
    /// That, and the receipt that the network gave for the honest run.
    ReceiptOfAnother(&'static str),
}

/// The first check that refuses, in the order of their cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CaughtBy {
    Verify,
    Challenge,
    Receipt,
    Audit,
    Nothing,
}

/// All, in the order of the table.
pub(crate) fn attacks(scenes: &Scenes) -> Vec<Attack<'_>> {
    let mut attacks = models::attacks(scenes);
    attacks.extend(answers::attacks(scenes));
    attacks.extend(freshness::attacks(scenes));
    attacks.extend(figures::attacks(scenes));
    attacks
}

impl Scene {
    /// One thing changed, and signed again.
    fn lazy(&self, change: impl Fn(&mut Profile)) -> Forged<'_> {
        let bytes = self.forger.edit(change);
        Forged { scene: self, bytes, kept: self.kept.clone(), changed: BTreeSet::new() }
    }

    /// Everything recomputed: the answers come from `source`, in the order of the chain.
    fn competent(&self, change: impl Fn(&mut Profile), source: impl Fn(&Asked<'_>) -> Source) -> Forged<'_> {
        let mut answers = Answers::default();
        let bytes = self.forger.forge_with(change, |asked| answers.answer(asked, source(asked)));
        Forged { scene: self, bytes, kept: answers.kept, changed: answers.changed }
    }

    /// The profile of the operator's honest run on another day.
    fn of_another_day(&self) -> Profile {
        let change = |profile: &mut Profile| profile.challenge = super::scene::self_issued("yesterday");
        document::open(&self.competent(change, genuine).bytes).unwrap().document
    }
}

/// The model that was asked for.
fn genuine(_: &Asked<'_>) -> Source {
    Source::Model(Cheat::Honest)
}

/// What another profile has at the same place.
fn as_in(profile: &Profile) -> impl Fn(&Asked<'_>) -> Source + '_ {
    |asked| {
        let mut rounds = profile.cells[asked.cell as usize].rounds.iter();
        let digests: Vec<Digest> = rounds.by_ref().flat_map(|round| round.output_digests.clone()).collect();
        Source::Stated(digests[asked.place as usize])
    }
}

impl fmt::Display for Skill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lazy => "lazy",
            Self::Competent => "competent",
        })
    }
}

impl fmt::Display for CaughtBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Verify => "verify",
            Self::Challenge => "verify --challenge",
            Self::Receipt => "receipt",
            Self::Audit => "audit",
            Self::Nothing => "undetectable offline",
        })
    }
}
