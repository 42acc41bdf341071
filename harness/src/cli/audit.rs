use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::anyhow;
use clap::Args;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::audit::{AuditPredicate, CheckedCell, Randomness};
use proofmark_reports::cli::{document_file, print, suite_file};
use proofmark_reports::document;
use proofmark_reports::in_toto::{self, Statement};
use proofmark_reports::profile::printable;
use proofmark_reports::schema::v1::{Profile, Receipt};
use proofmark_reports::verify::{Context, verify};
use proofmark_reports::words::{self, percent};
use proofmark_reports::{Digest, Timestamp, did_key};
use proofmark_workloads::Workload;

use crate::audit::{AuditRequest, audit};
use crate::certify::internal;
use crate::kept_outputs;
use crate::key_file::{self, Role};
use crate::output_file::OutputFile;
use crate::place::Place;
use crate::progress::Progress;
use crate::{Failure, Outcome, beacon_file, hub, run};

/// Compute some answers of a profile again on this machine, and sign what came out
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// The profile
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The suite's file, unless it is an embedded one
    #[arg(long, value_name = "FILE")]
    suite: Option<String>,
    /// What `certify` kept of the outputs [default: the profile's name and `.outputs`, if it is there]
    #[arg(long, value_name = "FILE")]
    outputs: Option<PathBuf>,
    /// Answers of each cell; a cell that has fewer is checked whole
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    answers: u64,
    /// Decides which answers are checked, as 64 hexadecimal digits; nobody should know it before the profile is signed [default: a new
    /// random number]
    #[arg(long, value_name = "HEX")]
    nonce: Option<Digest>,
    /// A public audit: the first round of drand quicknet after the receipt decides, as a server of drand sends it in JSON
    #[arg(long, requires = "receipt", conflicts_with = "nonce", value_name = "FILE")]
    beacon: Option<PathBuf>,
    /// The network's receipt for the profile, which the result repeats
    #[arg(long, requires = "beacon", value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Where to compute: cpu, or cuda:N in a build with CUDA; exact numerics give the same bits there
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: Place,
    /// Threads to compute with [default: all processors that this process may use]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// The instruction set of the exact kernels [default: the fastest of this machine]
    #[arg(long, value_name = "ISA", env = "PROOFMARK_ISA")]
    isa: Option<Isa>,
    /// The auditor's key in PEM [default: made on first use, see `proofmark key show --role auditor`]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Where to write the signed result
    #[arg(long, default_value = "audit.json", value_name = "FILE")]
    out: PathBuf,
    /// What is known of models of the hub [default: the built-in lock file]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

impl Audit {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        self.device.check()?;
        let bytes = suite_file::read_bounded(&self.file)?;
        let suites = suite_file::known(self.suite.as_slice())?;
        let now = Timestamp::of(SystemTime::now());
        let receipt = self.receipt.as_deref().map(document_file::load::<Receipt>).transpose()?;
        let round = self.beacon.as_deref().map(beacon_file::load).transpose()?;
        let context = Context { receipt: receipt.as_ref(), ..Context::new(&suites, now) };
        let verification = verify(&bytes, context);
        let place = self.file.display();
        if let Some(reason) = verification.reasons.first() {
            let error = anyhow!("{place} is not audited: {reason}");
            return Err(
                Failure::new(Outcome::CheckFailed, error).hint("`proofmark verify` lists every reason")
            );
        }
        let profile = document::open::<Profile>(&bytes).map_err(internal)?;
        let suite = &profile.document.suite;
        let source = suite_file::load(self.suite.as_deref().unwrap_or(&suite.name))?;
        if source.suite.digest != suite.digest {
            let error = anyhow!(
                "{place} is of suite {}, {} is {}",
                suite.digest,
                source.suite.name,
                source.suite.digest
            );
            return Err(
                Failure::new(Outcome::BadInput, error).hint("pass the suite of the profile with --suite")
            );
        }
        let randomness = match round.zip(receipt) {
            Some((round, receipt)) => Randomness::public(round, receipt).map_err(beacon_file::unfit)?,
            None => Randomness::Private { nonce: self.nonce.map_or_else(run::nonce, Ok)? },
        };
        let beside = Some(kept_outputs::place(&self.file)).filter(|beside| beside.exists());
        let outputs = self.outputs.or(beside);
        let key = key_file::load_or_create(Role::Auditor, self.key.as_deref())?;
        let output = OutputFile::reserve(&self.out, "--out")?;
        let is_audited = |workload: &&Workload| {
            let mut cells = profile.document.cells.iter().filter(|cell| cell.workload == workload.id);
            let source = workload.model.weights.source();
            cells.any(|cell| cell.weights.as_ref().is_some_and(|weights| weights.source == source))
        };
        let audited: Vec<&Workload> = source.suite.workloads.iter().filter(is_audited).collect();
        let mut progress = Progress::new(self.quiet);
        let weights = hub::fetched(&audited, &[], &hub::lock(self.lock.as_deref())?, &mut progress)?;
        let request = AuditRequest {
            profile: &profile,
            suite: &source,
            weights,
            outputs: outputs.as_deref(),
            randomness,
            answers_a_cell: self.answers,
            place: self.device,
            isa: super::available(self.isa)?,
            threads: self.threads,
        };
        let result = audit(&request, now, &progress)?;
        progress.finish();
        let told = told(&result, &request.randomness);
        let outcome = if result.steps_mismatched == 0 { Outcome::Ok } else { Outcome::CheckFailed };
        let statement = Statement {
            name: printable(&self.file.file_name().unwrap_or_default().to_string_lossy()),
            report_id: result.report_id,
            predicate: result,
        };
        output.complete(&in_toto::sign(statement, &key).map_err(internal)?)?;
        print(&format!(
            "{told}auditor   {}\nresult    {}\n",
            did_key::format(&key.verifying_key()),
            self.out.display()
        ))?;
        Ok(outcome)
    }
}

fn told(result: &AuditPredicate, randomness: &Randomness) -> String {
    let AuditPredicate { steps_checked, steps_total, steps_mismatched, indices, skipped, .. } = result;
    let mut text = format!(
        "report    {}\nchecked   {steps_checked} of {steps_total} answers, of {} cells; {steps_mismatched} differ\ndrawn     {}\n",
        result.report_id,
        indices.len(),
        words::drawn(randomness)
    );
    for CheckedCell { workload, mismatched, places, .. } in indices {
        if *mismatched > 0 {
            text += &format!("differs   {workload}: {mismatched} of {} checked answers\n", places.len());
        }
    }
    for cell in skipped {
        text += &format!("skipped   {}: {}\n", cell.workload, cell.reason);
    }
    if let Some(missed) = words::missed(result) {
        text += &format!("means     {missed}\n");
    }
    let ratio = u128::from(result.duration_ns) * 1_000_000 / u128::from(result.original_duration_ns.max(1));
    text + &format!("took      {} of the run's time\n", percent(u64::try_from(ratio).unwrap_or(u64::MAX)))
}
