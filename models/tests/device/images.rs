use proofmark_models::Precision;
use proofmark_models::exact::blocks::Blocks;
use proofmark_models::exact::convolution::{Finish, Images as HostImages, PackedConvolution, Window};
use proofmark_models::exact::device::{Convolution, Images, Matrix};
use proofmark_models::exact::function::Function;
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::pooling::{max_pool, mean_pixels};

use super::{assert_bits, devices, numbers, weights};

const WINDOWS: [Window; 4] = [
    Window { kernel: (3, 3), stride: (1, 1), padding: (1, 1), dilation: (1, 1) },
    Window { kernel: (7, 5), stride: (2, 3), padding: (3, 0), dilation: (1, 1) },
    Window { kernel: (1, 3), stride: (1, 2), padding: (0, 1), dilation: (1, 1) },
    Window { kernel: (2, 2), stride: (1, 1), padding: (1, 2), dilation: (2, 3) },
];

#[test]
fn convolutions_are_the_oracles() {
    for device in devices() {
        for (case, window) in WINDOWS.into_iter().enumerate() {
            for precision in Precision::ALL {
                let dims = [2, 11, 9, 5];
                let x = HostImages { values: numbers(case as u64, dims.iter().product()), dims };
                let weight = weights(10, 7 * 5 * window.kernel.0 * window.kernel.1, precision);
                let bias = numbers(11, 7);
                let packed =
                    PackedConvolution::new(&weight, Some(bias.clone()), 5, window, precision, Isa::Portable);
                let finish = Finish { norm: None, function: Some(Function::Gelu) };
                let expected = packed.forward(&x, finish, Vec::new(), &mut Blocks::default()).unwrap();
                let convolution =
                    Convolution::new(device, &weight, Some(&bias), 5, window, precision).unwrap();
                let input = Images { pixels: Matrix::upload(device, &x.values, 5).unwrap(), dims };
                let actual = convolution.forward(&input, None, Some(Function::Gelu)).unwrap();
                assert_eq!(actual.dims, expected.dims);
                assert_bits(
                    &actual.pixels.download().unwrap(),
                    &expected.values,
                    &format!("{device:?}: {window:?}"),
                );

                let residual = HostImages { values: numbers(12, expected.values.len()), dims: expected.dims };
                let pixels = Matrix::upload(device, &residual.values, 7).unwrap();
                let beside = Images { pixels, dims: residual.dims };
                let expected = packed.add_to(&x, finish, residual, &mut Blocks::default()).unwrap();
                let actual = convolution.forward(&input, Some(beside), Some(Function::Gelu)).unwrap();
                assert_bits(
                    &actual.pixels.download().unwrap(),
                    &expected.values,
                    &format!("{device:?}: {window:?}"),
                );
            }
        }
    }
}

#[test]
fn the_largest_and_the_mean_of_pixels_are_the_oracles() {
    let window = Window { kernel: (3, 3), stride: (2, 2), padding: (1, 1), dilation: (1, 1) };
    for device in devices() {
        for seed in 0..3 {
            let dims = [2, 10, 7, 33];
            let x = HostImages { values: numbers(seed, dims.iter().product()), dims };
            let input = Images { pixels: Matrix::upload(device, &x.values, 33).unwrap(), dims };
            let expected = max_pool(&x, window, Vec::new(), Isa::Portable).unwrap();
            let actual = input.max_pool(window).unwrap();
            assert_eq!(actual.dims, expected.dims);
            assert_bits(&actual.pixels.download().unwrap(), &expected.values, &"the largest");
            assert_bits(&input.mean_pixels().unwrap().download().unwrap(), &mean_pixels(&x), &"means");
        }
    }
}
