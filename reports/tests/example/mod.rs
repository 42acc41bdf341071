//! An invented profile that has everything a profile can have: for tests and for the look of its faces.

use proofmark_reports::chain::seed_after;
use proofmark_reports::schema::v1::*;
use proofmark_reports::{Digest, capacity, coverage, statistics};
use proofmark_workloads::{Limits, Numerics, Shape, Suite, Workload, embedded};

/// The suite of the profile.
pub(crate) fn suite() -> Suite {
    embedded().remove(0)
}

/// The profile; its signature and digests are invented as well.
pub(crate) fn profile() -> Profile {
    let suite = suite();
    let cells: Vec<Cell> =
        suite.workloads.iter().enumerate().map(|(i, workload)| cell(i, workload)).collect();
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
            crates: [("candle-core", "0.11.1"), ("gemm", "0.19.0")]
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .into(),
            isa: "avx512".to_owned(),
        },
        challenge: Challenge { kind: "self_issued".to_owned(), nonce: digest },
        started_at: "2026-11-21T03:40:00Z".to_owned(),
        finished_at: "2026-11-21T04:01:30Z".to_owned(),
        sittings: vec![
            Sitting { started_at: "2026-11-21T03:40:00Z".to_owned(), first_cell: 0 },
            Sitting { started_at: "2026-11-21T03:58:12Z".to_owned(), first_cell: 9 },
        ],
        ceilings: Some(Ceilings { read_bytes_per_s: 41_300_000_000, f32_flops_per_s: 187_500_000_000 }),
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

/// A cell; its index picks what it is an example of.
fn cell(index: usize, workload: &Workload) -> Cell {
    let mut noise = Noise(index as u64 * 7919 + 1);
    let mut cell = blank(workload);
    let unmeasured = match index {
        3 => Some((
            Status::NotCovered,
            "needs more memory than is free",
            Some(Obstacle::Memory { needed_bytes: 5 << 30, available_bytes: 3 << 30 }),
        )),
        4 => Some((
            Status::NotCovered,
            "too slow by the ceilings",
            Some(Obstacle::Slo { limit: Limit::Tpot, estimate_ns: 1_240_000_000, limit_ns: 100_000_000 }),
        )),
        17 => Some((Status::Failed, "the cell's process ended by signal 9 (killed) after 34 requests", None)),
        _ => None,
    };
    if let Some((status, reason, obstacle)) = unmeasured {
        (cell.status, cell.reason, cell.obstacle) = (status, Some(reason.to_owned()), obstacle);
        return cell;
    }
    let median_ns = [
        270.0, 541.0, 175.0, 0.0, 0.0, 301.0, 58.1, 129.0, 28.8, 792.0, 88.3, 304.0, 2.52, 8.99, 112.0,
        446.0, 4.55, 0.0, 80.9, 270.0,
    ][index]
        * 1e6;
    let requests =
        [40, 5, 64, 0, 0, 37, 190, 88, 400, 14, 126, 36, 900, 800, 100, 25, 1000, 0, 138, 41][index];
    cell.latency_ns = (0..requests).map(|_| noise.around(median_ns)).collect();
    if index == 16 {
        // A neighbour that woke up: some requests are late.
        cell.latency_ns.iter_mut().skip(700).step_by(13).for_each(|latency| *latency *= 31);
    }
    if let Shape::Generation { output_tokens, .. } = workload.shape {
        cell.ttft_ns = cell
            .latency_ns
            .iter()
            .map(|latency| noise.around(*latency as f64 * 0.2).min(latency / 2))
            .collect();
        let times = cell.latency_ns.iter().zip(&cell.ttft_ns);
        cell.tpot_ns =
            times.map(|(latency, ttft)| (latency - ttft) / (u64::from(output_tokens) - 1)).collect();
    }
    cell.statistics = distribution(&cell.latency_ns).map(|latency| CellStatistics {
        latency,
        ttft: distribution(&cell.ttft_ns),
        tpot: distribution(&cell.tpot_ns),
    });
    let bound = if workload.shape.batch() > 1 { Bound::Compute } else { Bound::Memory };
    cell.roofline = Some(Roofline { share_ppm: 180_000 + noise.next() % 650_000, bound });
    cell.output_digests =
        (0..requests).map(|i| Digest::of_fields(&cell.workload, &[&(i as u64).to_le_bytes()])).collect();
    cell.seed_0 = Some(Digest::of(cell.workload.as_bytes()));
    cell.chain_head = seed_after(Digest::of(b"seed"), &cell.output_digests);
    cell.capacity = Some(match index {
        0 | 6 | 12 => open_loop(workload, median_ns, &mut noise),
        _ => capacity::closed_loop(&cell.latency_ns),
    });
    cell.peak_memory_bytes = Some((40 + noise.next() % 500) << 20);
    cell.warm_up =
        Some(WarmUp { iterations: 3, duration_ns: 840_000_000, window_median_ns: vec![median_ns as u64] });
    if workload.numerics == Numerics::Exact1 {
        cell.self_check = SelfCheck::Match;
        cell.self_check_digest = workload.self_check;
    }
    cell.doubts = match index {
        1 => vec![doubt(
            DoubtKind::TooFewSamples,
            "5 requests, p90 needs 64",
            "take a suite with more time a workload",
        )],
        9 => vec![
            doubt(
                DoubtKind::TooFewSamples,
                "14 requests, p90 needs 64",
                "take a suite with more time a workload",
            ),
            doubt(
                DoubtKind::UnstableWarmUp,
                "the last two windows differ by 14 %",
                "certify again on a quiet machine",
            ),
        ],
        16 => vec![doubt(DoubtKind::ForeignLoad, "other programs used 0.41 processors", STOP_OTHERS)],
        _ => Vec::new(),
    };
    cell
}

fn blank(workload: &Workload) -> Cell {
    Cell {
        workload: workload.id.clone(),
        task: workload.shape.task().to_string(),
        model: workload.model.name.clone(),
        weights: Some(Weights {
            source: "synthetic".to_owned(),
            digest: Digest::of(workload.model.name.as_bytes()),
        }),
        numerics: workload.numerics.to_string(),
        precision: workload.precision.clone(),
        device: "cpu".to_owned(),
        threads: 2,
        batch: workload.shape.batch(),
        attempt: 0,
        status: Status::Measured,
        reason: None,
        obstacle: None,
        load_ns: Some(50_000_000),
        warm_up: None,
        latency_ns: Vec::new(),
        ttft_ns: Vec::new(),
        tpot_ns: Vec::new(),
        statistics: None,
        roofline: None,
        seed_0: None,
        output_digests: Vec::new(),
        chain_head: Digest::of(b"head"),
        self_check_digest: None,
        output_sketch_root: None,
        capacity: None,
        peak_memory_bytes: None,
        self_check: SelfCheck::None,
        doubts: Vec::new(),
    }
}

/// Trials at rates on both sides of what the machine sustains.
fn open_loop(workload: &Workload, median_ns: f64, noise: &mut Noise) -> Capacity {
    let full = 3.6e12 / median_ns;
    let limit_ns = match workload.slo.limits {
        Limits::Latency { latency_ns } => latency_ns,
        Limits::Tokens { ttft_ns, .. } => ttft_ns + median_ns as u64,
    };
    let trial = |load: f64| {
        let waiting = 1.0 + load * load / (1.05 - load.min(1.0));
        let requests = 120;
        let served = if load > 1.0 { 71 } else { requests };
        let latency_ns: Vec<u64> = (0..served).map(|_| noise.around(median_ns * waiting)).collect();
        let within_slo = latency_ns.iter().filter(|latency| **latency <= limit_ns).count() as u64;
        let attainment_low_ppm =
            if served == requests { statistics::share_low_ppm(within_slo, requests) } else { 0 };
        let verdict = match attainment_low_ppm {
            _ if served < requests => TrialVerdict::Saturated,
            low_ppm if low_ppm >= workload.slo.share_ppm => TrialVerdict::Met,
            _ => TrialVerdict::Missed,
        };
        Trial {
            requests_per_hour: (full * load) as u64,
            requests,
            verdict,
            within_slo,
            attainment_low_ppm,
            statistics: distribution(&latency_ns),
            ttft_ns: Vec::new(),
            tpot_ns: Vec::new(),
            batches: vec![1; latency_ns.len()],
            output_digests: Vec::new(),
            latency_ns,
        }
    };
    let trials: Vec<Trial> = [0.12, 0.3, 0.5, 0.7, 0.8, 0.88, 0.94, 0.99, 1.2].map(trial).into();
    let met = trials.iter().take_while(|trial| trial.verdict == TrialVerdict::Met).last();
    let requests_per_hour = met.map_or(0, |trial| trial.requests_per_hour);
    Capacity { basis: CapacityBasis::OpenLoop, max_batch: 1, requests_per_hour, trials }
}

fn distribution(samples: &[u64]) -> Option<Distribution> {
    let all = statistics::Distribution::of(samples)?;
    Some(Distribution {
        min_ns: all.min,
        median_ns: all.median,
        median_low_ns: all.median_interval.map(|interval| interval.low),
        median_high_ns: all.median_interval.map(|interval| interval.high),
        p90_ns: all.p90,
        p99_ns: all.p99,
        p999_ns: all.p999,
        max_ns: all.max,
        max_bounds_ppm: all.max_bounds_ppm,
        mild_outliers: all.mild_outliers,
        severe_outliers: all.severe_outliers,
    })
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
