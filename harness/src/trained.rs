//! What a suite says of its trained models, computed on a machine that has them: quality figures, and digests of exact workloads.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, anyhow};
use proofmark_models::Numerics;
use proofmark_models::exact::isa::Isa;
use proofmark_models::hub::Hub;
use proofmark_reports::Digest;
use proofmark_reports::words::bytes;
use proofmark_workloads::{
    Findings, Model as SuiteModel, ModelLock, Quality, Suite, Workload, self_check_seed,
};

use crate::cell::model::Model;
use crate::cell::quality;
use crate::plan::WeightsFolder;
use crate::progress::Progress;
use crate::{Failure, Outcome, environment, hub};

/// Refuses models of the hub whose quality nobody has computed yet.
pub(crate) fn require_known_quality(workloads: &[&Workload], given: &[WeightsFolder]) -> Result<(), Failure> {
    let is_given = |model: &SuiteModel| given.iter().any(|weights| weights.model == model.name);
    let is_unknown = |quality: &Quality| !quality.is_known();
    let mut models = workloads.iter().map(|workload| &workload.model).filter(|model| !is_given(model));
    match models.find(|model| model.quality.as_ref().is_some_and(is_unknown)) {
        None => Ok(()),
        Some(model) => {
            let error = anyhow!("{} is unpinned: the suite does not know its quality figures", model.name);
            let hint = "`proofmark models lock --suite FILE` computes them and writes them into the suite";
            Err(Failure::new(Outcome::BadInput, error).hint(hint))
        }
    }
}

/// The repositories that a suite takes models from.
pub(crate) fn repositories(suite: &Suite) -> BTreeSet<&str> {
    suite.workloads.iter().filter_map(|workload| workload.model.weights.repo()).collect()
}

/// What the suite lacks of its models from `repositories`, which are fetched. What it has must agree.
pub(crate) fn findings(
    suite: &Suite,
    repositories: &[String],
    hub: &Hub,
    lock: &ModelLock,
    progress: &mut Progress,
) -> Result<Findings, Failure> {
    let mut findings = Findings::default();
    let mut folders: BTreeMap<&str, WeightsFolder> = BTreeMap::new();
    for workload in &suite.workloads {
        let model = &*workload.model;
        if !model.weights.repo().is_some_and(|repo| repositories.iter().any(|name| name == repo)) {
            continue;
        }
        let Some(locked) = hub::locked(model, lock)? else { continue };
        if !folders.contains_key(&*model.name) {
            hub::require_pinned(locked)?;
            let folder = hub::fetch(hub, model.name.clone(), locked, progress)?;
            if let Some(quality) = &model.quality {
                progress.note(&format!("{}: quality", model.name));
                let figures = figures(workload, &folder)?;
                check_figures(workload, quality, &figures)?;
                if !quality.is_known() {
                    findings.figures.insert(model.name.clone(), figures);
                }
            }
            folders.insert(&model.name, folder);
        }
        if workload.numerics.is_exact() && workload.self_check.is_none() {
            progress.note(&format!("{}: self-check", workload.id));
            if let Some(folder) = folders.get(&*model.name) {
                let digest = self_check(workload, Some(folder), Numerics::Exact(Isa::detect()))?;
                findings.self_checks.insert(workload.id.clone(), digest);
            }
        }
    }
    Ok(findings)
}

/// The output digest of the fixed seed.
///
/// # Errors
/// When the model cannot be loaded or run.
pub(crate) fn self_check(
    workload: &Workload,
    weights: Option<&WeightsFolder>,
    numerics: Numerics,
) -> anyhow::Result<Digest> {
    let model = Model::load(workload, weights, numerics)?;
    let input = model.prepare(vec![model.input(self_check_seed())?])?;
    Ok(Digest(model.run(&input)?.output.digest()?))
}

/// In exact arithmetic on f32 weights, whatever the workload's.
fn figures(workload: &Workload, folder: &WeightsFolder) -> Result<Vec<i64>, Failure> {
    let workload = Workload { precision: "f32".to_owned(), ..workload.clone() };
    let needed_bytes = workload.memory_bytes(1, 1);
    let free_bytes = environment::machine()?.available_memory_bytes;
    if needed_bytes > free_bytes {
        let (needed, free) = (bytes(needed_bytes), bytes(free_bytes));
        let error = anyhow!("quality of {} needs {needed} of memory, {free} are free", workload.model.name);
        return Err(
            Failure::new(Outcome::BadInput, error).hint("name other models, or take a larger machine")
        );
    }
    let compute = || quality::figures(&Model::load(&workload, Some(folder), Numerics::Exact(Isa::detect()))?);
    let figures = compute().with_context(|| format!("cannot judge {}", workload.model.name));
    figures.map_err(|error| {
        Failure::new(Outcome::BadInput, error).hint("the suite's model must be that of the repository")
    })
}

fn check_figures(workload: &Workload, quality: &Quality, found: &[i64]) -> Result<(), Failure> {
    let stated = &quality.figures;
    let kinds = workload.shape.task().figures().iter().map(|figure| figure.kind);
    let agree = kinds.zip(stated.iter().zip(found)).all(|(kind, (a, b))| quality.agrees(kind, *a, *b));
    if agree {
        return Ok(());
    }
    let name = &workload.model.name;
    let error = anyhow!("the quality figures of {name} are {found:?}, the suite says {stated:?}");
    Err(Failure::new(Outcome::CheckFailed, error)
        .hint("nothing was written; one of weights and suite is wrong"))
}
