//! A program's bill of materials in CycloneDX 1.6: every package that was compiled for it, what needs what, and under which licence.
//!
//! <https://cyclonedx.org/docs/1.6/json/>. What the compiler brings, the standard library, goes with its version.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};

use super::build::Built;
use super::commit::Commit;
use super::packages::{Origin, Package, Packages};
use crate::sha256;

/// The bill of `program`, byte for byte the same for the same program, packages and circumstances; its time is the commit's.
pub(super) fn of(
    built: &Built,
    program: &Package,
    packages: &Packages,
    circumstances: &[(&str, String)],
    commit: &Commit,
) -> Result<String> {
    let linked = packages.linked(&program.id, &built.packages)?;
    let (mut components, mut dependencies) = (Vec::new(), Vec::new());
    for id in &built.packages {
        let package = packages.of(id)?;
        if *id != program.id {
            components.push(component(package, linked.contains(id.as_str())));
        }
        let mut needed = BTreeSet::new();
        for id in package.normal.union(&package.build).filter(|id| built.packages.contains(*id)) {
            needed.insert(reference(packages.of(id)?));
        }
        dependencies.push(json!({ "ref": reference(package), "dependsOn": needed }));
    }
    let property =
        |(name, value): &(&str, String)| json!({ "name": format!("proofmark:{name}"), "value": value });
    let mut bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": commit.time,
            "lifecycles": [{ "phase": "build" }],
            "tools": { "components": [{ "type": "application", "name": "cargo xtask dist", "version": program.version }] },
            "component": {
                "type": "application",
                "bom-ref": reference(program),
                "name": program.name,
                "version": program.version,
                "licenses": [{ "expression": program.licence }],
                "hashes": [{ "alg": "SHA-256", "content": sha256(&built.bytes) }],
                "properties": circumstances.iter().map(property).collect::<Value>(),
            },
        },
        "components": components,
        "dependencies": dependencies,
    });
    bill["serialNumber"] = serial_number(&bill).into();
    Ok(format!("{bill:#}\n"))
}

/// A package as part of the program, or only of its making.
fn component(package: &Package, is_linked: bool) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(package),
        "name": package.name,
        "version": package.version,
        "scope": if is_linked { "required" } else { "excluded" },
        "licenses": [{ "expression": package.licence }],
    });
    if let Origin::Registry { sha256, .. } = &package.origin {
        component["purl"] = reference(package).into();
        component["hashes"] = json!([{ "alg": "SHA-256", "content": sha256 }]);
    }
    component
}

/// The package URL where there is one. Packages of the workspace are on no registry, and others may have their names there.
fn reference(package: &Package) -> String {
    let Package { name, version, .. } = package;
    match package.origin {
        Origin::Workspace => format!("{name}@{version}"),
        // Build metadata (`+`) is the one thing in a version that a package URL escapes.
        Origin::Registry { .. } => format!("pkg:cargo/{name}@{}", version.replace('+', "%2B")),
    }
}

/// A UUID of version 8 (RFC 9562, section 5.8) from the rest of the bill.
fn serial_number(bill: &Value) -> String {
    let digest = sha256(bill.to_string().as_bytes());
    let [first, second, third, fourth, fifth] =
        [&digest[..8], &digest[8..12], &digest[13..16], &digest[17..20], &digest[20..32]];
    format!("urn:uuid:{first}-{second}-8{third}-8{fourth}-{fifth}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"codec\"\nversion = \"1.0.0+abc\"\nchecksum = \"c0dec0\"\n\n\
        [[package]]\nname = \"derive\"\nversion = \"2.0.0\"\nchecksum = \"de\"\n\n\
        [[package]]\nname = \"syntax\"\nversion = \"3.0.0\"\nchecksum = \"57\"\n\n\
        [[package]]\nname = \"unused\"\nversion = \"4.0.0\"\nchecksum = \"00\"\n\n\
        [[package]]\nname = \"program\"\nversion = \"0.1.0\"\n";

    /// A program that needs a codec, which needs a macro, which needs a parser; and something that was not compiled.
    fn packages() -> Packages {
        let package = |name: &str, version: &str, kind: &str| {
            let is_ours = name == "program";
            json!({
                "id": name, "name": name, "version": version, "license": "MIT/Apache-2.0",
                "source": (!is_ours).then_some("registry+https://github.com/rust-lang/crates.io-index"),
                "manifest_path": format!("/home/eve/.cargo/registry/src/index/{name}/Cargo.toml"),
                "targets": [{ "kind": [kind] }],
            })
        };
        let node = |name: &str, needed: &[(&str, Option<&str>)]| {
            let dependency =
                |(name, kind): &(&str, Option<&str>)| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
            json!({ "id": name, "deps": needed.iter().map(dependency).collect::<Vec<_>>() })
        };
        let metadata = json!({
            "packages": [
                package("program", "0.1.0", "bin"),
                package("codec", "1.0.0+abc", "lib"),
                package("derive", "2.0.0", "proc-macro"),
                package("syntax", "3.0.0", "lib"),
                package("unused", "4.0.0", "lib"),
            ],
            "resolve": { "nodes": [
                node("program", &[("codec", None), ("unused", None), ("syntax", Some("dev"))]),
                node("codec", &[("derive", None), ("syntax", Some("build"))]),
                node("derive", &[("syntax", None)]),
                node("syntax", &[]),
                node("unused", &[("syntax", None)]),
            ] },
        });
        Packages::parse(&metadata, LOCK).unwrap()
    }

    fn bill(bytes: &[u8]) -> Value {
        let packages = packages();
        let compiled = ["program", "codec", "derive", "syntax"].map(str::to_owned);
        let built = Built { path: "/out/program".into(), bytes: bytes.to_vec(), packages: compiled.into() };
        let commit = Commit {
            name: "c0ffee".to_owned(),
            epoch_s: "1".to_owned(),
            time: "1970-01-01T00:00:01Z".to_owned(),
        };
        let circumstances = [("commit", commit.name.clone())];
        let program = packages.of_workspace("program").unwrap();
        let texts = [(); 2].map(|()| of(&built, program, &packages, &circumstances, &commit).unwrap());
        assert_eq!(texts[0], texts[1]);
        assert!(!texts[0].contains("eve"), "a folder of the builder's is in the bill");
        serde_json::from_str(&texts[0]).unwrap()
    }

    #[test]
    fn a_bill_lists_what_was_compiled_and_says_what_only_the_build_needs() {
        let bill = bill(b"abc");
        let of = |name: &str| {
            bill["components"].as_array().unwrap().iter().find(|component| component["name"] == name).cloned()
        };
        let scope = |name: &str| of(name).unwrap()["scope"].as_str().unwrap().to_owned();
        assert_eq!([scope("codec"), scope("derive"), scope("syntax")], ["required", "excluded", "excluded"]);
        assert_eq!(of("unused"), None, "was not compiled");
        assert_eq!(of("program"), None, "is what the bill is of");
        assert_eq!(
            of("codec").unwrap(),
            json!({
                "type": "library", "bom-ref": "pkg:cargo/codec@1.0.0%2Babc", "purl": "pkg:cargo/codec@1.0.0%2Babc",
                "name": "codec", "version": "1.0.0+abc", "scope": "required",
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
                "hashes": [{ "alg": "SHA-256", "content": "c0dec0" }],
            })
        );
    }

    #[test]
    fn a_bill_names_its_program_by_digest_and_every_edge_between_its_parts() {
        let bill = bill(b"abc");
        let program = &bill["metadata"]["component"];
        assert_eq!(program["hashes"][0]["content"], sha256(b"abc"));
        assert_eq!(program["properties"], json!([{ "name": "proofmark:commit", "value": "c0ffee" }]));
        assert_eq!(program.get("purl"), None, "a package URL would name somebody else's package");
        let edges = json!([
            { "ref": "pkg:cargo/codec@1.0.0%2Babc", "dependsOn": ["pkg:cargo/derive@2.0.0", "pkg:cargo/syntax@3.0.0"] },
            { "ref": "pkg:cargo/derive@2.0.0", "dependsOn": ["pkg:cargo/syntax@3.0.0"] },
            { "ref": "program@0.1.0", "dependsOn": ["pkg:cargo/codec@1.0.0%2Babc"] },
            { "ref": "pkg:cargo/syntax@3.0.0", "dependsOn": [] },
        ]);
        assert_eq!(bill["dependencies"], edges);
    }

    #[test]
    fn the_serial_number_is_a_uuid_that_follows_from_the_content() {
        let [first, second] = [bill(b"abc"), bill(b"abd")];
        assert_ne!(first["serialNumber"], second["serialNumber"]);
        let number = first["serialNumber"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
        let lengths: Vec<usize> = number.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!([&number[14..15], &number[19..20]], ["8", "8"], "version and variant of {number}");
    }

    #[test]
    fn a_package_of_elsewhere_or_without_digest_or_licence_is_refused() {
        let honest = json!({
            "id": "codec", "name": "codec", "version": "1.0.0+abc", "license": "MIT", "targets": [],
            "source": "registry+https://github.com/rust-lang/crates.io-index", "manifest_path": "/a/b/Cargo.toml",
        });
        let refusal = |member: &str, value: Value| {
            let mut package = honest.clone();
            package[member] = value;
            Packages::parse(&json!({ "packages": [package] }), LOCK).err().map(|error| error.to_string())
        };
        assert_eq!(refusal("license", "MIT".into()), None);
        assert_eq!(refusal("license", Value::Null).unwrap(), "codec states no licence");
        assert_eq!(refusal("version", "9.9.9".into()).unwrap(), "the lock file has no digest of codec");
        assert_eq!(
            refusal("source", "git+https://a.invalid".into()).unwrap(),
            "codec comes from git+https://a.invalid"
        );
    }
}
