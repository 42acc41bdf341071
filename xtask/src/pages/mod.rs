//! Pages as a browser has them, of a profile or of a network: pictures to look at, and checks that they load nothing, fit their
//! window and can be searched.

mod browser;
mod layout;
mod search;
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

/// Operators of the invented networks: few have a row each, many are summed up.
const NETWORKS: [u32; 2] = [10, 10_000];

/// Needs Chromium; not part of CI.
pub(crate) fn run(source: Source<'_>) -> Result<()> {
    let folder = folder()?;
    let page = folder.join("profile.html");
    fs::write(&page, html(source, &folder)?)?;
    let browser = Browser::find(&folder)?;
    look(&browser, &page, "")?;
    control(&browser, &page, &folder)?;
    println!("pages: nothing is loaded, nothing sticks out");
    Ok(())
}

/// The same of invented networks.
pub(crate) fn networks() -> Result<()> {
    let folder = folder()?;
    let browser = Browser::find(&folder)?;
    for operators in NETWORKS {
        let name = format!("network-{operators}");
        let page = folder.join(&name).with_extension("html");
        fs::write(&page, example("network_page", &[&operators.to_string()])?)?;
        look(&browser, &page, &format!("{name}-"))?;
        search::check(&browser, &page)?;
        control(&browser, &page, &folder)?;
    }
    println!("pages: nothing is loaded, nothing sticks out, and what is asked for is found");
    Ok(())
}

fn folder() -> Result<PathBuf> {
    let folder = root().join("target/pages");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Takes pictures, their names beginning with `prefix`, and measures the page at all widths.
fn look(browser: &Browser, page: &Path, prefix: &str) -> Result<()> {
    for (name, width, scheme) in PICTURES {
        let layout = layout::measure(browser, page, width, scheme)?;
        layout.check(scheme)?;
        let picture = page.with_file_name(format!("{prefix}{name}.png"));
        let requests = traffic::requests(browser, page, Some((&picture, width, layout.height, scheme)))?;
        ensure!(requests.is_empty(), "the page asks for {}", requests.join(", "));
        println!("pages: {} is {width} by {} pixels", picture.display(), layout.height);
    }
    for width in WIDTHS {
        layout::measure(browser, page, width, Scheme::Light)?.check(Scheme::Light)?;
    }
    Ok(())
}

/// The page's bytes.
fn html(source: Source<'_>, folder: &Path) -> Result<String> {
    let file = match source {
        Source::Example => return example("page", &[]),
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

/// What an example of `reports` prints.
fn example(name: &str, arguments: &[&str]) -> Result<String> {
    let mut example = cargo();
    example.args(["run", "--release", "--quiet", "--package", "proofmark-reports", "--example", name, "--"]);
    output(example.args(arguments))
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
    const SCRIPT: &str = "<script>document.body.style.minWidth = '200vw'</script>";
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

    let white = "<!doctype html><body style=\"background:white\">control";
    for (text, fits) in [(white.to_owned(), true), (format!("{white}{SCRIPT}"), false)] {
        fs::write(&control, text)?;
        let layout = layout::measure(browser, &control, 390, Scheme::Light)?;
        ensure!(layout.check(Scheme::Light).is_ok() == fits, "the control's script is not seen to run");
    }
    fs::write(&control, with(SCRIPT))?;
    let layout = layout::measure(browser, &control, 390, Scheme::Light)?;
    ensure!(layout.check(Scheme::Light).is_ok(), "the page's policy lets a script run that is not its own");

    fs::write(&control, with(WIDE))?;
    let layout = layout::measure(browser, &control, 390, Scheme::Light)?;
    ensure!(layout.check(Scheme::Light).is_err(), "a paragraph twice as wide as the window goes unseen");
    ensure!(
        layout::measure(browser, page, 390, Scheme::Dark)?.check(Scheme::Light).is_err(),
        "dark passes for light"
    );
    Ok(())
}
