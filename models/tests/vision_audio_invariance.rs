//! Images and sounds in `exact/1` give the same bits whatever the instruction set, threads, batch or split.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proofmark_models::clip::{Clip, ClipConfig, ClipInput};
use proofmark_models::exact::batch_norm::BatchNorm;
use proofmark_models::exact::blocks::Blocks;
use proofmark_models::exact::convolution::{Finish, Images, PackedConvolution, Window};
use proofmark_models::exact::function::Function;
use proofmark_models::exact::isa::Isa;
use proofmark_models::exact::linear::linear_reference;
use proofmark_models::layers::PixelValues;
use proofmark_models::resnet::{ResNet, ResNetConfig};
use proofmark_models::vit::{Vit, VitConfig};
use proofmark_models::weights::{Init, Synthetic, Weights};
use proofmark_models::whisper::{Whisper, WhisperConfig};
use proofmark_models::{Error, Numerics, Output, Precision};
use proptest::prelude::*;
use serde_json::{Value, json};

fn available() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available())
}

fn values(seed: u64, count: usize) -> Vec<f32> {
    Synthetic::new(seed).generate("values", count, Init::Matrix)
}

fn images(seed: u64, batch: usize, size: usize) -> PixelValues {
    let values = values(seed, batch * 3 * size * size).into_iter().map(|value| 50.0 * value).collect();
    PixelValues { values, dims: [batch, 3, size, size] }
}

/// The images from `first` on.
fn part(images: &PixelValues, first: usize, count: usize) -> PixelValues {
    let [_, channels, height, width] = images.dims;
    let one = channels * height * width;
    let values = images.values[first * one..(first + count) * one].to_vec();
    PixelValues { values, dims: [count, channels, height, width] }
}

fn vit(isa: Isa) -> impl Fn(&PixelValues) -> Output {
    let json = json!({
        "model_type": "vit", "hidden_size": 48, "intermediate_size": 70, "num_hidden_layers": 2,
        "num_attention_heads": 3, "image_size": 40, "patch_size": 8, "num_channels": 3, "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
    });
    let config = VitConfig::parse(json.as_object().unwrap()).unwrap();
    let model = Vit::load(&config, &Weights::synthetic(5, Precision::F32), Numerics::Exact(isa)).unwrap();
    move |images| model.classify(images).unwrap()
}

fn resnet(isa: Isa) -> impl Fn(&PixelValues) -> Output {
    let json = json!({
        "model_type": "resnet", "num_channels": 3, "embedding_size": 20, "hidden_sizes": [40, 72], "depths": [2, 1],
        "layer_type": "bottleneck", "hidden_act": "relu",
    });
    let config = ResNetConfig::parse(json.as_object().unwrap()).unwrap();
    let model = ResNet::load(&config, &Weights::synthetic(5, Precision::F32), Numerics::Exact(isa)).unwrap();
    move |images| model.classify(images).unwrap()
}

fn clip(isa: Isa) -> Clip {
    let tower = json!({
        "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2,
        "vocab_size": 97, "max_position_embeddings": 12, "eos_token_id": 96, "image_size": 40, "patch_size": 20,
    });
    let json =
        json!({"model_type": "clip", "projection_dim": 24, "text_config": tower, "vision_config": tower});
    let config = ClipConfig::parse(json.as_object().unwrap()).unwrap();
    Clip::load(&config, &Weights::synthetic(5, Precision::F32), Numerics::Exact(isa)).unwrap()
}

fn whisper(numerics: Numerics) -> Whisper {
    let json: Value = json!({
        "model_type": "whisper", "vocab_size": 97, "num_mel_bins": 80, "d_model": 36, "encoder_layers": 1,
        "encoder_attention_heads": 2, "encoder_ffn_dim": 50, "decoder_layers": 2, "decoder_attention_heads": 3,
        "decoder_ffn_dim": 40, "max_source_positions": 70, "max_target_positions": 30, "activation_function": "gelu",
    });
    let config = WhisperConfig::parse(json.as_object().unwrap()).unwrap();
    Whisper::load(&config, &Weights::synthetic(5, Precision::F32), numerics).unwrap()
}

fn waveforms(count: usize) -> Vec<Vec<f32>> {
    (0..count).map(|clip| values(clip as u64, 20_000 + 3000 * clip)).collect()
}

const PROMPT: [u32; 3] = [7, 90, 13];

fn transcription(isa: Isa, waveforms: &[Vec<f32>]) -> Output {
    let model = whisper(Numerics::Exact(isa));
    model.transcribe(waveforms, &PROMPT, 10, &mut |_| {}).unwrap().into_transcription()
}

/// One digest over what each family gives for two inputs together.
fn digests(isa: Isa) -> Vec<[u8; 32]> {
    let texts = vec![vec![1, 2, 96, 4], vec![9, 8, 7, 96]];
    let input = ClipInput { images: images(3, 2, 40), texts, requests: 1 };
    [
        vit(isa)(&images(1, 2, 40)),
        resnet(isa)(&images(2, 2, 45)),
        clip(isa).compare(&input).unwrap(),
        transcription(isa, &waveforms(2)),
    ]
    .map(|output| output.digest().unwrap())
    .to_vec()
}

#[test]
fn instruction_sets_and_thread_counts_agree_on_whole_models() {
    let expected = digests(Isa::Portable);
    for isa in available() {
        for threads in [1, 2, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| digests(isa)), expected, "{isa}, {threads} threads");
        }
    }
}

#[test]
fn an_image_is_classified_in_a_batch_as_alone() {
    fn check(classify: impl Fn(&PixelValues) -> Output, images: &PixelValues) {
        for (index, together) in classify(images).split(3).into_iter().enumerate() {
            assert_eq!(together, classify(&part(images, index, 1)));
        }
    }
    check(vit(Isa::detect()), &images(1, 3, 40));
    check(resnet(Isa::detect()), &images(2, 3, 45));
}

#[test]
fn a_request_of_images_and_texts_is_compared_in_a_batch_as_alone() {
    let model = clip(Isa::detect());
    let texts: Vec<Vec<u32>> = (0..6).map(|text| vec![text, 2 * text + 1, 96, 5, 96]).collect();
    let together = ClipInput { images: images(3, 4, 40), texts: texts.clone(), requests: 2 };
    let outputs = model.compare(&together).unwrap().split(2);
    for (request, output) in outputs.into_iter().enumerate() {
        let texts = texts[3 * request..3 * request + 3].to_vec();
        let alone = ClipInput { images: part(&together.images, 2 * request, 2), texts, requests: 1 };
        assert_eq!(output, model.compare(&alone).unwrap());
    }
    // What follows the first end token is not looked at.
    let mut other = texts.clone();
    other[0][3] = 77;
    assert_eq!(model.embed_texts(&other).unwrap(), model.embed_texts(&texts).unwrap());
    other[0][1] = 77;
    assert_ne!(model.embed_texts(&other).unwrap(), model.embed_texts(&texts).unwrap());
}

#[test]
fn a_clip_is_transcribed_in_a_batch_as_alone_and_as_its_replay_says() {
    let waveforms = waveforms(3);
    let together = transcription(Isa::detect(), &waveforms);
    for (waveform, output) in waveforms.iter().zip(together.clone().split(3)) {
        assert_eq!(output, transcription(Isa::detect(), std::slice::from_ref(waveform)));
    }
    let Output::Transcription { tokens, .. } = &together else { panic!("no transcription") };
    for isa in available() {
        let replayed = whisper(Numerics::Exact(isa)).replay(&waveforms, &PROMPT, tokens).unwrap();
        assert_eq!(replayed.digest().unwrap(), together.digest().unwrap(), "{isa}");
    }
    let mut wrong = tokens.clone();
    wrong[1][4] = (wrong[1][4] + 1) % 97;
    let replayed = whisper(Numerics::Exact(Isa::detect())).replay(&waveforms, &PROMPT, &wrong).unwrap();
    assert_ne!(replayed.digest().unwrap(), together.digest().unwrap());
    // Another clip, other logits.
    let mut louder = waveforms.clone();
    louder[0][100] += 0.5;
    assert_ne!(transcription(Isa::detect(), &louder), together);
}

#[test]
fn what_does_not_fit_a_model_is_refused() {
    let refused = |result: Result<(), Error>| assert!(matches!(result, Err(Error::InvalidInput(_))));
    let model = whisper(Numerics::Exact(Isa::detect()));
    let transcribe = |waveforms: &[Vec<f32>], prompt: &[u32], steps| {
        refused(model.transcribe(waveforms, prompt, steps, &mut |_| {}).map(drop));
    };
    transcribe(&waveforms(1), &[], 1);
    transcribe(&waveforms(1), &[97], 1);
    transcribe(&waveforms(1), &PROMPT, usize::MAX);
    transcribe(&waveforms(1), &PROMPT, 28);
    transcribe(&[], &PROMPT, 2);
    transcribe(&[vec![f32::NAN]], &PROMPT, 2);
    refused(model.replay(&waveforms(1), &PROMPT, &[vec![1], vec![2]]).map(drop));
    refused(model.replay(&waveforms(1), &PROMPT, &[vec![]]).map(drop));
    refused(model.encoder_states(vec![0.0; 80 * 139], 1).map(drop));
    // Silence is heard as well.
    let silence = model.transcribe(&[vec![]], &PROMPT, 27, &mut |_| {}).unwrap().into_transcription();
    assert!(silence.digest().is_ok());

    let model = clip(Isa::detect());
    let compare = |images: PixelValues, texts: Vec<Vec<u32>>, requests| {
        refused(model.compare(&ClipInput { images, texts, requests }).map(drop));
    };
    compare(images(1, 1, 39), vec![vec![1]], 1);
    compare(images(1, 1, 40), vec![vec![1], vec![1, 2]], 1);
    compare(images(1, 1, 40), vec![vec![1; 13]], 1);
    compare(images(1, 1, 40), vec![], 1);
    compare(images(1, 2, 40), vec![vec![1]], 2);
    compare(images(1, 1, 40), vec![vec![1]], 0);
    let mut contradictory = images(1, 1, 40);
    contradictory.values.pop();
    compare(contradictory, vec![vec![1]], 1);
    let mut infinite = images(1, 1, 40);
    infinite.values[7] = f32::INFINITY;
    compare(infinite, vec![vec![1]], 1);
    compare(PixelValues { values: vec![], dims: [usize::MAX, 3, 40, 40] }, vec![vec![1]], 1);
}

#[test]
fn a_tensor_that_no_machine_holds_is_refused() {
    let json = json!({
        "model_type": "resnet", "num_channels": 1 << 20, "embedding_size": 1 << 20, "hidden_sizes": [1 << 20],
        "depths": [1], "layer_type": "basic", "hidden_act": "relu",
    });
    let config = ResNetConfig::parse(json.as_object().unwrap()).unwrap();
    for numerics in [Numerics::Native, Numerics::Exact(Isa::Portable)] {
        let model = ResNet::load(&config, &Weights::synthetic(1, Precision::F32), numerics);
        assert!(matches!(model, Err(Error::InvalidConfig(_))));
    }
}

#[test]
fn a_finished_convolution_is_its_steps_one_after_another() {
    // More than a task's panels and more than a chunk of windows.
    let (size, channels, outputs) = (15, 9, 600);
    let window = Window { kernel: (3, 3), stride: (1, 1), padding: (1, 1), dilation: (1, 1) };
    let channel = |seed| values(seed, outputs);
    let variance: Vec<f32> = channel(5).iter().map(|value| value.abs() + 0.1).collect();
    let norm = BatchNorm::new(channel(4), &variance, channel(6), channel(7), 1e-5);
    let (w, b) = (values(2, outputs * channels * 9), channel(3));
    let x = Images { values: values(1, size * size * channels), dims: [1, size, size, channels] };
    let residual = Images { values: values(8, size * size * outputs), dims: [1, size, size, outputs] };
    for isa in available() {
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let packed = PackedConvolution::new(&w, Some(b.clone()), channels, window, Precision::F32, isa);
            let mut blocks = Blocks::default();
            let (plain, fused) = pool.install(|| {
                let plain = packed.forward(&x, Finish::default(), Vec::new(), &mut blocks).unwrap();
                let finish = Finish { norm: Some(&norm), function: Some(Function::Relu) };
                (plain, packed.add_to(&x, finish, residual.clone(), &mut blocks).unwrap())
            });
            let mut expected = plain.values;
            norm.in_place(&mut expected, Isa::Portable);
            expected.iter_mut().zip(&residual.values).for_each(|(y, residual)| *y += residual);
            Function::Relu.map(&mut expected, Isa::Portable);
            assert!(
                fused.values.iter().zip(&expected).all(|(y, expected)| y.to_bits() == expected.to_bits())
            );
        }
    }
    let other = Images { values: vec![0.0; outputs], dims: [1, 1, 1, outputs] };
    let packed = PackedConvolution::new(&w, None, channels, window, Precision::F32, Isa::Portable);
    assert!(packed.add_to(&x, Finish::default(), other, &mut Blocks::default()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_convolution_is_the_product_of_its_windows(
        (batch, channels, outputs) in (1_usize..3, 1_usize..40, 1_usize..40),
        (height, width) in (1_usize..12, 1_usize..12),
        (kernel, stride) in ((1_usize..5, 1_usize..5), (1_usize..4, 1_usize..4)),
        (padding, dilation) in ((0_usize..4, 0_usize..4), (1_usize..3, 1_usize..3)),
    ) {
        let window = Window { kernel, stride, padding, dilation };
        let Some((down, across)) = window.count(height, width) else { return Ok(()) };
        let area = kernel.0 * kernel.1;
        let x = values(1, batch * height * width * channels);
        let (w, b) = (values(2, outputs * channels * area), values(3, outputs));
        // One by one, as the definition has them.
        let mut windows = Vec::new();
        for place in 0..batch * down * across {
            let (image, oy, ox) = (place / (down * across), place / across % down, place % across);
            for at in 0..area {
                let y = (oy * stride.0 + at / kernel.1 * dilation.0).wrapping_sub(padding.0);
                let x_at = (ox * stride.1 + at % kernel.1 * dilation.1).wrapping_sub(padding.1);
                for channel in 0..channels {
                    let pixel = (image * height + y.min(height)) * width + x_at.min(width);
                    let is_inside = y < height && x_at < width;
                    windows.push(if is_inside { x[pixel * channels + channel] } else { 0.0 });
                }
            }
        }
        let ordered: Vec<f32> = w
            .chunks(channels * area)
            .flat_map(|w| (0..area).flat_map(move |at| (0..channels).map(move |channel| w[channel * area + at])))
            .collect();
        let expected = linear_reference(&windows, &ordered, Some(&b), channels * area, outputs);
        let packed = PackedConvolution::new(&w, Some(b), channels, window, Precision::F32, Isa::detect());
        let images = Images { values: x, dims: [batch, height, width, channels] };
        let mut blocks = Blocks::default();
        let y = packed.forward(&images, Finish::default(), Vec::new(), &mut blocks).unwrap();
        prop_assert_eq!(y.dims, [batch, down, across, outputs]);
        let same = y.values.iter().zip(&expected).all(|(y, expected)| y.to_bits() == expected.to_bits());
        prop_assert!(same && y.values.len() == expected.len());
    }
}
