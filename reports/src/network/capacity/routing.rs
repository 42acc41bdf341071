//! Routers that know less than the best one, by simulated events: requests come one after another, and each is sent to one machine, which serves one
//! after another.
//!
//! A request of a row takes a machine `1 / mu` seconds. One that would have to wait longer than it has patience is lost, and takes no time; any
//! other succeeds with the machine's chance.

use super::Capacity;
use crate::draws::Draws;

/// How a machine is chosen for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Router {
    /// Any that may succeed, each as likely.
    RandomEligible,
    /// Of those that may succeed, the one that would be done first.
    LeastLoaded,
}

/// A request as it comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request {
    /// In seconds; no request comes before the one before.
    pub arrival_s: f64,
    /// Of the demand; `None` where no row stands for it.
    pub row: Option<usize>,
}

/// What became of requests, as shares of all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Routed {
    /// How many came.
    pub requests: usize,
    /// Succeeded.
    pub success: f64,
    /// Of `success`, as of independent requests.
    pub standard_error: f64,
    /// No machine may succeed.
    pub nobody_eligible: f64,
    /// Would have waited longer than it had patience.
    pub waited_too_long: f64,
    /// Its machine failed it.
    pub failed: f64,
}

impl Router {
    /// In the order in which they are told.
    pub const ALL: [Self; 2] = [Self::RandomEligible, Self::LeastLoaded];

    /// As documents have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RandomEligible => "random_eligible",
            Self::LeastLoaded => "least_loaded",
        }
    }
}

/// `count` requests that come at random at the rate, of rows at random by their shares.
#[must_use]
pub fn poisson(capacity: &Capacity<'_>, count: usize, seed: u64) -> Vec<Request> {
    let mut draws = Draws::new("proofmark/requests/1", seed);
    let mut arrival_s = 0.0;
    let mut next = || {
        arrival_s += -libm::log(1.0 - draws.unit()) / capacity.rate_per_s;
        let mut left = draws.unit();
        let of_row = |share: &f64| {
            left -= share;
            left < 0.0
        };
        Request { arrival_s, row: capacity.shares.iter().position(of_row) }
    };
    (0..count).map(|_| next()).collect()
}

/// What a router serves of `requests`; `patience_s` is each row's.
#[must_use]
pub fn route(
    capacity: &Capacity<'_>,
    router: Router,
    requests: &[Request],
    patience_s: &[f64],
    seed: u64,
) -> Routed {
    let eligible: Vec<Vec<usize>> = capacity
        .chances
        .rows()
        .iter()
        .zip(capacity.sustained_per_s)
        .map(|(chances, sustained)| {
            (0..chances.len())
                .filter(|machine| chances[*machine] > 0.0 && sustained[*machine] > 0.0)
                .collect()
        })
        .collect();
    let mut draws = Draws::new(router.name(), seed);
    let mut free_s = vec![0.0_f64; capacity.chances.machines()];
    let (mut success, mut nobody, mut waited, mut failed) = (0_usize, 0_usize, 0_usize, 0_usize);
    for Request { arrival_s, row } in requests {
        let Some((row, eligible)) =
            row.map(|row| (row, &eligible[row])).filter(|(_, eligible)| !eligible.is_empty())
        else {
            nobody += 1;
            continue;
        };
        let sustained = &capacity.sustained_per_s[row];
        let done_s = |machine: usize| free_s[machine].max(*arrival_s) + 1.0 / sustained[machine];
        let machine = match router {
            Router::RandomEligible => eligible[draws.below(eligible.len())],
            Router::LeastLoaded => eligible
                .iter()
                .copied()
                .min_by(|a, b| done_s(*a).total_cmp(&done_s(*b)))
                .unwrap_or(eligible[0]),
        };
        if free_s[machine] - arrival_s > patience_s[row] {
            waited += 1;
            continue;
        }
        free_s[machine] = done_s(machine);
        if draws.unit() < capacity.chances.rows()[row][machine] { success += 1 } else { failed += 1 }
    }
    let share = |count: usize| count as f64 / requests.len().max(1) as f64;
    let success = share(success);
    Routed {
        requests: requests.len(),
        success,
        standard_error: (success * (1.0 - success) / requests.len().max(1) as f64).sqrt(),
        nobody_eligible: share(nobody),
        waited_too_long: share(waited),
        failed: share(failed),
    }
}
