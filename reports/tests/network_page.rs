//! The page of a network: complete, the same from run to run, bounded and harmless whatever the comparison says, from three operators
//! to ten thousand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod html;
mod network_fixture;

use std::sync::LazyLock;

use base64ct::{Base64, Encoding};
use network_fixture::{comparison, comparison_by};
use proofmark_reports::Digest;
use proofmark_reports::page::network_page;
use proofmark_reports::schema::comparison::*;
use proofmark_reports::table::{Row, comparison as tables};
use proofmark_workloads::embedded;
use proptest::prelude::*;
use serde_json::Value;

const HOSTILE: &str =
    "</title></style></script><script>alert('1')</script><img onerror=\"x\" src=//evil>\u{2028}\u{0}\\&<!--";

/// The text of a page without its tags, style and scripts.
fn text_of(page: &str) -> String {
    let body = page.split_once("</style>").unwrap().1;
    let mut text = String::new();
    for piece in body.split('<').filter(|piece| !piece.starts_with("script")) {
        text += piece.split_once('>').map_or("", |(_, text)| text);
        text.push('\n');
    }
    text.replace("&#39;", "'").replace("&quot;", "\"").replace('\u{a0}', " ").replace('\u{2060}', "")
}

fn attribute<'a>(tag: &'a html::Tag, name: &str) -> Option<&'a str> {
    tag.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[test]
fn the_page_shows_everything_that_a_comparison_has() {
    let comparison = comparison(10);
    let page = network_page(&comparison);
    let text = text_of(&page);
    for sentence in tables::verdict(&comparison) {
        assert!(text.contains(&sentence), "{sentence}");
    }
    let sections = tables::sections(&comparison);
    assert_eq!(sections.len(), 14);
    for section in sections {
        assert!(text.contains(section.title), "{}", section.title);
        let notes = section.note.iter();
        notes.for_each(|note| assert!(text.contains(note), "{note}"));
        for row in &section.table.rows {
            let Row::Fields(fields) = row else { panic!("{row:?}") };
            fields.iter().for_each(|field| assert!(text.contains(field), "{field}"));
        }
    }
    for expected in
        ["What is lost at this rate without each operator", "Which hardware has the same native outputs"]
    {
        assert!(text.contains(expected), "{expected}");
    }
}

#[test]
fn drawings_and_tables_say_what_they_are_to_those_who_do_not_see_them() {
    let tags = html::tags(&network_page(&comparison(61)));
    let named = |name: &'static str| tags.iter().filter(move |tag| tag.name == name);
    let images = named("svg").filter(|tag| attribute(tag, "role") == Some("img")).count();
    let glyphs = named("svg").filter(|tag| attribute(tag, "aria-hidden").is_some()).count();
    assert!(images > 40);
    assert_eq!(images + glyphs, named("svg").count());
    assert_eq!(images, named("desc").count());
    assert!(named("th").all(|tag| matches!(attribute(tag, "scope"), Some("col" | "row"))));
    assert_eq!(named("table").count(), named("caption").count());
    assert!(named("input").all(|tag| attribute(tag, "aria-label").is_some()));
}

#[test]
fn the_same_comparison_gives_the_same_bytes() {
    assert_eq!(network_page(&comparison(61)), network_page(&comparison(61)));
}

#[test]
fn the_page_loads_nothing_and_runs_only_its_own_script() {
    for operators in [10, 61] {
        let page = network_page(&comparison(operators));
        for forbidden in [
            "http:",
            "https:",
            "src=",
            "href",
            "url(",
            "@import",
            "<link",
            "javascript",
            "innerHTML",
            "fetch",
        ] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        let (run, _) = html::scripts(&page);
        assert_eq!(run.len(), 1);
        let digest = Base64::encode_string(&Digest::of(run[0].as_bytes()).0);
        let tags = html::tags(&page);
        let policy = tags.iter().find(|tag| attribute(tag, "http-equiv") == Some("Content-Security-Policy"));
        let policy = attribute(policy.unwrap(), "content").unwrap().replace("&#39;", "'");
        assert!(
            policy.starts_with(&format!("default-src 'none'; script-src 'sha256-{digest}'; style-src ")),
            "{policy}"
        );
    }
}

#[test]
fn up_to_sixty_operators_have_a_row_each_and_more_are_summed_up() {
    // Of the heat map: one more row has the shares, and one the network.
    let rows = |operators: usize| {
        let page = network_page(&comparison(operators));
        html::tags(&page);
        let map = page.split_once("<section id=\"heat-map\">").unwrap().1.split_once("</section>").unwrap().0;
        map.matches("<th scope=\"row\"").count() - 2
    };
    assert_eq!([3, 60].map(rows), [3, 60]);
    let of_61 = comparison(61);
    let mut kinds: Vec<&str> = of_61.operators.iter().map(|row| row.hardware.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(rows(61), kinds.len());
    assert!(!network_page(&comparison(25)).contains("application/json"));
}

#[test]
fn many_kinds_of_request_have_colours_instead_of_figures() {
    let standard = embedded().remove(1);
    for operators in [10, 61] {
        let comparison = comparison_by(&standard, operators);
        assert!(comparison.demand.len() > 16);
        let page = network_page(&comparison);
        let tags = html::tags(&page);
        let fields = tags.iter().filter(|tag| tag.name == "td" && attribute(tag, "title").is_some());
        assert!(fields.count() > operators.min(5) * comparison.demand.len());
        assert!(page.contains("<table class=\"heat dense\">"));
    }
}

/// As the page's script reads them.
fn fields_reference(data: &Value) -> Vec<Vec<String>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let field = |column: &Value, row: usize| {
        let own = &column["rows"][row];
        let own = column.get("names").map_or(own, |names| &names[own.as_u64().unwrap() as usize]);
        text(&column["before"]) + &text(own) + &text(&column["after"])
    };
    let columns = data["columns"].as_array().unwrap();
    let rows = columns[0]["rows"].as_array().unwrap().len();
    (0..rows).map(|row| columns.iter().map(|column| field(column, row)).collect()).collect()
}

#[test]
fn ten_thousand_operators_are_all_there_and_the_page_stays_small() {
    let comparison = comparison(10_000);
    let page = network_page(&comparison);
    assert!(page.len() < 3 << 20, "{} bytes", page.len());
    html::tags(&page);
    let (_, data) = html::scripts(&page);
    let data: Vec<Value> = data.into_iter().map(|data| serde_json::from_str(data).unwrap()).collect();
    let operators = data.iter().find(|data| data["all"] == 10_000).unwrap();
    let mut table = tables::sections(&comparison)
        .into_iter()
        .find(|s| s.title == "What each operator adds")
        .unwrap()
        .table;
    table.condense();
    let fields = |row: &Row| match row {
        Row::Fields(fields) => fields.clone(),
        Row::Remark(..) => panic!("{row:?}"),
    };
    assert_eq!(fields_reference(operators), table.rows.iter().map(fields).collect::<Vec<_>>());
    let squares = &operators["squares"];
    assert_eq!(squares["rows"].as_array().unwrap().len(), 10_000);
    let length = |row: &Value| row.as_str().unwrap().len();
    assert!(squares["rows"].as_array().unwrap().iter().all(|row| length(row) == comparison.demand.len()));
    // And without a script, what matters.
    let text = text_of(&page);
    assert!(text.contains("The first 25 of 10,000 rows; the script of this page shows the others."));
    let first = &comparison.operators[24].operator;
    assert!(text.contains(first) && !text.contains(&comparison.operators[25].operator));
}

/// Every text of a comparison.
fn texts(comparison: &mut Comparison) -> Vec<&mut String> {
    let mut texts = vec![
        &mut comparison.kind,
        &mut comparison.schema,
        &mut comparison.suite.name,
        &mut comparison.suite.version,
        &mut comparison.demand_source,
        &mut comparison.coverage_common_cause.attribute,
    ];
    texts.extend(&mut comparison.coverage_common_cause.reason);
    texts.extend(&mut comparison.capacity_reason);
    texts.extend(
        comparison.coverage_common_cause.all_attributes.iter_mut().flat_map(|all| &mut all.attributes),
    );
    texts.extend(comparison.waterfall.iter_mut().map(|stage| &mut stage.factor));
    for row in &mut comparison.demand {
        texts.extend([&mut row.workload, &mut row.class]);
        texts.extend(&mut row.failing_factor);
        texts.extend(row.waterfall.iter_mut().map(|stage| &mut stage.factor));
    }
    for row in &mut comparison.classes {
        texts.push(&mut row.class);
        texts.extend(&mut row.binding_factor);
        texts.extend(row.waterfall.iter_mut().map(|stage| &mut stage.factor));
    }
    for row in &mut comparison.operators {
        texts.extend([&mut row.operator, &mut row.hardware]);
        texts.extend(row.region.iter_mut().chain(&mut row.provider));
    }
    comparison
        .candidates
        .iter_mut()
        .for_each(|row| texts.extend([&mut row.file, &mut row.operator, &mut row.hardware]));
    comparison.outages.iter_mut().for_each(|row| texts.extend([&mut row.attribute, &mut row.group]));
    for row in &mut comparison.worst_outages {
        texts.extend([&mut row.attribute, &mut row.search]);
        texts.extend(&mut row.groups);
    }
    for row in &mut comparison.concentration {
        texts.extend([&mut row.attribute, &mut row.weight, &mut row.largest]);
    }
    if let Some(capacity) = &mut comparison.capacity {
        texts.push(&mut capacity.worth);
        texts.extend(capacity.routers.iter_mut().map(|row| &mut row.router));
        texts.extend(capacity.prices.iter_mut().map(|row| &mut row.workload));
    }
    for row in &mut comparison.agreement {
        texts.push(&mut row.workload);
        texts.extend(&mut row.differing);
    }
    texts.extend(&mut comparison.determinism.hardware);
    for row in &mut comparison.resemblances {
        texts.extend(&mut row.operators);
        texts.extend([&mut row.kind, &mut row.detail]);
    }
    for row in &mut comparison.gaps {
        texts.extend([&mut row.workload, &mut row.class, &mut row.binding_factor]);
        texts.extend(row.closed_by.iter_mut().map(|closer| &mut closer.machine));
    }
    texts.extend(comparison.additions.iter_mut().map(|row| &mut row.machine));
    for row in &mut comparison.refused {
        texts.push(&mut row.file);
        texts.extend(&mut row.reasons);
    }
    texts
}

fn count_of_texts(value: &Value) -> usize {
    match value {
        Value::String(_) => 1,
        Value::Array(items) => items.iter().map(count_of_texts).sum(),
        Value::Object(members) => members.values().map(count_of_texts).sum(),
        _ => 0,
    }
}

#[test]
fn hostile_texts_stay_texts() {
    for operators in [10, 61] {
        let mut comparison = comparison(operators);
        let all = count_of_texts(&serde_json::to_value(&comparison).unwrap());
        let digests = 1
            + comparison
                .agreement
                .iter()
                .map(|row| row.digests.len() + usize::from(row.golden.is_some()))
                .sum::<usize>()
            + 2 * comparison.resemblances.len();
        let texts = texts(&mut comparison);
        assert_eq!(texts.len() + digests, all);
        texts.into_iter().for_each(|text| *text = HOSTILE.to_owned());
        let page = network_page(&comparison);
        html::tags(&page);
        let (run, data) = html::scripts(&page);
        assert!(run.len() == 1 && !page.contains("<img"));
        for data in data {
            assert!(data.is_ascii() && !data.contains(['<', '>', '&']));
            let fields = fields_reference(&serde_json::from_str(data).unwrap());
            // As the rows have it that are there without a script.
            assert_eq!(fields[0][0], HOSTILE.replace('\0', "?"));
        }
        assert!(page.matches("&lt;/title&gt;&lt;/style&gt;&lt;/script&gt;&lt;script&gt;alert").count() > 100);
    }
}

#[test]
fn no_text_is_longer_than_a_page_lets_it_be() {
    let mut comparison = comparison(10);
    comparison.capacity_reason = Some(String::new());
    texts(&mut comparison).into_iter().for_each(|text| *text = "x".repeat(5_000));
    let page = network_page(&comparison);
    assert!(page.contains(&"x".repeat(400)) && !page.contains(&"x".repeat(401)));
}

#[test]
fn the_largest_comparison_gives_a_bounded_page() {
    let mut comparison = comparison(61);
    let operators = comparison.operators.clone();
    comparison.operators = operators.into_iter().cycle().take(40_000).collect();
    comparison.outages = comparison.outages.clone().into_iter().cycle().take(40_000).collect();
    comparison.refused = comparison.refused.clone().into_iter().cycle().take(40_000).collect();
    comparison.resemblances = comparison.resemblances.clone().into_iter().cycle().take(40_000).collect();
    comparison.gaps = comparison.gaps.clone().into_iter().cycle().take(5_000).collect();
    comparison.demand = comparison.demand.clone().into_iter().cycle().take(500).collect();
    comparison.determinism.same = vec![vec![Some(0.5); 300]; 300];
    comparison.determinism.hardware = vec![String::new(); 300];
    for (place, text) in texts(&mut comparison).into_iter().enumerate() {
        *text = format!("{place} {}", HOSTILE.repeat(20));
    }
    let page = network_page(&comparison);
    assert!(page.len() < 12 << 20, "{} bytes", page.len());
    html::tags(&page);
    assert!(text_of(&page).contains("proofmark compare --output csv or json has all."));
}

/// Every figure of a comparison that a drawing shows.
fn figures(comparison: &mut Comparison) -> Vec<&mut f64> {
    fn ends(figure: &mut Figure) -> [&mut f64; 3] {
        [&mut figure.value, &mut figure.low, &mut figure.high]
    }
    let mut figures: Vec<&mut f64> = ends(&mut comparison.coverage).into();
    figures.extend(comparison.waterfall.iter_mut().map(|stage| &mut stage.left));
    for row in &mut comparison.demand {
        figures.push(&mut row.share);
        figures.extend(ends(&mut row.success));
    }
    for row in &mut comparison.operators {
        figures.extend(&mut row.success);
        figures.extend(ends(&mut row.marginal).into_iter().chain(ends(&mut row.shapley)));
        figures.extend([&mut row.coverage_part, &mut row.volume_part].into_iter().flatten());
    }
    comparison.candidates.iter_mut().for_each(|row| figures.extend(ends(&mut row.marginal)));
    figures.extend(comparison.outages.iter_mut().map(|row| &mut row.coverage));
    for row in &mut comparison.concentration {
        figures.extend([&mut row.largest_share, &mut row.hill_0.value, &mut row.hill_1.value]);
    }
    if let Some(capacity) = &mut comparison.capacity {
        figures.extend(ends(&mut capacity.success));
        for row in &mut capacity.routers {
            figures.extend([
                &mut row.success,
                &mut row.nobody_eligible,
                &mut row.waited_too_long,
                &mut row.failed,
            ]);
        }
    }
    figures.extend(comparison.determinism.same.iter_mut().flatten().flatten());
    figures.extend(comparison.gaps.iter_mut().map(|row| &mut row.loss));
    comparison.additions.iter_mut().for_each(|row| figures.extend([&mut row.gain, &mut row.coverage]));
    figures
}

static SMALL: LazyLock<Comparison> = LazyLock::new(|| comparison(3));
static LARGE: LazyLock<Comparison> = LazyLock::new(|| comparison(61));

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_figure_breaks_a_drawing(
        of in prop::sample::select(vec![&*SMALL, &*LARGE]),
        numbers in prop::collection::vec(
            prop::sample::select(vec![0.0, 1.0, 0.5, 1e-300, 1e-7, -1.0, 2.0, 1e300, f64::NAN, f64::INFINITY]),
            1..40,
        ),
    ) {
        let mut comparison = of.clone();
        let numbers = numbers.into_iter().cycle();
        figures(&mut comparison).into_iter().zip(numbers).for_each(|(figure, number)| *figure = number);
        let page = network_page(&comparison);
        html::tags(&page);
        prop_assert!(page.len() < 1 << 20);
    }
}

#[test]
fn a_comparison_of_nothing_has_a_page() {
    let mut comparison = comparison(3);
    comparison.classes.clear();
    comparison.demand.clear();
    comparison.waterfall.clear();
    comparison.operators.clear();
    comparison.candidates.clear();
    comparison.outages.clear();
    comparison.worst_outages.clear();
    comparison.concentration.clear();
    comparison.capacity = None;
    comparison.agreement.clear();
    comparison.determinism.hardware.clear();
    comparison.determinism.same.clear();
    comparison.resemblances.clear();
    comparison.gaps.clear();
    comparison.additions.clear();
    comparison.refused.clear();
    let page = network_page(&comparison);
    html::tags(&page);
    let headings = page.matches("<h2").count();
    assert_eq!(headings, 2, "the verdict and the waterfall alone");
}
