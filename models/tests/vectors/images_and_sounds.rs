//! The operators that images and sounds need besides.

use proofmark_models::exact::batch_norm::BatchNorm;
use proofmark_models::exact::convolution::{Images, Window};
use proofmark_models::exact::fourier::{fourier_table, hann_window};
use proofmark_models::exact::log_mel::LogMel;
use proofmark_models::exact::mel::mel_filters;
use proofmark_models::exact::pooling::max_pool;
use proofmark_models::exact::similarity::similarities;

use crate::read::{
    assert_same_bits, available, cases, channels_last, dims, float, floats, sha256, size, vectors,
};

#[test]
fn batch_norms_match() {
    for case in cases(&vectors("vision.json")["batch_norm"]) {
        let part = |name: &str| floats(&case[name]);
        let eps = case["eps"].as_f64().unwrap() as f32;
        let norm = BatchNorm::new(part("mean"), &part("variance"), part("weight"), part("bias"), eps);
        for isa in available() {
            let mut x = part("x");
            norm.in_place(&mut x, isa);
            assert_same_bits(&x, &part("y"), &format!("batch norm on {isa}"));
        }
    }
}

#[test]
fn max_pooling_matches() {
    for case in cases(&vectors("vision.json")["max_pool"]) {
        let [batch, channels, height, width] = dims(case);
        let both = |name: &str| (size(&case[name]), size(&case[name]));
        let window = Window {
            kernel: both("kernel"),
            stride: both("stride"),
            padding: both("padding"),
            dilation: (1, 1),
        };
        let values = channels_last(&floats(&case["x"]), channels, height * width);
        let images = Images { values, dims: [batch, height, width, channels] };
        for isa in available() {
            let y = max_pool(&images, window, Vec::new(), isa).unwrap();
            let expected = channels_last(&floats(&case["y"]), channels, y.dims[1] * y.dims[2]);
            assert_same_bits(&y.values, &expected, &format!("max pooling on {isa}"));
        }
    }
}

#[test]
fn similarities_match() {
    for case in cases(&vectors("vision.json")["similarity"]) {
        let (images, texts) = (floats(&case["images"]), floats(&case["texts"]));
        let values = similarities(&images, &texts, size(&case["width"]), float(&case["logit_scale"]));
        assert_same_bits(&values, &floats(&case["values"]), "similarities");
    }
}

#[test]
fn tables_of_the_front_end_are_correctly_rounded() {
    let vectors = vectors("audio.json");
    assert_same_bits(&hann_window(400), &floats(&vectors["window"][0]), "window");
    assert_eq!(sha256(&fourier_table(400)), vectors["fourier"][0].as_str().unwrap());
    for case in cases(&vectors["mel"]) {
        let filters = mel_filters(size(&case["bands"]));
        let mut expected = vec![0.0; filters.len()];
        for entry in cases(&case["entries"]) {
            expected[size(&entry[0]) * 201 + size(&entry[1])] = float(&entry[2]);
        }
        assert_same_bits(&filters, &expected, "mel filters");
        assert_eq!(sha256(&filters), case["sha256"].as_str().unwrap());
    }
}

#[test]
fn log_mel_spectrograms_match() {
    for case in cases(&vectors("audio.json")["log_mel"]) {
        for isa in available() {
            let bands = LogMel::new(size(&case["bands"]), isa).forward(&floats(&case["waveform"]));
            assert_same_bits(&bands, &floats(&case["y"]), &format!("log-mel on {isa}"));
        }
    }
}
