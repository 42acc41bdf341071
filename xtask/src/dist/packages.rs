//! The packages that cargo resolved for a target, with the digests of the lock file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::build::Workshop;
use crate::{output, root};

/// The one registry; its packages are what `pkg:cargo` stands for.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Packages by cargo's id.
pub(super) struct Packages(BTreeMap<String, Package>);

/// A package, its dependencies by id.
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    /// An expression of SPDX.
    pub(super) licence: String,
    pub(super) origin: Origin,
    pub(super) role: Role,
    /// Needed by its code.
    pub(super) normal: BTreeSet<String>,
    /// Needed to build it.
    pub(super) build: BTreeSet<String>,
}

/// Where a package comes from.
pub(super) enum Origin {
    /// This repository.
    Workspace,
    /// crates.io, with the SHA-256 of the archive, and the folder where archives were unpacked.
    Registry { sha256: String, folder: PathBuf },
}

/// When a package runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Library,
    /// While others are compiled.
    Macro,
}

impl Packages {
    /// Asks cargo, and reads the lock file.
    pub(super) fn read(workshop: &Workshop) -> Result<Self> {
        let mut cargo = workshop.cargo();
        cargo.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", workshop.target()]);
        let metadata = serde_json::from_str(&output(&mut cargo)?).context("cargo metadata is no JSON")?;
        Self::parse(&metadata, &fs::read_to_string(root().join("Cargo.lock"))?)
    }

    pub(super) fn parse(metadata: &Value, lock: &str) -> Result<Self> {
        let checksums = checksums(lock);
        let mut packages = BTreeMap::new();
        for package in list(&metadata["packages"]) {
            let package = Package::parse(package, &checksums)?;
            packages.insert(package.id.clone(), package);
        }
        for node in list(&metadata["resolve"]["nodes"]) {
            let package = packages.get_mut(text(&node["id"])).context("a node of no package")?;
            for dependency in list(&node["deps"]) {
                for kind in list(&dependency["dep_kinds"]) {
                    let needed = match kind["kind"].as_str() {
                        None => &mut package.normal,
                        Some("build") => &mut package.build,
                        Some(_) => continue,
                    };
                    needed.insert(text(&dependency["pkg"]).to_owned());
                }
            }
        }
        Ok(Self(packages))
    }

    /// The package of an id.
    pub(super) fn of(&self, id: &str) -> Result<&Package> {
        self.0.get(id).with_context(|| format!("cargo resolved no {id}"))
    }

    /// The workspace's package of a name.
    pub(super) fn of_workspace(&self, name: &str) -> Result<&Package> {
        let is_it = |package: &&Package| package.name == name && matches!(package.origin, Origin::Workspace);
        self.0.values().find(is_it).with_context(|| format!("the workspace has no {name}"))
    }

    /// Folders that archives of the registry were unpacked into.
    pub(super) fn registries(&self) -> BTreeSet<PathBuf> {
        let folder = |package: &Package| match &package.origin {
            Origin::Workspace => None,
            Origin::Registry { folder, .. } => Some(folder.clone()),
        };
        self.0.values().filter_map(folder).collect()
    }

    /// Packages, of those compiled, whose code may be in the program: no macro, and nothing that only macros or builds need.
    pub(super) fn linked(&self, program: &str, compiled: &BTreeSet<String>) -> Result<BTreeSet<&str>> {
        let mut linked = BTreeSet::new();
        let mut open = vec![program];
        while let Some(id) = open.pop() {
            let package = self.of(id)?;
            if package.role == Role::Library && linked.insert(package.id.as_str()) {
                open.extend(package.normal.iter().filter(|id| compiled.contains(*id)).map(String::as_str));
            }
        }
        Ok(linked)
    }
}

impl Package {
    fn parse(package: &Value, checksums: &BTreeMap<(&str, &str), &str>) -> Result<Self> {
        let [id, name, version] = ["id", "name", "version"].map(|member| text(&package[member]).to_owned());
        let origin = match package["source"].as_str() {
            None => Origin::Workspace,
            Some(source) => {
                ensure!(source == REGISTRY, "{name} comes from {source}");
                let sha256 = checksums.get(&(name.as_str(), version.as_str()));
                let sha256 = sha256.with_context(|| format!("the lock file has no digest of {name}"))?;
                let folder = Path::new(text(&package["manifest_path"])).ancestors().nth(2);
                let folder = folder.with_context(|| format!("{name} lies nowhere"))?;
                Origin::Registry { sha256: (*sha256).to_owned(), folder: folder.to_owned() }
            }
        };
        let licence = package["license"].as_str().with_context(|| format!("{name} states no licence"))?;
        let kinds = list(&package["targets"]).iter().flat_map(|target| list(&target["kind"]));
        let role =
            if kinds.into_iter().any(|kind| kind == "proc-macro") { Role::Macro } else { Role::Library };
        Ok(Self {
            id,
            name,
            version,
            // Cargo once had `/` for `OR`.
            licence: licence.split('/').map(str::trim).collect::<Vec<_>>().join(" OR "),
            origin,
            role,
            normal: BTreeSet::new(),
            build: BTreeSet::new(),
        })
    }
}

/// Digests of archives by name and version.
fn checksums(lock: &str) -> BTreeMap<(&str, &str), &str> {
    fn field<'a>(block: &'a str, name: &str) -> Option<&'a str> {
        block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'))
    }
    let entry = |block| Some(((field(block, "name")?, field(block, "version")?), field(block, "checksum")?));
    lock.split("[[package]]").filter_map(entry).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
