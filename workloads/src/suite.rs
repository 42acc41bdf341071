//! The checked suite.

mod checks;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::source::Source;
use crate::wire::WireSuite;
use crate::{Architecture, Digest, Quality, Shape, Slo, SuiteError};

/// The version of the file format that this program reads.
const FORMAT: u32 = 1;
/// The precision with numerics of its own.
pub(crate) const Q8: &str = "q8";
/// Timed iterations of all workloads together, so that a profile stays within what readers accept.
const MAX_STEPS: u64 = 40_000;

/// Windows of a warm-up before its least time is over, and before its cap.
const LEAST_WINDOWS: u32 = 3;
const MAX_WINDOWS: u32 = 300;
/// Rounds of a run at most: up to so many, the interval of a median goes from the least to the greatest of them.
pub const MAX_ROUNDS: u64 = 8;
/// Trials of a search for capacity, and requests of a trial, at most.
pub const MAX_TRIALS: u64 = 6;
/// As [`MAX_TRIALS`].
pub const MAX_TRIAL_REQUESTS: u64 = 200;
const SEARCH_REQUESTS: u64 = MAX_TRIALS * MAX_TRIAL_REQUESTS;

/// Workloads with all their variants, for the same reason.
const MAX_WORKLOADS: usize = 256;
/// What a reader takes, less a margin, and what a cell, a round of it without its windows, and a step weigh there
/// (`reports::canonical_json::Limits`).
const MAX_VALUES: u64 = 240_000;
const VALUES_A_CELL: u64 = 150;
const VALUES_A_ROUND: u64 = 200;
const VALUES_A_STEP: u64 = 4;

/// A list of workloads with all that they refer to.
#[derive(Clone, Debug)]
pub struct Suite {
    /// `smoke`, `standard`, ..
    pub name: String,
    /// Raised whenever the file changes.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// SHA-256 of the file's bytes.
    pub digest: Digest,
    /// How long is measured.
    pub timing: Timing,
    /// Those of an included suite, then in the order of the file; each variant is one workload.
    pub workloads: Vec<Workload>,
}

/// How often and how long a cell is warmed up and measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Passes over all workloads; in each, a cell is measured by a new process.
    pub rounds: u64,
    /// Untimed iterations of a round for at least this long.
    pub warm_up_ms: u64,
    /// And no longer than this, even if the times have not settled; one window always runs to its end.
    pub warm_up_cap_ms: u64,
    /// The budget from which a round's number of timed iterations is computed beforehand.
    pub measure_ms: u64,
    /// Never fewer iterations a round than this.
    pub min_iterations: u64,
    /// Never more iterations a round than this.
    pub max_iterations: u64,
    /// A cell that takes longer in a round has failed.
    pub time_limit_s: u64,
    /// The budget of a workload's search for the rate that it sustains.
    pub capacity_ms: u64,
    /// How long each of the machine's ceilings is measured; 0: not at all.
    pub ceilings_ms: u64,
}

/// One kind of request.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Unique in the suite: name, numerics and precision.
    pub id: String,
    /// The demand class that it stands for.
    pub class: String,
    /// Its share of the suite's demand mix, in millionths.
    pub share_ppm: u64,
    /// The model.
    pub model: Arc<Model>,
    /// What is asked of it.
    pub shape: Shape,
    /// The arithmetic.
    pub numerics: Numerics,
    /// The type of the weights.
    pub precision: String,
    /// When a request counts as served in time.
    pub slo: Slo,
    /// The rate that a machine must sustain to have capacity.
    pub requests_per_hour: u64,
    /// Requests that may run together in the search for the rate that a machine sustains; `None`: no search.
    pub max_batch: Option<u32>,
    /// The output digest for [`crate::self_check_seed`]; exact workloads carry it.
    pub self_check: Option<Digest>,
}

/// A model: configuration and weights.
#[derive(Clone, Debug)]
pub struct Model {
    /// Unique in the suite.
    pub name: String,
    /// Where its weights come from.
    pub weights: ModelWeights,
    /// What is known of trained weights: what they answer to fixed questions.
    pub quality: Option<Quality>,
    /// Of models that read or write tokens.
    pub tokens: Option<Tokens>,
    /// Of models that read images.
    pub pixels: Option<Pixels>,
    /// The members of a Hugging Face `config.json`.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// The sizes that `config` says.
    pub architecture: Architecture,
}

/// Where a suite takes a model's weights from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelWeights {
    /// Made from a seed.
    Synthetic {
        /// Any number.
        seed: u64,
    },
    /// Trained ones; the lock file has their digests.
    Hub {
        /// `organisation/name`
        repo: String,
        /// A commit: 40 lower-case hexadecimal digits.
        revision: String,
    },
}

/// Token ids with a role in inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Begins every sequence.
    pub start: u32,
    /// Ends a segment of an encoder's input.
    pub separator: Option<u32>,
    /// What a speech model's decoder begins with, behind the start.
    pub further: Vec<u32>,
    /// Ids that inputs are drawn from.
    pub ordinary: Range<u32>,
}

/// How a model wants the colours of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    /// Subtracted from a colour between 0 and 1.
    pub mean: Vec<f64>,
    /// What the difference is divided by.
    pub std: Vec<f64>,
}

/// The arithmetic that a workload asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numerics {
    /// The same bits everywhere, version 1.
    Exact1,
    /// The same bits everywhere, with products of eight-bit integers.
    ExactQ8,
    /// Stock kernels.
    Native,
}

impl Suite {
    /// Parses and checks a suite file, of which `file` is the name for messages.
    ///
    /// # Errors
    /// [`SuiteError`] with the line of the first fault.
    pub fn parse(file: &str, text: &str) -> Result<Self, SuiteError> {
        let source = Source { file, text };
        let wire: WireSuite = source.read()?;
        source.require(&wire.format, *wire.format.get_ref() == FORMAT, || {
            format!("suite format {} is unknown, this program reads format {FORMAT}", wire.format.get_ref())
        })?;
        source.require_name(&wire.name)?;
        source.require_version(&wire.version)?;

        let slos = source.all(&wire.slo, |slo| &slo.name, Source::slo)?;
        let models = source.all(&wire.model, |model| &model.name, Source::model)?;
        let models: Vec<Arc<Model>> = models.into_iter().map(Arc::new).collect();
        let entries = wire.workload.get_ref();
        let own = source.all(
            entries,
            |workload| &workload.name,
            |source, workload| source.workload(workload, &slos, &models),
        )?;
        let mut workloads = wire.include.map_or(Ok(Vec::new()), |include| source.included(&include))?;
        for (workload, entry) in own.into_iter().zip(entries) {
            let is_new = workload.iter().all(|own| workloads.iter().all(|included| included.id != own.id));
            source.require(&entry.name, is_new, || {
                format!("workload `{}` is in the included suite too", entry.name.get_ref())
            })?;
            workloads.extend(workload);
        }
        let shares: u64 = workloads.iter().map(|workload| workload.share_ppm).sum();
        source.require(&wire.workload, shares == 1_000_000, || {
            format!("the workloads' shares add up to {shares} ppm, expected 1000000")
        })?;
        let timing = source.timing(&wire.timing)?;
        source.require(&wire.workload, workloads.len() <= MAX_WORKLOADS, || {
            format!("{} workloads, more than the limit of {MAX_WORKLOADS}", workloads.len())
        })?;
        let searches = workloads.iter().filter(|workload| workload.max_batch.is_some()).count() as u64;
        let steps =
            timing.rounds * timing.max_iterations * workloads.len() as u64 + searches * SEARCH_REQUESTS;
        source.require(&wire.timing.max_iterations, steps <= MAX_STEPS, || {
            format!("{steps} iterations of all workloads, more than the limit of {MAX_STEPS}")
        })?;
        let values_a_round = VALUES_A_ROUND + timing.warm_up_windows();
        let cells = workloads.len() as u64 * (VALUES_A_CELL + timing.rounds * values_a_round);
        let values = cells + steps * VALUES_A_STEP;
        source.require(&wire.timing.rounds, values <= MAX_VALUES, || {
            format!(
                "{} workloads in {} rounds with {steps} iterations make a profile that is too large to be read",
                workloads.len(),
                timing.rounds
            )
        })?;
        Ok(Self {
            name: wire.name.into_inner(),
            version: wire.version.into_inner(),
            description: wire.description,
            digest: Digest::of(text.as_bytes()),
            timing,
            workloads,
        })
    }

    /// The workload of this id.
    #[must_use]
    pub fn workload(&self, id: &str) -> Option<&Workload> {
        self.workloads.iter().find(|workload| workload.id == id)
    }
}

impl Timing {
    /// The least time of a window of a warm-up: a third of `warm_up_ms`, or a three-hundredth of its cap.
    #[must_use]
    pub fn warm_up_window(&self) -> Duration {
        let [least, cap] = [self.warm_up_ms, self.warm_up_cap_ms].map(Duration::from_millis);
        (least / LEAST_WINDOWS).max(cap / MAX_WINDOWS)
    }

    /// How many windows a warm-up has at most; the last one may begin just before the cap.
    #[must_use]
    pub fn warm_up_windows(&self) -> u64 {
        let cap = Duration::from_millis(self.warm_up_cap_ms);
        cap.as_nanos().checked_div(self.warm_up_window().as_nanos()).unwrap_or(0) as u64 + 1
    }

    /// How long each of the machine's ceilings is measured before and after the run.
    #[must_use]
    pub fn ceilings(&self) -> Duration {
        Duration::from_millis(self.ceilings_ms)
    }

    /// How long each of them is measured again before a round: a tenth.
    #[must_use]
    pub fn ceilings_before_a_round(&self) -> Duration {
        self.ceilings() / 10
    }

    /// The number of a round's timed iterations, fixed beforehand from the median of the warm-up.
    #[must_use]
    pub fn iterations(&self, warm_up_median_ns: u64) -> u64 {
        let affordable = self.measure_ms * 1_000_000 / warm_up_median_ns.max(1);
        affordable.clamp(self.min_iterations, self.max_iterations)
    }
}

impl ModelWeights {
    /// As a profile says it: `synthetic` or `hub`.
    #[must_use]
    pub fn source(&self) -> &'static str {
        match self {
            Self::Synthetic { .. } => "synthetic",
            Self::Hub { .. } => "hub",
        }
    }

    /// The repository of trained ones.
    #[must_use]
    pub fn repo(&self) -> Option<&str> {
        match self {
            Self::Synthetic { .. } => None,
            Self::Hub { repo, .. } => Some(repo),
        }
    }

    /// The seed of synthetic weights.
    #[must_use]
    pub fn seed(&self) -> Option<u64> {
        match self {
            Self::Synthetic { seed } => Some(*seed),
            Self::Hub { .. } => None,
        }
    }
}

impl Numerics {
    /// All of them.
    const ALL: [Self; 3] = [Self::Exact1, Self::ExactQ8, Self::Native];

    /// Whether outputs have the same bits everywhere.
    #[must_use]
    pub fn is_exact(self) -> bool {
        self != Self::Native
    }

    /// The exact ones for weights of a precision.
    #[must_use]
    pub fn exact_of(precision: &str) -> Self {
        if precision == Q8 { Self::ExactQ8 } else { Self::Exact1 }
    }

    /// The name without version, as workload ids have it.
    #[must_use]
    pub fn family(self) -> &'static str {
        match self {
            Self::Exact1 | Self::ExactQ8 => "exact",
            Self::Native => "native",
        }
    }
}

impl fmt::Display for Numerics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact1 => "exact/1",
            Self::ExactQ8 => "exact/q8",
            Self::Native => "native",
        })
    }
}

impl FromStr for Numerics {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|numerics| numerics.to_string() == name)
            .ok_or_else(|| format!("numerics `{name}` are unknown, expected exact/1, exact/q8 or native"))
    }
}
