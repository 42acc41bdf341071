//! How a page lies in its window: measured by a script in a page around it, since the page itself runs no script but its own.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::browser::{Browser, Scheme, address};
use crate::output;

/// A page as laid out at one width.
pub(super) struct Layout {
    width: u32,
    /// Of what is in it, in pixels.
    content_width: u32,
    /// As `content_width`.
    pub(super) height: u32,
    /// The sum of its background's red, green and blue.
    brightness: u32,
    /// Texts that stick out of the window or lie on each other.
    faults: Vec<String>,
}

/// Frames the page and leaves its measures, and its faults, in the title.
const FRAME: &str = r#"<!doctype html><meta charset="utf-8"><title></title>
<iframe src="PAGE" style="width:WIDTHpx;height:800px;border:0"></iframe>
<script>
addEventListener("load", () => {
  const page = document.querySelector("iframe").contentDocument;
  page.querySelectorAll("details").forEach((details) => { details.open = true; });
  const top = page.documentElement;
  const faults = [];
  const say = (element, fact) => faults.push(fact + ": " + element.textContent.trim().slice(0, 40));
  const seen = [...page.body.querySelectorAll("*")].filter((e) => !e.closest(".scroll") && !e.closest(".unseen"));
  const boxes = [];
  for (const element of seen) {
    const box = element.getBoundingClientRect();
    const inSvg = element.closest("svg");
    if (box.right > WIDTH + 0.5 && !inSvg) say(element, "sticks out");
    const holdsText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!holdsText || ["TITLE", "title", "desc"].includes(element.tagName)) continue;
    if (!inSvg && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0
        && ["hidden", "clip"].includes(getComputedStyle(element).overflowX)) say(element, "is cut");
    const range = page.createRange();
    for (const node of element.childNodes) {
      if (node.nodeType !== 3 || !node.data.trim()) continue;
      range.selectNodeContents(node);
      for (const line of range.getClientRects()) boxes.push([line, element]);
    }
  }
  boxes.sort((a, b) => a[0].top - b[0].top);
  for (let i = 0; i < boxes.length; i++) {
    for (let j = i + 1; j < boxes.length && boxes[j][0].top < boxes[i][0].bottom; j++) {
      const [a, b] = [boxes[i][0], boxes[j][0]];
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1 && down > 0.35 * Math.min(a.height, b.height)) {
        say(boxes[i][1], "lies on \"" + boxes[j][1].textContent.trim().slice(0, 40) + "\"");
      }
    }
  }
  const contentWidth = top.scrollWidth;
  page.querySelectorAll("details").forEach((details) => { details.open = false; });
  const colour = getComputedStyle(page.body).backgroundColor.match(/\d+/g).slice(0, 3);
  const brightness = colour.reduce((sum, part) => sum + Number(part), 0);
  document.title = [contentWidth, top.scrollHeight, brightness, ...faults].join("\n");
});
</script>
"#;

/// Measures a page, which lies in a folder that can be written to.
pub(super) fn measure(browser: &Browser, page: &Path, width: u32, scheme: Scheme) -> Result<Layout> {
    let name = page.file_name().and_then(|name| name.to_str()).context("a page has a name")?;
    let frame = page.with_file_name("frame.html");
    fs::write(&frame, FRAME.replace("PAGE", name).replace("WIDTH", &width.to_string()))?;
    let mut start = browser.start(scheme);
    start.args(["--allow-file-access-from-files", "--window-size=2000,1000", "--dump-dom"]);
    let dom = output(start.arg(address(&frame)))?;
    let title = dom.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    let mut lines = title.context("the frame has no title")?.0.lines();
    let mut number = || -> Result<u32> { Ok(lines.next().context("the page was not measured")?.parse()?) };
    let (content_width, height, brightness) = (number()?, number()?, number()?);
    Ok(Layout { width, content_width, height, brightness, faults: lines.map(str::to_owned).collect() })
}

impl Layout {
    /// Fails if the page scrolls sideways, anything sticks out, is cut or lies on something else, or its colours are not those of
    /// `scheme`.
    pub(super) fn check(&self, scheme: Scheme) -> Result<()> {
        let Self { width, content_width, brightness, faults, .. } = self;
        ensure!(content_width <= width, "at {width} pixels the page is {content_width} wide");
        ensure!(faults.is_empty(), "at {width} pixels: {}", faults.join("; "));
        let is_dark = *brightness < 3 * 128;
        ensure!(
            is_dark == (scheme == Scheme::Dark),
            "the page is light where it should be dark, or dark where light"
        );
        Ok(())
    }
}
