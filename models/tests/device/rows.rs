use proofmark_models::exact::device::ceilings::{ReadBuffer, multiply_adds};
use proofmark_models::exact::device::{Matrix, Norm, RotaryTable};
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::norm::{Norm as HostNorm, NormKind};
use proofmark_models::exact::pooling::mean_pool_l2;
use proofmark_models::exact::rotary::{RotaryTable as HostTable, inverse_frequencies};

use super::{assert_bits, devices, numbers};

fn norms(width: usize) -> [HostNorm; 2] {
    let (weight, bias) = (numbers(1, width), numbers(3, width));
    [NormKind::RootMeanSquare, NormKind::Layer { bias }].map(|kind| {
        let weight = weight.clone();
        HostNorm { weight, kind, eps: 1e-5, isa: Isa::Portable }
    })
}

#[test]
fn rows_are_normalised_as_on_the_processor() {
    for device in devices() {
        for width in [1, 15, 16, 17, 255, 256, 1000] {
            for norm in norms(width) {
                for seed in 0..3 {
                    let x = numbers(seed, 5 * width);
                    let mut expected = x.clone();
                    norm.in_place(&mut expected);
                    let on_device = Norm::new(device, &norm).unwrap();
                    let mut input = Matrix::upload(device, &x, width).unwrap();
                    let what = format!("{device:?}: {width}");
                    assert_bits(&on_device.forward(&input).unwrap().download().unwrap(), &expected, &what);
                    on_device.in_place(&mut input).unwrap();
                    assert_bits(&input.download().unwrap(), &expected, &what);
                }
            }
        }
    }
}

#[test]
fn heads_are_normalised_each_by_itself() {
    for device in devices() {
        for norm in norms(24) {
            let x = numbers(2, 7 * 200);
            let mut expected = x.clone();
            norm.columns_in_place(&mut expected, 200, 48..120);
            let mut input = Matrix::upload(device, &x, 200).unwrap();
            Norm::new(device, &norm).unwrap().columns_in_place(&mut input, 48..120).unwrap();
            assert_bits(&input.download().unwrap(), &expected, &"heads");
        }
    }
}

#[test]
fn a_row_too_wide_for_the_kernel_is_refused() {
    for device in devices() {
        let norm = HostNorm {
            weight: vec![1.0; 12_001],
            kind: NormKind::RootMeanSquare,
            eps: 1e-5,
            isa: Isa::Portable,
        };
        let mut x = Matrix::upload(device, &vec![1.0; 12_001], 12_001).unwrap();
        let refused = Norm::new(device, &norm).unwrap().in_place(&mut x).unwrap_err();
        assert_eq!(refused.to_string(), "a normalised row takes at most 12000, not 12001");
    }
}

#[test]
fn more_heads_than_a_grid_has_blocks_are_refused() {
    for device in devices() {
        let norm =
            HostNorm { weight: vec![1.0], kind: NormKind::RootMeanSquare, eps: 1e-5, isa: Isa::Portable };
        let mut x = Matrix::upload(device, &vec![1.0; 65_536], 65_536).unwrap();
        let norm = Norm::new(device, &norm).unwrap();
        norm.columns_in_place(&mut x, 0..65_535).unwrap();
        let refused = norm.columns_in_place(&mut x, 0..65_536).unwrap_err();
        assert_eq!(refused.to_string(), "normalise takes at most 65535, not 65536");
    }
}

#[test]
fn positions_turn_heads_as_on_the_processor() {
    for device in devices() {
        for (half, heads, tokens, first) in [(1, 1, 1, 0), (16, 3, 5, 7), (32, 9, 2, 100), (5, 60, 3, 1)] {
            let table = HostTable::new(&inverse_frequencies(10_000.0, 2 * half, None), 120);
            let stride = 2 * half * (heads + 1) + 3;
            let x = numbers(2, 2 * tokens * stride);
            let mut expected = x.clone();
            table.rotate(&mut expected, stride, 0..2 * half * heads, tokens, first, Isa::Portable);
            let mut input = Matrix::upload(device, &x, stride).unwrap();
            RotaryTable::new(device, &table).unwrap().rotate(&mut input, heads, tokens, first).unwrap();
            assert_bits(&input.download().unwrap(), &expected, &format!("{device:?}: {half} {heads}"));
        }
    }
}

#[test]
fn sequences_are_pooled_as_on_the_processor() {
    for device in devices() {
        for (width, tokens, lengths) in
            [(1, 1, &[1][..]), (40, 37, &[37, 1, 16]), (300, 20, &[17, 20]), (3, 40, &[33])]
        {
            for seed in 0..3 {
                let x = numbers(seed, lengths.len() * tokens * width);
                let expected = mean_pool_l2(&x, lengths, width);
                let mut pooled = Matrix::upload(device, &x, width).unwrap().mean_pool(lengths).unwrap();
                pooled.l2_normalise().unwrap();
                assert_bits(&pooled.download().unwrap(), &expected, &format!("{device:?}: {width} {tokens}"));
            }
        }
    }
}

#[test]
fn rows_are_picked_added_scaled_and_weighted() {
    for device in devices() {
        let x = numbers(2, 6 * 70);
        let matrix = Matrix::upload(device, &x, 70).unwrap();
        let row = |index: usize| x[index * 70..][..70].to_vec();
        let picked = matrix.picked(&[5, 0, 5]).unwrap();
        assert_bits(&picked.download().unwrap(), &[row(5), row(0), row(5)].concat(), &"picked");

        let mut sum = matrix.copied().unwrap();
        sum.add(&matrix.picked(&[1, 2]).unwrap()).unwrap();
        let expected: Vec<f32> = (0..6)
            .flat_map(|at| row(at).into_iter().zip(row(1 + at % 2)).map(|(x, y)| x + y).collect::<Vec<_>>())
            .collect();
        assert_bits(&sum.download().unwrap(), &expected, &"a sum");
        sum.scale(0.3).unwrap();
        let expected: Vec<f32> = expected.iter().map(|x| x * 0.3).collect();
        assert_bits(&sum.download().unwrap(), &expected, &"scaled");

        let mut weighted = matrix.copied().unwrap();
        weighted.add_weighted(&picked, &[1, 2, 4], &[0.5, -2.0, 3.0], &[0, 1, 0]).unwrap();
        let combined = |at: usize, from: usize, weight: f32| {
            row(at).into_iter().zip(row(from)).map(|(x, y)| x + y * weight).collect::<Vec<_>>()
        };
        let first: Vec<f32> = row(0).iter().map(|x| x * -2.0).collect();
        let expected = [row(0), combined(1, 5, 0.5), first, row(3), combined(4, 5, 3.0), row(5)].concat();
        assert_bits(&weighted.download().unwrap(), &expected, &"weighted");
    }
}

/// On a device of its own: other tests use memory of the others at the same time.
#[test]
#[cfg(feature = "emulation")]
fn memory_is_used_again_and_its_peak_is_known() {
    let device = proofmark_models::exact::device::Device::emulated(0);
    let (megabyte, upload) = (1 << 20, || Matrix::upload(device, &vec![1.0; 1 << 18], 1 << 9).unwrap());
    drop(upload());
    drop(upload());
    let one = device.memory_use();
    assert_eq!((one.now_bytes, one.peak_bytes), (0, megabyte));
    let both = [upload(), upload()];
    assert_eq!(device.memory_use().now_bytes, 2 * megabyte);
    drop(both);
    let two = device.memory_use();
    assert_eq!((two.now_bytes, two.peak_bytes), (0, 2 * megabyte));
    assert!(device.synchronize().is_ok());
}

/// The amount of work is what is said; that nothing else is done, the disassembly shows.
#[test]
fn ceilings_count_their_work() {
    for device in devices() {
        let one = multiply_adds(device, 1).unwrap();
        assert!(one >= 2 * 8 * 256);
        assert_eq!(multiply_adds(device, 7).unwrap(), 7 * one);
        let buffer = ReadBuffer::new(device, 1_000_003).unwrap();
        assert_eq!(buffer.read(3).unwrap(), 3_000_000);
    }
}
