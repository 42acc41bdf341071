//! Answers of a verified profile, computed again on this machine and compared.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::audit::{
    Answer, AnswerMismatch, AuditPredicate, CheckedCell, SkippedCell, answers, audit_seed, miss_ppm, sample,
};
use proofmark_reports::document::Opened;
use proofmark_reports::schema::v1::{Cell, Profile, Status};
use proofmark_reports::words::bytes;
use proofmark_reports::{Digest, Timestamp, derived};
use proofmark_workloads::{Numerics, Workload};

use crate::cell::nanoseconds;
use crate::cell::protocol::{Job, Purpose};
use crate::progress::Progress;
use crate::suite_file::SuiteSource;
use crate::supervise::run_audit;
use crate::{Failure, Outcome, environment};

/// What is to be audited, and how.
#[derive(Debug)]
pub struct AuditRequest<'a> {
    /// Valid.
    pub profile: &'a Opened<Profile>,
    /// The profile's suite.
    pub suite: &'a SuiteSource,
    /// The auditor's own random number.
    pub nonce: Digest,
    /// Answers of each cell.
    pub answers_a_cell: u64,
    /// Where exact kernels run.
    pub isa: Isa,
    /// `None` means all processors that the process may use.
    pub threads: Option<u32>,
}

/// Computes the drawn answers of every exact cell again.
///
/// # Errors
/// When nothing could be checked. An answer that differs, or a cell that cannot be computed here, is part of the result.
pub fn audit(
    request: &AuditRequest<'_>,
    now: Timestamp,
    progress: &Progress,
) -> Result<AuditPredicate, Failure> {
    let started = Instant::now();
    let AuditRequest { profile: Opened { document: profile, digest, body_digest, .. }, nonce, .. } = request;
    let machine = environment::machine()?;
    let auditor = Auditor {
        request,
        threads: request.threads.unwrap_or(machine.logical_cpus),
        available_memory_bytes: machine.available_memory_bytes,
    };
    let seed = audit_seed(*body_digest, &nonce.0);
    let mut result = AuditPredicate {
        report_id: *digest,
        body_digest: *body_digest,
        beacon: None,
        nonce: Some(*nonce),
        answers_a_cell: request.answers_a_cell,
        indices: Vec::new(),
        skipped: Vec::new(),
        steps_checked: 0,
        steps_total: 0,
        mismatches: Vec::new(),
        duration_ns: 0,
        original_duration_ns: duration_ns(&profile.started_at, &profile.finished_at),
        isa: request.isa.to_string(),
        audited_at: now.to_string(),
    };
    for (index, cell) in (0..).zip(&profile.cells).filter(|(_, cell)| cell.status == Status::Measured) {
        let all = answers(cell);
        let count = all.len() as u64;
        let places = sample(seed, index, count, request.answers_a_cell);
        let drawn = places.iter().filter_map(|place| all.get(usize::try_from(*place).ok()?).copied());
        let drawn: Vec<Answer> = drawn.collect();
        result.steps_total += count;
        progress.note(&format!("{}: {} of {count} answers", cell.workload, places.len()));
        let workload = cell.workload.clone();
        match auditor.compute(cell, &drawn) {
            Err(reason) => result.skipped.push(SkippedCell { cell: index, workload, reason }),
            Ok(computed) => {
                let compared = places.iter().zip(&drawn).zip(computed);
                let mismatches = compared.filter(|((_, answer), computed)| Some(answer.digest) != *computed);
                result.mismatches.extend(mismatches.map(|((place, answer), computed)| AnswerMismatch {
                    cell: index,
                    place: *place,
                    stated: answer.digest,
                    computed,
                }));
                let checked = places.len() as u64;
                result.steps_checked += checked;
                let tenth_missed_ppm = miss_ppm(count, count.div_ceil(10), checked);
                result.indices.push(CheckedCell {
                    cell: index,
                    workload,
                    answers: count,
                    places,
                    tenth_missed_ppm,
                });
            }
        }
    }
    if result.indices.is_empty() {
        let why = result.skipped.first().map_or("nothing was measured", |skipped| &skipped.reason);
        let error = anyhow!("no answer of the profile can be computed here: {why}");
        return Err(Failure::new(Outcome::BadInput, error).hint("audit it on another machine"));
    }
    result.duration_ns = nanoseconds(started);
    Ok(result)
}

struct Auditor<'a> {
    request: &'a AuditRequest<'a>,
    threads: u32,
    available_memory_bytes: u64,
}

impl Auditor<'_> {
    /// The digests of these answers as this machine computes them; `None` where the cell's weights are not those of the suite.
    fn compute(&self, cell: &Cell, answers: &[Answer]) -> Result<Vec<Option<Digest>>, String> {
        let Self { request: AuditRequest { suite, isa, .. }, threads, available_memory_bytes } = self;
        let workload = suite.suite.workload(&cell.workload);
        let workload: &Workload = workload.ok_or_else(|| "the suite has no such workload".to_owned())?;
        if workload.numerics != Numerics::Exact1 {
            return Err("native outputs differ between machines".to_owned());
        }
        let weights = cell.weights.as_ref().filter(|weights| weights.source == derived::SYNTHETIC);
        let weights = weights.ok_or_else(|| "its weights are not the suite's".to_owned())?;
        let needed = workload.memory_bytes(1, *threads);
        if needed > *available_memory_bytes {
            return Err(format!("needs {}, has {}", bytes(needed), bytes(*available_memory_bytes)));
        }
        let seeds = answers.iter().map(|answer| answer.seed).collect();
        let job = Job::of(suite, workload, *isa, Purpose::Audit(seeds));
        let limit = Duration::from_secs(suite.suite.timing.time_limit_s);
        let (weights_digest, computed) = run_audit(&job, *threads, limit)?;
        if computed.len() != answers.len() {
            return Err(format!("{} answers were computed of {}", computed.len(), answers.len()));
        }
        // With other weights every answer is wrong, whatever it says.
        let is_suites = weights_digest == weights.digest;
        Ok(computed.into_iter().map(|digest| Some(digest).filter(|_| is_suites)).collect())
    }
}

fn duration_ns(from: &str, to: &str) -> u64 {
    let times = from.parse::<Timestamp>().ok().zip(to.parse::<Timestamp>().ok());
    let elapsed = times.and_then(|(from, to)| to.since(from)).unwrap_or_default();
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}
