//! How many profiles a core verifies in a second, against general crates put together for form and signature alone:
//! `cargo bench -p proofmark-reports --bench verify`.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "../tests/honest/mod.rs"]
mod honest;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::{Signature, VerifyingKey};
use honest::{honest, signed, suite};
use proofmark_bench::Turns;
use proofmark_reports::schema::v1::Profile;
use proofmark_reports::verify::{Context, verify};
use proofmark_reports::{canonical_json, document};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Form and signature as `serde_json`, `serde_json_canonicalizer`, `sha2` and `ed25519-dalek` check them, and the schema as
/// serde reads it. What else `verify` does, it leaves out.
fn straight(bytes: &[u8]) -> Option<Profile> {
    let whole: Value = serde_json::from_slice(bytes).ok()?;
    let is_canonical = serde_json_canonicalizer::to_vec(&whole).ok()? == bytes;
    is_canonical.then_some(())?;
    let body_holds = straight_signature(whole.clone())?;
    body_holds.then(|| serde_json::from_value(whole).ok())?
}

/// The signature alone, of text in whichever form it came.
fn straight_signature(mut body: Value) -> Option<bool> {
    let mut proof = body.as_object_mut()?.remove("proof")?;
    let signature = proof.as_object_mut()?.remove("proofValue")?;
    let operator = body["operator"].as_str()?.strip_prefix("did:key:z")?;
    let key: [u8; 34] = bs58::decode(operator).into_vec().ok()?.try_into().ok()?;
    let key = VerifyingKey::from_bytes(key[2..].try_into().ok()?).ok()?;
    let signature = bs58::decode(signature.as_str()?.strip_prefix('z')?).into_vec().ok()?;
    let mut data = Sha256::digest(serde_json_canonicalizer::to_vec(&proof).ok()?).to_vec();
    data.extend(Sha256::digest(serde_json_canonicalizer::to_vec(&body).ok()?));
    Some(key.verify_strict(&data, &Signature::from_slice(&signature).ok()?).is_ok())
}

fn verification(criterion: &mut Criterion<Turns>) {
    let (bytes, suites) = (signed(honest()), [suite()]);
    let context = Context::new(&suites, "2026-11-21T05:00:00Z".parse().unwrap());
    assert_eq!(verify(&bytes, context).reasons, [], "the program accepts the profile");
    assert_eq!(straight(&bytes), Some(document::open(&bytes).unwrap().document), "general crates do too");
    println!("a profile of {} bytes", bytes.len());

    let tree = || serde_json::from_slice::<Value>(&bytes).unwrap();
    let mut parse = criterion.benchmark_group("parse");
    time(&mut parse, "proofmark", || canonical_json::parse(&bytes, canonical_json::Limits::default()));
    time(&mut parse, "straight", tree);
    parse.finish();
    let mut form = criterion.benchmark_group("form and signature");
    time(&mut form, "proofmark", || document::open::<Profile>(&bytes));
    time(&mut form, "straight", || straight(&bytes));
    time(&mut form, "straight, signature alone", || straight_signature(tree()));
    form.finish();
    let mut whole = criterion.benchmark_group("verify");
    time(&mut whole, "proofmark", || verify(&bytes, context));
    whole.finish();
    // Whoever asks for some benchmarks, or for their names, does not ask for these.
    if std::env::args().skip(1).any(|argument| argument != "--bench") {
        return;
    }
    in_turns(
        bytes.len(),
        || _ = black_box(verify(black_box(&bytes), context)),
        || _ = black_box(straight(black_box(&bytes))),
        || _ = black_box(straight_signature(tree())),
    );
}

fn time<T>(group: &mut BenchmarkGroup<'_, Turns>, name: &str, mut work: impl FnMut() -> T) {
    group.throughput(Throughput::Elements(1));
    group.bench_function(name, |bencher| bencher.iter(&mut work));
}

/// The ratios of the whole verification to the straight versions, timed in turns, so that a machine that becomes slower
/// makes both slower.
fn in_turns(length: usize, verify: impl Fn(), straight: impl Fn(), signature: impl Fn()) {
    const TURNS: usize = 60;
    const REPEATS: u32 = 20;
    let time = |work: &dyn Fn()| {
        let start = Instant::now();
        (0..REPEATS).for_each(|_| work());
        start.elapsed() / REPEATS
    };
    let works: [&dyn Fn(); 3] = [&verify, &straight, &signature];
    let turns: Vec<[Duration; 3]> = (0..TURNS).map(|_| works.map(time)).collect();
    let median = |of: &dyn Fn(&[Duration; 3]) -> f64| {
        let mut values: Vec<f64> = turns.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[TURNS / 2]
    };
    let verify_us = median(&|turn| turn[0].as_secs_f64() * 1e6);
    println!(
        "verify in {verify_us:.0} us: {:.0} profiles of 100 KB a second and core; straight takes {:.2} times as long, its \
         signature alone {:.2} times (medians of {TURNS} turns)",
        1e6 / verify_us * length as f64 / 1e5,
        median(&|turn| turn[1].as_secs_f64() / turn[0].as_secs_f64()),
        median(&|turn| turn[2].as_secs_f64() / turn[0].as_secs_f64()),
    );
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(Turns);
    targets = verification
}
criterion_main!(benches);
