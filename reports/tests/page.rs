//! The faces of a profile: complete, the same from run to run, bounded and harmless whatever the profile says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod example;
mod html;

use proofmark_reports::page::page;
use proofmark_reports::schema::v1::*;
use proofmark_reports::{Digest, table, words};
use proptest::prelude::*;
use serde_json::Value;

/// No page is larger, whatever it shows.
const MAX_BYTES: usize = 6 << 20;
const HOSTILE: &str =
    "</title></style><script src=http://evil>alert('1')</script><img onerror=\"x\" src=//evil>&<!--";

fn shown(profile: &Profile) -> String {
    page(profile, Some(&example::suite()), Digest::of(b"report"))
}

/// The text of a page without its tags and its style.
fn text_of(page: &str) -> String {
    let body = page.split_once("</style>").unwrap().1;
    body.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, text)| text).collect()
}

#[test]
fn the_page_shows_everything_that_a_profile_has() {
    let page = shown(&example::profile());
    let text = text_of(&page);
    for expected in [
        "This machine serves",
        "hardware takes 50\u{a0}%",
        "needs 5.0 GiB, has 3.0 GiB",
        "each further token is estimated to take at least 1.24 s",
        "the cell&#39;s process ended by signal 9",
        "at least 187,500 requests an hour sustained, 600 asked",
        "41.3\u{a0}GB/s",
        "rerank-tinybert-exact-f32: other programs used 0.41 processors",
        "Advice: stop other programs and certify again.",
        "from round 3, chat-15m-native-bf16",
        "proofmark verify profile.json",
        &Digest::of(b"report").to_string(),
    ] {
        assert!(text.contains(expected), "{expected}");
    }
    let tags = html::tags(&page);
    let drawings = tags.iter().filter(|tag| tag.name == "svg");
    let is_image = |tag: &html::Tag| {
        tag.attributes.iter().any(|(key, value)| (key.as_str(), value.as_str()) == ("role", "img"))
    };
    let is_glyph = |tag: &html::Tag| tag.attributes.iter().any(|(key, _)| key == "aria-hidden");
    assert!(drawings.clone().count() > 60);
    assert!(drawings.clone().all(|tag| is_image(tag) != is_glyph(tag)));
    assert_eq!(
        drawings.filter(|tag| is_image(tag)).count(),
        tags.iter().filter(|tag| tag.name == "desc").count()
    );
}

#[test]
fn the_same_profile_gives_the_same_bytes() {
    assert_eq!(shown(&example::profile()), shown(&example::profile()));
}

#[test]
fn a_machine_that_computes_wrongly_is_told_so_first() {
    let mut profile = example::profile();
    profile.cells[2].self_check = SelfCheck::Mismatch;
    let page = shown(&profile);
    let first = page.split_once("<h2").unwrap().1;
    assert!(first.starts_with(">This machine computes wrongly</h2>"), "{}", &first[..60]);
    assert!(!text_of(&page).contains("This machine serves"));
    assert!(table::markdown(&profile, Digest::of(b"")).contains("This machine computes wrongly"));
}

#[test]
fn without_its_suite_a_page_has_no_limits_and_says_so() {
    let profile = example::profile();
    let mut other = example::suite();
    other.digest = Digest::of(b"another suite");
    for suite in [None, Some(&other)] {
        let page = page(&profile, suite, Digest::of(b""));
        assert!(page.contains("The suite is not at hand"));
        assert!(!page.contains(" asked"));
    }
}

#[test]
fn the_page_loads_nothing() {
    let page = shown(&example::profile());
    for forbidden in ["http:", "https:", "src=", "url(", "@import", "<script", "<link", "javascript"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert_eq!(html::scripts(&page), (Vec::new(), Vec::new()));
    let policy = "default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;";
    assert!(page.contains(policy));
}

#[test]
fn hostile_texts_stay_texts() {
    let mut profile = example::profile();
    profile.cells = [0, 1, 3, 16, 17].map(|index| profile.cells[index].clone()).into();
    for cell in &mut profile.cells {
        cell.rounds.truncate(1);
        for round in &mut cell.rounds {
            round.output_digests.clear();
            round.latency_ns.truncate(20);
        }
    }
    let mut tree = serde_json::to_value(&profile).unwrap();
    let mut count = 0;
    every_text(&mut tree, &mut |_| count += 1);
    let mut edited = 0;
    for index in 0..count {
        // Digests and words of the schema cannot be anything.
        let mut place = 0..;
        let mut candidate = tree.clone();
        every_text(&mut candidate, &mut |text| {
            if place.next() == Some(index) {
                *text = HOSTILE.to_owned();
            }
        });
        if serde_json::from_value::<Profile>(candidate.clone()).is_ok() {
            (tree, edited) = (candidate, edited + 1);
        }
    }
    assert!(edited > 80, "{edited}");
    let profile: Profile = serde_json::from_value(tree).unwrap();
    let page = shown(&profile);
    html::tags(&page);
    assert!(!page.contains("<script") && !page.contains("<img"));
    // As much of it as a name may have.
    assert!(page.matches("&lt;/title&gt;&lt;/style&gt;&lt;script src=http:").count() > 60);
    let markdown = table::markdown(&profile, Digest::of(b""));
    assert!(!markdown.contains("<script") && !markdown.contains("http://"));
}

fn every_text(value: &mut Value, edit: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => edit(text),
        Value::Array(items) => items.iter_mut().for_each(|item| every_text(item, edit)),
        Value::Object(members) => members.values_mut().for_each(|member| every_text(member, edit)),
        _ => {}
    }
}

fn set_times(cell: &mut Cell, latency_ns: Vec<u64>, ttft_ns: Vec<u64>, tpot_ns: Vec<u64>) {
    cell.rounds.truncate(1);
    (cell.rounds[0].latency_ns, cell.rounds[0].ttft_ns, cell.rounds[0].tpot_ns) =
        (latency_ns, ttft_ns, tpot_ns);
}

#[test]
fn the_largest_profile_gives_a_bounded_page() {
    let mut profile = example::profile();
    let long = HOSTILE.repeat(20);
    let mut cell = profile.cells[12].clone();
    let times: Vec<u64> = (0..40_000).map(|i| i * i * i).collect();
    set_times(&mut cell, times.clone(), times.clone(), times);
    cell.workload.clone_from(&long);
    cell.reason = Some(long.clone());
    cell.doubts = vec![Doubt { kind: DoubtKind::Swap, detail: long.clone(), advice: long.clone() }; 20];
    let capacity = cell.capacity.as_mut().unwrap();
    let mut trial = capacity.trials[0].clone();
    trial.requests_per_hour = (1 << 53) - 1;
    capacity.trials.extend(std::iter::repeat_n(trial, 1000));
    let mut small = cell.clone();
    set_times(&mut small, vec![0; 500], vec![u64::MAX; 500], vec![1; 500]);
    profile.cells = std::iter::once(cell).chain(std::iter::repeat_n(small, 400)).collect();
    let mut class = profile.coverage.classes[1].clone();
    class.class.clone_from(&long);
    class.missing =
        vec![Missing { workload: long.clone(), factor: Factor::Model, reason: long.clone() }; 300];
    profile.coverage.classes = vec![class; 200];
    profile.doubts = vec![Doubt { kind: DoubtKind::Governor, detail: long.clone(), advice: long }; 300];
    profile.sittings = vec![profile.sittings[0].clone(); 1000];

    let page = shown(&profile);
    assert!(page.len() < MAX_BYTES, "{} bytes", page.len());
    html::tags(&page);
    let text = text_of(&page);
    assert!(text.contains("160 of 401 cells are shown here"));
    assert!(text.contains("spread evenly over the sorted times"));
}

/// How one value of a profile is changed.
#[derive(Clone, Debug)]
enum Edit {
    Number(u64),
    Text(String),
    Null,
    Empty,
    Repeat(usize),
}

fn edits() -> impl Strategy<Value = Vec<(Vec<prop::sample::Index>, Edit)>> {
    let edit = prop_oneof![
        prop::sample::select(vec![0, 1, 1_000_001, (1 << 53) - 1, u64::MAX]).prop_map(Edit::Number),
        Just(Edit::Text(HOSTILE.to_owned())),
        "[ -~]{0,40}".prop_map(Edit::Text),
        Just(Edit::Null),
        Just(Edit::Empty),
        (2_usize..60).prop_map(Edit::Repeat),
    ];
    let path = prop::collection::vec(any::<prop::sample::Index>(), 8);
    prop::collection::vec((path, edit), 1..24)
}

/// Follows a path as far as it goes, or for as many steps as its edit is for a list, and edits there.
fn apply(value: &mut Value, path: &[prop::sample::Index], edit: &Edit) {
    let is_list_edit = matches!(edit, Edit::Empty | Edit::Repeat(_));
    match value {
        Value::Array(items) if is_list_edit && (items.is_empty() || path.len().is_multiple_of(2)) => {
            match edit {
                Edit::Repeat(times) if items.len() < 2000 => {
                    *items = std::iter::repeat_n(items.clone(), *times).flatten().collect();
                }
                Edit::Empty => items.clear(),
                _ => {}
            }
        }
        Value::Array(items) if !items.is_empty() && !path.is_empty() => {
            let index = path[0].index(items.len());
            apply(&mut items[index], &path[1..], edit);
        }
        Value::Object(members) if !members.is_empty() && !path.is_empty() => {
            let index = path[0].index(members.len());
            if let Some(member) = members.values_mut().nth(index) {
                apply(member, &path[1..], edit);
            }
        }
        leaf => match edit {
            Edit::Number(number) => *leaf = (*number).into(),
            Edit::Text(text) => *leaf = text.clone().into(),
            _ => *leaf = Value::Null,
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_face_of_an_edited_profile_is_bounded_and_well_formed(edits in edits()) {
        let mut tree = serde_json::to_value(example::profile()).unwrap();
        for (path, edit) in &edits {
            let before = tree.clone();
            apply(&mut tree, path, edit);
            if serde_json::from_value::<Profile>(tree.clone()).is_err() {
                tree = before;
            }
        }
        let profile: Profile = serde_json::from_value(tree).unwrap();
        let page = shown(&profile);
        prop_assert!(page.len() < MAX_BYTES);
        html::tags(&page);
        prop_assert_eq!(table::csv(&profile).matches("\r\n").count(), profile.cells.len() + 1);
        let markdown = table::markdown(&profile, Digest::of(b""));
        prop_assert!(!markdown.contains("<script") && !markdown.contains("<img"));
        let mut cells = table::cells(&profile);
        prop_assert_eq!(table::text(&cells).lines().count(), profile.cells.len() + 1);
        cells.condense();
        prop_assert_eq!(table::text(&cells).lines().count(), profile.cells.len() + 1);
        prop_assert!(!words::verdict(&profile).is_empty());
    }
}

#[test]
fn markdown_says_equal_settings_once() {
    let markdown = table::markdown(&example::profile(), Digest::of(b""));
    let lines: Vec<&str> = markdown.lines().collect();
    assert!(lines[0].starts_with("**Example Octane 9 Processor**, 2 processors, 23.0 GiB"), "{}", lines[0]);
    assert_eq!(lines[2], "All: threads 2");
    assert!(lines[4].starts_with("| workload | p50 | 95 % interval |"), "{}", lines[4]);
    let columns = lines[4].matches('|').count();
    let table = &lines[4..4 + 2 + 20];
    assert!(table.iter().all(|line| line.matches('|').count() == columns), "{table:#?}");
    assert!(markdown.contains("| code-135m-exact-f32 | not covered: needs 5.0 GiB, has 3.0 GiB |"));
    assert!(markdown.contains("This machine serves"));
}

#[test]
fn csv_has_a_row_a_cell_and_the_documented_columns() {
    let profile = example::profile();
    let csv = table::csv(&profile);
    let rows: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert_eq!(
        rows[0],
        "workload,task,model,numerics,precision,threads,batch,status,reason,samples,median_ns,median_low_ns,\
         median_high_ns,p90_ns,p99_ns,p999_ns,max_ns,ttft_median_ns,tpot_median_ns,within_slo,requests,success_ppm,\
         requests_per_hour,capacity_basis,roofline_ppm,bound,peak_memory_bytes,self_check,doubts"
    );
    assert_eq!(rows.len(), 21);
    assert!(
        rows[1]
            .starts_with("chat-135m-exact-f32,generation,smollm2-135m-shape,exact/1,f32,2,1,measured,,40,")
    );
    assert!(rows[4].contains(",not_covered,\"needs 5.0 GiB, has 3.0 GiB\",0,,,,"));
    assert!(rows[10].ends_with(",none,too_few_samples unstable_warm_up"), "{}", rows[10]);
}
