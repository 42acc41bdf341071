//! Chromium without a window.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::{command, output};

/// Whether pages are light or dark.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// An installed browser.
pub(super) struct Browser {
    program: &'static str,
    folder: PathBuf,
    is_root: bool,
}

const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

impl Browser {
    /// The first on the search path; its own state goes below `folder`.
    pub(super) fn find(folder: &Path) -> Result<Self> {
        let is_there = |program: &&str| output(command(program).arg("--version")).is_ok();
        let Some(program) = PROGRAMS.into_iter().find(is_there) else {
            bail!("no Chromium on the search path; on Debian: apt-get install chromium");
        };
        let is_root = output(command("id").arg("-u"))?.trim() == "0";
        Ok(Self { program, folder: folder.join("browser"), is_root })
    }

    /// A start of the browser, to which a task and a page are added. No name resolves, so nothing leaves the machine.
    pub(super) fn start(&self, scheme: Scheme) -> Command {
        let mut start = command(self.program);
        start.args([
            "--headless=new",
            "--disable-gpu",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
            "--no-first-run",
            "--no-default-browser-check",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-default-apps",
            "--disable-extensions",
            "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND",
        ]);
        start.arg(match scheme {
            Scheme::Light => "--blink-settings=preferredColorScheme=1",
            Scheme::Dark => "--blink-settings=preferredColorScheme=0",
        });
        start.arg(format!("--user-data-dir={}", self.folder.display()));
        if self.is_root {
            // Its sandbox refuses root.
            start.arg("--no-sandbox");
        }
        start
    }
}

/// A file's address.
pub(super) fn address(file: &Path) -> String {
    format!("file://{}", file.display())
}
