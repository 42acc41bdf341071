//! Who is timed, and how.

use std::time::{Duration, Instant};

use proofmark_models::{Precision, Result};

const ROUNDS: usize = 9;
/// Of calls that are waited for together.
const BURST: Duration = Duration::from_millis(40);
/// Of each engine before the first round: a GPU's clocks have risen then.
const WARM_UP: Duration = Duration::from_millis(300);

const SMALL_CALLS: usize = 2;
/// Of the bursts that warm up.
const FEW_CALLS: usize = 4;

/// How much is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// On a GPU.
    Whole,
    /// On the emulator.
    Small,
}

/// One way to do a task.
pub(crate) struct Engine {
    pub(crate) name: String,
    /// Before calls are timed.
    pub(crate) prepare: Box<dyn Fn()>,
    /// Begins the call of that number.
    pub(crate) call: Box<dyn Fn(usize)>,
    /// Waits for all calls.
    pub(crate) wait: Box<dyn Fn()>,
    /// Calls after `prepare`, if that is not for the burst to say.
    pub(crate) fixed_calls: Option<usize>,
    /// What a call reads of weights.
    pub(crate) weight_bytes: usize,
    /// What a call computes.
    pub(crate) flops: usize,
}

impl Engine {
    /// Seconds a call.
    fn time(&self, calls: usize) -> f64 {
        (self.prepare)();
        (self.wait)();
        let started = Instant::now();
        (0..calls).for_each(&self.call);
        (self.wait)();
        started.elapsed().as_secs_f64() / calls as f64
    }

    /// Calls that fill a burst, the engine being warm then.
    fn calls(&self) -> usize {
        // The first loads kernels and libraries.
        self.time(1);
        let started = Instant::now();
        let mut seconds = self.time(FEW_CALLS);
        while started.elapsed() < WARM_UP {
            seconds = self.time(FEW_CALLS);
        }
        self.fixed_calls.unwrap_or(((BURST.as_secs_f64() / seconds) as usize).max(1))
    }
}

/// Seconds a call of each engine, round by round.
pub(crate) fn in_turns(engines: &[Engine], extent: Extent) -> Vec<Vec<f64>> {
    let calls: Vec<usize> = match extent {
        Extent::Whole => engines.iter().map(Engine::calls).collect(),
        Extent::Small => vec![SMALL_CALLS; engines.len()],
    };
    let mut times = vec![Vec::new(); engines.len()];
    for round in 0..ROUNDS {
        for place in 0..engines.len() {
            let place = (place + round) % engines.len();
            times[place].push(engines[place].time(calls[place]));
        }
    }
    times
}

/// Bytes of so many weights; those of eight bits have a scale of 32 bits a block of 32.
pub(crate) fn bytes(weights: usize, precision: Precision) -> usize {
    match precision {
        Precision::F32 => 4 * weights,
        Precision::Bf16 | Precision::F16 => 2 * weights,
        Precision::Q8 => weights + weights / 8,
    }
}

/// What was made, unless the GPU has not the memory for it, which is said.
pub(crate) fn fitting<T>(numerics: &str, precision: Precision, made: Result<T>) -> Option<T> {
    made.map_err(|error| println!("without {numerics} {precision}: {error}")).ok()
}
