//! Genuine answers with other times, numbers and names around them.

use std::time::{Duration, SystemTime};

use proofmark_reports::schema::v1::{Profile, WarmUp};
use proofmark_reports::{Timestamp, document};

use super::{Attack, CaughtBy, Evidence, Forged, Scenes, Skill, genuine};
use crate::forger::scene::Scene;

/// With a warm-up as slow as this, the suite fixes four iterations instead of eight.
const SLOW: Duration = Duration::from_secs(50);
/// Rounds that begin with it.
const SLOW_ROUNDS: u32 = 4;
const CHALLENGE: &str = "challenge.json";

pub(super) fn attacks(scenes: &Scenes) -> Vec<Attack<'_>> {
    let Scenes { exact, native, asked } = scenes;
    let attack = |name, skill, numerics, caught_by, evidence, forged| Attack {
        name,
        skill,
        numerics,
        caught_by,
        evidence,
        forged,
    };
    let (lazy, competent) = (Skill::Lazy, Skill::Competent);
    let (verify, unseen) = (CaughtBy::Verify, CaughtBy::Nothing);
    let alone = Evidence::Nothing;
    let received = Evidence::Received(CHALLENGE);
    let (latencies, dropped) = ("edited latencies: all halved", "samples dropped: half of a round");
    let (threads, machine) = ("inflated thread count", "another machine's name, or work relayed to it");
    vec![
        attack("any number edited, the signature kept", lazy, "any", verify, alone, not_signed_again(exact)),
        attack(latencies, lazy, "any", verify, alone, exact.lazy(halve)),
        attack(latencies, competent, "any", unseen, alone, exact.competent(halve, genuine)),
        attack(latencies, competent, "any", unseen, received, asked.competent(halve, genuine)),
        attack(dropped, lazy, "any", verify, alone, exact.lazy(|profile| drop_samples(profile, 1))),
        attack(dropped, competent, "any", unseen, alone, exact.competent(warm_up_slowly, genuine)),
        attack(
            dropped,
            competent,
            "any",
            CaughtBy::Receipt,
            received,
            asked.competent(warm_up_slowly, genuine),
        ),
        attack(threads, lazy, "any", verify, alone, exact.lazy(|profile| profile.cells[0].threads = 64)),
        attack(threads, competent, "any", unseen, alone, exact.competent(inflate_threads, genuine)),
        attack(machine, lazy, "any", unseen, alone, exact.lazy(rename_machine)),
        attack("native sketches withheld", lazy, "native", unseen, alone, without_sketches(native)),
    ]
}

/// With the proof of what was there before.
fn not_signed_again(scene: &Scene) -> Forged<'_> {
    let mut profile = scene.forger.profile.clone();
    profile.cells[0].rounds[0].load_ns += 1;
    Forged { bytes: document::write(&profile).unwrap(), ..scene.lazy(|_| {}) }
}

/// Nothing of the first cell's outputs can be shown.
fn without_sketches(scene: &Scene) -> Forged<'_> {
    let mut forged = scene.lazy(|_| {});
    let rounds = &scene.forger.profile.cells[0].rounds;
    forged.kept.retain(|kept| !rounds.iter().any(|round| round.output_digests.contains(&kept.digest)));
    forged
}

fn halve(profile: &mut Profile) {
    for round in profile.cells.iter_mut().flat_map(|cell| &mut cell.rounds) {
        let times = round.latency_ns.iter_mut().chain(&mut round.ttft_ns);
        times.for_each(|time_ns| *time_ns /= 2);
    }
}

/// The later half of the samples of each cell's first round, in so many cells.
fn drop_samples(profile: &mut Profile, cells: usize) {
    for cell in &mut profile.cells[..cells] {
        let round = &mut cell.rounds[0];
        let half = round.latency_ns.len() / 2;
        for times in [&mut round.latency_ns, &mut round.ttft_ns, &mut round.tpot_ns] {
            times.truncate(half);
        }
        round.output_digests.truncate(half);
    }
}

/// Half of the samples, because the warm-up is said to have been so slow that the suite asks for no more.
fn warm_up_slowly(profile: &mut Profile) {
    drop_samples(profile, SLOW_ROUNDS as usize);
    let slow_ns = SLOW.as_nanos() as u64;
    for cell in &mut profile.cells[..SLOW_ROUNDS as usize] {
        cell.rounds[0].warm_up =
            WarmUp { iterations: 1, duration_ns: slow_ns, window_median_ns: vec![slow_ns] };
    }
    // Within what clocks may differ from a network's.
    let started_at = Timestamp::of(SystemTime::now() - SLOW * (SLOW_ROUNDS + 1)).to_string();
    profile.sittings[0].started_at.clone_from(&started_at);
    profile.started_at = started_at;
}

fn inflate_threads(profile: &mut Profile) {
    profile.machine.logical_cpus = 64;
    profile.machine.physical_cpus = Some(32);
    profile.cells.iter_mut().for_each(|cell| cell.threads = 64);
}

fn rename_machine(profile: &mut Profile) {
    profile.machine.cpu_model = "a processor that this machine has not".to_owned();
    profile.machine.logical_cpus = 64;
}
