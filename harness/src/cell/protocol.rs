//! What parent and cell say to each other, one JSON document a line. To measure: job, ready, start, a step each, proceed, a trial each,
//! done; what is kept of outputs in between. To audit: job, loaded, an answer each, done.

use proofmark_reports::Digest;
use proofmark_reports::audit::{Kept, KeptOutput};
use proofmark_reports::schema::v1::{AcceleratorReadings, Trial, WarmUp};
use serde::{Deserialize, Serialize};

use crate::plan::WeightsFolder;

/// Parent to cell, first: what to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Name of an embedded suite, or of the file for messages.
    pub suite_name: String,
    /// The file, unless the suite is embedded.
    pub suite_text: Option<String>,
    /// The workload's id.
    pub workload: String,
    /// Where the model runs, as cells name it.
    pub device: String,
    /// The instruction set of the exact kernels.
    pub isa: String,
    /// Instead of synthetic weights.
    pub weights: Option<WeightsFolder>,
    /// What for.
    pub purpose: Purpose,
}

/// What a cell is run for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A round of a profile.
    Measure,
    /// Answers of a profile, once more. In exact numerics, whatever the workload's.
    Audit(Vec<Question>),
}

/// An answer that is held against the model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// Of the input.
    pub seed: Digest,
    /// Of the output, as the profile says.
    pub digest: Digest,
    /// What was kept of the output, if it is known.
    pub kept: Option<Kept>,
}

/// Parent to cell, after [`Event::Ready`]: begin.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Start {
    /// Of the first iteration.
    pub seed: Digest,
}

/// Parent to cell, after the last [`Event::Step`]: whether to search for the rate that the machine sustains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proceed {
    /// After the last round, if it is due.
    Search,
    /// No more is asked.
    End,
}

/// Cell to parent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Loaded, checked and warm; waits for [`Start`].
    Ready(Ready),
    /// One timed iteration.
    Step(Step),
    /// One trial of the search for capacity.
    Trial(Trial),
    /// Of the output of a step or of a request of a trial.
    Kept(KeptOutput),
    /// Of an audit: loaded.
    Loaded {
        /// Of the tensors as loaded.
        weights_digest: Digest,
    },
    /// Of an audit: what the next question finds.
    Answer(Finding),
    /// All is done.
    Done(Done),
    /// It cannot go on.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What an answer is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The digest of the output.
    Digest(Digest),
    /// How far its sketch is from the output, in millionths.
    DistancePpm(u64),
}

/// What was loaded and how the warm-up went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ready {
    /// `synthetic`, `hub` or `local`
    pub weights_source: String,
    /// Of the tensors as loaded.
    pub weights_digest: Digest,
    /// How long loading took.
    pub load_ns: u64,
    /// The output digest for the fixed seed.
    pub self_check_digest: Digest,
    /// Untimed iterations, the self-check first.
    pub warm_up: WarmUp,
    /// Timed iterations to come.
    pub iterations: u64,
}

/// One timed iteration.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Step {
    /// The whole request.
    pub latency_ns: u64,
    /// Time to first token; of generation.
    pub ttft_ns: Option<u64>,
    /// Of the output.
    pub digest: Digest,
}

/// What is known at the end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Done {
    /// The process's largest resident set, where the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// How the GPU was before and after; `None` on the processor.
    pub accelerator: Option<AcceleratorReadings>,
}
