//! A profile's page as a browser has it: pictures to look at, and checks that it loads nothing and fits its window.

mod browser;
mod layout;
mod traffic;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use browser::{Browser, Scheme};

use crate::{cargo, execute, output, root};

/// Whose page.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// A fresh profile of a suite that takes a second.
    Fresh,
    /// An invented profile that has everything a profile can have.
    Example,
    /// This file.
    File(&'a str),
}

const TINY: &str = "harness/tests/data/tiny.toml";
/// What the pictures show: name, width in pixels, colours.
const PICTURES: [(&str, u32, Scheme); 4] = [
    ("light", 1280, Scheme::Light),
    ("dark", 1280, Scheme::Dark),
    ("phone", 390, Scheme::Light),
    ("phone-dark", 390, Scheme::Dark),
];
/// Further widths at which nothing may stick out.
const WIDTHS: [u32; 4] = [320, 600, 960, 1920];

/// Needs Chromium; not part of CI.
pub(crate) fn run(source: Source<'_>) -> Result<()> {
    let folder = root().join("target/pages");
    fs::create_dir_all(&folder)?;
    let page = folder.join("profile.html");
    fs::write(&page, html(source, &folder)?)?;
    let browser = Browser::find(&folder)?;

    for (name, width, scheme) in PICTURES {
        let layout = layout::measure(&browser, &page, width, scheme)?;
        layout.check(scheme)?;
        let picture = folder.join(format!("{name}.png"));
        let requests = traffic::requests(&browser, &page, Some((&picture, width, layout.height, scheme)))?;
        ensure!(requests.is_empty(), "the page asks for {}", requests.join(", "));
        println!("pages: {} is {width} by {} pixels", picture.display(), layout.height);
    }
    for width in WIDTHS {
        layout::measure(&browser, &page, width, Scheme::Light)?.check(Scheme::Light)?;
    }
    control(&browser, &page, &folder)?;
    println!("pages: nothing is loaded, nothing sticks out");
    Ok(())
}

/// The page's bytes.
fn html(source: Source<'_>, folder: &Path) -> Result<String> {
    let file = match source {
        Source::Example => {
            let mut example = cargo();
            example.args([
                "run",
                "--release",
                "--quiet",
                "--package",
                "proofmark-reports",
                "--example",
                "page",
            ]);
            return output(&mut example);
        }
        Source::File(file) => PathBuf::from(file),
        Source::Fresh => {
            let file = folder.join("profile.json");
            let mut certify = proofmark(&["certify", "--quiet", "--suite", TINY, "--out"]);
            execute(certify.arg(&file).env("XDG_STATE_HOME", folder.join("state")))?;
            file
        }
    };
    output(proofmark(&["show", "--suite", TINY, "--output", "html"]).arg(file))
}

fn proofmark(arguments: &[&str]) -> std::process::Command {
    let mut proofmark = cargo();
    proofmark.args(["run", "--release", "--quiet", "--package", "proofmark", "--"]).args(arguments);
    proofmark
}

/// Pages that must fail the checks, and one that must not: so the checks see what they look for, and the page's policy stops
/// what might get past the escaping.
fn control(browser: &Browser, page: &Path, folder: &Path) -> Result<()> {
    const IMAGE: &str = "<img src=\"http://proofmark.invalid/control.png\">";
    const WIDE: &str = "<p style=\"width:200vw\">wide</p>";
    let control = folder.join("control.html");

    fs::write(&control, format!("<!doctype html><title>control</title>{IMAGE}"))?;
    let requests = traffic::requests(browser, &control, None)?;
    ensure!(requests.len() == 1, "the control page asks for one image, seen were {requests:?}");

    let text = fs::read_to_string(page)?;
    let with = |markup: &str| text.replacen("<main>", &format!("<main>{markup}"), 1);
    ensure!(with(IMAGE) != text, "the page has no place for the control's image");
    fs::write(&control, with(IMAGE))?;
    let requests = traffic::requests(browser, &control, None)?;
    ensure!(requests.is_empty(), "the page's policy lets through {requests:?}");

    fs::write(&control, with(WIDE))?;
    let layout = layout::measure(browser, &control, 390, Scheme::Light)?;
    ensure!(layout.check(Scheme::Light).is_err(), "a paragraph twice as wide as the window goes unseen");
    ensure!(
        layout::measure(browser, page, 390, Scheme::Dark)?.check(Scheme::Light).is_err(),
        "dark passes for light"
    );
    Ok(())
}
