use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use proofmark_models::exact::isa::Isa;
use proofmark_reports::Digest;
use proofmark_reports::cli::{OutputFormat, document_file, print, suite_file};
use proofmark_reports::network::attributes::Attributes;
use proofmark_reports::schema::v1::NetworkChallenge;
use proofmark_workloads::{Numerics, Suite};

use crate::certify::{Certificate, Request, Start, certify};
use crate::environment::accelerator_apart;
use crate::journal::Journal;
use crate::kept_outputs;
use crate::place::{Place, PlaceChoice};
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
    /// Where models run: cpu, or in a build with CUDA cuda:N, or all: the processor and each GPU in turn, with a profile of each
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
    /// What to print: a summary, or the profile itself
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
        let lock = hub::lock(self.lock.as_deref())?;
        let attributes = stated(&self.attribute)?;
        let mut outcome = Outcome::Ok;
        for (place, files, start) in self.runs()? {
            let Files { out, outputs, in_toto } = &files;
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
                outputs: Some(outputs),
                in_toto: in_toto.as_deref(),
                attributes: attributes.clone(),
                start,
            };
            let certificate = certify(&request, &mut Progress::new(self.quiet))?;
            match self.output {
                OutputFormat::Table => print(&told(&certificate, &suite.suite, &files))?,
                OutputFormat::Json => print(&String::from_utf8_lossy(&certificate.bytes))?,
            }
            outcome = worse(outcome, certificate.outcome());
        }
        Ok(outcome)
    }

    /// Where models run in turn, what is written of it, and where each begins. A run of all devices that was killed goes on with the
    /// device that has a journal: those before it have their profiles.
    fn runs(&self) -> Result<Vec<(Place, Files, Start)>, Failure> {
        let places = self.device.places()?;
        let is_one = self.device != PlaceChoice::All;
        if !is_one {
            places.iter().try_for_each(|place| accelerator_apart(*place).map(drop))?;
        }
        let files = |place| {
            if is_one { self.files(Path::to_owned) } else { self.files(|path| of_device(path, place)) }
        };
        let runs = places.into_iter().map(|place| (place, files(place), Start::Anew));
        let mut runs: Vec<(Place, Files, Start)> = runs.collect();
        if self.resume {
            let has_journal = |(_, files, _): &(Place, Files, Start)| Journal::place(&files.out).exists();
            runs.drain(..runs.iter().position(has_journal).unwrap_or(0));
            runs[0].2 = Start::Resume;
        }
        Ok(runs)
    }

    fn files(&self, named: impl Fn(&Path) -> PathBuf) -> Files {
        let out = named(&self.out);
        let outputs = self.outputs.as_deref().map_or_else(|| kept_outputs::place(&out), &named);
        Files { out, outputs, in_toto: self.in_toto.as_deref().map(&named) }
    }
}

/// What is written of a device.
struct Files {
    out: PathBuf,
    outputs: PathBuf,
    in_toto: Option<PathBuf>,
}

/// `profile.json` of `cuda:0` is `profile.cuda-0.json`.
fn of_device(path: &Path, place: Place) -> PathBuf {
    let device = place.to_string().replace(':', "-");
    match path.extension() {
        Some(extension) => path.with_extension(format!("{device}.{}", extension.to_string_lossy())),
        None => path.with_extension(device),
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
    if let Some(statement) = files.in_toto.as_deref().map(Path::display) {
        told = format!("in-toto  {statement}\n");
        option = format!(" --in-toto {statement}");
    }
    format!(
        "{}\nprofile  {place} ({} bytes)\nreport   {id}\noutputs  {}, which an audit asks for\n{told}next     proofmark verify {place}{option}\n",
        summary::profile(&certificate.profile, Some(suite)),
        certificate.bytes.len(),
        files.outputs.display()
    )
}
