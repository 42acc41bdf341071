//! Machine, program, suite and keys; and all figures as a table.

use super::markup::Markup;
use super::{part, rows};
use crate::Digest;
use crate::schema::v1::Profile;
use crate::table;
use crate::words;

pub(super) fn section(page: &mut Markup, profile: &Profile, report_id: Digest) {
    part(page, "facts", "Machine, program and keys", |section| {
        section.within("div", &[("class", "facts")], |facts| {
            list(facts, "Machine", &machine(profile));
            list(facts, "Program", &program(profile));
            list(facts, "Run", &run(profile, report_id));
        });
    });
    part(page, "figures", "All figures", |section| {
        section.within("details", &[], |details| {
            details.element("summary", &[], "Cells and classes as tables");
            let mut cells = table::cells(profile);
            let common = cells.condense();
            for (name, value) in common {
                details.element("p", &[("class", "note")], &format!("All cells: {name} {value}."));
            }
            rows::scrolling(details, "Cells", &cells);
            rows::scrolling(
                details,
                "Share of demand left after each factor",
                &table::classes(&profile.coverage),
            );
        });
    });
}

type Fact = (&'static str, String);

fn list(page: &mut Markup, heading: &str, facts: &[Fact]) {
    page.within("div", &[], |list| {
        list.element("h3", &[], heading);
        list.within("dl", &[], |list| {
            for (name, value) in facts {
                list.element("dt", &[], name);
                list.element("dd", &[], value);
            }
        });
    });
}

fn machine(profile: &Profile) -> Vec<Fact> {
    let machine = &profile.machine;
    let cores = machine.physical_cpus.map(|cores| format!(" on {cores} cores")).unwrap_or_default();
    let mut facts = vec![
        ("Processor", machine.cpu_model.clone()),
        ("Processors", format!("{}{cores}", machine.logical_cpus)),
        ("Instruction sets", machine.cpu_features.join(" ")),
        ("Memory", words::bytes(machine.memory_bytes)),
        ("Free for the run", words::bytes(machine.available_memory_bytes)),
    ];
    let limit = machine.cgroup_memory_bytes.map(words::bytes);
    facts.extend(limit.map(|limit| ("Control group's memory", limit)));
    let quota = machine.cgroup_cpu_milli.map(|milli| format!("{:.1} processors", milli as f64 / 1e3));
    facts.extend(quota.map(|quota| ("Control group's quota", quota)));
    facts.extend(machine.accelerators.iter().map(|gpu| ("GPU", words::accelerator(gpu))));
    facts.extend([
        (
            "System",
            format!("{}, {} {}, {}", machine.os_release, machine.os, machine.kernel, machine.architecture),
        ),
        ("Virtualisation", machine.virtualisation.clone()),
        ("Clock", clock(profile)),
        ("Commitment", machine.commitment.to_string()),
    ]);
    facts
}

fn clock(profile: &Profile) -> String {
    let clock = &profile.machine.clock;
    format!(
        "{}, steps of {} ns, a reading takes {:.1} ns",
        clock.source,
        clock.resolution_ns,
        clock.overhead_ps as f64 / 1e3
    )
}

fn program(profile: &Profile) -> Vec<Fact> {
    let harness = &profile.harness;
    let crates: Vec<String> =
        harness.crates.iter().map(|(name, version)| format!("{name} {version}")).collect();
    vec![
        ("Version", format!("proofmark {}", harness.version)),
        ("Commit", harness.git_commit.clone()),
        ("Executable", harness.binary_digest.to_string()),
        ("Compiler", harness.rustc.clone()),
        ("Native arithmetic", crates.join(", ")),
        ("Exact kernels", harness.isa.clone()),
    ]
}

fn run(profile: &Profile, report_id: Digest) -> Vec<Fact> {
    let proof = profile.proof.as_ref();
    let proof =
        proof.map_or("none".to_owned(), |proof| format!("{}, made {}", proof.cryptosuite, proof.created));
    vec![
        ("Suite", format!("{} {}", profile.suite.name, profile.suite.version)),
        ("Suite digest", profile.suite.digest.to_string()),
        ("Started", profile.started_at.clone()),
        ("Finished", profile.finished_at.clone()),
        ("Operator", profile.operator.clone()),
        ("Challenge", words::challenge(&profile.challenge)),
        ("Signature", proof),
        ("Report", report_id.to_string()),
    ]
}
