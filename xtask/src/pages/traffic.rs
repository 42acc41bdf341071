//! What a page asks the network for, from Chromium's own log of it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::browser::{Browser, Scheme, address};
use crate::output;

/// A picture to take: file, width, height, colours.
pub(super) type Picture<'a> = (&'a Path, u32, u32, Scheme);

/// The addresses that a page starts requests to. The browser's own requests, for its clock and its updates, have no
/// initiator; a document's have, even where its origin is opaque.
pub(super) fn requests(browser: &Browser, page: &Path, picture: Option<Picture<'_>>) -> Result<Vec<String>> {
    let log = page.with_extension("net-log.json");
    let none = page.with_extension("png");
    let (file, width, height, scheme) = picture.unwrap_or((&none, 390, 844, Scheme::Light));
    let mut start = browser.start(scheme);
    start.arg(format!("--screenshot={}", file.display()));
    start.arg(format!("--window-size={width},{height}"));
    start.arg(format!("--log-net-log={}", log.display()));
    output(start.arg(address(page)))?;
    let text = fs::read_to_string(&log).with_context(|| format!("no {}", log.display()))?;
    let log: Value = serde_json::from_str(&text).context("Chromium's log of the network is cut off")?;

    let started = &log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"];
    started.as_u64().context("Chromium's log of the network has another form")?;
    let events = log["events"].as_array().context("Chromium's log of the network has no events")?;
    // The end of a request is an event as well, without an address.
    let begun = events.iter().filter(|event| event["type"] == *started && event["params"]["url"].is_string());
    let of_page = begun
        .filter(|event| event["params"]["initiator"] != "not an origin")
        .map(|event| event["params"]["url"].as_str().unwrap_or_default().to_owned());
    Ok(of_page.collect())
}
