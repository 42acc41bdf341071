//! Whether a page's own script runs, and finds, turns and sorts the rows of its long tables: asked by a script in a page around it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::browser::{Browser, Scheme, address};
use crate::output;

/// Frames the page and leaves what it saw of each long table in the title, a line a table.
const FRAME: &str = r#"<!doctype html><meta charset="utf-8"><title></title>
<iframe src="PAGE" style="width:1280px;height:800px;border:0"></iframe>
<script>
addEventListener("load", () => {
  const frame = document.querySelector("iframe").contentWindow;
  const seen = [Math.round(frame.performance.getEntriesByType("navigation")[0].domComplete)];
  for (const long of frame.document.querySelectorAll(".long")) {
    const data = JSON.parse(long.querySelector("script").textContent);
    const { before, after, names, rows } = data.columns[0];
    const last = rows[rows.length - 1];
    const name = before + (names ? names[last] : last) + after;
    const [search, , next] = long.querySelectorAll("input, .back, .next");
    const shown = () => [...long.querySelectorAll("tbody tr")].map((row) => row.cells[0].textContent);
    const first = shown();
    const served = !long.querySelector(".tools").hidden;
    next.click();
    const turned = shown().length > 0 && shown().join() !== first.join();
    search.value = name.toUpperCase();
    search.dispatchEvent(new frame.Event("input"));
    const found = shown().length > 0 && shown().every((row) => row === name);
    search.value = "no row has this";
    search.dispatchEvent(new frame.Event("input"));
    const none = shown().length === 0;
    search.value = "";
    search.dispatchEvent(new frame.Event("input"));
    const head = long.querySelector("th");
    head.querySelector("button").click();
    const sorted = shown().every((row, place, all) => !place || row >= all[place - 1]) && head.ariaSort === "ascending";
    seen.push([served, turned, found, none, sorted].join(" "));
  }
  document.title = seen.join("\n");
});
</script>
"#;
const ASKED: [&str; 5] =
    ["is served", "turns", "finds its last row", "finds nothing where nothing is", "is sorted"];

/// Fails if a long table of the page, which lies in a folder that can be written to, does not do what it should.
pub(super) fn check(browser: &Browser, page: &Path) -> Result<()> {
    let name = page.file_name().and_then(|name| name.to_str()).context("a page has a name")?;
    let frame = page.with_file_name("search.html");
    fs::write(&frame, FRAME.replace("PAGE", name))?;
    let mut start = browser.start(Scheme::Light);
    let dom = output(start.args(["--allow-file-access-from-files", "--dump-dom"]).arg(address(&frame)))?;
    let title = dom.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    let mut lines = title.context("the frame has no title")?.0.lines();
    let opened_ms: u32 = lines.next().unwrap_or_default().parse().context("the page was not asked")?;
    let mut tables = 0;
    for line in lines {
        tables += 1;
        for (asked, answer) in ASKED.into_iter().zip(line.split(' ')) {
            ensure!(answer == "true", "table {tables} of {name}: that it {asked} is {answer}");
        }
    }
    let has_data = fs::read_to_string(page)?.contains("application/json");
    ensure!(has_data == (tables > 0), "{name} has data, and no table was seen that it belongs to");
    println!("pages: {name} is there after {opened_ms} ms, {tables} long tables were searched");
    Ok(())
}
