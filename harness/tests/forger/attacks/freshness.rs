//! Another time than it seems: before the challenge, or in answer to another one.

use proofmark_reports::document;
use proofmark_reports::schema::v1::{Challenge, Profile};

use super::{Attack, CaughtBy, Evidence, Scenes, Skill, as_in, genuine};

/// Of the scene's run, and one that the network made later.
const FIRST: &str = "challenge.json";
const ANOTHER: &str = "another.json";

pub(super) fn attacks(scenes: &Scenes) -> Vec<Attack<'_>> {
    let asked = &scenes.asked;
    let answered = asked.forger.profile.challenge.clone();
    let another = asked.asked_again();
    let attack = |name, skill, caught_by, evidence, forged| Attack {
        name,
        skill,
        numerics: "exact",
        caught_by,
        evidence,
        forged,
    };
    let (lazy, competent) = (Skill::Lazy, Skill::Competent);
    let answers = |challenge: &Challenge| {
        let challenge = challenge.clone();
        move |profile: &mut Profile| profile.challenge.clone_from(&challenge)
    };
    let (replayed, precomputed) = ("replayed challenge", "precomputed seeds");
    let second = "the best of several answers to one challenge";
    // The scene's operator has a run from before the challenge.
    let precomputed_run: Profile = {
        let own = |profile: &mut Profile| profile.challenge = crate::forger::scene::self_issued("in advance");
        document::open(&asked.competent(own, genuine).bytes).unwrap().document
    };
    let in_advance = || asked.competent(answers(&precomputed_run.challenge), genuine);
    let best_of_several = |caught_by, evidence| {
        attack(second, competent, caught_by, evidence, asked.competent(faster, genuine))
    };
    vec![
        attack(replayed, lazy, CaughtBy::Challenge, Evidence::Challenge(ANOTHER), asked.lazy(|_| {})),
        attack(
            replayed,
            competent,
            CaughtBy::Audit,
            Evidence::Received(ANOTHER),
            asked.competent(answers(&another), as_in(&asked.forger.profile)),
        ),
        best_of_several(CaughtBy::Receipt, Evidence::ReceiptOfAnother(FIRST)),
        best_of_several(CaughtBy::Nothing, Evidence::Received(FIRST)),
        attack(precomputed, competent, CaughtBy::Nothing, Evidence::Nothing, in_advance()),
        attack(precomputed, lazy, CaughtBy::Challenge, Evidence::Challenge(FIRST), in_advance()),
        attack(
            precomputed,
            competent,
            CaughtBy::Audit,
            Evidence::Received(FIRST),
            asked.competent(answers(&answered), as_in(&precomputed_run)),
        ),
    ]
}

/// As a run in which everything took a nanosecond less.
fn faster(profile: &mut Profile) {
    for round in profile.cells.iter_mut().flat_map(|cell| &mut cell.rounds) {
        round.latency_ns.iter_mut().for_each(|latency_ns| *latency_ns -= 1);
    }
}
