//! Laws that the figures of a network keep, whatever the network; and what it reads never makes it panic.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proofmark_reports::network::attributes::operators;
use proofmark_reports::network::capacity::worth::worth;
use proofmark_reports::network::capacity::{Capacity, Kinds, program};
use proofmark_reports::network::chances::Chances;
use proofmark_reports::network::coverage::{Units, coverage, failure_by_row, gain, marginals};
use proofmark_reports::network::demand::Demand;
use proofmark_reports::network::shapley::shapley;
use proofmark_reports::network::trace::trace;
use proofmark_workloads::embedded_suite;
use proptest::prelude::*;

const SHARES: [f64; 3] = [0.5, 0.2, 0.25];
const CLOSE: f64 = 1e-12;

/// Rows of machines, with the chances that matter most more often than by chance.
fn rows(machines: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    let chance = prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0_f64];
    prop::collection::vec(prop::collection::vec(chance, machines), SHARES.len())
}

fn of(rows: &[Vec<f64>], machines: usize) -> Chances {
    Chances::new(machines, rows.iter().map(|row| row[..machines].to_vec()).collect()).unwrap()
}

fn column(rows: &[Vec<f64>], machine: usize) -> Vec<f64> {
    rows.iter().map(|row| row[machine]).collect()
}

proptest! {
    #[test]
    fn more_machines_never_cover_less_and_each_adds_less_to_more(rows in rows(8)) {
        let mut before = (0.0, f64::INFINITY);
        for machines in 1..8 {
            let chances = of(&rows, machines);
            let covered = coverage(&chances, &SHARES);
            // What the last machine would add to the first ones.
            let added = gain(&column(&rows, 7), &failure_by_row(&chances), &SHARES);
            prop_assert!(covered >= before.0 - CLOSE && added <= before.1 + CLOSE && added >= 0.0);
            before = (covered, added);
        }
    }

    #[test]
    fn a_marginal_is_what_coverage_loses_and_no_more_than_the_shapley_value(rows in rows(6)) {
        let chances = of(&rows, 6);
        let values = shapley(&chances, &chances, &SHARES);
        let lost = marginals(&chances, &chances, &SHARES, &Units::single(6));
        let without = of(&rows, 5);
        prop_assert!((coverage(&chances, &SHARES) - coverage(&without, &SHARES) - lost[5]).abs() < CLOSE);
        for (value, lost) in values.iter().zip(lost) {
            // Coverage is submodular: the last to come adds the least.
            prop_assert!(lost <= value + CLOSE, "{lost} {value}");
        }
    }

    #[test]
    fn equal_machines_have_equal_values_and_one_that_never_succeeds_has_none(rows in rows(6)) {
        let mut rows = rows;
        for row in &mut rows {
            (row[1], row[2]) = (row[0], 0.0);
        }
        let chances = of(&rows, 6);
        let values = shapley(&chances, &chances, &SHARES);
        let lost = marginals(&chances, &chances, &SHARES, &Units::single(6));
        prop_assert!((values[0] - values[1]).abs() < CLOSE && (lost[0] - lost[1]).abs() < CLOSE);
        prop_assert_eq!((values[2], lost[2]), (0.0, 0.0));
    }

    #[test]
    fn more_machines_serve_no_less_and_a_unit_is_worth_its_parts(rows in rows(4), rate in 0.1..20.0_f64) {
        let chances = of(&rows, 4);
        let sustained: Vec<Vec<f64>> = rows.iter().map(|row| row.iter().map(|chance| 3.0 * chance).collect()).collect();
        let capacity = Capacity { chances: &chances, sustained_per_s: &sustained, shares: &SHARES, rate_per_s: rate };
        let (all, units, _) = worth(&capacity, &Units::single(4));
        prop_assert!(all.served.high - all.served.low < 1e-8 && all.served.low >= 0.0);
        // One attempt never serves more than trying all.
        prop_assert!(all.served.low <= coverage(&chances, &SHARES) + 1e-9);
        for unit in &units {
            prop_assert!((unit.total - unit.coverage_part - unit.volume_part).abs() < 1e-8, "{unit:?}");
            prop_assert!(unit.total <= all.served.high + 1e-9 && unit.coverage_part >= 0.0);
        }
        let kinds = Kinds::of(&capacity);
        let more: Vec<usize> = kinds.counts.iter().map(|count| count + 1).collect();
        prop_assert!(program::solve(&capacity, &kinds, &more).served.high >= all.served.low - 1e-9);
    }

    #[test]
    fn no_bytes_make_a_reader_of_tables_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), head in 0..4_usize) {
        let heads = ["", "operator,region,availability,stake\n", "workload,share\n", "arrival_ms,prompt_tokens,output_tokens\n"];
        let csv = [heads[head].as_bytes(), &bytes].concat();
        let suite = embedded_suite("smoke").unwrap();
        let demand = Demand::of_suite(&suite);
        let _ = operators(&csv);
        let _ = Demand::of_csv(&csv, &suite);
        let _ = trace(&csv, &demand, &suite);
    }
}

/// At a rate that keeps them all busy, each of them is missed, and none for what it can do.
#[test]
fn a_network_of_clones_has_volume_without_coverage() {
    let chances = Chances::new(10, vec![vec![0.9; 10]; 3]).unwrap();
    let sustained = vec![vec![2.0; 10]; 3];
    let capacity =
        Capacity { chances: &chances, sustained_per_s: &sustained, shares: &SHARES, rate_per_s: 25.0 };
    let (all, units, _) = worth(&capacity, &Units::single(10));
    // Twenty of twenty-five requests find a machine.
    assert!((all.served.value - 0.9 * 20.0 / 25.0).abs() < 1e-9, "{all:?}");
    for unit in units {
        assert_eq!(unit.coverage_part, 0.0);
        assert!((unit.volume_part - 0.9 * 2.0 / 25.0).abs() < 1e-9, "{unit:?}");
        assert!((unit.machine_price - 0.9 * 2.0 / 25.0).abs() < 1e-9, "{unit:?}");
    }
}

#[test]
fn whoever_alone_serves_a_row_has_coverage_without_volume() {
    let chances = Chances::new(3, vec![vec![1.0, 1.0, 0.0], vec![0.0, 0.0, 0.5], vec![0.0; 3]]).unwrap();
    let sustained = vec![vec![100.0; 3]; 3];
    let capacity =
        Capacity { chances: &chances, sustained_per_s: &sustained, shares: &SHARES, rate_per_s: 10.0 };
    let (_, units, _) = worth(&capacity, &Units::single(3));
    assert!((units[2].coverage_part - 0.1).abs() < 1e-9 && units[2].volume_part < 1e-9, "{units:?}");
    assert!(units[..2].iter().all(|unit| unit.total < 1e-9), "{units:?}");
}
