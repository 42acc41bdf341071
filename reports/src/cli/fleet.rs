use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};

use super::in_order::in_order;
use super::{Failure, Outcome, print, suite_file};
use crate::synthetic::{Fleet as SyntheticFleet, Synthetic, Truth};

/// Make profiles of machines that are not there, for tests
#[derive(Debug, Subcommand)]
pub enum Fleet {
    /// Make signed profiles of plausible machines; each says inside its signature that it is synthetic
    Synth(Synth),
}

/// The folder has the profiles, operators.csv for `compare --operators`, and truth.jsonl with what is true of each profile.
#[derive(Debug, Args)]
pub struct Synth {
    /// How many operators; some have several machines
    #[arg(long, value_name = "NUMBER", default_value = "100", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    operators: u32,
    /// Of all random numbers: the same seed makes the same bytes
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    seed: u64,
    /// What they are certified with: a name, or a TOML file
    #[arg(long, default_value = "smoke", value_name = "NAME|FILE")]
    suite: String,
    /// A folder that is not there yet
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

impl Fleet {
    /// Writes the fleet.
    ///
    /// # Errors
    /// When the suite cannot be read or the folder not be made.
    pub fn run(self) -> Result<Outcome, Failure> {
        match self {
            Self::Synth(command) => command.run(),
        }
    }
}

impl Synth {
    fn run(self) -> Result<Outcome, Failure> {
        let suite = suite_file::load(&self.suite)?.suite;
        if self.out.exists() {
            let error = anyhow!("{} is there already", self.out.display());
            return Err(Failure::new(Outcome::CannotWrite, error).hint("name another folder with --out"));
        }
        let fleet = SyntheticFleet::new(&suite, self.operators, self.seed);
        self.write(&fleet)
            .with_context(|| format!("cannot write {}", self.out.display()))
            .map_err(|error| Failure::new(Outcome::CannotWrite, error))?;
        let (count, out) = (fleet.profiles(), self.out.display());
        print(&format!(
            "{count} synthetic profiles of {} operators in {out}, with operators.csv and truth.jsonl\n",
            self.operators
        ))?;
        Ok(Outcome::Ok)
    }

    /// The folder gets its name when all of it is written.
    fn write(&self, fleet: &SyntheticFleet<'_>) -> anyhow::Result<()> {
        let parent =
            self.out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let place = tempfile::Builder::new().prefix(".proofmark-").tempdir_in(parent)?;
        let mut truths = Vec::new();
        in_order(
            0..fleet.profiles(),
            |index| -> anyhow::Result<Truth> {
                let Synthetic { file_name, bytes, truth } = fleet.profile(index)?;
                write(&place.path().join(file_name), &bytes)?;
                Ok(truth)
            },
            |truth| {
                truths.push(truth?);
                Ok::<(), anyhow::Error>(())
            },
        )?;
        write(&place.path().join("truth.jsonl"), &lines(&truths)?)?;
        write(&place.path().join("operators.csv"), &operators(&truths)?)?;
        set_ordinary_mode(place.path())?;
        File::open(place.path())?.sync_all()?;
        fs::rename(place.path(), &self.out)?;
        Ok(())
    }
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}

fn lines(truths: &[Truth]) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for truth in truths {
        serde_json::to_writer(&mut bytes, truth)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// As `compare --operators` reads it: an operator's first machine speaks for it.
fn operators(truths: &[Truth]) -> anyhow::Result<Vec<u8>> {
    let mut first: BTreeMap<&str, &Truth> = BTreeMap::new();
    for truth in truths {
        first.entry(&truth.operator).or_insert(truth);
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["operator", "region", "provider", "availability", "stake"])?;
    for (operator, truth) in first {
        let availability = (truth.availability_ppm as f64 / 1e6).to_string();
        writer.write_record([
            operator,
            &truth.region,
            &truth.provider,
            &availability,
            &truth.stake.to_string(),
        ])?;
    }
    writer.into_inner().map_err(|error| anyhow!("{error}"))
}

/// Temporary folders are for their owner alone.
#[cfg(unix)]
pub(super) fn set_ordinary_mode(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
pub(super) fn set_ordinary_mode(_: &Path) -> anyhow::Result<()> {
    Ok(())
}
