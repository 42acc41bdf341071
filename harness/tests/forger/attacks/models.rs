//! Something cheaper than the suite's model.

use proofmark_reports::schema::v1::Profile;
use proofmark_workloads::{Numerics, Task, Workload};

use super::{Attack, CaughtBy, Evidence, Forged, Scenes, Skill, genuine};
use crate::forger::Asked;
use crate::forger::answers::{Answers, Source, Tokens};
use crate::forger::cheats::Cheat;
use crate::forger::scene::Scene;

/// Cells that a cheat is tried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cells {
    Exact,
    Native,
    NativeIn(&'static str),
}

impl Cells {
    fn has(self, workload: &Workload) -> bool {
        let is_native = workload.numerics == Numerics::Native;
        match self {
            Self::Exact => !is_native,
            Self::Native => is_native,
            Self::NativeIn(precision) => is_native && workload.precision == precision,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Native => "native",
            Self::NativeIn("f32") => "native f32",
            Self::NativeIn("bf16") => "native bf16",
            Self::NativeIn(_) => "native f16",
        }
    }

    fn scene(self, scenes: &Scenes) -> &Scene {
        if self == Self::Exact { &scenes.exact } else { &scenes.native }
    }
}

pub(super) fn attacks(scenes: &Scenes) -> Vec<Attack<'_>> {
    let cheats = Cheat::ALL.into_iter().filter(|cheat| *cheat != Cheat::Honest);
    let mut attacks: Vec<Attack<'_>> = cheats.flat_map(|cheat| cheaper_model(scenes, cheat)).collect();
    let tenth = scenes.exact.competent(
        |_| {},
        |asked| match asked.place % 10 {
            0 => Source::Model(Cheat::FourBitWeights),
            _ => genuine(asked),
        },
    );
    attacks.push(Attack {
        name: "4-bit weights, for every tenth answer",
        skill: Skill::Competent,
        numerics: "exact",
        caught_by: CaughtBy::Audit,
        evidence: Evidence::Nothing,
        forged: tenth,
    });
    attacks.extend(cheap_decodes(scenes));
    attacks
}

fn cheaper_model(scenes: &Scenes, cheat: Cheat) -> Vec<Attack<'_>> {
    let attack = |skill, cells: Cells, caught_by, forged| Attack {
        name: cheat.name(),
        skill,
        numerics: cells.name(),
        caught_by,
        evidence: Evidence::Nothing,
        forged,
    };
    let lazy =
        |cells: Cells, caught_by| attack(Skill::Lazy, cells, caught_by, as_loaded(scenes, cheat, cells));
    let competent = |cells: Cells, caught_by| {
        attack(Skill::Competent, cells, caught_by, passed_off(scenes, cheat, cells))
    };
    let mut attacks = vec![
        lazy(Cells::Exact, CaughtBy::Verify),
        lazy(Cells::Native, CaughtBy::Audit),
        competent(Cells::Exact, CaughtBy::Audit),
        competent(Cells::NativeIn("f32"), CaughtBy::Audit),
    ];
    // Eight bits are finer than what half precision leaves of an honest output.
    let in_half = if cheat == Cheat::EightBitWeights { CaughtBy::Nothing } else { CaughtBy::Audit };
    if cheat != Cheat::Bf16 {
        attacks.push(competent(Cells::NativeIn("bf16"), in_half));
        attacks.push(competent(Cells::NativeIn("f16"), in_half));
    }
    attacks
}

/// The program with another model in it: it says what it loaded, and what that answers to the self-check.
fn as_loaded(scenes: &Scenes, cheat: Cheat, cells: Cells) -> Forged<'_> {
    let scene = cells.scene(scenes);
    let says = |profile: &mut Profile| {
        let mut answers = Answers::default();
        for cell in &mut profile.cells {
            let workload = scene.forger.suite.workload(&cell.workload).unwrap();
            if is_cheated(workload, cheat, cells) {
                let (weights, self_check) = answers.loaded(workload, cheat);
                cell.weights.as_mut().unwrap().digest = weights;
                cell.self_check_digest = Some(self_check);
            }
        }
    };
    scene.competent(says, |asked| in_place_of(asked, cheat, cells))
}

/// Weights and self-check are said to be the suite's.
fn passed_off(scenes: &Scenes, cheat: Cheat, cells: Cells) -> Forged<'_> {
    cells.scene(scenes).competent(|_| {}, |asked| in_place_of(asked, cheat, cells))
}

fn in_place_of(asked: &Asked<'_>, cheat: Cheat, cells: Cells) -> Source {
    Source::Model(if is_cheated(asked.workload, cheat, cells) { cheat } else { Cheat::Honest })
}

fn is_cheated(workload: &Workload, cheat: Cheat, cells: Cells) -> bool {
    // A few scores in bf16 come again by chance, which `verify` would find instead.
    let is_coarse = cheat == Cheat::Bf16 && cells != Cells::Exact && workload.shape.task() == Task::Reranking;
    cells.has(workload) && cheat.applies_to(workload) && !is_coarse
}

/// A 4-bit model writes the tokens, the genuine one only reads them: one prefill instead of a pass a token.
fn cheap_decodes(scenes: &Scenes) -> Vec<Attack<'_>> {
    let generates = |asked: &Asked<'_>| asked.workload.id.starts_with("generate");
    let attack = |name, cells: Cells, tokens| Attack {
        name,
        skill: Skill::Competent,
        numerics: cells.name(),
        caught_by: CaughtBy::Audit,
        evidence: Evidence::Nothing,
        forged: cells.scene(scenes).competent(
            |_| {},
            |asked| match generates(asked) && cells.has(asked.workload) {
                true => Source::CheapDecode(tokens),
                false => genuine(asked),
            },
        ),
    };
    let (plain, chosen, raised) = (
        "cheap decode, honest prefill",
        "cheap decode, honest prefill, tokens as the prefill chooses them",
        "cheap decode, honest prefill, the tokens' logits raised",
    );
    vec![
        attack(plain, Cells::Exact, Tokens::Cheap),
        attack(chosen, Cells::Exact, Tokens::ChosenBehindCheap),
        attack(raised, Cells::Exact, Tokens::CheapRaised),
        attack(plain, Cells::NativeIn("f32"), Tokens::Cheap),
        attack(chosen, Cells::NativeIn("f32"), Tokens::ChosenBehindCheap),
        Attack {
            caught_by: CaughtBy::Nothing,
            ..attack(raised, Cells::NativeIn("bf16"), Tokens::CheapRaised)
        },
    ]
}
