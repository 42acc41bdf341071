//! From a suite to a signed profile.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::anyhow;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::chain::{self, CellIdentity, RunIdentity};
use proofmark_reports::profile::{challenge_digest, printable, sign};
use proofmark_reports::schema::v1::{
    Cell, Challenge, KIND, Profile, SCHEMA, SelfCheck, Sitting, Status, SuiteReference, WarmUp, Weights,
};
use proofmark_reports::verify::{Context, verify};
use proofmark_reports::{Digest, Timestamp, coverage, derived, did_key};
use proofmark_workloads::Workload;

use crate::cell::model::check_folder;
use crate::cell::protocol::{Job, Ready, Step};
use crate::output_file::{self, OutputFile};
use crate::plan::{Selection, WeightsFolder, plan};
use crate::progress::Progress;
use crate::suite_file::SuiteSource;
use crate::supervise::{CellRun, Verdict, run_cell};
use crate::{Failure, Outcome, environment, key_file};

/// The only device of this version.
const DEVICE: &str = "cpu";
/// A cell's reason is one line that fits a table.
const MAX_REASON: usize = 400;

/// What to certify and how.
#[derive(Debug)]
pub struct Request<'a> {
    /// The suite.
    pub suite: &'a SuiteSource,
    /// Which of its workloads.
    pub selection: Selection,
    /// `None` means all processors that the process may use.
    pub threads: Option<u32>,
    /// Where exact kernels run.
    pub isa: Isa,
    /// Weights from folders instead of synthetic ones.
    pub weights: Vec<WeightsFolder>,
    /// The signing key; `None` means the operator's, made on first use.
    pub key: Option<&'a Path>,
    /// Where the profile goes.
    pub out: &'a Path,
}

/// A profile that was measured, signed, verified and written.
#[derive(Debug)]
pub struct Certificate {
    /// What was signed.
    pub profile: Profile,
    /// The file's bytes.
    pub bytes: Vec<u8>,
}

impl Certificate {
    /// How the program ends.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let cells = &self.profile.cells;
        if cells.iter().any(|cell| cell.self_check == SelfCheck::Mismatch) {
            Outcome::CheckFailed
        } else if cells.iter().any(|cell| cell.status == Status::Failed) {
            Outcome::CellsFailed
        } else {
            Outcome::Ok
        }
    }
}

/// Measures this machine and writes its profile.
///
/// # Errors
/// When the request cannot be carried out at all. A cell that fails is part of the profile instead.
pub fn certify(request: &Request<'_>, progress: &mut Progress) -> Result<Certificate, Failure> {
    let suite = &request.suite.suite;
    let workloads = plan(suite, &request.selection)?;
    check_weights(request, &workloads)?;
    let key = key_file::load_or_create(request.key)?;
    let output = OutputFile::reserve(request.out)?;

    let (started_at, clock) = (SystemTime::now(), Instant::now());
    let machine = environment::machine()?;
    let harness = environment::harness(request.isa)?;
    let challenge = Challenge { kind: "self_issued".to_owned(), nonce: nonce()? };
    let mut doubts = environment::standing_doubts(&machine);
    let before = environment::Reading::now();
    let mut run = Run {
        request,
        threads: request.threads.unwrap_or(machine.logical_cpus),
        head: chain::first_head(&RunIdentity {
            suite_digest: suite.digest,
            operator_key: key.verifying_key().to_bytes(),
            machine_commitment: machine.commitment,
            binary_digest: harness.binary_digest,
            challenge_digest: challenge_digest(&challenge).map_err(internal)?,
        }),
    };
    let mut cells = Vec::with_capacity(workloads.len());
    for (index, workload) in workloads.iter().enumerate() {
        progress.cell(index, workloads.len(), &workload.id);
        let cell = run.cell(index as u64, workload, progress);
        progress.cell_done(&cell);
        run.head = cell.chain_head;
        cells.push(cell);
    }
    progress.finish();
    doubts.extend(before.doubts_until(&environment::Reading::now()));

    // By the monotonic clock, so that a clock set back in between cannot spoil the run.
    let finished_at = Timestamp::of(started_at + clock.elapsed());
    let profile = Profile {
        kind: KIND.to_owned(),
        schema: SCHEMA.to_owned(),
        suite: SuiteReference {
            name: suite.name.clone(),
            version: suite.version.clone(),
            digest: suite.digest,
        },
        operator: did_key::format(&key.verifying_key()),
        machine,
        harness,
        challenge,
        started_at: Timestamp::of(started_at).to_string(),
        finished_at: finished_at.to_string(),
        coverage: coverage::of_machine(suite, &cells),
        cells,
        sittings: vec![Sitting { started_at: Timestamp::of(started_at).to_string(), first_cell: 0 }],
        ceilings: None,
        doubts,
        extensions: serde_json::Map::new(),
        proof: None,
    };
    let bytes = sign(profile, finished_at, &key).map_err(internal)?;
    // What leaves this program has passed the check that everyone else will make.
    let suites = std::slice::from_ref(suite);
    let verification = verify(&bytes, Context { suites, now: finished_at });
    match (verification.profile, &verification.reasons[..]) {
        (Some(profile), []) => {
            output.complete(&bytes)?;
            Ok(Certificate { profile, bytes })
        }
        (_, reasons) => {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            let error = anyhow!("the profile does not pass its own verification: {}", reasons.join("; "));
            Err(output_file::keep(&bytes, internal(error)))
        }
    }
}

/// Refuses weights that cannot be used before anything is measured.
fn check_weights(request: &Request<'_>, workloads: &[&Workload]) -> Result<(), Failure> {
    for weights in &request.weights {
        let mut users = workloads.iter().filter(|workload| workload.model.name == weights.model).peekable();
        if users.peek().is_none() {
            let error = anyhow!("--weights names model `{}`, which no selected workload uses", weights.model);
            return Err(Failure::new(Outcome::BadInput, error).hint("`proofmark list` names the models"));
        }
        for workload in users {
            check_folder(workload, &weights.folder).map_err(|error| {
                Failure::new(Outcome::BadInput, error.context(format!("weights for {}", weights.model))).hint(
                    "--weights takes a folder with the config.json and safetensors of the suite's model",
                )
            })?;
        }
    }
    Ok(())
}

struct Run<'a> {
    request: &'a Request<'a>,
    threads: u32,
    head: Digest,
}

impl Run<'_> {
    fn cell(&self, index: u64, workload: &Workload, progress: &Progress) -> Cell {
        let source = self.request.suite;
        let folder = self.request.weights.iter().find(|weights| weights.model == workload.model.name);
        let job = Job {
            suite_name: source.suite.name.clone(),
            suite_text: source.text.clone(),
            workload: workload.id.clone(),
            isa: self.request.isa.to_string(),
            weights_folder: folder.map(|weights| weights.folder.clone()),
        };
        let judge = |ready: &Ready| match self_check(workload, ready) {
            SelfCheck::Mismatch => Verdict::Refuse(format!(
                "this machine computes wrongly: self-check digest {}, the suite says {}",
                ready.self_check_digest,
                workload.self_check.map(|digest| digest.to_string()).unwrap_or_default()
            )),
            SelfCheck::Match | SelfCheck::None => {
                Verdict::Start(self.first_seed(index, &self.blank(workload, Some(ready))))
            }
        };
        let limit = Duration::from_secs(source.suite.timing.time_limit_s);
        let on_step = |done: usize, all: u64| progress.step(done, all);
        let run = run_cell(&job, self.threads, limit, judge, on_step);
        match run {
            CellRun::Complete { ready, steps, done } => {
                let mut cell = self.blank(workload, Some(&ready));
                cell.peak_memory_bytes = done.peak_memory_bytes;
                let seed = self.first_seed(index, &cell);
                fill(&mut cell, workload, seed, &steps);
                cell
            }
            CellRun::Broken { ready, reason } => Cell {
                status: Status::Failed,
                reason: Some(printable(&reason).chars().take(MAX_REASON).collect()),
                ..self.blank(workload, ready.as_ref())
            },
        }
    }

    fn first_seed(&self, index: u64, cell: &Cell) -> Digest {
        // A cell that is ready has weights, and so an identity.
        CellIdentity::of(cell).map_or(self.head, |identity| chain::cell_seed(self.head, index, &identity))
    }

    /// A cell with what is known before its timed iterations.
    fn blank(&self, workload: &Workload, ready: Option<&Ready>) -> Cell {
        Cell {
            workload: workload.id.clone(),
            task: workload.shape.task().to_string(),
            model: workload.model.name.clone(),
            weights: ready
                .map(|ready| Weights { source: ready.weights_source.clone(), digest: ready.weights_digest }),
            numerics: workload.numerics.to_string(),
            precision: workload.precision.clone(),
            device: DEVICE.to_owned(),
            threads: self.threads,
            batch: workload.shape.batch(),
            attempt: 0,
            status: Status::Measured,
            reason: None,
            obstacle: None,
            load_ns: ready.map(|ready| ready.load_ns),
            warm_up: ready.map(|ready| WarmUp {
                iterations: ready.warm_up_iterations,
                duration_ns: ready.warm_up_ns,
                window_median_ns: vec![ready.warm_up_median_ns],
            }),
            latency_ns: Vec::new(),
            ttft_ns: Vec::new(),
            tpot_ns: Vec::new(),
            statistics: None,
            roofline: None,
            seed_0: None,
            output_digests: Vec::new(),
            chain_head: self.head,
            self_check_digest: ready.map(|ready| ready.self_check_digest),
            output_sketch_root: None,
            capacity: None,
            peak_memory_bytes: None,
            self_check: ready.map_or(SelfCheck::None, |ready| self_check(workload, ready)),
            doubts: Vec::new(),
        }
    }
}

/// Enters the timed iterations and what follows from them.
fn fill(cell: &mut Cell, workload: &Workload, seed_0: Digest, steps: &[Step]) {
    cell.latency_ns = steps.iter().map(|step| step.latency_ns).collect();
    cell.ttft_ns = steps.iter().filter_map(|step| step.ttft_ns).collect();
    let times =
        steps.iter().filter_map(|step| derived::tpot_ns(workload.shape, step.latency_ns, step.ttft_ns?));
    cell.tpot_ns = times.collect();
    cell.seed_0 = Some(seed_0);
    cell.output_digests = steps.iter().map(|step| step.digest).collect();
    cell.chain_head = chain::seed_after(seed_0, &cell.output_digests);
    cell.capacity = Some(derived::capacity(&cell.latency_ns));
}

fn self_check(workload: &Workload, ready: &Ready) -> SelfCheck {
    derived::self_check(workload, &ready.weights_source, ready.self_check_digest)
}

fn nonce() -> Result<Digest, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| internal(anyhow!("no random numbers from the system: {error}")))?;
    Ok(Digest(bytes))
}

fn internal(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Outcome::Internal, error)
}
