//! Invented networks, each from the number of its operators alone: for tests and for the look of their page.

use std::collections::BTreeMap;

use proofmark_reports::Digest;
use proofmark_reports::network::attributes::Attributes;
use proofmark_reports::network::claim::{Claim, Offer, Trace};
use proofmark_reports::network::comparison::{Question, compare};
use proofmark_reports::network::demand::Demand;
use proofmark_reports::network::groups::{Outage, OutageLimit};
use proofmark_reports::schema::comparison::{
    CapacityFigures, Comparison, Figure, PriceFigures, Refused, RouterFigures,
};
use proofmark_reports::schema::v1::Factor;
use proofmark_reports::statistics::clopper_pearson;
use proofmark_workloads::{Numerics, Suite, Workload, embedded};

/// Timed requests of a workload.
const REQUESTS: u64 = 102;
const REGIONS: [&str; 6] = ["eu-west", "eu-north", "us-east", "us-west", "ap-south", "af-south"];
const PROVIDERS: [&str; 5] = ["Example Cloud", "Nimbus", "Halden", "home", "Kestrel Metal"];
const SOFTWARE: [&str; 2] = ["0.1.0 5338b59c61d3", "0.1.0 9f1c2ab37de0"];

/// Beyond this speed is hardly any machine.
const LARGEST: f64 = 11.36;

/// A kind of machine: of a thousand so many, how many powers of ten of operations it does in time, which native digests it has.
struct Class {
    name: &'static str,
    per_mille: u64,
    speed: f64,
    family: &'static str,
}

const fn class(name: &'static str, per_mille: u64, speed: f64, family: &'static str) -> Class {
    Class { name, per_mille, speed, family }
}

const CLASSES: [Class; 10] = [
    class("Example Octane 9 Processor, 16 threads, avx512", 190, 10.9, "avx512"),
    class("Example Octane 7 Processor, 8 threads, avx2", 260, 10.5, "avx2"),
    class("Vega Server 7763, 64 threads, avx2", 70, 11.2, "avx2"),
    class("Vega Server 9654, 96 threads, avx512", 40, 11.3, "avx512"),
    class("Arbor N1, 4 threads, neon", 130, 10.1, "neon"),
    class("Arbor M2 Max, 12 threads, neon", 110, 10.8, "neon"),
    class("Silver Lake N100, 4 threads, avx2", 120, 9.8, "avx2"),
    class("Old Bridge E5-2670, 8 threads, portable", 60, 9.6, "portable"),
    class("Marble Pi 5, 4 threads, neon", 15, 9.2, "neon"),
    class(
        "Example Octane 9 Processor in a virtual machine of a provider with a long name, 2 threads, avx512",
        5,
        10.2,
        "vm",
    ),
];

/// A comparison that has everything a comparison can have, by the smallest suite.
pub(crate) fn comparison(operators: usize) -> Comparison {
    comparison_by(&embedded().remove(0), operators)
}

/// The same by another suite.
pub(crate) fn comparison_by(suite: &Suite, operators: usize) -> Comparison {
    let claims = claims(suite, operators);
    let mut noise = Noise(7);
    let intervals = intervals();
    let candidate = |(file, class): (&str, usize)| {
        let mut claim = blank(file.as_bytes(), class);
        fill(&mut claim, suite, &CLASSES[class], &intervals, &mut noise);
        (file.to_owned(), claim)
    };
    let mut comparison = compare(&Question {
        suite,
        demand: &Demand::of_suite(suite),
        claims: &claims,
        operators: &BTreeMap::new(),
        candidates: &[("candidates/large.json", 3), ("candidates/small.json", 8)].map(candidate),
        arrivals: None,
        group_by: None,
        outage: Outage { probability: 0.01, limit: OutageLimit::Availability },
        together: 2,
        seed: 1,
        synthetic: claims.len() as u64,
        refused: vec![
            Refused {
                file: "profiles/broken.json".to_owned(),
                reasons: vec!["it ends within a text".to_owned()],
            },
            Refused {
                file: "profiles/edited.json".to_owned(),
                reasons: ["the signature does not fit", "coverage does not follow from the cells"]
                    .map(str::to_owned)
                    .to_vec(),
            },
        ],
    })
    .comparison;
    invent_capacity(&mut comparison);
    comparison
}

/// Claims of so many operators, some of them with several machines.
pub(crate) fn claims(suite: &Suite, operators: usize) -> Vec<Claim> {
    let mut noise = Noise(operators as u64 * 7919 + 1);
    let intervals = intervals();
    let mut claims = Vec::new();
    for operator in 0..operators {
        let kind = kind(noise.below(1000));
        let machines = [1, 1, 1, 1, 1, 1, 1, 2, 2, 3][noise.below(10) as usize];
        let attributes = attributes(&mut noise);
        for machine in 0..machines {
            let mut claim = blank(format!("{operator} {machine}").as_bytes(), kind);
            claim.operator = did_key(operator);
            claim.attributes = attributes.clone();
            claim.software = SOFTWARE[usize::from(noise.below(5) == 0)].to_owned();
            fill(&mut claim, suite, &CLASSES[kind], &intervals, &mut noise);
            claims.push(claim);
        }
    }
    if let [first, .., last] = &mut claims[..] {
        // One machine under two names, and one that computes wrongly.
        last.traces.clone_from(&first.traces);
        first.traces[0].self_check = Some(Digest::of(b"wrong"));
    }
    if let [_, second, third, ..] = &mut claims[..] {
        // Held by two operators.
        third.machine = second.machine;
    }
    claims
}

fn kind(per_mille: u64) -> usize {
    let ends = CLASSES.iter().scan(0, |end, class| {
        *end += class.per_mille;
        Some(*end)
    });
    ends.take_while(|end| *end <= per_mille).count()
}

fn did_key(operator: usize) -> String {
    let key = Digest::of_fields("operator", &[&operator.to_le_bytes()]);
    format!("did:key:z{}", bs58::encode([&[0xed, 0x01], &key.0[..]].concat()).into_string())
}

fn attributes(noise: &mut Noise) -> Attributes {
    let provider = noise.below(PROVIDERS.len() as u64) as usize;
    // Providers are not everywhere.
    let region = (provider + noise.below(4) as usize) % REGIONS.len();
    let is_known = noise.below(12) > 0;
    Attributes {
        region: Some(REGIONS[region].to_owned()),
        provider: Some(PROVIDERS[provider].to_owned()),
        // A machine answers less often than all of its groups do.
        availability: is_known.then(|| 0.955 - (0.4 * noise.unit()).powi(2)),
        stake: Some((1000.0 * (1.0 + 9.0 * noise.unit().powi(4))).round()),
    }
}

fn blank(name: &[u8], kind: usize) -> Claim {
    Claim {
        report_id: Digest::of_fields("report", &[name]),
        operator: did_key(usize::MAX),
        machine: Digest::of_fields("machine", &[name]),
        hardware: CLASSES[kind].name.to_owned(),
        software: SOFTWARE[0].to_owned(),
        attributes: Attributes::default(),
        offers: Vec::new(),
        traces: Vec::new(),
    }
}

fn fill(claim: &mut Claim, suite: &Suite, class: &Class, intervals: &[(f64, f64)], noise: &mut Noise) {
    // Machines of a kind are not all alike.
    let speed = class.speed + 0.3 * (noise.unit() - 0.5);
    for workload in &suite.workloads {
        let offer = offer(workload, speed, intervals, noise);
        let is_measured = !matches!(offer.failing, Some(Factor::Model | Factor::Hardware));
        claim.offers.push(offer);
        claim.traces.push(if is_measured { trace(workload, class, speed, noise) } else { Trace::default() });
    }
}

fn operations(workload: &Workload) -> f64 {
    workload.work(1).flops() as f64
}

fn offer(workload: &Workload, speed: f64, intervals: &[(f64, f64)], noise: &mut Noise) -> Offer {
    let room = speed - operations(workload).log10();
    let in_time = 1.0 / (1.0 + (-9.0 * (room - 0.6)).exp());
    let within = (0..REQUESTS).filter(|_| noise.unit() < in_time).count() as u64;
    let (low, high) = intervals[within as usize];
    let failing = match workload.numerics {
        _ if room < -1.0 => Some(Factor::Hardware),
        _ if room < -0.6 => Some(Factor::Capacity),
        // What only some of the largest machines have.
        _ if workload.class == "indexing" && speed < LARGEST => Some(Factor::Model),
        _ if workload.class == "code" && workload.id.ends_with("bf16") && speed < LARGEST => {
            Some(Factor::Verified)
        }
        _ if within == 0 => Some(Factor::Latency),
        Numerics::Native => Some(Factor::Verified),
        Numerics::Exact1 | Numerics::ExactQ8 => None,
    };
    let requests_per_hour = (3600.0 * 10_f64.powf(room).clamp(0.01, 100.0)) as u64;
    Offer { failing, success: within as f64 / REQUESTS as f64, low, high, requests_per_hour }
}

fn trace(workload: &Workload, class: &Class, speed: f64, noise: &mut Noise) -> Trace {
    let median_ns = 1e9 * operations(workload) / 10_f64.powf(speed) * (0.9 + 0.2 * noise.unit());
    let family = if noise.below(40) == 0 { "stray" } else { class.family };
    let digest = match workload.numerics {
        Numerics::Exact1 | Numerics::ExactQ8 => workload.self_check,
        Numerics::Native => Some(Digest::of_fields(&workload.id, &[family.as_bytes()])),
    };
    Trace {
        self_check: digest,
        first_latency_ns: Some((median_ns * (0.9 + 0.2 * noise.unit())) as u64),
        median_latency_ns: Some(median_ns as u64),
    }
}

/// By the number of requests in time.
fn intervals() -> Vec<(f64, f64)> {
    let of = |within| clopper_pearson(within, REQUESTS);
    let share = |ppm: u64| ppm as f64 / 1e6;
    (0..=REQUESTS).map(of).map(|interval| (share(interval.low_ppm), share(interval.high_ppm))).collect()
}

/// Served rates, not computed but made up.
fn invent_capacity(comparison: &mut Comparison) {
    let value = 0.93 * comparison.coverage.value;
    let router = |router: &str, success: f64, waited_too_long: f64| RouterFigures {
        router: router.to_owned(),
        requests: 20_000,
        success,
        standard_error: (success * (1.0 - success) / 20_000.0).sqrt(),
        nobody_eligible: 0.02,
        waited_too_long,
        failed: (0.98 - success - waited_too_long).max(0.0),
    };
    comparison.capacity = Some(CapacityFigures {
        rate_per_s: 40.0,
        success: Figure { value, low: value - 0.002, high: value + 0.001 },
        routers: vec![
            router("random_eligible", 0.81 * value, 0.15),
            router("least_loaded", 0.96 * value, 0.03),
        ],
        prices: comparison
            .demand
            .iter()
            .map(|row| PriceFigures { workload: row.workload.clone(), demand_price: 0.0 })
            .collect(),
        worth: "exact".to_owned(),
    });
    for operator in &mut comparison.operators {
        operator.coverage_part = Some(operator.marginal.value);
        operator.volume_part = Some(0.3 * operator.shapley.value);
    }
}

/// Repeatable noise.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    fn next(&mut self) -> u64 {
        // Knuth's constants for a 64-bit linear congruence (MMIX).
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 24
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        self.below(1_000_000) as f64 / 1e6
    }
}
