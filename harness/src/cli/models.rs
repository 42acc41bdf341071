use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use proofmark_models::hub::Hub;
use proofmark_reports::Digest;
use proofmark_reports::cli::print;
use proofmark_reports::cli::suite_file::read_bounded;
use proofmark_reports::table::{self, Column, Kind, Row, Table};
use proofmark_reports::words::bytes;
use proofmark_workloads::{LockedFile, LockedModel, ModelLock, Suite, embedded_text};

use crate::output_file::OutputFile;
use crate::progress::Progress;
use crate::{Failure, Outcome, hub, trained};

/// The models of the hub that suites may name: list, fetch, pin
#[derive(Debug, Subcommand)]
pub(super) enum Models {
    List(List),
    Fetch(Fetch),
    Lock(Lock),
}

/// List what the lock file holds, what of it is pinned and what the cache has
#[derive(Debug, Args)]
pub(super) struct List {
    /// The lock file [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Fetch models into the hub's cache and check every file's digest
#[derive(Debug, Args)]
pub(super) struct Fetch {
    /// Repositories of the lock file [default: all that are pinned]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The lock file [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

/// Ask the hub for sizes and digests, and write them into the lock file; what is known already must agree.
/// With --suite also fetch that suite's models, and write into its file what it lacks of them: quality figures and golden digests
#[derive(Debug, Args)]
pub(super) struct Lock {
    /// Repositories of the lock file [default: all, or those of the suite]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The suite's file; one that is not there yet begins as the built-in suite `real`
    #[arg(long, value_name = "FILE")]
    suite: Option<PathBuf>,
    /// The lock file; one that is not there yet begins as the built-in one
    #[arg(long, default_value = "models.lock", value_name = "FILE")]
    file: PathBuf,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

impl Models {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        match self {
            Self::List(command) => command.run(),
            Self::Fetch(command) => command.run(),
            Self::Lock(command) => command.run(),
        }
    }
}

impl List {
    fn run(self) -> Result<Outcome, Failure> {
        let lock = hub::lock(self.file.as_deref())?;
        let cache = Hub::new(&hub::settings()?).map_err(hub::failure)?;
        let rows = lock.models.iter().map(|model| {
            let LockedModel { repo, revision, files } = model;
            let cached = files.iter().filter(|file| cache.has(repo, revision, &file.path, file.size_bytes));
            Row::Fields(vec![
                repo.clone(),
                revision[..12].to_owned(),
                files.len().to_string(),
                Some(model.bytes()).filter(|known| *known > 0).map(bytes).unwrap_or_default(),
                if model.is_pinned() { "pinned" } else { "unpinned" }.to_owned(),
                match cached.count() {
                    0 => "absent".to_owned(),
                    all if all == files.len() => "there".to_owned(),
                    some => format!("{some} of {}", files.len()),
                },
            ])
        });
        let columns = ["model", "revision", "files", "size", "digests", "cache"];
        let columns = columns.map(|name| Column { name, kind: Kind::Words }).to_vec();
        print(&table::text(&Table { columns, rows: rows.collect() }))?;
        Ok(Outcome::Ok)
    }
}

impl Fetch {
    fn run(self) -> Result<Outcome, Failure> {
        let lock = hub::lock(self.file.as_deref())?;
        let places = places(&lock, &self.names)?;
        let selected = places.into_iter().map(|place| &lock.models[place]);
        let (pinned, unpinned): (Vec<_>, Vec<_>) = selected.partition(|model| model.is_pinned());
        for model in unpinned {
            if !self.names.is_empty() {
                hub::require_pinned(model)?;
            }
            print(&format!("{} is unpinned, and not fetched\n", model.repo))?;
        }
        let hub = Hub::new(&hub::settings()?).map_err(hub::failure)?;
        let mut progress = Progress::new(self.quiet);
        for model in pinned {
            let fetched = hub::fetch(&hub, model.repo.clone(), model, &mut progress)?;
            progress.beside(|| print(&format!("{} {}\n", model.repo, fetched.folder.display())))?;
        }
        progress.finish();
        Ok(Outcome::Ok)
    }
}

impl Lock {
    fn run(self) -> Result<Outcome, Failure> {
        let mut lock = hub::lock(Some(&*self.file).filter(|file| file.exists()))?;
        let suite = self.suite.as_deref().map(SuiteFile::open).transpose()?;
        let names = match &suite {
            Some(file) if self.names.is_empty() => {
                trained::repositories(&file.suite).into_iter().map(str::to_owned).collect()
            }
            _ => self.names,
        };
        let places = places(&lock, &names)?;
        let hub = Hub::new(&hub::settings()?).map_err(hub::failure)?;
        let output = OutputFile::reserve(&self.file, "--file")?;
        let mut progress = Progress::new(self.quiet);
        let mut told = String::new();
        for place in places {
            let LockedModel { repo, revision, files } = &mut lock.models[place];
            for file in files.iter_mut() {
                progress.note(&format!("asking for {repo} {}", file.path));
                let asked = hub.ask(repo, revision, &file.path, &mut |event| progress.hub(event));
                let pin = asked.map_err(hub::failure)?;
                pinned(repo, file, pin.size_bytes, Digest(pin.sha256))?;
            }
            let model = &lock.models[place];
            told +=
                &format!("{}: {} files, {}, pinned\n", model.repo, model.files.len(), bytes(model.bytes()));
        }
        if let Some(SuiteFile { suite, name, text, output }) = suite {
            let findings = trained::findings(&suite, &names, &hub, &lock, &mut progress)?;
            let entered = findings.entered(&name, &text);
            let entered = entered.map_err(|error| Failure::new(Outcome::BadInput, error))?;
            output.complete(entered.as_bytes())?;
            let (models, workloads) = (findings.figures.len(), findings.self_checks.len());
            told += &format!("{name}: quality of {models} models, digests of {workloads} workloads\n");
        }
        progress.finish();
        output.complete(lock.to_string().as_bytes())?;
        print(&told)?;
        Ok(Outcome::Ok)
    }
}

/// A suite that is written again.
struct SuiteFile {
    suite: Suite,
    name: String,
    text: String,
    output: OutputFile,
}

impl SuiteFile {
    fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let bad_input = |error: anyhow::Error| Failure::new(Outcome::BadInput, error);
        let text = match embedded_text("real").filter(|_| !path.exists()) {
            Some(text) => text.to_owned(),
            None => String::from_utf8(read_bounded(path)?)
                .map_err(|_| bad_input(anyhow!("{name} is not UTF-8")))?,
        };
        let suite = Suite::parse(&name, &text).map_err(|error| bad_input(error.into()))?;
        Ok(Self { suite, name, text, output: OutputFile::reserve(path, "--suite")? })
    }
}

/// Enters what the hub says, unless something else is known.
fn pinned(repo: &str, file: &mut LockedFile, size_bytes: u64, sha256: Digest) -> Result<(), Failure> {
    let differs = file.size_bytes.is_some_and(|known| known != size_bytes)
        || file.sha256.is_some_and(|known| known != sha256);
    if differs {
        let error = anyhow!(
            "{} of {repo} is not what the lock file says: the hub has {size_bytes} bytes with SHA-256 {sha256}",
            file.path
        );
        return Err(Failure::new(Outcome::CheckFailed, error)
            .hint("nothing was written; if the hub is right, take the old digest out of the lock file"));
    }
    (file.size_bytes, file.sha256) = (Some(size_bytes), Some(sha256));
    Ok(())
}

/// The places of these repositories in the lock file; of none, all.
fn places(lock: &ModelLock, names: &[String]) -> Result<Vec<usize>, Failure> {
    let all = || (0..lock.models.len()).collect();
    let place = |name: &String| {
        lock.models.iter().position(|model| model.repo == *name).ok_or_else(|| {
            let error = anyhow!("the lock file has no model `{}`", name.escape_debug());
            Failure::new(Outcome::BadInput, error).hint("`proofmark models list` names them")
        })
    };
    if names.is_empty() { Ok(all()) } else { names.iter().map(place).collect() }
}
