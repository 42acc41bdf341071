//! Answers that nobody computed for this run: invented, exchanged, kept from elsewhere.

use proofmark_reports::did_key;
use proofmark_reports::schema::v1::Profile;
use proofmark_reports::{Digest, document, key};

use super::{Attack, CaughtBy, Evidence, Forged, Scenes, Skill, as_in, genuine};
use crate::forger::Forger;
use crate::forger::answers::Source;
use crate::forger::scene::{Scene, self_issued};

pub(super) fn attacks(scenes: &Scenes) -> Vec<Attack<'_>> {
    let exact = &scenes.exact;
    let attack = |name, skill, caught_by, forged| Attack {
        name,
        skill,
        numerics: "exact",
        caught_by,
        evidence: Evidence::Nothing,
        forged,
    };
    let (lazy, competent) = (Skill::Lazy, Skill::Competent);
    let (invented, exchanged) = ("a chain's link faked: one answer invented", "two answers exchanged");
    let (cached, resigned) = ("cached answers", "another operator's report re-signed");
    let twice = "the first round's answers again in the second";
    let mut attacks = vec![
        attack(invented, lazy, CaughtBy::Verify, exact.lazy(|profile| *digest(profile, 5) = nothing())),
        attack(invented, competent, CaughtBy::Audit, side_by_side(exact)),
        attack(exchanged, lazy, CaughtBy::Verify, exact.lazy(|profile| outputs(profile).swap(2, 5))),
        attack(exchanged, competent, CaughtBy::Audit, reordered(exact)),
        attack(
            "a step left out",
            lazy,
            CaughtBy::Verify,
            exact.lazy(|profile| {
                outputs(profile).remove(3);
            }),
        ),
        attack(
            "a round begun from a seed of one's own",
            lazy,
            CaughtBy::Verify,
            exact.lazy(|profile| {
                profile.cells[1].rounds[1].seed_0 = nothing();
            }),
        ),
        attack(
            cached,
            lazy,
            CaughtBy::Verify,
            exact.lazy(|profile| profile.challenge = self_issued("tomorrow")),
        ),
        attack(cached, competent, CaughtBy::Audit, {
            let yesterday = exact.of_another_day();
            exact.competent(|_| {}, as_in(&yesterday))
        }),
        attack(twice, lazy, CaughtBy::Verify, exact.lazy(again)),
        attack(
            twice,
            competent,
            CaughtBy::Verify,
            exact.competent(again, |asked| Source::Stated(asked.stated)),
        ),
    ];
    attacks.extend([
        attack(resigned, lazy, CaughtBy::Verify, re_signed(exact, Skill::Lazy)),
        attack(resigned, competent, CaughtBy::Audit, re_signed(exact, Skill::Competent)),
    ]);
    attacks
}

/// The link between two steps is faked, so that what is before and what is behind can run side by side.
fn side_by_side(scene: &Scene) -> Forged<'_> {
    let invents = |cell, place| cell == 1 && place == 5;
    scene.competent(
        |_| {},
        |asked| match invents(asked.cell, asked.place) {
            true => Source::Stated(nothing()),
            false => genuine(asked),
        },
    )
}

fn reordered(scene: &Scene) -> Forged<'_> {
    let mut swapped = scene.forger.profile.clone();
    outputs(&mut swapped).swap(2, 5);
    scene.competent(
        |_| {},
        |asked| match (asked.cell, asked.place) {
            (1, 2 | 5) => as_in(&swapped)(asked),
            _ => genuine(asked),
        },
    )
}

/// What another operator certified, signed by this one.
fn re_signed(scene: &Scene, skill: Skill) -> Forged<'_> {
    let honest = Forger {
        profile: scene.forger.profile.clone(),
        suite: scene.forger.suite.clone(),
        key: key::from_seed(&[8; 32]),
    };
    let theirs = Scene { place: Scene::place(), forger: honest, kept: Vec::new() };
    let named = |profile: &mut Profile| {
        profile.operator = did_key::format(&theirs.forger.key.verifying_key());
    };
    let report: Profile = document::open(&theirs.competent(named, genuine).bytes).unwrap().document;
    let operator = scene.forger.profile.operator.clone();
    match skill {
        Skill::Lazy => {
            scene.lazy(|profile| *profile = Profile { operator: operator.clone(), ..report.clone() })
        }
        Skill::Competent => scene.competent(|_| {}, as_in(&report)),
    }
}

fn again(profile: &mut Profile) {
    for cell in &mut profile.cells {
        let (first, second) = cell.rounds.split_at_mut(1);
        second[0].output_digests.clone_from(&first[0].output_digests);
    }
}

fn outputs(profile: &mut Profile) -> &mut Vec<Digest> {
    &mut profile.cells[1].rounds[0].output_digests
}

fn digest(profile: &mut Profile, place: usize) -> &mut Digest {
    &mut outputs(profile)[place]
}

fn nothing() -> Digest {
    Digest::of(b"invented")
}
