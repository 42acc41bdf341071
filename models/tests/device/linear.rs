use proofmark_models::Precision;
use proofmark_models::exact::batch_norm::BatchNorm;
use proofmark_models::exact::device::{Linear, Matrix};
use proofmark_models::exact::function::Function;
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::linear::{linear_reference, quantised_linear_reference};

use super::{assert_bits, devices, numbers, weights};

const FUNCTIONS: [Function; 6] =
    [Function::Gelu, Function::GeluTanh, Function::Tanh, Function::Silu, Function::QuickGelu, Function::Relu];

fn reference(
    precision: Precision,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    k: usize,
    n: usize,
) -> Vec<f32> {
    match precision {
        Precision::Q8 => quantised_linear_reference(x, weight, bias, k, n),
        _ => linear_reference(x, weight, bias, k, n),
    }
}

/// Rows around the tiles' heights, widths around blocks and packets, outputs around panels and tiles.
#[test]
fn products_of_every_shape_are_the_oracles() {
    let shapes = [
        (1, 1, 1),
        (1, 255, 33),
        (1, 256, 32),
        (1, 257, 31),
        (1, 4100, 5),
        (2, 300, 70),
        (3, 64, 64),
        (4, 1025, 40),
        (5, 31, 3),
        (16, 513, 36),
        (17, 512, 128),
        (31, 100, 130),
        (33, 260, 127),
        (95, 15, 129),
        (97, 271, 260),
        (130, 16, 40),
        (128, 528, 128),
    ];
    for device in devices() {
        for (case, (rows, k, n)) in shapes.into_iter().enumerate() {
            for precision in Precision::ALL {
                let seed = case as u64;
                let (x, weight) = (numbers(seed, rows * k), weights(seed + 100, n * k, precision));
                let bias = numbers(seed + 200, n);
                let bias = (case % 2 == 0).then_some(&bias[..]);
                let expected = reference(precision, &x, &weight, bias, k, n);
                let linear = Linear::new(device, &weight, bias, k, precision).unwrap();
                let input = Matrix::upload(device, &x, k).unwrap();
                let what = format!("{device:?}: {rows} x {k} x {n}, {precision}");
                assert_bits(&linear.forward(&input, None).unwrap().download().unwrap(), &expected, &what);

                let residual = numbers(seed + 300, rows * n);
                let sums: Vec<f32> = residual.iter().zip(&expected).map(|(x, y)| x + y).collect();
                let mut y = Matrix::upload(device, &residual, n).unwrap();
                linear.add_to(&input, &mut y, None).unwrap();
                assert_bits(&y.download().unwrap(), &sums, &what);

                let function = FUNCTIONS[case % FUNCTIONS.len()];
                let mut activated = expected;
                function.map(&mut activated, Isa::Portable);
                let actual = linear.forward(&input, Some(function)).unwrap().download().unwrap();
                assert_bits(&actual, &activated, &what);
            }
        }
    }
}

#[test]
fn gates_are_applied_as_on_the_processor() {
    for device in devices() {
        for (case, (rows, k, n)) in
            [(1, 96, 40), (3, 300, 33), (40, 257, 70), (100, 64, 64)].into_iter().enumerate()
        {
            for precision in Precision::ALL {
                let seed = case as u64 + 40;
                let x = numbers(seed, rows * k);
                let (gate, up) = (weights(seed + 1, n * k, precision), weights(seed + 2, n * k, precision));
                let gate_bias = numbers(seed + 3, n);
                let gate_bias = (case % 2 == 1).then_some(&gate_bias[..]);
                let mut gates = reference(precision, &x, &gate, gate_bias, k, n);
                Function::Silu.map(&mut gates, Isa::Portable);
                let ups = reference(precision, &x, &up, None, k, n);
                let expected: Vec<f32> = gates.iter().zip(&ups).map(|(gate, up)| gate * up).collect();
                let linear = Linear::gated(device, (&gate, gate_bias), (&up, None), k, precision).unwrap();
                let input = Matrix::upload(device, &x, k).unwrap();
                let actual = linear.gated_product(&input, Function::Silu).unwrap().download().unwrap();
                assert_bits(&actual, &expected, &format!("{device:?}: {rows} x {k} x {n}, {precision}"));
            }
        }
    }
}

#[test]
fn normalised_products_take_the_residual_before_the_function() {
    for device in devices() {
        for (rows, k, n) in [(2, 90, 34), (50, 300, 20)] {
            let (x, weight) = (numbers(1, rows * k), weights(3, n * k, Precision::F32));
            let (mean, scale, shift) = (numbers(4, n), numbers(6, n), numbers(7, n));
            let variance: Vec<f32> = numbers(9, n).iter().map(|x| x.abs() + 0.5).collect();
            let norm = BatchNorm::new(mean, &variance, scale, shift, 1e-5);
            let mut normalised = linear_reference(&x, &weight, None, k, n);
            norm.in_place(&mut normalised, Isa::Portable);
            let residual = numbers(10, rows * n);
            let mut expected: Vec<f32> = normalised.iter().zip(&residual).map(|(x, y)| y + x).collect();
            Function::Relu.map(&mut expected, Isa::Portable);

            let linear =
                Linear::new(device, &weight, None, k, Precision::F32).unwrap().normalised(&norm).unwrap();
            let input = Matrix::upload(device, &x, k).unwrap();
            let mut y = Matrix::upload(device, &residual, n).unwrap();
            linear.add_to(&input, &mut y, Some(Function::Relu)).unwrap();
            assert_bits(&y.download().unwrap(), &expected, &rows);
            assert_bits(&linear.forward(&input, None).unwrap().download().unwrap(), &normalised, &rows);
        }
    }
}

#[test]
fn functions_are_the_oracles_from_end_to_end() {
    // Bit patterns over the whole range, infinities and NaN among them.
    let x: Vec<f32> = (0..=0xffff_u32)
        .map(|upper| f32::from_bits(upper << 16 | (upper.wrapping_mul(0x9e37) & 0xffff)))
        .collect();
    for device in devices() {
        // A product by one alters nothing but NaN's bits.
        let one = Linear::new(device, &[1.0], Some(&[-0.0]), 1, Precision::F32).unwrap();
        let input = Matrix::upload(device, &x, 1).unwrap();
        for function in FUNCTIONS {
            // A sum from +0 turns -0 into +0.
            let mut expected: Vec<f32> = x.iter().map(|x| x + 0.0).collect();
            function.map(&mut expected, Isa::Portable);
            let actual = one.forward(&input, Some(function)).unwrap().download().unwrap();
            assert_bits(&actual, &expected, &format!("{device:?}: {function:?}"));
        }
    }
}

#[test]
fn rows_of_weights_are_looked_up_as_stored() {
    for device in devices() {
        for precision in Precision::ALL {
            for width in [1, 8, 33, 300] {
                let table = weights(width as u64, 70 * width, precision);
                let linear = Linear::new(device, &table, None, width, precision).unwrap();
                let ids = [69, 0, 31, 32, 0, 64];
                let rows = linear.look_up(&ids).unwrap().download().unwrap();
                let packed = proofmark_models::exact::linear::PackedLinear::new(
                    &table,
                    None,
                    width,
                    precision,
                    Isa::Portable,
                );
                let mut expected = vec![0.0; ids.len() * width];
                for (row, id) in expected.chunks_exact_mut(width).zip(ids) {
                    packed.copy_row(id as usize, row);
                }
                assert_bits(&rows, &expected, &format!("{device:?}: {precision}, {width}"));
            }
        }
    }
}

#[test]
fn numbers_that_are_not_finite_make_a_block_of_eight_bits_none() {
    for device in devices() {
        let mut x = numbers(1, 3 * 100);
        x[7] = f32::INFINITY;
        x[140] = f32::NAN;
        let weight = weights(2, 20 * 100, Precision::Q8);
        let expected = quantised_linear_reference(&x, &weight, None, 100, 20);
        assert!(expected[..40].iter().all(|x| x.is_nan()) && expected[40..].iter().all(|x| x.is_finite()));
        let linear = Linear::new(device, &weight, None, 100, Precision::Q8).unwrap();
        let input = Matrix::upload(device, &x, 100).unwrap();
        assert_bits(&linear.forward(&input, None).unwrap().download().unwrap(), &expected, &"a row");
    }
}

/// A product that is too small for binary32 is -0 if it is negative, and so may a whole sum be: a sum that begins at +0 once too often
/// would lose the sign.
#[test]
fn sums_that_vanish_keep_their_sign() {
    for device in devices() {
        for rows in [1, 3, 20, 130] {
            for k in [1, 200, 256, 257, 600] {
                let (x, weight) = (vec![-1e-30; rows * k], vec![1e-30; 5 * k]);
                let expected = linear_reference(&x, &weight, None, k, 5);
                assert!(expected.iter().all(|sum| sum.to_bits() == (-0.0_f32).to_bits()));
                let linear = Linear::new(device, &weight, None, k, Precision::F32).unwrap();
                let input = Matrix::upload(device, &x, k).unwrap();
                let actual = linear.forward(&input, None).unwrap().download().unwrap();
                assert_bits(&actual, &expected, &format!("{device:?}: {rows} x {k}"));
            }
        }
    }
}

#[test]
fn a_scale_that_would_be_subnormal_makes_zeros() {
    let least = f32::MIN_POSITIVE * 127.0;
    let magnitudes = [
        least,
        least.next_down(),
        least.next_up(),
        f32::MIN_POSITIVE,
        f32::from_bits(1),
        0.0,
        1e-30,
        f32::MAX,
    ];
    for device in devices() {
        // A block of each magnitude, half of it negative.
        let x: Vec<f32> = magnitudes
            .iter()
            .flat_map(|x| (0..32).map(move |at| if at % 2 == 0 { *x } else { -x / 3.0 }))
            .collect();
        let weight = weights(5, 3 * x.len(), Precision::F32);
        // As one row of many blocks, and as many rows of one.
        for width in [x.len(), 32] {
            for copies in [1, 5] {
                let rows = x.repeat(copies);
                let expected = quantised_linear_reference(&rows, &weight[..3 * width], None, width, 3);
                let linear = Linear::new(device, &weight[..3 * width], None, width, Precision::Q8).unwrap();
                let input = Matrix::upload(device, &rows, width).unwrap();
                let actual = linear.forward(&input, None).unwrap().download().unwrap();
                assert_bits(&actual, &expected, &format!("{device:?}: {width}"));
            }
        }
    }
}
