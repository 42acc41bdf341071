//! A profile of this program under foreign eyes: the npm and PyPI implementations of eddsa-jcs-2022.

use std::fs;

use anyhow::{Result, bail};

use crate::{cargo, command, execute, root};

/// Needs Python 3 with `venv`, Node.js, npm, OpenSSL and the two package registries; not part of CI.
pub(crate) fn run() -> Result<()> {
    let folder = root().join("target/interop");
    fs::create_dir_all(&folder)?;
    let profile = folder.join("profile.json");
    let mut certify = cargo();
    certify.args([
        "run",
        "--release",
        "--quiet",
        "--package",
        "proofmark",
        "--",
        "certify",
        "--quiet",
        "--workload",
    ]);
    certify.args(["*tinybert*", "--out"]).arg(&profile).env("XDG_STATE_HOME", folder.join("state"));
    execute(&mut certify)?;
    let edited = folder.join("edited.json");
    let text = fs::read_to_string(&profile)?;
    fs::write(&edited, text.replacen("\"threads\":", "\"threads\":1", 1))?;

    let scripts = root().join("reports/interop");
    let venv = folder.join("venv");
    execute(command("python3").args(["-m", "venv"]).arg(&venv))?;
    let requirements = scripts.join("requirements.txt");
    execute(command(venv.join("bin/pip")).args(["install", "--quiet", "--requirement"]).arg(requirements))?;
    let python = venv.join("bin/python");
    for name in ["package.json", "package-lock.json", "verify.mjs"] {
        fs::copy(scripts.join(name), folder.join(name))?;
    }
    execute(command("npm").args(["ci", "--silent", "--prefix"]).arg(&folder))?;

    let pem = folder.join("state/proofmark/keys/operator.pem");
    execute(command("openssl").args(["pkey", "-noout", "-in"]).arg(pem))?;
    for file in [&profile, &edited] {
        let expect_valid = file == &profile;
        let results = [
            execute(command(&python).arg(scripts.join("verify.py")).arg(file)),
            execute(command("node").arg(folder.join("verify.mjs")).arg(file)),
        ];
        for result in results {
            if result.is_ok() != expect_valid {
                bail!("{}: expected {}", file.display(), if expect_valid { "valid" } else { "a refusal" });
            }
        }
    }
    println!("interop: npm, PyPI and OpenSSL agree");
    Ok(())
}
