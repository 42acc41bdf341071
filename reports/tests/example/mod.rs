//! An invented profile that has everything a profile can have: for tests and for the look of its faces.

use proofmark_reports::schema::v1::*;
use proofmark_reports::{Digest, coverage, derived, words};
use proofmark_workloads::{Suite, Workload, embedded};

/// The suite of the profile.
pub(crate) fn suite() -> Suite {
    embedded().remove(0)
}

/// The profile; its signature and digests are invented as well.
pub(crate) fn profile() -> Profile {
    let suite = suite();
    let cells: Vec<Cell> =
        suite.workloads.iter().enumerate().map(|(index, workload)| cell(index, &suite, workload)).collect();
    let digest = Digest::of(b"example");
    Profile {
        kind: KIND.to_owned(),
        schema: SCHEMA.to_owned(),
        suite: SuiteReference {
            name: suite.name.clone(),
            version: suite.version.clone(),
            digest: suite.digest,
        },
        operator: "did:key:z6MktabFgQ6Bpp1B7Th5vaEuzEq1NApYHcefyhSGQF4y6wPz".to_owned(),
        machine: machine(),
        harness: Harness {
            version: "0.1.0".to_owned(),
            git_commit: "5338b59c61d3f1f5a9f3a1e0e5f3d2b1a0998877".to_owned(),
            binary_digest: digest,
            rustc: "rustc 1.95.0 (example)".to_owned(),
            crates: [("candle_core", "0.11.1"), ("gemm", "0.19.0")]
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .into(),
            isa: "avx512".to_owned(),
        },
        challenge: Challenge::SelfIssued { nonce: digest },
        started_at: "2026-11-21T03:40:00Z".to_owned(),
        finished_at: "2026-11-21T04:01:30Z".to_owned(),
        sittings: vec![
            Sitting { started_at: "2026-11-21T03:40:00Z".to_owned(), first_round: 0, first_cell: 0 },
            Sitting { started_at: "2026-11-21T03:58:12Z".to_owned(), first_round: 2, first_cell: 9 },
        ],
        ceilings: Some(CEILINGS),
        coverage: coverage::of_machine(&suite, &cells),
        cells,
        doubts: vec![
            doubt(
                DoubtKind::Governor,
                "governor is `powersave` on 2 processors",
                "set the governor to performance",
            ),
            doubt(DoubtKind::ForeignLoad, "load average 0.63 on 2 processors before the run", STOP_OTHERS),
        ],
        extensions: serde_json::Map::new(),
        proof: Some(Proof {
            r#type: "DataIntegrityProof".to_owned(),
            cryptosuite: "eddsa-jcs-2022".to_owned(),
            created: "2026-11-21T04:01:30Z".to_owned(),
            verification_method: "did:key:z6Mk#z6Mk".to_owned(),
            proof_purpose: "assertionMethod".to_owned(),
            proof_value: "z5LgJ".to_owned(),
        }),
    }
}

const STOP_OTHERS: &str = "stop other programs and certify again";

fn machine() -> Machine {
    Machine {
        commitment: Digest::of(b"machine"),
        cpu_model: "Example Octane 9 Processor".to_owned(),
        cpu_features: ["avx2", "avx512f", "f16c", "fma"].map(str::to_owned).to_vec(),
        logical_cpus: 2,
        physical_cpus: Some(2),
        memory_bytes: 23 << 30,
        available_memory_bytes: 3 << 30,
        cgroup_memory_bytes: Some(4 << 30),
        cgroup_cpu_milli: None,
        accelerators: Vec::new(),
        os: "linux".to_owned(),
        os_release: "Example GNU/Linux 12".to_owned(),
        kernel: "6.1.0-example".to_owned(),
        architecture: "x86_64".to_owned(),
        virtualisation: "kvm".to_owned(),
        clock: Clock { source: "tsc".to_owned(), resolution_ns: 10, overhead_ps: 21_300 },
    }
}

fn doubt(kind: DoubtKind, detail: &str, advice: &str) -> Doubt {
    Doubt { kind, detail: detail.to_owned(), advice: advice.to_owned() }
}

/// What memory and arithmetic of the machine reach.
const CEILINGS: Ceilings = Ceilings { read_bytes_per_s: 41_300_000_000, f32_flops_per_s: 376_000_000_000 };
const ROUNDS: usize = 6;
/// Median latencies in milliseconds, and numbers of timed requests, by cell; 0 of those that were not measured.
const MEDIANS_MS: [f64; 20] = [
    270.0, 541.0, 175.0, 0.0, 0.0, 301.0, 58.1, 129.0, 28.8, 792.0, 88.3, 304.0, 2.52, 8.99, 112.0, 446.0,
    4.55, 0.0, 80.9, 270.0,
];
const REQUESTS: [usize; 20] =
    [40, 5, 64, 0, 0, 37, 190, 88, 400, 14, 126, 36, 900, 800, 100, 25, 1000, 0, 138, 41];

/// A cell; its index picks what it is an example of.
fn cell(index: usize, suite: &Suite, workload: &Workload) -> Cell {
    let mut noise = Noise(index as u64 * 7919 + 1);
    let mut cell = blank(workload);
    cell.obstacle = match index {
        3 => Some(Obstacle::Memory { needed_bytes: 5 << 30, available_bytes: 3 << 30 }),
        4 => Some(Obstacle::Slo { limit: Limit::Tpot, estimate_ns: 1_240_000_000, limit_ns: 100_000_000 }),
        _ => None,
    };
    cell.reason = cell.obstacle.map(words::obstacle);
    if cell.obstacle.is_some() {
        cell.status = Status::NotCovered;
        return cell;
    }
    if index == 17 {
        cell.status = Status::Failed;
        cell.reason = Some("the cell's process ended by signal 9 (killed) after 34 requests".to_owned());
        return cell;
    }
    let median_ns = MEDIANS_MS[index] * 1e6;
    cell.rounds = (0..ROUNDS).map(|round| example_round(index, workload, round, &mut noise)).collect();
    cell.self_check_digest = workload.self_check;
    if let Some(max_batch) = workload.max_batch {
        cell.capacity = open_loop(index, workload, max_batch, median_ns, &mut noise);
    }
    derived::complete(&mut cell, suite, workload, Some(CEILINGS));
    cell
}

/// As its warm-up went, and the requests of all rounds shared out among them.
fn example_round(index: usize, workload: &Workload, round: usize, noise: &mut Noise) -> Round {
    // Another process, another place in memory.
    let median_ns = noise.around(MEDIANS_MS[index] * 1e6) as f64;
    let requests = REQUESTS[index] * round / ROUNDS..REQUESTS[index] * (round + 1) / ROUNDS;
    let mut latency_ns: Vec<u64> = requests.clone().map(|_| noise.around(median_ns)).collect();
    if (index, round) == (16, 5) {
        // A neighbour that woke up: some requests are late.
        latency_ns.iter_mut().step_by(13).for_each(|latency| *latency *= 31);
    }
    let mut ttft_ns = Vec::new();
    if workload.shape.output_tokens().is_some() {
        let first = |latency: &u64| noise.around(*latency as f64 * 0.2).min(latency / 2);
        ttft_ns = latency_ns.iter().map(first).collect();
    }
    let settling = if index == 9 { 1.14 } else { 1.01 };
    let windows = [settling, 1.0, 1.0].map(|factor| (median_ns * factor) as u64).to_vec();
    let is_disturbed = (index, round) == (16, 5);
    let load = doubt(DoubtKind::ForeignLoad, "other programs used 0.41 processors", STOP_OTHERS);
    Round {
        attempt: 0,
        ceilings: Some(CEILINGS),
        load_ns: 50_000_000,
        warm_up: WarmUp { iterations: 9, duration_ns: 840_000_000, window_median_ns: windows },
        seed_0: Digest::of(workload.id.as_bytes()),
        latency_ns,
        ttft_ns,
        tpot_ns: Vec::new(),
        output_digests: requests
            .map(|request| Digest::of_fields(&workload.id, &[&(request as u64).to_le_bytes()]))
            .collect(),
        chain_head: Digest::of(b"head"),
        peak_memory_bytes: Some((40 + noise.next() % 500) << 20),
        accelerator: None,
        doubts: if is_disturbed { vec![load] } else { Vec::new() },
    }
}

fn blank(workload: &Workload) -> Cell {
    Cell {
        weights: Some(Weights {
            source: "synthetic".to_owned(),
            digest: Digest::of(workload.model.name.as_bytes()),
        }),
        ..Cell::planned(workload, 2)
    }
}

/// Trials on both sides of what the machine sustains, or too few to find it.
fn open_loop(
    index: usize,
    workload: &Workload,
    max_batch: u32,
    median_ns: f64,
    noise: &mut Noise,
) -> Option<Capacity> {
    let closed_loop = 3.6e12 / median_ns;
    let requests = 150;
    let mut trial = |load: f64| {
        let usage = load / 2.2;
        let waiting = usage * usage / (1.02 - usage.min(1.0));
        let served = if usage > 1.0 { 71 } else { requests };
        let waits: Vec<u64> = (0..served).map(|_| noise.around(median_ns * (waiting + 0.2))).collect();
        let latency_ns = waits.iter().map(|wait| wait + noise.around(median_ns * 0.8)).collect();
        Trial {
            requests_per_hour: (closed_loop * load) as u64,
            requests,
            verdict: TrialVerdict::Missed,
            within_slo: 0,
            attainment_low_ppm: 0,
            latency_ns,
            ttft_ns: if workload.shape.output_tokens().is_some() { waits } else { Vec::new() },
            tpot_ns: Vec::new(),
            statistics: None,
            batches: vec![1; 150],
            output_digests: Vec::new(),
        }
    };
    let loads: &[f64] = match index {
        6 => &[0.25, 0.5, 1.0, 1.6, 2.0, 2.19],
        8 => &[0.25, 0.5, 1.0, 1.5],
        12 => &[0.25, 0.5, 1.0, 2.0, 2.1, 2.4],
        _ => return None,
    };
    let trials = loads.iter().map(|load| trial(*load)).collect();
    Some(Capacity { basis: CapacityBasis::OpenLoop, max_batch, requests_per_hour: 0, trials })
}

/// Repeatable noise.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        // Knuth's constants for a 64-bit linear congruence (MMIX).
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 24
    }

    /// About this time, more often a little longer than much shorter.
    fn around(&mut self, median_ns: f64) -> u64 {
        let unit = |bits: u64| (bits % 1_000_000) as f64 / 1e6;
        let sum: f64 = (0..6).map(|_| unit(self.next())).sum::<f64>() - 3.0;
        let tail = if self.next().is_multiple_of(23) { 1.35 } else { 1.0 };
        (median_ns * (0.09 * sum).exp() * tail) as u64
    }
}
