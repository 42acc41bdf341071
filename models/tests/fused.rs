//! What a product does with its outputs, against the definitions: bias, activation, residual, gate; on widths that fill no
//! panel, block or task, and in memory that was used before.

use proofmark_models::Precision;
use proofmark_models::exact::blocks::Blocks;
use proofmark_models::exact::function::{Function, gelu, silu};
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::linear::{PackedLinear, linear_reference, quantised_linear_reference};
use proofmark_models::weights::{Init, Synthetic};

const SHAPES: [(usize, usize, usize); 7] =
    [(1, 1312, 40), (3, 1073, 300), (12, 64, 513), (97, 96, 64), (97, 289, 256), (200, 33, 20), (7, 1, 7)];

fn values(name: &str, count: usize, precision: Precision) -> Vec<f32> {
    let mut values = Synthetic::new(9).generate(name, count, Init::Scale);
    assert_eq!(precision.round(&mut values), Ok(()));
    values
}

/// Memory that held something else, larger than what comes next.
fn used() -> Blocks {
    Blocks::of_rows(&vec![f32::NAN; 300 * 3000], 3000)
}

fn rows(blocks: &Blocks) -> Vec<f32> {
    (0..blocks.rows()).flat_map(|row| blocks.row(row)).collect()
}

#[track_caller]
fn assert_same_bits(actual: &[f32], expected: &[f32], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let differs = actual.iter().zip(expected).position(|(a, e)| a.to_bits() != e.to_bits());
    assert_eq!(differs, None, "{what}");
}

fn check(isa: Isa, precision: Precision, threads: usize) {
    let linear_reference = match precision {
        Precision::F32 | Precision::Bf16 | Precision::F16 => linear_reference,
        Precision::Q8 => quantised_linear_reference,
    };
    for (m, n, k) in SHAPES {
        let what = format!("{m} x {n} x {k}, {precision} on {isa}, {threads} threads");
        let x = values("x", m * k, Precision::F32);
        let (w, b) = (values("w", n * k, precision), values("b", n, precision));
        let blocks = Blocks::of_rows(&x, k);
        for bias in [None, Some(b.clone())] {
            let expected = linear_reference(&x, &w, bias.as_deref(), k, n);
            let packed = PackedLinear::new(&w, bias.clone(), k, precision, isa);

            let mut y = vec![f32::NAN; 2 * m * n];
            packed.forward(&blocks, &mut y);
            assert_same_bits(&y, &expected, &what);

            let residual = values("residual", m * n, Precision::F32);
            let mut y = residual.clone();
            packed.add_to(&blocks, &mut y);
            let sums: Vec<f32> = residual.iter().zip(&expected).map(|(x, y)| x + y).collect();
            assert_same_bits(&y, &sums, &what);

            let activated = packed.activated(&blocks, Function::Gelu, used());
            let expected_gelu: Vec<f32> = expected.iter().map(|y| gelu(*y)).collect();
            assert_same_bits(&rows(&activated), &expected_gelu, &what);

            let up = values("up", n * k, precision);
            let gated = PackedLinear::gated((&w, bias.clone()), (&up, bias.clone()), k, precision, isa);
            let expected_up = linear_reference(&x, &up, bias.as_deref(), k, n);
            let products: Vec<f32> = expected.iter().zip(&expected_up).map(|(g, u)| silu(*g) * u).collect();
            assert_same_bits(
                &rows(&gated.gated_product(&blocks, Function::Silu, n, used())),
                &products,
                &what,
            );
        }
    }
}

#[test]
fn fused_products_equal_their_definitions_on_any_threads() {
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let run = || {
            for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
                // Portable code is slow, and its formats are covered by the vectors.
                let is_covered =
                    |precision| isa == Isa::Portable && matches!(precision, Precision::Bf16 | Precision::F16);
                for precision in Precision::ALL.into_iter().filter(|precision| !is_covered(*precision)) {
                    check(isa, precision, threads);
                }
            }
        };
        assert!(pool.map(|pool| pool.install(run)).is_ok());
    }
}
