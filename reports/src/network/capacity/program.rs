//! The best possible routing, as a linear program.
//!
//! With f the share of all requests that a kind of machine is sent of a row: the most of `sum q f` with, for each kind, `sum f L / (mu * machines of the
//! kind) <= 1`, and for each row, `sum f <= d`. The solver is an interior point method, which comes close and never quite there; so its answer is
//! made feasible, which is a bound below, and its prices make one above: for any prices y of the rows,
//! `V <= sum over rows of d y + sum over kinds of max(0, max (q - y) mu * machines / L)`.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, SupportedConeT};

use super::Capacity;
use super::kinds::Kinds;
use crate::network::chances::Bounded;

/// Of the solver: relative, below what a double can tell at all.
const TOLERANCE: f64 = 1e-12;

/// Requests of a row on a kind of machine.
struct Lane {
    kind: usize,
    row: usize,
    /// q
    gain: f64,
    /// The part of the kind's time that all requests would take.
    time: f64,
}

/// What the best routing serves.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// The share of requests that succeed: one that a routing reaches, and a bound that none passes.
    pub served: Bounded,
    /// Of each kind: the share of all requests that succeed on its machines.
    pub served_by_kind: Vec<f64>,
    /// Of each kind: how much the share that succeeds would rise at first with more of its machines, a machine.
    pub machine_price: Vec<f64>,
    /// Of each row: how many more requests would succeed with one more that comes; at first.
    pub demand_price: Vec<f64>,
}

/// The best routing over `counts` machines of each kind.
#[must_use]
pub fn solve(capacity: &Capacity<'_>, kinds: &Kinds, counts: &[usize]) -> Solution {
    let lanes = lanes(capacity, kinds, counts);
    let rows = capacity.shares.len();
    let (fills, prices) = solved(capacity, &lanes, counts.len());

    // Within each row's demand, then within each kind's time.
    let mut asked = vec![0.0; rows];
    for (lane, fill) in lanes.iter().zip(&fills) {
        asked[lane.row] += fill * most(lane, capacity);
    }
    let flow = |(lane, fill): (&Lane, &f64)| {
        fill * most(lane, capacity) / (asked[lane.row] / capacity.shares[lane.row]).max(1.0)
    };
    let flows: Vec<f64> = lanes.iter().zip(&fills).map(flow).collect();
    let (mut time, mut served_by_kind) = (vec![0.0; counts.len()], vec![0.0; counts.len()]);
    for (lane, flow) in lanes.iter().zip(&flows) {
        time[lane.kind] += flow * lane.time;
        served_by_kind[lane.kind] += flow * lane.gain;
    }
    served_by_kind.iter_mut().zip(&time).for_each(|(served, time)| *served /= time.max(1.0));
    let low = served_by_kind.iter().sum();

    let demand_price: Vec<f64> = prices
        .iter()
        .zip(capacity.shares)
        .map(|(price, share)| if *share > 0.0 { price / share } else { 0.0 })
        .collect();
    let mut of_kind = vec![0.0_f64; counts.len()];
    for lane in &lanes {
        of_kind[lane.kind] = of_kind[lane.kind].max((lane.gain - demand_price[lane.row]) / lane.time);
    }
    let high = prices.iter().sum::<f64>() + of_kind.iter().sum::<f64>();
    let each = |(price, count): (&f64, &usize)| if *count == 0 { 0.0 } else { price / *count as f64 };
    Solution {
        served: Bounded { value: low, low, high: f64::max(high, low) },
        served_by_kind,
        machine_price: of_kind.iter().zip(counts).map(each).collect(),
        demand_price,
    }
}

fn lanes(capacity: &Capacity<'_>, kinds: &Kinds, counts: &[usize]) -> Vec<Lane> {
    let mut lanes = Vec::new();
    for (kind, (machine, count)) in kinds.firsts.iter().zip(counts).enumerate() {
        for (row, share) in capacity.shares.iter().enumerate() {
            let gain = capacity.chances.rows()[row][*machine];
            let time = capacity.rate_per_s / (capacity.sustained_per_s[row][*machine] * *count as f64);
            if gain > 0.0 && *share > 0.0 && time.is_finite() {
                lanes.push(Lane { kind, row, gain, time });
            }
        }
    }
    lanes
}

/// The most that a lane can be sent: its unit in the solver, so that all numbers there are near 1.
fn most(lane: &Lane, capacity: &Capacity<'_>) -> f64 {
    capacity.shares[lane.row].min(1.0 / lane.time)
}

/// How full each lane is, from 0 to about 1, and what each row's whole demand is worth, never below 0; zeros where the solver fails, which are a
/// solution, and prices that are bounds.
fn solved(capacity: &Capacity<'_>, lanes: &[Lane], kinds: usize) -> (Vec<f64>, Vec<f64>) {
    let rows = capacity.shares.len();
    let none = || (vec![0.0; lanes.len()], capacity.shares.to_vec());
    if lanes.is_empty() {
        return (Vec::new(), vec![0.0; rows]);
    }
    // Constraints: kinds, rows, and no lane below 0.
    let constraints = kinds + rows + lanes.len();
    let (mut starts, mut places, mut values) = (vec![0], Vec::new(), Vec::new());
    for (index, lane) in lanes.iter().enumerate() {
        let most = most(lane, capacity);
        places.extend([lane.kind, kinds + lane.row, kinds + rows + index]);
        values.extend([lane.time * most, most / capacity.shares[lane.row], -1.0]);
        starts.push(places.len());
    }
    let matrix = CscMatrix::new(constraints, lanes.len(), starts, places, values);
    let bounds: Vec<f64> =
        (0..constraints).map(|place| if place < kinds + rows { 1.0 } else { 0.0 }).collect();
    let gains: Vec<f64> = lanes.iter().map(|lane| -lane.gain * most(lane, capacity)).collect();
    let settings = DefaultSettings {
        verbose: false,
        max_threads: 1,
        tol_gap_abs: TOLERANCE,
        tol_gap_rel: TOLERANCE,
        tol_feas: TOLERANCE,
        ..DefaultSettings::default()
    };
    let quadratic = CscMatrix::zeros((lanes.len(), lanes.len()));
    let cones = [SupportedConeT::NonnegativeConeT(constraints)];
    let Ok(mut solver) = DefaultSolver::new(&quadratic, &gains, &matrix, &bounds, &cones, settings) else {
        return none();
    };
    solver.solve();
    let (fills, prices) = (&solver.solution.x, &solver.solution.z);
    if !fills.iter().chain(prices).all(|value| value.is_finite()) {
        return none();
    }
    let positive = |values: &[f64]| values.iter().map(|value| value.max(0.0)).collect();
    (positive(fills), positive(&prices[kinds..kinds + rows]))
}
