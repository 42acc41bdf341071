use std::path::PathBuf;

use clap::{Args, ValueEnum};
use proofmark_models::exact::isa::Isa;
use proofmark_reports::Digest;
use proofmark_reports::cli::{OutputFormat, document_file, print, suite_file};
use proofmark_reports::network::attributes::Attributes;
use proofmark_reports::schema::v1::{NetworkChallenge, Profile};
use proofmark_workloads::{Numerics, Suite};

use crate::certify::{self, Certificate, Request, Start, certify};
use crate::device_runs::{DeviceRun, Files, device_runs};
use crate::place::PlaceChoice;
use crate::plan::{Selection, WeightsFolder};
use crate::progress::Progress;
use crate::summary;
use crate::{Failure, Outcome, hub};

/// Measure this machine with a suite and write a signed coverage profile
#[derive(Debug, Args)]
pub(super) struct Certify {
    /// The suite: a name from `proofmark list`, or a TOML file
    #[arg(long, default_value = "smoke", value_name = "NAME|FILE")]
    suite: String,
    /// Run only workloads of these numerics
    #[arg(long, value_enum)]
    numerics: Option<NumericsChoice>,
    /// Run only workloads whose id matches, `*` and `?` as in a shell; may be repeated
    #[arg(long, value_name = "GLOB")]
    workload: Vec<String>,
    /// Where models run: cpu, or in a build with CUDA cuda:N, or all: each GPU and the processor in turn, with a profile of each, and no challenge
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: PlaceChoice,
    /// Threads to compute with [default: all processors that this process may use]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// The instruction set of the exact kernels: portable, avx2, avx512 or neon [default: the fastest of this machine]
    #[arg(long, value_name = "ISA", env = "PROOFMARK_ISA")]
    isa: Option<Isa>,
    /// Take a model's weights from a folder with config.json and safetensors or GGUF; may be repeated
    #[arg(long, value_name = "MODEL=FOLDER")]
    weights: Vec<WeightsFolder>,
    /// What is known of models of the hub, as `proofmark models lock` writes it [default: the built-in lock file]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Answer a network's challenge, which names the suite's digest
    #[arg(long, value_name = "FILE")]
    challenge: Option<PathBuf>,
    /// Say of yourself: region=NAME, provider=NAME, availability=SHARE or stake=NUMBER; `compare` reads it; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    attribute: Vec<String>,
    /// The signing key in PEM [default: made on first use, see `proofmark key show`]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Where to write the profile; an existing file is replaced when the new one is complete; of all devices, profile.json becomes
    /// profile.cpu.json, profile.cuda-0.json and so on, and likewise the other files
    #[arg(long, default_value = "profile.json", value_name = "FILE")]
    out: PathBuf,
    /// Where to write what audits need of the outputs [default: the profile's name and `.outputs`]
    #[arg(long, value_name = "FILE")]
    outputs: Option<PathBuf>,
    /// Write an in-toto statement about the profile too, in a DSSE envelope signed with the same key
    #[arg(long, value_name = "FILE")]
    in_toto: Option<PathBuf>,
    /// Go on with the run that was killed while it made this profile; suite, key, program and options must be the same
    #[arg(long)]
    resume: bool,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
    /// What to print: a summary, or the profile itself, of several devices each in a line
    #[arg(long, value_enum, default_value = "table")]
    output: OutputFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum NumericsChoice {
    Exact,
    Native,
}

impl Certify {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let suite = suite_file::load(&self.suite)?;
        let numerics = self.numerics.map(|choice| match choice {
            NumericsChoice::Exact => Numerics::Exact1,
            NumericsChoice::Native => Numerics::Native,
        });
        let isa = super::available(self.isa)?;
        let challenge = self.challenge.as_deref().map(document_file::load::<NetworkChallenge>).transpose()?;
        if challenge.is_some() && self.device == PlaceChoice::All {
            // The time from challenge to receipt bounds one run; another one in between would make room for a slower machine.
            let error = anyhow::anyhow!("a challenge is answered by one run, --device all is several");
            return Err(Failure::new(Outcome::Usage, error)
                .hint("ask for a challenge a device, and name it with --device"));
        }
        let lock = hub::lock(self.lock.as_deref())?;
        let attributes = stated(&self.attribute)?;
        let mut outcome = Outcome::Ok;
        let start = if self.resume { Start::Resume } else { Start::Anew };
        let files = Files { out: self.out, outputs: self.outputs, in_toto: self.in_toto };
        let runs = device_runs(self.device, &files, start)?;
        let count = runs.len();
        for (number, DeviceRun { place, files, start }) in (1..).zip(runs) {
            let Files { out, outputs, in_toto } = &files;
            let mut progress = Progress::new(self.quiet);
            if count > 1 {
                progress.note(&format!("device {place}, {number} of {count}"));
            }
            let Some(start) = start else {
                let finished = document_file::load::<Profile>(out)
                    .map_err(|failure| failure.hint("leave --resume out to begin anew"))?;
                progress.note(&format!("{} is there", out.display()));
                outcome = worse(outcome, certify::outcome(&finished));
                continue;
            };
            let request = Request {
                suite: &suite,
                selection: Selection { globs: self.workload.clone(), numerics },
                threads: self.threads,
                place,
                isa,
                weights: self.weights.clone(),
                lock: &lock,
                challenge: challenge.as_ref(),
                key: self.key.as_deref(),
                out,
                outputs: outputs.as_deref(),
                in_toto: in_toto.as_deref(),
                attributes: attributes.clone(),
                start,
            };
            let certificate = certify(&request, &mut progress)?;
            match self.output {
                OutputFormat::Table => {
                    let gap = if number > 1 { "\n" } else { "" };
                    print(&format!("{gap}{}", told(&certificate, &suite.suite, &files)))?
                }
                OutputFormat::Json => {
                    let end = if count > 1 { "\n" } else { "" };
                    print(&format!("{}{end}", String::from_utf8_lossy(&certificate.bytes)))?
                }
            }
            outcome = worse(outcome, certificate.outcome());
        }
        Ok(outcome)
    }
}

/// A machine that computes wrongly, before cells that failed.
fn worse(one: Outcome, other: Outcome) -> Outcome {
    let bad = [Outcome::CheckFailed, Outcome::CellsFailed];
    bad.into_iter().find(|bad| [one, other].contains(bad)).unwrap_or(Outcome::Ok)
}

/// What the operator says of itself.
fn stated(attributes: &[String]) -> Result<Attributes, Failure> {
    let mut stated = Attributes::default();
    for attribute in attributes {
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        stated.state(name, value).map_err(|fact| {
            let error = anyhow::anyhow!("--attribute {attribute}: {fact}");
            Failure::new(Outcome::Usage, error)
                .hint("region=NAME, provider=NAME, availability=SHARE, stake=NUMBER")
        })?;
    }
    Ok(stated)
}

/// The summary, and where the profile is, what audits need, and the statement about it.
fn told(certificate: &Certificate, suite: &Suite, files: &Files) -> String {
    let (place, id) = (files.out.display(), Digest::of(&certificate.bytes));
    let (mut told, mut option) = (String::new(), String::new());
    if let Some(statement) = files.in_toto.as_ref().map(|path| path.display()) {
        told = format!("in-toto  {statement}\n");
        option = format!(" --in-toto {statement}");
    }
    format!(
        "{}\nprofile  {place} ({} bytes)\nreport   {id}\noutputs  {}, which an audit asks for\n{told}next     proofmark verify {place}{option}\n",
        summary::profile(&certificate.profile, Some(suite)),
        certificate.bytes.len(),
        files.outputs().display()
    )
}
