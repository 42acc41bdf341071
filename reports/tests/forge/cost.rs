//! Attacks on the reader's time and memory: as much of everything as the limits allow, and more.

use proofmark_reports::canonical_json::Limits;
use proofmark_reports::schema::v1::*;
use serde_json::{Map, Value};

use super::{Attack, canonical, edited, lie, profile, respelled, sealed};
use crate::honest::signed;

pub(super) const ATTACKS: &[Attack] = &[
    ("cost_nested_33_deep", || nested("[", "]", 33)),
    ("cost_nested_129_deep", || nested("[", "]", 129)),
    ("cost_nested_5000_deep", || nested("{\"a\":", "}", 5_000)),
    ("cost_nested_a_million_deep", || nested("[", "]", 1_000_000)),
    ("cost_nested_a_million_deep_and_open", || nested("{\"a\":", "", 1_000_000)),
    ("cost_bytes_beyond_the_limit", || edited(|tree| tree["policy"] = "x".repeat(BYTES).into())),
    ("cost_values_beyond_the_limit", || edited(|tree| tree["policy"] = vec![0; 300_000].into())),
    ("cost_lists_beyond_the_limit", || {
        edited(|tree| tree["policy"] = vec![Value::Array(Vec::new()); 20_000].into())
    }),
    ("cost_name_to_the_limit", || sealed(|tree| tree["x".repeat(BYTES - 1_000)] = 1.into())),
    ("cost_name_of_capitals_to_the_limit", || sealed(|tree| tree["X".repeat(BYTES - 1_000)] = 1.into())),
    ("cost_kind_to_the_limit", || sealed(|tree| tree["kind"] = "x".repeat(BYTES - 1_000).into())),
    ("cost_text_to_the_limit", || extended(|room| "x".repeat(room).into())),
    ("cost_texts_to_the_limit", || extended(|room| vec![Value::from("ab".repeat(32)); room / 67].into())),
    ("cost_zeros_to_the_limit", || extended(|_| vec![0; VALUES].into())),
    ("cost_members_to_the_limit", || {
        extended(|_| {
            (0..VALUES / 2).map(|number| (format!("m{number}"), 0.into())).collect::<Map<_, _>>().into()
        })
    }),
    ("cost_objects_to_the_limit", || {
        extended(|_| vec![Value::Object(Map::from_iter([("m".to_owned(), 0.into())])); VALUES / 18].into())
    }),
    ("cost_text_that_each_reason_repeats", || {
        lie(|p| {
            let text = "x".repeat(BYTES / 8);
            let cell = &mut p.cells[0];
            for name in
                [&mut cell.workload, &mut cell.task, &mut cell.model, &mut cell.numerics, &mut cell.device]
            {
                name.clone_from(&text);
            }
        })
    }),
    ("cost_texts_that_many_reasons_repeat", || {
        lie(|p| {
            p.cells[0].workload = "x".repeat(BYTES / 300);
            p.cells.extend(vec![p.cells[0].clone(); 150]);
        })
    }),
    ("cost_cells_to_the_limit", || lie(|p| p.cells.extend(vec![p.cells[0].clone(); 150]))),
    ("cost_rounds_to_the_limit", || {
        lie(|p| {
            let round = p.cells[1].rounds[0].clone();
            p.cells[1].rounds.extend(vec![round; 1_000]);
        })
    }),
    ("cost_samples_to_the_limit", || {
        lie(|p| {
            let round = &mut p.cells[1].rounds[0];
            round.latency_ns = (1..=VALUES as u64).collect();
        })
    }),
    ("cost_outputs_to_the_limit", || {
        lie(|p| {
            let round = &mut p.cells[1].rounds[0];
            round.output_digests = vec![round.output_digests[0]; BYTES / 80];
        })
    }),
    ("cost_sittings_to_the_limit", || lie(|p| p.sittings = vec![p.sittings[0].clone(); 10_000])),
    ("cost_doubts_to_the_limit", || lie(|p| p.cells[1].rounds[0].doubts = vec![p.doubts[0].clone(); 10_000])),
    // Arrivals are drawn for each trial, as many as it says.
    ("cost_trials_to_the_limit", || trials(2_100, 0)),
    ("cost_trials_of_many_requests", || trials(450, 200)),
    ("cost_trial_of_requests_to_the_limit", || trials(1, VALUES / 3)),
];

/// The limits of a document, less what the rest of it needs.
const BYTES: usize = 8 << 20;
const VALUES: usize = 250_000;

/// The honest challenge with something nested in it.
fn nested(open: &str, close: &str, depth: usize) -> Vec<u8> {
    let within = format!("\"policy\":{}{}", open.repeat(depth), close.repeat(depth));
    respelled("\"policy\":\"example/1\"", &within)
}

/// A profile whose extensions, which are the operator's own, were filled to the limit after signing.
fn extended(filling: fn(usize) -> Value) -> Vec<u8> {
    assert_eq!(Limits::default().bytes, BYTES);
    let mut tree: Value = serde_json::from_slice(&signed(profile())).unwrap();
    let room = BYTES - canonical(&tree).len() - 100;
    tree["extensions"]["filling"] = filling(room);
    canonical(&tree)
}

/// A profile with a search for capacity of so many trials, in which so many requests were served.
fn trials(count: usize, served: usize) -> Vec<u8> {
    let mut profile = profile();
    let mut trial = Trial::planned(1_000_000_000, (1 << 53) - 1);
    trial.latency_ns = vec![1_000_000; served];
    trial.batches = vec![1; served];
    trial.requests = if served > 0 { served as u64 } else { trial.requests };
    let capacity = profile.cells[1].capacity.as_mut().unwrap();
    (capacity.basis, capacity.trials) = (CapacityBasis::OpenLoop, vec![trial; count]);
    signed(profile)
}
