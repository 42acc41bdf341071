//! Claims for tests.

use proofmark_workloads::{Suite, embedded_suite};

use super::attributes::Attributes;
use super::claim::{Claim, Offer, Trace, is_exact};
use crate::Digest;
use crate::schema::v1::Factor;

pub(super) fn suite() -> Suite {
    embedded_suite("smoke").unwrap()
}

/// Every workload in time in `success` of cases, with traces that follow from operator and machine.
pub(super) fn claim(operator: &str, machine: &str, success: f64) -> Claim {
    let suite = suite();
    let number = |workload: usize, what: &str| {
        let digest = Digest::of(format!("{operator} {machine} {workload} {what}").as_bytes());
        u64::from_le_bytes(*digest.0.first_chunk().unwrap()) % 1_000_000
    };
    let trace = |(place, workload): (usize, &proofmark_workloads::Workload)| Trace {
        self_check: if is_exact(&suite, place) {
            workload.self_check
        } else {
            Some(Digest::of(machine.as_bytes()))
        },
        first_latency_ns: Some(20_000_000 + number(place, "first")),
        median_latency_ns: Some(20_000_000 + number(place, "median")),
    };
    Claim {
        report_id: Digest::of(format!("{operator} {machine} {success}").as_bytes()),
        operator: operator.to_owned(),
        machine: Digest::of(machine.as_bytes()),
        hardware: "Example CPU, 2 threads, avx2".to_owned(),
        software: "0.1.0 unknown".to_owned(),
        attributes: Attributes::default(),
        offers: vec![offer(success); suite.workloads.len()],
        traces: suite.workloads.iter().enumerate().map(trace).collect(),
    }
}

pub(super) fn offer(success: f64) -> Offer {
    let low = (success - 0.1).max(0.0);
    Offer { failing: None, success, low, high: (success + 0.1).min(1.0), requests_per_hour: 3600 }
}

pub(super) fn failing(factor: Factor) -> Offer {
    Offer { failing: Some(factor), ..offer(0.5) }
}
