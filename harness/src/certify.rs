//! From a suite to a signed profile.

use std::path::Path;

use anyhow::anyhow;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::audit::KeptOutput;
use proofmark_reports::cli::suite_file::SuiteSource;
use proofmark_reports::key::SigningKey;
use proofmark_reports::network::attributes::{self, Attributes};
use proofmark_reports::schema::v1::{
    KIND, NetworkChallenge, Profile, ProfileSummary, SCHEMA, SelfCheck, Status,
};
use proofmark_reports::verify::{Context, verify};
use proofmark_reports::{Digest, Timestamp, coverage, document, in_toto, profile};
use proofmark_workloads::{ModelLock, Workload, embedded};

use crate::cell::model::check_folder;
use crate::journal::Journal;
use crate::kept_outputs;
use crate::key_file::{self, Role};
use crate::output_file::{self, OutputFile};
use crate::place::Place;
use crate::plan::{Selection, WeightsFolder, plan};
use crate::progress::Progress;
use crate::run::{Run, RunClock};
use crate::{Failure, Outcome, hub, trained};

/// What to certify and how.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The suite.
    pub suite: &'a SuiteSource,
    /// Which of its workloads.
    pub selection: Selection,
    /// `None` means all processors that the process may use.
    pub threads: Option<u32>,
    /// Where models run.
    pub place: Place,
    /// The instruction set of the exact kernels on the processor.
    pub isa: Isa,
    /// Weights from folders, instead of synthetic ones or those of the hub.
    pub weights: Vec<WeightsFolder>,
    /// What is known of models of the hub.
    pub lock: &'a ModelLock,
    /// The network's challenge that the run answers; its form and signature hold.
    pub challenge: Option<&'a NetworkChallenge>,
    /// The signing key; `None` means the operator's, made on first use.
    pub key: Option<&'a Path>,
    /// Where the profile goes.
    pub out: &'a Path,
    /// Where what is kept of the outputs goes, for audits; `None` means beside the profile.
    pub outputs: Option<&'a Path>,
    /// Where an in-toto statement about the profile goes, if there is to be one.
    pub in_toto: Option<&'a Path>,
    /// What the operator says of itself.
    pub attributes: Attributes,
    /// Where the run begins.
    pub start: Start,
}

impl Request<'_> {
    fn extensions(&self) -> serde_json::Map<String, serde_json::Value> {
        let said = self.attributes.extension();
        said.into_iter().map(|said| (attributes::EXTENSION.to_owned(), said)).collect()
    }
}

/// Where a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At its first cell.
    Anew,
    /// Where the run that was killed had come to.
    Resume,
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
        outcome(&self.profile)
    }
}

/// How the program ends that has written a profile.
pub(crate) fn outcome(profile: &Profile) -> Outcome {
    let cells = &profile.cells;
    if cells.iter().any(|cell| cell.self_check == SelfCheck::Mismatch) {
        Outcome::CheckFailed
    } else if cells.iter().any(|cell| cell.status == Status::Failed) {
        Outcome::CellsFailed
    } else {
        Outcome::Ok
    }
}

/// Measures this machine and writes its profile.
///
/// # Errors
/// When the request cannot be carried out at all. A cell that fails is part of the profile instead.
pub fn certify(request: &Request<'_>, progress: &mut Progress) -> Result<Certificate, Failure> {
    let suite = &request.suite.suite;
    let workloads = plan(suite, &request.selection)?;
    request.place.check()?;
    if workloads.iter().any(|workload| !workload.numerics.is_exact()) {
        request.place.check_native()?;
    }
    check_weights(request, &workloads)?;
    trained::require_known_quality(&workloads, &request.weights)?;
    let clock = RunClock::start();
    check_challenge(request, clock.now())?;
    let key = key_file::load_or_create(Role::Operator, request.key)?;
    let places = Places::reserve(request)?;
    let fetched = hub::fetched(&workloads, &request.weights, request.lock, progress)?;
    let request = &Request { weights: [&request.weights[..], &fetched].concat(), ..request.clone() };
    check_weights(request, &workloads)?;

    let mut run = match request.start {
        Start::Anew => Run::begin(request, &workloads, &key, clock, progress)?,
        Start::Resume => Run::resume(request, &workloads, &key, clock)?,
    };
    progress.plan(suite, &workloads);
    for round in 0..suite.timing.rounds {
        progress.round(round);
        for (index, workload) in workloads.iter().enumerate() {
            if run.is_open(round, index) {
                progress.cell(index, &workload.id);
                progress.cell_done(run.round(round, index, workload, progress)?);
            }
        }
    }
    run.end(progress);
    progress.finish();

    let finished_at = clock.now();
    let Run { head, sittings, doubts, cells, kept, journal, .. } = run;
    let profile = Profile {
        kind: KIND.to_owned(),
        schema: SCHEMA.to_owned(),
        suite: head.suite,
        operator: head.operator,
        machine: head.machine,
        harness: head.harness,
        challenge: head.challenge,
        started_at: head.started_at,
        finished_at: finished_at.to_string(),
        sittings,
        ceilings: head.ceilings,
        coverage: coverage::of_machine(suite, &cells),
        cells,
        doubts,
        extensions: request.extensions(),
        proof: None,
    };
    seal(profile, &kept, request, finished_at, &key, places, journal)
}

/// Places for what is written, claimed before anything is measured.
struct Places {
    profile: OutputFile,
    outputs: OutputFile,
    statement: Option<OutputFile>,
}

impl Places {
    fn reserve(request: &Request<'_>) -> Result<Self, Failure> {
        let profile = OutputFile::reserve(request.out, "--out")?;
        let beside = kept_outputs::place(request.out);
        let outputs = OutputFile::reserve(request.outputs.unwrap_or(&beside), "--outputs")?;
        let statement = request.in_toto.map(|path| OutputFile::reserve(path, "--in-toto")).transpose()?;
        let places: Vec<&OutputFile> = [&profile, &outputs].into_iter().chain(&statement).collect();
        let shared = places
            .iter()
            .zip(1..)
            .find(|(place, next)| places[*next..].iter().any(|other| place.has_place_of(other)));
        match shared {
            Some((place, _)) => {
                let error = anyhow!(
                    "profile, outputs and statement cannot share the place {}",
                    place.path().display()
                );
                Err(Failure::new(Outcome::Usage, error).hint("--out, --outputs and --in-toto name them"))
            }
            None => Ok(Self { profile, outputs, statement }),
        }
    }
}

/// Signs, checks and writes. The journal stays until profile and outputs are there.
fn seal(
    profile: Profile,
    kept: &[KeptOutput],
    request: &Request<'_>,
    finished_at: Timestamp,
    key: &SigningKey,
    places: Places,
    journal: Journal,
) -> Result<Certificate, Failure> {
    let bytes = document::sign(profile, finished_at, key).map_err(internal)?;
    let envelope = places.statement.as_ref().map(|_| statement(&bytes, request.out, key));
    let envelope = envelope.transpose().map_err(internal)?;
    // What leaves this program has passed the check that everyone else will make.
    let suites = std::slice::from_ref(&request.suite.suite);
    let context = Context {
        challenge: request.challenge,
        statement: envelope.as_deref(),
        ..Context::new(suites, finished_at)
    };
    let verification = verify(&bytes, context);
    match (verification.profile, &verification.reasons[..]) {
        (Some(profile), []) => {
            places.profile.complete(&bytes)?;
            places.outputs.complete(&kept_outputs::written(kept).map_err(internal)?)?;
            journal.remove();
            if let (Some(output), Some(envelope)) = (places.statement, envelope) {
                output.complete(&envelope)?;
            }
            Ok(Certificate { profile, bytes })
        }
        (_, reasons) => {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            let error = anyhow!("the profile does not pass its own verification: {}", reasons.join("; "));
            Err(output_file::keep(&bytes, internal(error)))
        }
    }
}

/// The operator's in-toto statement about a profile, in its envelope.
fn statement(bytes: &[u8], out: &Path, key: &SigningKey) -> anyhow::Result<Vec<u8>> {
    let opened = document::open::<Profile>(bytes)?;
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let statement = in_toto::Statement {
        name: profile::printable(&name),
        report_id: Digest::of(bytes),
        predicate: ProfileSummary::of(&opened.document, opened.body_digest),
    };
    Ok(in_toto::sign(statement, key)?)
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
            check_folder(workload, weights).map_err(|error| {
                Failure::new(Outcome::BadInput, error.context(format!("weights for {}", weights.model))).hint(
                    "--weights takes a folder with the config.json and safetensors or GGUF of the suite's model",
                )
            })?;
        }
    }
    Ok(())
}

/// Refuses a challenge for another suite or another time before anything is measured.
fn check_challenge(request: &Request<'_>, now: Timestamp) -> Result<(), Failure> {
    let Some(challenge) = request.challenge else { return Ok(()) };
    let refuse = |fact: String, hint: String| {
        Err(Failure::new(Outcome::BadInput, anyhow!("the challenge {fact}")).hint(hint))
    };
    let suite = &request.suite.suite;
    if challenge.suite != suite.digest {
        let wanted = embedded().into_iter().find(|suite| suite.digest == challenge.suite);
        let hint = wanted
            .map_or("pass its file with --suite".to_owned(), |wanted| format!("--suite {}", wanted.name));
        let fact = format!(
            "asks for suite {}, {} {} is {}",
            challenge.suite, suite.name, suite.version, suite.digest
        );
        return refuse(fact, hint);
    }
    match (challenge.not_before.parse::<Timestamp>(), challenge.expires_at.parse::<Timestamp>()) {
        (Ok(not_before), Ok(expires_at)) if not_before <= now && now < expires_at => Ok(()),
        _ => {
            let fact =
                format!("holds from {} to {}, it is {now}", challenge.not_before, challenge.expires_at);
            refuse(fact, "ask for another one, or set the system's clock".to_owned())
        }
    }
}

pub(crate) fn internal(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Outcome::Internal, error)
}
