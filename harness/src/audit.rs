//! Answers of a verified profile, computed again on this machine and compared.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::audit::{
    Answer, AnswerMismatch, AuditPredicate, CheckedCell, SkippedCell, answers, audit_seed, miss_ppm, sample,
};
use proofmark_reports::schema::v1::{Cell, Status};
use proofmark_reports::verify::Verification;
use proofmark_reports::{Digest, Timestamp, derived};
use proofmark_workloads::{Numerics, Workload};

use crate::cell::nanoseconds;
use crate::cell::protocol::{Job, Purpose, Question};
use crate::progress::Progress;
use crate::suite_file::SuiteSource;
use crate::supervise::run_audit;
use crate::{Failure, Outcome, environment};

/// What is to be audited, and how.
#[derive(Debug)]
pub struct AuditRequest<'a> {
    /// Of the profile, which is valid.
    pub verification: &'a Verification,
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
/// When there is nothing to audit. An answer that differs, or a cell that cannot be computed here, is part of the result.
pub fn audit(
    request: &AuditRequest<'_>,
    now: Timestamp,
    progress: &Progress,
) -> Result<AuditPredicate, Failure> {
    let started = Instant::now();
    let (Some(profile), Some(body_digest)) =
        (&request.verification.profile, request.verification.body_digest)
    else {
        return Err(Failure::new(Outcome::BadInput, anyhow!("the profile cannot be read")));
    };
    let seed = audit_seed(body_digest, &request.nonce.0);
    let mut result = AuditPredicate {
        report_id: request.verification.report_id,
        body_digest,
        beacon: None,
        nonce: Some(request.nonce),
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
        result.steps_total += all.len() as u64;
        let checked = request
            .suite
            .suite
            .workload(&cell.workload)
            .ok_or_else(|| "the suite has no such workload".to_owned())
            .and_then(|workload| {
                progress.note(&format!(
                    "{}: {} of {} answers",
                    cell.workload,
                    request.answers_a_cell,
                    all.len()
                ));
                check(
                    request,
                    cell,
                    workload,
                    &all,
                    sample(seed, index, all.len() as u64, request.answers_a_cell),
                )
            });
        match checked {
            Ok(places) => {
                let count = all.len() as u64;
                let mismatched = places.iter().filter(|(place, computed)| {
                    all.get(*place as usize).is_none_or(|answer| Some(answer.digest) != *computed)
                });
                result.mismatches.extend(mismatched.filter_map(|(place, computed)| {
                    let stated = all.get(*place as usize)?.digest;
                    Some(AnswerMismatch { cell: index, place: *place, stated, computed: *computed })
                }));
                let checked = places.len() as u64;
                result.steps_checked += checked;
                result.indices.push(CheckedCell {
                    cell: index,
                    workload: cell.workload.clone(),
                    answers: count,
                    places: places.into_iter().map(|(place, _)| place).collect(),
                    tenth_missed_ppm: miss_ppm(count, count.div_ceil(10), checked),
                });
            }
            Err(reason) => {
                let workload = cell.workload.clone();
                result.skipped.push(SkippedCell { cell: index, workload, reason });
            }
        }
    }
    result.duration_ns = nanoseconds(started);
    Ok(result)
}

/// The digests of the answers at these places, as this machine computes them.
fn check(
    request: &AuditRequest<'_>,
    cell: &Cell,
    workload: &Workload,
    all: &[Answer],
    places: Vec<u64>,
) -> Result<Vec<(u64, Option<Digest>)>, String> {
    if workload.numerics != Numerics::Exact1 {
        return Err("native outputs differ between machines".to_owned());
    }
    let weights = cell.weights.as_ref().filter(|weights| weights.source == derived::SYNTHETIC);
    let weights = weights.ok_or_else(|| "its weights are not the suite's".to_owned())?;
    let questions = places.iter().filter_map(|place| all.get(usize::try_from(*place).ok()?));
    let job = Job {
        suite_name: request.suite.suite.name.clone(),
        suite_text: request.suite.text.clone(),
        workload: workload.id.clone(),
        isa: request.isa.to_string(),
        weights_folder: None,
        purpose: Purpose::Audit(
            questions.map(|answer| Question { seed: answer.seed, tokens: None }).collect(),
        ),
    };
    let machine = environment::machine().map_err(|failure| failure.to_string())?;
    let threads = request.threads.unwrap_or(machine.logical_cpus);
    let needed = workload.memory_bytes(1, threads);
    if needed > machine.available_memory_bytes {
        return Err(format!("needs {needed} bytes, this machine has {}", machine.available_memory_bytes));
    }
    let limit = Duration::from_secs(request.suite.suite.timing.time_limit_s);
    let (digest, answers) = run_audit(&job, threads, limit, |_| {})?;
    if digest != weights.digest {
        // Every answer is wrong then, whatever it says.
        return Ok(places.into_iter().map(|place| (place, None)).collect());
    }
    Ok(places.into_iter().zip(answers.into_iter().map(|answer| answer.digest)).collect())
}

fn duration_ns(from: &str, to: &str) -> u64 {
    let times = from.parse::<Timestamp>().ok().zip(to.parse::<Timestamp>().ok());
    let elapsed = times.and_then(|(from, to)| to.since(from)).unwrap_or_default();
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}
