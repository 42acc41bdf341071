//! Answers of a verified profile, computed again on this machine and compared.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::audit::{
    self, Answer, AnswerMismatch, AuditPredicate, CheckedCell, Kept, MAX_MISMATCHES, Randomness, SkippedCell,
    Tolerance, answers, audit_seed, original_duration_ns, sample, tenth_missed_ppm,
};
use proofmark_reports::cli::suite_file::SuiteSource;
use proofmark_reports::document::Opened;
use proofmark_reports::schema::v1::{Cell, Profile, Status};
use proofmark_reports::words::{self, bytes};
use proofmark_reports::{Digest, Timestamp};
use proofmark_workloads::{Numerics, Workload};

use crate::cell::nanoseconds;
use crate::cell::protocol::{Finding, Job, Purpose, Question};
use crate::kept_outputs;
use crate::place::Place;
use crate::plan::{WeightsFolder, given};
use crate::progress::Progress;
use crate::round::signable;
use crate::supervise::run_audit;
use crate::{Failure, Outcome, environment};

/// What is to be audited, and how.
#[derive(Debug)]
pub struct AuditRequest<'a> {
    /// Valid.
    pub profile: &'a Opened<Profile>,
    /// The profile's suite.
    pub suite: &'a SuiteSource,
    /// Of its models of the hub.
    pub weights: Vec<WeightsFolder>,
    /// The file with what was kept of the profile's outputs, if it is there.
    pub outputs: Option<&'a Path>,
    /// Decides which answers are checked.
    pub randomness: Randomness,
    /// Answers of each cell.
    pub answers_a_cell: u64,
    /// Where models run.
    pub place: Place,
    /// The instruction set of the exact kernels on the processor.
    pub isa: Isa,
    /// `None` means all processors that the process may use.
    pub threads: Option<u32>,
}

/// Holds the drawn answers of every measured cell against this machine.
///
/// # Errors
/// When nothing could be checked. An answer that differs, or a cell that cannot be computed here, is part of the result.
pub fn audit(
    request: &AuditRequest<'_>,
    now: Timestamp,
    progress: &Progress,
) -> Result<AuditPredicate, Failure> {
    let started = Instant::now();
    let AuditRequest { profile: Opened { document: profile, digest, body_digest, .. }, randomness, .. } =
        request;
    let machine = environment::machine()?;
    let gpu = environment::accelerator_apart(request.place)?;
    let isa = gpu.as_ref().map_or_else(
        || request.isa.to_string(),
        |gpu| signable(&format!("{}, {}", gpu.device, words::accelerator(gpu))),
    );
    let auditor = Auditor {
        request,
        threads: request.threads.unwrap_or(machine.logical_cpus),
        available_memory_bytes: gpu.map_or(machine.available_memory_bytes, |gpu| gpu.available_memory_bytes),
    };
    let seed = audit_seed(*body_digest, &randomness.number().0);
    let (nonce, beacon, receipt) = randomness.stated();
    let measured = (0..).zip(&profile.cells).filter(|(_, cell)| cell.status == Status::Measured);
    let drawn: Vec<Drawn<'_>> =
        measured.map(|(index, cell)| Drawn::of(index, cell, seed, request.answers_a_cell)).collect();
    let wanted = drawn.iter().flat_map(|drawn| &drawn.answers).map(|answer| answer.digest).collect();
    let kept = request.outputs.map_or(Ok(BTreeMap::new()), |path| kept_outputs::read(path, &wanted))?;
    let mut result = AuditPredicate {
        report_id: *digest,
        body_digest: *body_digest,
        beacon,
        receipt,
        nonce,
        answers_a_cell: request.answers_a_cell,
        indices: Vec::new(),
        skipped: Vec::new(),
        steps_checked: 0,
        steps_total: drawn.iter().map(|drawn| drawn.count).sum(),
        steps_mismatched: 0,
        mismatches: Vec::new(),
        duration_ns: 0,
        original_duration_ns: original_duration_ns(profile),
        isa,
        audited_at: now.to_string(),
    };
    for drawn in drawn {
        let workload = drawn.cell.workload.clone();
        progress.note(&format!("{workload}: {} of {} answers", drawn.places.len(), drawn.count));
        match auditor.check(&drawn, &kept) {
            Err(reason) => {
                let reason = signable(&reason);
                result.skipped.push(SkippedCell { cell: drawn.index, workload, reason });
            }
            Ok((checked, mismatches)) => {
                result.steps_checked += drawn.places.len() as u64;
                result.indices.push(checked);
                result.steps_mismatched += mismatches.len() as u64;
                result.mismatches.extend(mismatches.into_iter().take(MAX_MISMATCHES));
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

/// What is checked of a cell.
struct Drawn<'a> {
    index: u64,
    cell: &'a Cell,
    /// All its answers.
    count: u64,
    places: Vec<u64>,
    /// At these places.
    answers: Vec<Answer>,
}

impl<'a> Drawn<'a> {
    fn of(index: u64, cell: &'a Cell, seed: Digest, wanted: u64) -> Self {
        let all = answers(cell);
        let count = all.len() as u64;
        let places = sample(seed, index, count, wanted);
        let answers =
            places.iter().filter_map(|place| all.get(usize::try_from(*place).ok()?).copied()).collect();
        Self { index, cell, count, places, answers }
    }
}

struct Auditor<'a> {
    request: &'a AuditRequest<'a>,
    threads: u32,
    available_memory_bytes: u64,
}

impl Auditor<'_> {
    /// What checking a cell's drawn answers showed, or why they cannot be checked here.
    fn check(
        &self,
        drawn: &Drawn<'_>,
        kept: &BTreeMap<Digest, Kept>,
    ) -> Result<(CheckedCell, Vec<AnswerMismatch>), String> {
        let Drawn { index, cell, count, places, answers } = drawn;
        let workload = self.request.suite.suite.workload(&cell.workload);
        let workload = workload.ok_or_else(|| "the suite has no such workload".to_owned())?;
        let weights =
            cell.weights.as_ref().filter(|weights| weights.source == workload.model.weights.source());
        let weights = weights.ok_or_else(|| "its weights are not the suite's".to_owned())?;
        let tolerance_ppm = audit::tolerance_ppm(workload);
        let questions = answers.iter().map(|answer| question(answer, kept, tolerance_ppm));
        let (weights_digest, findings) = self.ask(workload, questions.collect::<Result<_, String>>()?)?;
        let mut mismatches = Vec::new();
        let mut largest_distance_ppm = 0;
        // With other weights every answer is wrong, whatever it says.
        let is_suites = weights_digest == weights.digest;
        for ((place, answer), finding) in places.iter().zip(answers).zip(findings) {
            let (is_same, computed, distance_ppm) = match finding {
                Finding::Digest(digest) => (digest == answer.digest, Some(digest), None),
                Finding::DistancePpm(distance_ppm) => {
                    largest_distance_ppm = largest_distance_ppm.max(distance_ppm);
                    (tolerance_ppm.is_some_and(|most| distance_ppm <= most), None, Some(distance_ppm))
                }
            };
            if !is_same || !is_suites {
                let (cell, place, stated) = (*index, *place, answer.digest);
                let computed = computed.filter(|_| is_suites);
                mismatches.push(AnswerMismatch { cell, place, stated, computed, distance_ppm });
            }
        }
        let checked = CheckedCell {
            cell: *index,
            workload: cell.workload.clone(),
            answers: *count,
            places: places.clone(),
            mismatched: mismatches.len() as u64,
            tolerance: tolerance_ppm.map(|tolerance_ppm| Tolerance { tolerance_ppm, largest_distance_ppm }),
            tenth_missed_ppm: tenth_missed_ppm(*count, places.len() as u64),
        };
        Ok((checked, mismatches))
    }

    /// The digest of the weights, and a finding a question.
    fn ask(&self, workload: &Workload, questions: Vec<Question>) -> Result<(Digest, Vec<Finding>), String> {
        let Self { request, threads, available_memory_bytes } = self;
        let AuditRequest { suite, weights, place, isa, .. } = request;
        // Whatever it was measured in.
        let exact = Workload { numerics: Numerics::exact_of(&workload.precision), ..workload.clone() };
        let needed = exact.memory_bytes(1, *threads);
        if needed > *available_memory_bytes {
            return Err(format!("needs {}, has {}", bytes(needed), bytes(*available_memory_bytes)));
        }
        let count = questions.len();
        let job = Job {
            weights: given(weights, workload),
            ..Job::of(suite, workload, (*place, *isa), Purpose::Audit(questions))
        };
        let limit = Duration::from_secs(suite.suite.timing.time_limit_s);
        let (weights_digest, findings) = run_audit(&job, *threads, limit)?;
        if findings.len() != count {
            return Err(format!("{} findings for {count} answers", findings.len()));
        }
        Ok((weights_digest, findings))
    }
}

/// With what was kept of the answer. Tokens only save time; without its sketch an answer in native numerics cannot be checked.
fn question(
    answer: &Answer,
    kept: &BTreeMap<Digest, Kept>,
    tolerance_ppm: Option<u64>,
) -> Result<Question, String> {
    let Answer { seed, digest } = *answer;
    let kept = match (kept.get(&digest), tolerance_ppm) {
        (Some(Kept::Sketch(sketch)), Some(_)) if sketch.digest() == digest => {
            Kept::Sketch(sketch.clone()).into()
        }
        (_, Some(_)) => return Err("what was kept of its outputs is not at hand".to_owned()),
        (Some(Kept::Tokens(tokens)), None) => Kept::Tokens(tokens.clone()).into(),
        (_, None) => None,
    };
    Ok(Question { seed, digest, kept })
}
