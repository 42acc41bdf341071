//! What this program signs under foreign eyes: implementations of eddsa-jcs-2022, DSSE, in-toto and JSON Schema from npm, PyPI and Debian.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::{cargo, command, execute, root};

/// Programs, and the packages of Debian 12 that have them.
const NEEDED: [(&str, &str); 5] =
    [("python3", "python3-venv"), ("node", "nodejs"), ("npm", "npm"), ("jq", "jq"), ("openssl", "openssl")];

/// How everything that is signed is made, each by default under its name.
const MAKE: [&str; 5] = [
    "challenge new --suite smoke",
    "certify --quiet --workload *tinybert* --challenge challenge.json --out profile.json --in-toto statement.json",
    "receipt profile.json",
    "audit --quiet profile.json",
    "certify --quiet --workload *tinybert* --out later.json",
];
/// Schemas, and the files that have what they describe.
const SCHEMAS: [(&str, &str); 6] = [
    ("coverage-profile-v1.json", "profile.json"),
    ("challenge-v1.json", "challenge.json"),
    ("receipt-v1.json", "receipt.json"),
    ("profile-summary-v1.json", "statement.json"),
    ("audit-v1.json", "audit.json"),
    ("change-v1.json", "change.json"),
];

/// What a foreign verifier has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Valid,
    Refused,
}

/// Needs the programs of [`NEEDED`] and the two package registries; not part of CI.
pub(crate) fn run() -> Result<()> {
    check_programs()?;
    let folder = root().join("target/interop");
    fs::create_dir_all(&folder)?;
    for arguments in MAKE {
        execute(proofmark(arguments, &folder).env("XDG_STATE_HOME", folder.join("state")))?;
    }
    make_change(&folder)?;
    let [profile, statement] = ["profile.json", "statement.json"].map(|name| folder.join(name));
    let edited_profile = folder.join("edited.json");
    edit(&profile, &edited_profile, "\"threads\":", "\"threads\":1")?;
    // The payload's first three bytes are `{"_`; one bit of the third is another.
    let edited_statement = folder.join("edited-statement.json");
    edit(&statement, &edited_statement, "\"payload\":\"eyJf", "\"payload\":\"eyJe")?;

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
    for (file, verdict) in [(&profile, Verdict::Valid), (&edited_profile, Verdict::Refused)] {
        expect(verdict, command(&python).arg(scripts.join("verify.py")).arg(file))?;
        expect(verdict, command("node").arg(folder.join("verify.mjs")).arg(file))?;
        expect(verdict, command("sh").arg(scripts.join("verify.sh")).arg(file))?;
    }
    for (envelope, file, verdict) in [
        (&statement, &profile, Verdict::Valid),
        (&edited_statement, &profile, Verdict::Refused),
        (&statement, &edited_profile, Verdict::Refused),
    ] {
        let script = scripts.join("verify_in_toto.py");
        expect(verdict, command(&python).arg(script).arg(envelope).arg(file))?;
    }
    for (schema, file) in SCHEMAS {
        let schema = root().join("reports/schema").join(schema);
        let script = scripts.join("validate.py");
        expect(Verdict::Valid, command(&python).arg(script).arg(schema).arg(folder.join(file)))?;
    }
    check_network(&folder, &python, &scripts)?;
    println!("interop: npm, PyPI, jq, OpenSSL and DuckDB agree");
    Ok(())
}

/// This program, in a folder.
fn proofmark(arguments: &str, folder: &Path) -> Command {
    let mut proofmark = cargo();
    proofmark.args(["run", "--release", "--quiet", "--package", "proofmark", "--"]);
    proofmark.args(arguments.split(' ')).current_dir(folder);
    proofmark
}

/// What changed from one profile to the next; whatever it was, and on a noisy machine it may be a regression.
fn make_change(folder: &Path) -> Result<()> {
    const JUDGED: [i32; 3] = [0, 3, 5];
    let compared =
        proofmark("compare profile.json later.json --same-machine --output json", folder).output()?;
    if !compared.status.code().is_some_and(|code| JUDGED.contains(&code)) {
        bail!(
            "compare --same-machine ends with {}: {}",
            compared.status,
            String::from_utf8_lossy(&compared.stderr)
        );
    }
    Ok(fs::write(folder.join("change.json"), compared.stdout)?)
}

/// A synthetic network, compared here and in DuckDB; and the vectors of its arithmetic, made again.
fn check_network(folder: &Path, python: &Path, scripts: &Path) -> Result<()> {
    for name in ["fleet", "export"] {
        let stale = folder.join(name);
        if stale.exists() {
            fs::remove_dir_all(stale)?;
        }
    }
    execute(&mut proofmark("fleet synth --operators 40 --seed 5 --out fleet", folder))?;
    let arguments =
        "compare fleet --allow-synthetic --operators fleet/operators.csv --export export --output json";
    let comparison = folder.join("comparison.json");
    fs::write(&comparison, crate::output(&mut proofmark(arguments, folder))?)?;
    execute(
        command(python).arg(scripts.join("duckdb_coverage.py")).arg(folder.join("export")).arg(&comparison),
    )?;
    let script = scripts.join("validate.py");
    let schema = root().join("reports/schema/comparison-v1.json");
    execute(command(python).arg(script).arg(schema).arg(comparison))?;
    let made = crate::output(command(python).arg(scripts.join("network_vectors.py")))?;
    if made != fs::read_to_string(root().join("reports/tests/vectors/network.json"))? {
        bail!("network_vectors.py makes other vectors than reports/tests/vectors/network.json");
    }
    Ok(())
}

/// Says which programs are missing, all at once.
fn check_programs() -> Result<()> {
    let is_missing = |program: &str| command(program).arg("--version").output().is_err();
    let missing: Vec<&str> =
        NEEDED.into_iter().filter(|(program, _)| is_missing(program)).map(|(_, package)| package).collect();
    if !missing.is_empty() {
        bail!("programs are missing, in Debian: apt-get install {}", missing.join(" "));
    }
    Ok(())
}

/// A copy of a file with its first `from` replaced.
fn edit(file: &Path, edited: &Path, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(file)?;
    if !text.contains(from) {
        bail!("{} has no {from}", file.display());
    }
    fs::write(edited, text.replacen(from, to, 1))?;
    Ok(())
}

/// Runs a verifier, which must come to the verdict.
fn expect(verdict: Verdict, verifier: &mut Command) -> Result<()> {
    let actual = if execute(verifier).is_ok() { Verdict::Valid } else { Verdict::Refused };
    if actual != verdict {
        bail!("{actual:?}, expected {verdict:?}: {verifier:?}");
    }
    Ok(())
}
