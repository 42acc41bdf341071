//! A suite is read strictly: each fault is refused with file, line and fact.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proofmark_workloads::{Input, ModelWeights, Numerics, Shape, Suite, self_check_seed};

const SUITE: &str = r#"format = 1
name = "tiny"
version = "1.0.0"
description = "one workload"
[timing]
rounds = 1
warm_up_ms = 1
warm_up_cap_ms = 2
measure_ms = 1
min_iterations = 1
max_iterations = 2
time_limit_s = 10
capacity_ms = 100
ceilings_ms = 0
[[slo]]
name = "query"
latency_ms = 100
share_ppm = 900000
[[model]]
name = "m"
seed = 1
tokens = { start = 1, separator = 2, ordinary_from = 3 }
[model.config]
model_type = "bert"
vocab_size = 50
hidden_size = 8
intermediate_size = 16
num_hidden_layers = 2
num_attention_heads = 2
max_position_embeddings = 8
[[workload]]
name = "embed"
model = "m"
class = "search"
slo = "query"
requests_per_hour = 1
embedding = { tokens = 8, batch = 2 }
variant = [
  { numerics = "exact/1", precision = "f32", share_ppm = 1000000 },
  { numerics = "native", precision = "f32", share_ppm = 0 },
]
"#;

/// Replaces `from` by `to` and returns the message of the refusal.
fn refusal(from: &str, to: &str) -> String {
    assert!(SUITE.contains(from), "{from}");
    Suite::parse("tiny.toml", &SUITE.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn a_suite_expands_into_one_workload_a_variant() {
    let suite = Suite::parse("tiny.toml", SUITE).unwrap();
    let ids: Vec<&str> = suite.workloads.iter().map(|workload| workload.id.as_str()).collect();
    assert_eq!(ids, ["embed-exact-f32", "embed-native-f32"]);
    assert_eq!(suite.workloads[0].numerics, Numerics::Exact1);
    assert_eq!(suite.workloads[0].shape, Shape::Embedding { tokens: 8, batch: 2 });
    assert_eq!(suite.workloads[0].model.tokens.as_ref().unwrap().ordinary, 3..50);
}

#[test]
fn a_model_has_a_seed_or_a_place_on_the_hub() {
    let revision = "0123456789abcdef0123456789abcdef01234567";
    let hub = format!("hub = {{ repo = \"org/tiny\", revision = \"{revision}\" }}");
    let suite = Suite::parse("tiny.toml", &SUITE.replacen("seed = 1", &hub, 1)).unwrap();
    assert_eq!(
        suite.workloads[0].model.weights,
        ModelWeights::Hub { repo: "org/tiny".to_owned(), revision: revision.to_owned() }
    );
    let neither = refusal("seed = 1\n", "");
    assert_eq!(neither, "tiny.toml:20: model `m` has not exactly one of seed, hub");
    assert_eq!(refusal("seed = 1", &format!("seed = 1\n{hub}")), neither);
    for (from, to, fact) in
        [("org/tiny", "tiny", "repo `tiny`"), (revision, "main", "revision `main` is not 40")]
    {
        let message = refusal("seed = 1", &hub.replacen(from, to, 1));
        assert!(message.starts_with(&format!("tiny.toml:21: {fact}")), "{message}");
    }
}

#[test]
fn eight_bits_have_numerics_of_their_own() {
    let exact = r#"numerics = "exact/1", precision = "f32""#;
    let text = SUITE.replace(exact, r#"numerics = "exact/q8", precision = "q8""#);
    let text =
        text.replace(r#"numerics = "native", precision = "f32""#, r#"numerics = "native", precision = "q8""#);
    let suite = Suite::parse("tiny.toml", &text).unwrap();
    let ids: Vec<&str> = suite.workloads.iter().map(|workload| workload.id.as_str()).collect();
    assert_eq!(ids, ["embed-exact-q8", "embed-native-q8"]);
    assert_eq!(suite.workloads[0].numerics, Numerics::ExactQ8);
    for wrong in [r#"numerics = "exact/1", precision = "q8""#, r#"numerics = "exact/q8", precision = "bf16""#]
    {
        let message = refusal(exact, wrong);
        assert!(message.contains("have no precision"), "{message}");
    }
}

#[test]
fn quality_is_of_models_of_the_hub_and_has_the_tasks_figures() {
    let hub = "hub = { repo = \"org/tiny\", revision = \"0123456789abcdef0123456789abcdef01234567\" }";
    let with = |figures: &str, tolerance: &str| {
        let quality = format!("{hub}\nquality = {{ figures = {figures}, tolerance_ppm = {tolerance} }}");
        Suite::parse("tiny.toml", &SUITE.replacen("seed = 1", &quality, 1))
    };
    for (figures, is_known) in [("[]", false), ("[1, -2, 3]", true)] {
        let suite = with(figures, "5").unwrap();
        let quality = suite.workloads[0].model.quality.clone().unwrap();
        assert_eq!((quality.tolerance_ppm, quality.is_known()), (5, is_known));
    }
    for (figures, tolerance, fact) in [
        ("[1, 2]", "5", "tiny.toml:34: model `m` has 2 quality figures, embedding has 3"),
        ("[1, 2, 0.5]", "5", "tiny.toml:22: invalid type"),
        ("[1, 2, 3]", "0", "tiny.toml:22: tolerance_ppm 0"),
        ("[1, 2, 3]", "1000001", "tiny.toml:22: tolerance_ppm 1000001"),
    ] {
        let message = with(figures, tolerance).unwrap_err().to_string();
        assert!(message.starts_with(fact), "{message}");
    }
    let message = refusal("seed = 1", "seed = 1\nquality = { figures = [], tolerance_ppm = 5 }");
    assert_eq!(message, "tiny.toml:22: model `m` is not of the hub and has quality");
}

#[test]
fn an_unknown_key_is_refused_with_file_and_line() {
    let message = refusal("seed = 1", "seed = 1\nsede = 2");
    assert!(message.starts_with("tiny.toml:22: unknown field `sede`"), "{message}");
    assert!(!message.contains('\n'));
}

#[test]
fn every_fault_names_its_line() {
    for (from, to, expected) in [
        ("format = 1", "format = 2", "tiny.toml:1: suite format 2 is unknown"),
        ("\"1.0.0\"", "\"1.0\"", "tiny.toml:3: version `1.0`"),
        ("min_iterations = 1", "min_iterations = 3", "tiny.toml:10: min_iterations 3"),
        (
            "measure_ms = 1",
            "measure_ms = 90000000000",
            "tiny.toml:9: measure_ms 90000000000 is not between 1 and 86400000",
        ),
        (
            "share_ppm = 1000000 }",
            "share_ppm = 9000000000000000000 }",
            "tiny.toml:39: share_ppm 9000000000000000000",
        ),
        ("max_iterations = 2", "max_iterations = 30000", "tiny.toml:11: 60000 iterations of all workloads"),
        ("latency_ms = 100", "ttft_ms = 100", "tiny.toml:16: slo `query`"),
        ("share_ppm = 900000", "share_ppm = 0", "tiny.toml:18: share_ppm 0"),
        ("start = 1", "start = 50", "tiny.toml:22: start 50 is not below vocab_size 50"),
        ("separator = 2", "separator = 5000000000", "tiny.toml:22: separator 5000000000 is not below"),
        ("ordinary_from = 3", "ordinary_from = 49", "tiny.toml:22: a vocabulary of one ordinary token"),
        (", separator = 2", "", "tiny.toml:33: model `m` has no separator"),
        ("vocab_size = 50", "vocab = 50", "tiny.toml:23: config has no vocab_size"),
        ("model_type = \"bert\"\n", "", "tiny.toml:23: config has no model_type"),
        ("\"bert\"", "\"mamba\"", "tiny.toml:24: model_type `mamba` is none of llama, qwen2"),
        ("\"bert\"", "\"llama\"", "tiny.toml:33: model `m` is not for embedding"),
        (
            "hidden_size = 8",
            "hidden_size = 0",
            "tiny.toml:26: hidden_size 0 is not a number from 1 to 1048576",
        ),
        ("hidden_size = 8", "hidden_size = -8", "tiny.toml:26: hidden_size -8"),
        ("hidden_size = 8", "hidden_size = 8.0", "tiny.toml:26: hidden_size 8.0"),
        ("hidden_size = 8", "hidden_size = 9000000000", "tiny.toml:26: hidden_size 9000000000"),
        ("hidden_size = 8", "hidden_size = \"8\"", "tiny.toml:26: hidden_size \"8\""),
        ("num_attention_heads = 2", "num_attention_heads = 3", "tiny.toml:29: hidden_size 8 is no multiple"),
        (
            "max_position_embeddings = 8",
            "max_position_embeddings = 7",
            "tiny.toml:37: 8 positions, model `m` has 7",
        ),
        ("name = \"embed\"", "name = \"Embed me\"", "tiny.toml:32: name `Embed me`"),
        ("model = \"m\"", "model = \"n\"", "tiny.toml:33: model `n` is not defined"),
        ("slo = \"query\"", "slo = \"fast\"", "tiny.toml:35: slo `fast` is not defined"),
        ("batch = 2", "batch = 0", "tiny.toml:37: batch 0 is not between 1 and 4096"),
        ("batch = 2", "batch = 5000", "tiny.toml:37: batch 5000"),
        ("tokens = 8, batch", "tokens = 0, batch", "tiny.toml:37: tokens 0 is not between 3 and 1048576"),
        ("tokens = 8, batch", "tokens = 2, batch", "tiny.toml:37: tokens 2 is not between 3"),
        ("tokens = 8, batch", "tokens = 9, batch", "tiny.toml:37: 9 positions, model `m` has 8"),
        ("tokens = 8, batch", "tokens = 5000000000, batch", "tiny.toml:37: tokens 5000000000"),
        ("latency_ms = 100", "latency_ms = 0", "tiny.toml:17: latency_ms 0 is not between 1 and 86400000"),
        (
            "latency_ms = 100",
            "latency_ms = 9000000000000000000",
            "tiny.toml:17: latency_ms 9000000000000000000",
        ),
        ("latency_ms = 100", "ttft_ms = 0\ntpot_ms = 1", "tiny.toml:17: ttft_ms 0"),
        ("latency_ms = 100", "ttft_ms = 1\ntpot_ms = 0", "tiny.toml:18: tpot_ms 0"),
        ("latency_ms = 100", "ttft_ms = 1\ntpot_ms = 1", "tiny.toml:36: slo `query` does not fit"),
        ("share_ppm = 900000", "share_ppm = 1000001", "tiny.toml:18: share_ppm 1000001"),
        ("per_hour = 1", "per_hour = 0", "tiny.toml:36: requests_per_hour 0 is not between 1 and 1000000000"),
        ("per_hour = 1", "per_hour = 1000000001", "tiny.toml:36: requests_per_hour 1000000001"),
        ("warm_up_ms = 1", "warm_up_ms = 86400001", "tiny.toml:7: warm_up_ms 86400001"),
        ("measure_ms = 1", "measure_ms = 0", "tiny.toml:9: measure_ms 0"),
        ("min_iterations = 1", "min_iterations = 0", "tiny.toml:10: min_iterations 0"),
        ("max_iterations = 2", "max_iterations = 0", "tiny.toml:11: max_iterations 0"),
        ("cap_ms = 2", "cap_ms = 0", "tiny.toml:8: warm_up_cap_ms 0 is not between 1 and 86400000"),
        ("ceilings_ms = 0", "ceilings_ms = 60001", "tiny.toml:14: ceilings_ms 60001"),
        ("ceilings_ms = 0", "ceilings_ms = 99", "tiny.toml:14: ceilings_ms 99 is not between 100"),
        ("share_ppm = 0 }", "share_ppm = 0, max_batch = 65 }", "max_batch 65 is not between 1 and 64"),
        ("time_limit_s = 10", "time_limit_s = 86401", "tiny.toml:12: time_limit_s 86401"),
        ("embedding = {", "embeding = {", "unknown field `embeding`"),
        ("\"native\"", "\"fast\"", "tiny.toml:40: numerics `fast`"),
        ("\"native\"", "\"exact/1\"", "tiny.toml:40: workload `embed-exact-f32` is there twice"),
        ("share_ppm = 0 }", "share_ppm = 1 }", "add up to 1000001 ppm"),
        ("share_ppm = 0 }", "share_ppm = 0, self_check = \"ab\" }", "tiny.toml:40: a digest is 64"),
        ("[timing]", "[timing", "tiny.toml:5:"),
        ("seed = 1", "seed = -1", "tiny.toml:21:"),
    ] {
        let message = refusal(from, to);
        assert!(message.contains(expected), "{to}: {message}");
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn impossible_sizes_of_generation_and_reranking_name_their_line() {
    let shape = "embedding = { tokens = 8, batch = 2 }";
    let positions = ("max_position_embeddings = 8", "max_position_embeddings = 16777216");
    let tokens = SUITE.replace("latency_ms = 100", "ttft_ms = 1\ntpot_ms = 1").replacen("bert", "llama", 1);
    for (suite, shape_with, faults) in [
        (
            tokens.as_str(),
            "generation = { prompt_tokens = 4, output_tokens = 4, batch = 2 }",
            &[
                (
                    "prompt_tokens = 4",
                    "prompt_tokens = 1",
                    ":38: prompt_tokens 1 is not between 2 and 1048576",
                ),
                ("output_tokens = 4", "output_tokens = 1", ":38: output_tokens 1 is not between 2"),
                ("output_tokens = 4", "output_tokens = 1048577", ":38: output_tokens 1048577"),
                ("batch = 2", "batch = 0", ":38: batch 0"),
                (
                    "prompt_tokens = 4, output_tokens = 4, batch = 2",
                    "prompt_tokens = 32000, output_tokens = 768, batch = 513",
                    ":38: a request of 16809984 tokens in all, more than the limit of 16777216",
                ),
            ][..],
        ),
        (
            SUITE,
            "reranking = { query_tokens = 2, document_tokens = 3, documents = 2 }",
            &[
                ("query_tokens = 2", "query_tokens = 0", ":37: query_tokens 0 is not between 1"),
                ("document_tokens = 3", "document_tokens = 0", ":37: document_tokens 0"),
                ("documents = 2", "documents = 0", ":37: documents 0 is not between 1 and 4096"),
            ],
        ),
    ] {
        let suite = suite.replace(shape, shape_with).replace(positions.0, positions.1);
        assert!(Suite::parse("tiny.toml", &suite).is_ok());
        for (from, to, expected) in faults {
            assert!(suite.contains(from), "{from}");
            let message = Suite::parse("tiny.toml", &suite.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(message.contains(expected), "{to}: {message}");
        }
    }
}

#[test]
fn a_workload_without_variants_and_a_file_without_end_are_refused() {
    let variants = SUITE.find("variant = [").unwrap();
    let text = format!("{}variant = []\n", &SUITE[..variants]);
    let message = Suite::parse("tiny.toml", &text).unwrap_err().to_string();
    assert_eq!(message, "tiny.toml:38: workload `embed` has no variant");

    let message = Suite::parse("tiny.toml", &"#\n".repeat(1 << 20)).unwrap_err().to_string();
    assert_eq!(message, "tiny.toml:1: 2097152 bytes, more than the limit of 1048576");
}

#[test]
fn a_document_has_the_second_segment_where_the_model_has_one() {
    let segments = |more: &str| {
        let text = SUITE.replace("vocab_size = 50", &format!("vocab_size = 50\n{more}")).replace(
            "embedding = { tokens = 8, batch = 2 }",
            "reranking = { query_tokens = 2, document_tokens = 3, documents = 2 }",
        );
        match Suite::parse("tiny.toml", &text).unwrap().workloads[0].input(self_check_seed()) {
            Input::Encoder { token_types, .. } => token_types,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(segments(""), [0, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(segments("type_vocab_size = 1"), [0; 8]);
}

/// A suite with one workload of any family: model, further members of the model, and the workload's task.
fn of_family(config: &str, members: &str, task: &str, limits: &str) -> Result<Suite, String> {
    let head = &SUITE[..SUITE.find("[[slo]]").unwrap()];
    let text = format!(
        "{head}[[slo]]\nname = \"slo\"\n{limits}\nshare_ppm = 900000\n[[model]]\nname = \"m\"\nseed = 1\n{members}
[model.config]\n{config}\n[[workload]]\nname = \"w\"\nmodel = \"m\"\nclass = \"c\"\nslo = \"slo\"
requests_per_hour = 1\n{task}
variant = [{{ numerics = \"exact/1\", precision = \"f32\", share_ppm = 1000000 }}]\n"
    );
    Suite::parse("family.toml", &text).map_err(|error| error.to_string())
}

const VIT: &str = "model_type = \"vit\"\nhidden_size = 8\nintermediate_size = 16\nnum_hidden_layers = 2
num_attention_heads = 2\nimage_size = 32\npatch_size = 16";
const PIXELS: &str = "pixels = { mean = [0.5, 0.5, 0.5], std = [0.5, 0.5, 0.5] }";
const LATENCY: &str = "latency_ms = 1";

#[test]
fn an_image_model_needs_images_of_its_size_and_the_scale_of_its_colours() {
    let images = |size: u32| format!("image_classification = {{ image_size = {size}, batch = 2 }}");
    let suite = of_family(VIT, PIXELS, &images(32), LATENCY).unwrap();
    let Input::Images(images_of) = suite.workloads[0].input(self_check_seed()) else { panic!("no images") };
    assert_eq!((images_of.len(), images_of[0].values.len()), (2, 3 * 32 * 32));
    assert_ne!(images_of[0], images_of[1]);

    for (members, task, limits, expected) in [
        (PIXELS, images(48), LATENCY, "image_size 48, model `m` reads 32"),
        ("", images(32), LATENCY, "model `m` has no pixels, which image_classification needs"),
        (
            "pixels = { mean = [0.5], std = [0.5] }",
            images(32),
            LATENCY,
            "mean is not 3 numbers, one a colour",
        ),
        (
            "pixels = { mean = [0.5, 0.5, 0.5], std = [0.5, 0.0, 0.5] }",
            images(32),
            LATENCY,
            "std is not 3 numbers",
        ),
        (
            PIXELS,
            images(32),
            "ttft_ms = 1\ntpot_ms = 1",
            "slo `slo` does not fit the task image_classification",
        ),
        (
            PIXELS,
            "embedding = { tokens = 8, batch = 1 }".to_owned(),
            LATENCY,
            "model `m` is not for embedding",
        ),
        (
            PIXELS,
            format!("{}\n{}", images(32), "embedding = { tokens = 8, batch = 1 }"),
            LATENCY,
            "not exactly one task",
        ),
    ] {
        let message = of_family(VIT, members, &task, limits).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
}

const WHISPER: &str =
    "model_type = \"whisper\"\nvocab_size = 50\nd_model = 8\nencoder_layers = 1\ndecoder_layers = 1
encoder_attention_heads = 2\ndecoder_attention_heads = 2\nencoder_ffn_dim = 16\ndecoder_ffn_dim = 16
max_source_positions = 1500\nmax_target_positions = 10\nnum_mel_bins = 80";

#[test]
fn speech_has_its_samples_and_the_tokens_that_its_decoder_begins_with() {
    let tokens = "tokens = { start = 1, further = [4, 5], ordinary_from = 6 }";
    let speech = |ms: u32, output: u32| {
        format!("speech_recognition = {{ audio_ms = {ms}, output_tokens = {output}, batch = 1 }}")
    };
    let limits = "ttft_ms = 1\ntpot_ms = 1";
    let suite = of_family(WHISPER, tokens, &speech(250, 7), limits).unwrap();
    let Input::Speech { sounds, prompt, output_tokens } = suite.workloads[0].input(self_check_seed()) else {
        panic!("no sound")
    };
    assert_eq!((sounds[0].len(), prompt, output_tokens), (4000, vec![1, 4, 5], 7));
    assert!(sounds[0].iter().any(|sample| sample.unsigned_abs() > 4000));

    let refusal = |task: &str| of_family(WHISPER, tokens, task, limits).unwrap_err();
    assert!(refusal(&speech(250, 8)).contains("11 positions, model `m` has 10"));
    assert!(refusal(&speech(30_001, 7)).contains("audio_ms 30001 is not between 1 and 30000"));
    let beyond = of_family(WHISPER, &tokens.replace('5', "50"), &speech(250, 7), limits).unwrap_err();
    assert!(beyond.contains("further 50 is not below vocab_size 50"), "{beyond}");
}

#[test]
fn every_impossible_decoder_names_its_line() {
    let from = SUITE.find("[model.config]").unwrap();
    let to = SUITE.find("[[workload]]").unwrap();
    let (model, workload) = (&SUITE[..from], &SUITE[to..]);
    let suite = |config: &str| {
        let text = format!("{model}[model.config]\n{config}{workload}");
        let text = text.replace("latency_ms = 100", "ttft_ms = 100\ntpot_ms = 100").replace(
            "embedding = { tokens = 8, batch = 2 }",
            "generation = { prompt_tokens = 4, output_tokens = 4, batch = 2 }",
        );
        Suite::parse("tiny.toml", &text)
    };
    let config = "model_type = \"llama\"\nvocab_size = 50\nhidden_size = 24\nintermediate_size = 16
num_hidden_layers = 2\nnum_attention_heads = 6\nnum_key_value_heads = 3\nmax_position_embeddings = 8\n";
    assert!(suite(config).is_ok());
    for (from, to, expected) in [
        ("num_key_value_heads = 3", "num_key_value_heads = 4", ":31: num_attention_heads 6 is no multiple"),
        ("num_key_value_heads = 3", "num_key_value_heads = 0", ":31: num_key_value_heads 0"),
        ("num_attention_heads = 6", "num_attention_heads = 24", ":24: a head of 1 elements"),
        ("num_attention_heads = 6", "num_attention_heads = 6\nhead_dim = 5", ":31: a head of 5 elements"),
        (
            "num_attention_heads = 6",
            "num_attention_heads = 6\nhead_dim = 1000000",
            ":30: 6 heads of 1000000 elements, more than 1048576 in all",
        ),
        (
            "hidden_size = 24",
            "tie_word_embeddings = 1\nhidden_size = 24",
            ":27: tie_word_embeddings 1 is neither true nor false",
        ),
        ("_layers = 2", "_layers = 5000", ":29: num_hidden_layers 5000 is not a number from 1 to 4096"),
        ("max_position_embeddings = 8", "max_position_embeddings = 7", "8 positions, model `m` has 7"),
    ] {
        assert!(config.contains(from), "{from}");
        let message = suite(&config.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(message.contains(expected), "{to}: {message}");
    }
}

#[test]
fn a_second_workload_of_one_name_is_refused() {
    let (_, workload) = SUITE.split_at(SUITE.find("[[workload]]").unwrap());
    let message = Suite::parse("tiny.toml", &format!("{SUITE}{workload}")).unwrap_err().to_string();
    assert!(message.contains("name `embed` is used twice"), "{message}");
}

#[test]
fn one_byte_changes_the_digest() {
    let digest = |text: &str| Suite::parse("tiny.toml", text).unwrap().digest;
    assert_ne!(digest(SUITE), digest(&format!("{SUITE}#")));
}

#[test]
fn a_suite_whose_profile_nobody_could_read_is_refused() {
    let (head, workload) = SUITE.split_at(SUITE.find("[[workload]]").unwrap());
    let many = |rounds: u32| {
        let workloads = (0..120).map(|index| {
            let share = if index == 0 { "1000000" } else { "0" };
            workload.replace("\"embed\"", &format!("\"embed-{index}\"")).replacen("1000000", share, 1)
        });
        let text =
            head.replacen("rounds = 1", &format!("rounds = {rounds}"), 1) + &workloads.collect::<String>();
        Suite::parse("tiny.toml", &text).map(|suite| suite.workloads.len()).map_err(|error| error.to_string())
    };
    assert_eq!(many(3), Ok(240));
    let refused = many(6).unwrap_err();
    assert!(refused.starts_with("tiny.toml:6: 240 workloads in 6 rounds"), "{refused}");
}
