use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use proofmark_models::exact::isa::Isa;
use proofmark_reports::Digest;
use proofmark_reports::cli::{OutputFormat, document_file, print, suite_file};
use proofmark_reports::network::attributes::Attributes;
use proofmark_reports::schema::v1::NetworkChallenge;
use proofmark_workloads::{Numerics, Suite};

use crate::certify::{Certificate, Request, Start, certify};
use crate::kept_outputs;
use crate::place::Place;
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
    /// Where models run: cpu, or cuda:N in a build with CUDA
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: Place,
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
    /// Where to write the profile; an existing file is replaced when the new one is complete
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
        let request = Request {
            suite: &suite,
            selection: Selection { globs: self.workload, numerics },
            threads: self.threads,
            place: self.device,
            isa,
            weights: self.weights,
            lock: &hub::lock(self.lock.as_deref())?,
            challenge: challenge.as_ref(),
            key: self.key.as_deref(),
            out: &self.out,
            outputs: self.outputs.as_deref(),
            in_toto: self.in_toto.as_deref(),
            attributes: stated(&self.attribute)?,
            start: if self.resume { Start::Resume } else { Start::Anew },
        };
        let certificate = certify(&request, &mut Progress::new(self.quiet))?;
        match self.output {
            OutputFormat::Table => {
                let outputs = self.outputs.unwrap_or_else(|| kept_outputs::place(&self.out));
                print(&told(&certificate, &suite.suite, &self.out, &outputs, self.in_toto.as_deref()))?
            }
            OutputFormat::Json => print(&String::from_utf8_lossy(&certificate.bytes))?,
        }
        Ok(certificate.outcome())
    }
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
fn told(
    certificate: &Certificate,
    suite: &Suite,
    out: &Path,
    outputs: &Path,
    in_toto: Option<&Path>,
) -> String {
    let (place, id) = (out.display(), Digest::of(&certificate.bytes));
    let (mut told, mut option) = (String::new(), String::new());
    if let Some(statement) = in_toto.map(Path::display) {
        told = format!("in-toto  {statement}\n");
        option = format!(" --in-toto {statement}");
    }
    format!(
        "{}\nprofile  {place} ({} bytes)\nreport   {id}\noutputs  {}, which an audit asks for\n{told}next     proofmark verify {place}{option}\n",
        summary::profile(&certificate.profile, Some(suite)),
        certificate.bytes.len(),
        outputs.display()
    )
}
