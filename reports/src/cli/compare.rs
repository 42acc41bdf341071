use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

#[cfg(feature = "parquet")]
use anyhow::Context as _;
use anyhow::anyhow;
use clap::{Args, ValueEnum};
use proofmark_workloads::{Suite, embedded_mixes};

use super::change::{ChangeFace, SameMachine, Synthetic};
use super::in_order::in_order;
use super::profile_files::{ProfileFiles, Unreadable};
use super::suite_file::{self, read_bounded};
use super::{Failure, Outcome, print};
use crate::audit::AuditPredicate;
use crate::network::attributes::{self, Attributes};
use crate::network::claim::Claim;
use crate::network::comparison::{Arrivals, Compared, Question, compare};
use crate::network::demand::Demand;
use crate::network::groups::{Attribute, Outage, OutageLimit};
use crate::network::trace::trace;
use crate::page::network_page;
use crate::schema::comparison::{Comparison, Refused};
use crate::synthetic::is_synthetic;
use crate::verify::{Context, verify};
use crate::{Digest, Timestamp, in_toto, table};

/// Two million requests.
const MAX_TRACE_BYTES: u64 = 64 << 20;
/// An assumption: more than three days a year.
const OUTAGE_PROBABILITY: f64 = 0.01;

/// Options that ask about a network.
const OF_NETWORKS: [&str; 11] = [
    "demand",
    "rate",
    "trace",
    "operators",
    "audit",
    "candidate",
    "group_by",
    "outage_probability",
    "worst",
    "seed",
    "export",
];

/// Compare profiles of a network: what it covers, what each operator adds, how fragile that is; or two of one machine: what changed
#[derive(Debug, Args)]
pub struct Compare {
    /// Profiles; of a folder all files *.json inside, at any depth. What `verify` refuses is listed and left out
    #[arg(required = true, value_name = "FILE|FOLDER")]
    profiles: Vec<PathBuf>,
    /// Take two profiles of one machine, OLD NEW, and say what changed beyond their intervals; ends with 3 where something regressed, 4 where a digest
    /// changed, 5 where the machine is too noisy to judge
    #[arg(long, conflicts_with_all = OF_NETWORKS)]
    same_machine: bool,
    /// With --same-machine: the least change that counts, in percent; else 3
    #[arg(long, value_name = "PERCENT", requires = "same_machine", value_parser = percent)]
    floor: Option<f64>,
    /// A further suite that profiles may be of
    #[arg(long, value_name = "FILE")]
    suite: Vec<String>,
    /// What is asked of the network: a demand mix (of several models: MIX/MODEL), or a CSV with columns workload,share; else the suite's shares
    #[arg(long, value_name = "MIX|CSV")]
    demand: Option<String>,
    /// Requests a second: how much is served when each is tried once
    #[arg(long, value_name = "REQUESTS", value_parser = rate)]
    rate: Option<f64>,
    /// Let requests of generation arrive as in a CSV with columns arrival_ms,prompt_tokens,output_tokens, at its own rate unless --rate says another
    #[arg(long, value_name = "CSV")]
    trace: Option<PathBuf>,
    /// What the network knows of operators: a CSV with columns operator,region,provider,availability,stake
    #[arg(long, value_name = "CSV")]
    operators: Option<PathBuf>,
    /// Audits of the profiles by those who are believed, or folders of them
    #[arg(long, value_name = "FILE|FOLDER")]
    audit: Vec<PathBuf>,
    /// The profile of a machine that is not in the network: what would it add?
    #[arg(long, value_name = "FILE")]
    candidate: Vec<PathBuf>,
    /// By what machines fail together; else the first of region and provider that is known, or hardware
    #[arg(long, value_name = "region|provider|hardware|software", value_parser = attribute)]
    group_by: Option<Attribute>,
    /// The probability that all machines of a group fail at once; else 0.01, or what the group's most available machine allows
    #[arg(long, value_name = "SHARE", value_parser = probability)]
    outage_probability: Option<f64>,
    /// The worst outages of up to so many groups together
    #[arg(long, value_name = "GROUPS", default_value = "2", value_parser = clap::value_parser!(u8).range(1..=5))]
    worst: u8,
    /// Of all random numbers
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    seed: u64,
    /// Take profiles that say they are synthetic
    #[arg(long)]
    allow_synthetic: bool,
    /// Also write the verified rows as Parquet into a folder that is not there yet
    #[arg(long, value_name = "FOLDER")]
    export: Option<PathBuf>,
    /// As what to print it
    #[arg(long, value_enum, default_value = "table")]
    output: Face,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Face {
    /// For terminals
    Table,
    /// Everything, for programs
    Json,
    /// A row an operator, for spreadsheets
    Csv,
    /// The same as for terminals in Markdown
    Md,
    /// One self-contained page for browsers
    Html,
}

impl Compare {
    /// Prints the comparison, or what changed on one machine.
    ///
    /// # Errors
    /// When no profile is valid, they are of several suites, or something beside them cannot be read.
    pub fn run(self) -> Result<Outcome, Failure> {
        if self.same_machine {
            return self.change();
        }
        let comparison = self.comparison()?;
        print(&match self.output {
            Face::Table => table::comparison::text(&comparison),
            Face::Json => json(&comparison)?,
            Face::Csv => table::comparison::csv(&comparison),
            Face::Md => table::comparison::markdown(&comparison),
            Face::Html => network_page(&comparison),
        })?;
        Ok(Outcome::Ok)
    }

    fn change(&self) -> Result<Outcome, Failure> {
        let face = match self.output {
            Face::Table => ChangeFace::Table,
            Face::Json => ChangeFace::Json,
            Face::Md => ChangeFace::Md,
            Face::Csv | Face::Html => {
                let error = anyhow!("--same-machine has no such output");
                return Err(Failure::new(Outcome::Usage, error).hint("--output table, json or md"));
            }
        };
        SameMachine {
            profiles: &self.profiles,
            suites: &suite_file::known(&self.suite)?,
            floor_percent: self.floor,
            synthetic: if self.allow_synthetic { Synthetic::Taken } else { Synthetic::Refused },
            face,
        }
        .run()
    }

    fn comparison(&self) -> Result<Comparison, Failure> {
        let suites = suite_file::known(&self.suite)?;
        // What is small is looked at before what takes long.
        let export = self.export.as_deref().map(Exporting::into_folder).transpose()?;
        let operators = self.operators()?;
        let audits = Audits::read(&self.audit);
        let taking = Taking { suites: &suites, audits: &audits, allow_synthetic: self.allow_synthetic };
        let mut taken = taking.take(&self.profiles)?;
        taken.refused.extend(audits.refused.iter().cloned());
        let suite = taken.suite(&suites)?;
        let demand = self.demand(suite)?;
        let candidates = self.candidates(&taking, suite, &taken)?;
        let question = Question {
            suite,
            demand: &demand,
            claims: &taken.claims,
            operators: &operators,
            candidates: &candidates,
            arrivals: self.arrivals(suite, &demand)?,
            group_by: self.group_by,
            outage: match self.outage_probability {
                Some(probability) => Outage { probability, limit: OutageLimit::None },
                None => Outage { probability: OUTAGE_PROBABILITY, limit: OutageLimit::Availability },
            },
            together: usize::from(self.worst),
            seed: self.seed,
            synthetic: taken.synthetic,
            refused: taken.refused,
        };
        let compared = compare(&question);
        if let Some(export) = export {
            export.write(&compared, &demand)?;
        }
        Ok(compared.comparison)
    }

    fn operators(&self) -> Result<BTreeMap<String, Attributes>, Failure> {
        let Some(path) = &self.operators else { return Ok(BTreeMap::new()) };
        attributes::operators(&read_bounded(path)?).map_err(|fault| {
            bad_input(anyhow!("{}: {fault}", path.display())).hint(
                "columns are operator,region,provider,availability,stake; all but the first may be left out",
            )
        })
    }

    fn demand(&self, suite: &Suite) -> Result<Demand, Failure> {
        let Some(demand) = &self.demand else { return Ok(Demand::of_suite(suite)) };
        let path = Path::new(demand);
        let is_file = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let refused = |fault: &dyn Display| bad_input(anyhow!("demand {demand}: {fault}"));
        if is_file {
            return Demand::of_csv(&read_bounded(path)?, suite).map_err(|fault| {
                refused(&fault).hint("a line a workload of the suite, shares adding up to 1")
            });
        }
        let (name, model) =
            demand.split_once('/').map_or((demand.as_str(), None), |(name, model)| (name, Some(model)));
        let mixes = embedded_mixes();
        let Some(mix) = mixes.iter().find(|mix| mix.name == name) else {
            let names: Vec<&str> = mixes.iter().map(|mix| mix.name.as_str()).collect();
            let hint = format!("demand mixes: {}; or pass a CSV", names.join(", "));
            return Err(bad_input(anyhow!("demand mix `{name}` is unknown")).hint(hint));
        };
        Demand::of_mix(mix, model, suite).map_err(|fault| refused(&fault))
    }

    fn arrivals(&self, suite: &Suite, demand: &Demand) -> Result<Option<Arrivals>, Failure> {
        let Some(path) = &self.trace else {
            return Ok(self.rate.map(|rate_per_s| Arrivals { rate_per_s, trace: None }));
        };
        let trace = trace(&suite_file::read_up_to(path, MAX_TRACE_BYTES)?, demand, suite)
            .map_err(|fault| bad_input(anyhow!("trace {}: {fault}", path.display())))?;
        let trace = match self.rate {
            Some(rate_per_s) => trace.at(rate_per_s),
            None => trace,
        };
        Ok(Some(Arrivals { rate_per_s: trace.rate_per_s, trace: Some(trace.requests) }))
    }

    fn candidates(
        &self,
        taking: &Taking<'_>,
        suite: &Suite,
        taken: &Taken,
    ) -> Result<Vec<(String, Claim)>, Failure> {
        let of = |path: &PathBuf| {
            let name = path.display().to_string();
            let refused = |fact: String| bad_input(anyhow!("candidate {name}: {fact}"));
            let valid = taking.claim(path).map_err(|reasons| refused(reasons.join("; ")))?;
            if valid.suite != suite.digest {
                return Err(refused(format!("it is not of suite {} {}", suite.name, suite.version)));
            }
            if taken.claims.iter().any(|known| known.machine == valid.claim.machine) {
                return Err(refused("its machine is in the network already".to_owned()));
            }
            Ok((name, valid.claim))
        };
        self.candidate.iter().map(of).collect()
    }
}

/// Where verified rows go.
struct Exporting<'a>(&'a Path);

impl<'a> Exporting<'a> {
    fn into_folder(path: &'a Path) -> Result<Self, Failure> {
        if cfg!(not(feature = "parquet")) {
            let error = anyhow!("this program was built without Parquet");
            return Err(Failure::new(Outcome::Usage, error).hint("build it with --features parquet"));
        }
        if path.exists() {
            let error = anyhow!("{} is there already", path.display());
            return Err(Failure::new(Outcome::CannotWrite, error).hint("name another folder with --export"));
        }
        Ok(Self(path))
    }

    #[cfg(feature = "parquet")]
    fn write(&self, compared: &Compared, demand: &Demand) -> Result<(), Failure> {
        let written = super::export::Export { compared, demand }.write(self.0);
        let written = written.with_context(|| format!("cannot write {}", self.0.display()));
        written.map_err(|error| Failure::new(Outcome::CannotWrite, error))
    }

    #[cfg(not(feature = "parquet"))]
    fn write(&self, _: &Compared, _: &Demand) -> Result<(), Failure> {
        Err(Failure::new(Outcome::Internal, anyhow!("no Parquet for {}", self.0.display())))
    }
}

/// Which profiles are taken.
struct Taking<'a> {
    suites: &'a [Suite],
    audits: &'a Audits,
    allow_synthetic: bool,
}

/// What a valid profile claims.
struct Valid {
    claim: Claim,
    suite: Digest,
    origin: Origin,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Measured,
    Synthetic,
}

/// What was taken, and what was not.
#[derive(Default)]
struct Taken {
    claims: Vec<Claim>,
    synthetic: u64,
    refused: Vec<Refused>,
    /// By suite: how many, and the first file.
    suites: BTreeMap<Digest, (u64, String)>,
    /// By report: its file.
    seen: BTreeMap<Digest, String>,
}

impl Taking<'_> {
    /// Reads and verifies on all cores, and keeps of each profile what a network asks.
    fn take(&self, files: &[PathBuf]) -> Result<Taken, Failure> {
        let mut taken = Taken::default();
        in_order(
            ProfileFiles::named(files),
            |found| match found {
                Ok(path) => (path.display().to_string(), self.claim(&path)),
                Err(Unreadable { path, failure }) => {
                    (path.display().to_string(), Err(vec![failure.to_string()]))
                }
            },
            |(file, found)| {
                taken.add(file, found);
                Ok::<(), Failure>(())
            },
        )?;
        Ok(taken)
    }

    /// What a file claims, or every reason against it.
    fn claim(&self, path: &Path) -> Result<Valid, Vec<String>> {
        let bytes = read_bounded(path).map_err(|failure| vec![failure.to_string()])?;
        let audits = self.audits.of(&bytes);
        let context =
            Context { audits: &audits, ..Context::new(self.suites, Timestamp::of(SystemTime::now())) };
        let verification = verify(&bytes, context);
        let profile = verification.profile.as_ref().filter(|_| verification.is_valid());
        let suite =
            profile.and_then(|profile| self.suites.iter().find(|suite| suite.digest == profile.suite.digest));
        let (Some(profile), Some(suite)) = (profile, suite) else {
            return Err(verification.reasons.iter().map(ToString::to_string).collect());
        };
        let is_synthetic = is_synthetic(profile);
        if is_synthetic && !self.allow_synthetic {
            return Err(vec![
                "it says that it is synthetic; no machine stands behind it (--allow-synthetic takes it)"
                    .to_owned(),
            ]);
        }
        let claim = Claim::of(&verification, suite).ok_or_else(Vec::new)?;
        let origin = if is_synthetic { Origin::Synthetic } else { Origin::Measured };
        Ok(Valid { claim, suite: suite.digest, origin })
    }
}

impl Taken {
    fn add(&mut self, file: String, found: Result<Valid, Vec<String>>) {
        match found {
            Err(reasons) => self.refused.push(Refused { file, reasons }),
            Ok(Valid { claim, suite, origin }) => {
                if let Some(first) = self.seen.get(&claim.report_id) {
                    let reasons = vec![format!("it is the same report as {first}")];
                    return self.refused.push(Refused { file, reasons });
                }
                self.seen.insert(claim.report_id, file.clone());
                self.suites.entry(suite).or_insert((0, file)).0 += 1;
                self.synthetic += u64::from(origin == Origin::Synthetic);
                self.claims.push(claim);
            }
        }
    }

    /// The one suite of all profiles.
    fn suite<'a>(&self, suites: &'a [Suite]) -> Result<&'a Suite, Failure> {
        let of = |digest: &Digest| suites.iter().find(|suite| suite.digest == *digest);
        let mut found = self.suites.keys().filter_map(of);
        match (found.next(), found.next()) {
            (Some(suite), None) => Ok(suite),
            (Some(_), Some(_)) => {
                let told = self.suites.iter().filter_map(|(digest, (count, file))| {
                    let suite = of(digest)?;
                    Some(format!("{count} of {} {} (such as {file})", suite.name, suite.version))
                });
                let told: Vec<String> = told.collect();
                let error = anyhow!("profiles of different suites cannot be compared: {}", told.join(", "));
                Err(bad_input(error).hint("compare those of one suite at a time"))
            }
            (None, _) => {
                let first = self.refused.first().map(|refused| {
                    format!(": {}: {}", refused.file, refused.reasons.first().map_or("", String::as_str))
                });
                let error = anyhow!("there is no valid profile{}", first.unwrap_or_default());
                Err(bad_input(error).hint("`verify` lists every reason against each"))
            }
        }
    }
}

/// Audits by what they are of.
struct Audits {
    by_report: BTreeMap<Digest, Vec<Vec<u8>>>,
    refused: Vec<Refused>,
}

impl Audits {
    fn read(files: &[PathBuf]) -> Self {
        let mut audits = Self { by_report: BTreeMap::new(), refused: Vec::new() };
        for found in ProfileFiles::named(files) {
            let (path, bytes) = match found {
                Ok(path) => {
                    let bytes = read_bounded(&path);
                    (path, bytes)
                }
                Err(Unreadable { path, failure }) => (path, Err(failure)),
            };
            let envelope = bytes.map_err(|failure| failure.to_string()).and_then(|bytes| {
                let opened = in_toto::open::<AuditPredicate>(&bytes).map_err(|fault| fault.to_string())?;
                Ok((opened.statement.report_id, bytes))
            });
            match envelope {
                Ok((report, bytes)) => audits.by_report.entry(report).or_default().push(bytes),
                Err(reason) => {
                    audits.refused.push(Refused { file: path.display().to_string(), reasons: vec![reason] });
                }
            }
        }
        audits
    }

    /// Those of a profile.
    fn of(&self, profile: &[u8]) -> Vec<&[u8]> {
        if self.by_report.is_empty() {
            // Not even hashed.
            return Vec::new();
        }
        let found = self.by_report.get(&Digest::of(profile));
        found.into_iter().flatten().map(Vec::as_slice).collect()
    }
}

fn json(comparison: &Comparison) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(comparison);
    text.map(|text| text + "\n").map_err(|error| Failure::new(Outcome::Internal, error))
}

fn bad_input(error: anyhow::Error) -> Failure {
    Failure::new(Outcome::BadInput, error)
}

fn attribute(text: &str) -> Result<Attribute, String> {
    let found = Attribute::ALL.into_iter().find(|attribute| attribute.name() == text);
    found.ok_or_else(|| "expected region, provider, hardware or software".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1e12 => Ok(rate),
        _ => Err("expected a number above 0".to_owned()),
    }
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 to less than 1".to_owned()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("expected a number from 0 to 100".to_owned()),
    }
}
