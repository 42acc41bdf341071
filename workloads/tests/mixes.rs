//! A mix is read strictly: each fault is refused with file, line and fact.

use proofmark_workloads::{Basis, Mix, MixRequest, RequestKind};

const MIX: &str = r#"format = 1
name = "tiny"
version = "1.0.0"
description = "two requests"
basis = "trace"
request = [
    { task = "generation", prompt_tokens = 64, output_tokens = 16, share_ppm = 750000 },
    { task = "embedding", tokens = 8, batch = 2, share_ppm = 250000 },
]
[source]
repository = "https://example.org/traces"
path = "a.csv"
commit = "abcdef12"
licence = "CC-BY-4.0"
attribution = "somebody"
rows = 4
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
[quantiles]
prompt_tokens = { p25 = 1, p50 = 2, p75 = 3, p90 = 4, p99 = 5 }
output_tokens = { p25 = 1, p50 = 2, p75 = 3, p90 = 4, p99 = 5 }
"#;

#[test]
fn a_mix_gives_what_its_file_says() {
    let mix = Mix::parse("tiny.toml", MIX).unwrap();
    let generation = RequestKind::Generation { prompt_tokens: 64, output_tokens: 16 };
    let embedding = RequestKind::Embedding { tokens: 8, batch: 2 };
    assert_eq!(
        mix.requests,
        [
            MixRequest { kind: generation, share_ppm: 750_000 },
            MixRequest { kind: embedding, share_ppm: 250_000 }
        ]
    );
    let Basis::Trace(trace) = mix.basis else { panic!("no trace") };
    assert_eq!((trace.attribution.as_str(), trace.rows, trace.output_tokens.p90), ("somebody", 4, 4));
}

#[test]
fn an_assumption_is_told_from_a_trace() {
    let (before, _) = MIX.split_at(MIX.find("[source]").unwrap());
    let text = before.replace("basis = \"trace\"", "basis = \"assumption\"\nreasoning = \"because\"");
    let mix = Mix::parse("tiny.toml", &text).unwrap();
    assert_eq!(mix.basis, Basis::Assumption { reasoning: "because".to_owned() });

    for (text, expected) in [
        (text.replace("\"because\"", "\" \""), "tiny.toml:6: an empty text"),
        (text.replace("reasoning", "#"), "tiny.toml:5: an assumption has reasoning alone"),
        (text.replace("\"assumption\"", "\"trace\""), "tiny.toml:5: a trace has source and quantiles alone"),
        (
            text.replace("\"assumption\"", "\"dice\""),
            "tiny.toml:5: basis `dice` is none of trace, assumption",
        ),
        (MIX.replace("\"trace\"", "\"assumption\""), "tiny.toml:5: an assumption has reasoning alone"),
    ] {
        assert_eq!(Mix::parse("tiny.toml", &text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn every_fault_of_a_mix_names_its_line() {
    for (from, to, expected) in [
        ("format = 1", "format = 2", "tiny.toml:1: mix format 2 is unknown"),
        ("\"tiny\"", "\"Tiny\"", "tiny.toml:2: name `Tiny`"),
        ("\"1.0.0\"", "\"1\"", "tiny.toml:3: version `1`"),
        ("format = 1", "format = 1\nsize = 2", "tiny.toml:2: unknown field `size`"),
        ("batch = 2", "batsh = 2", "tiny.toml:8: unknown field `batsh`"),
        ("\"embedding\"", "\"divination\"", "tiny.toml:8: task `divination` is unknown"),
        (", batch = 2", "", "tiny.toml:8: a request for embedding without batch"),
        ("batch = 2", "batch = 2, texts = 1", "tiny.toml:8: a request for embedding has no texts"),
        ("tokens = 8", "tokens = 0", "tiny.toml:8: tokens 0 is not between 1 and"),
        ("tokens = 8", "tokens = 9000000000", "tiny.toml:8: tokens 9000000000"),
        ("tokens = 8", "tokens = -8", "tiny.toml:8:"),
        ("share_ppm = 250000", "share_ppm = 0", "tiny.toml:8: share_ppm 0"),
        ("share_ppm = 250000", "share_ppm = 250001", "tiny.toml:6: the requests' shares add up to 1000001"),
        (
            "{ task = \"embedding\", tokens = 8, batch = 2,",
            "{ task = \"generation\", prompt_tokens = 64, output_tokens = 16,",
            "tiny.toml:8: a request that is there twice",
        ),
        ("rows = 4", "rows = 0", "tiny.toml:16: rows 0"),
        ("\"somebody\"", "\"\"", "tiny.toml:15: an empty text"),
        ("\"e3b0", "\"E3b0", "tiny.toml:17: a digest is 64"),
        ("p50 = 2", "p50 = 4", "tiny.toml:19: quantiles that do not ascend"),
        (", p99 = 5", "", "tiny.toml:19: missing field `p99`"),
    ] {
        assert!(MIX.contains(from), "{from}");
        let message = Mix::parse("tiny.toml", &MIX.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(message.contains(expected), "{to}: {message}");
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn a_mix_without_end_is_refused() {
    let entry = "    { task = \"embedding\", tokens = 8, batch = 2, share_ppm = 1 },\n";
    let text = MIX.replacen("]\n", &format!("{}]\n", entry.repeat(4095)), 1);
    let message = Mix::parse("tiny.toml", &text).unwrap_err().to_string();
    assert!(message.contains("4097 requests, more than the limit of 4096"), "{message}");

    let message = Mix::parse("tiny.toml", &"#\n".repeat(1 << 20)).unwrap_err().to_string();
    assert_eq!(message, "tiny.toml:1: 2097152 bytes, more than the limit of 1048576");
}

#[test]
fn one_byte_changes_a_mix_digest() {
    let digest = |text: &str| Mix::parse("tiny.toml", text).unwrap().digest;
    assert_ne!(digest(MIX), digest(&format!("{MIX}#")));
}
