//! What CI's workflows may be: pinned, read-only, bounded in time, without others' text in commands, and calling the tasks that everybody calls.

use std::fs;
use std::path::Path;

#[test]
fn workflows_pin_every_action_by_commit_and_ask_for_read_only_permissions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.github/workflows");
    let mut workflows = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let faults = faults(&fs::read_to_string(&path).unwrap());
        assert!(faults.is_empty(), "{}: {faults:#?}", path.display());
        workflows += 1;
    }
    assert_eq!(workflows, 2);
}

#[test]
fn each_fault_of_a_workflow_is_found() {
    assert_eq!(faults(HONEST), [""; 0]);
    for (honest, faulty, fault) in [
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "is pinned by no commit"),
        (" # v7.0.1", "", "is pinned by no commit"),
        (" # v7.0.1", " # v7", "is pinned by no commit"),
        ("contents: read", "contents: write", "asks for more than to read"),
        ("\npermissions:\n  contents: read\n", "\n", "asks for more than to read"),
        ("  contents: read\n", "  contents: read\n  packages: write\n", "asks for more than to read"),
        ("    timeout-minutes: 90\n", "    permissions: write-all\n", "asks for more than to read"),
        ("    timeout-minutes: 90\n", "", "has a job without a limit of time"),
        ("          persist-credentials: false\n", "", "leaves credentials in the folder"),
        ("  pull_request:", "  pull_request_target:", "gives strangers' code what only ours may have"),
        ("run: ./.ci/run", "run: ./.ci/run ${{ github.head_ref }}", "has an expression in a command"),
        (
            "          cargo xtask ci",
            "          cargo xtask ci ${{ github.head_ref }}",
            "has an expression in a command",
        ),
    ] {
        let text = HONEST.replacen(honest, faulty, 1);
        assert_ne!(text, HONEST, "{honest}");
        let faults = faults(&text);
        assert!(faults.iter().any(|found| found.contains(fault)), "{faulty:?} gives {faults:?}");
    }
    let idle = HONEST.replace("cargo xtask ci", "make").replace("./.ci/run", "make");
    assert_eq!(faults(&idle), ["calls no task of this project"]);
}

const HONEST: &str = "\
on:
  pull_request:

permissions:
  contents: read

jobs:
  ci:
    name: ${{ matrix.runner }}
    runs-on: ubuntu-24.04
    timeout-minutes: 90
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - run: |
          cargo xtask ci
        env:
          BASE: ${{ github.event.pull_request.base.sha }}
      - run: ./.ci/run
";

/// What is wrong with a workflow. Read line by line, which is enough for the one way that ours are written in.
fn faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let key = |line: &'_ str| -> String { line.trim_start().trim_start_matches("- ").to_owned() };
    for line in text.lines().map(key) {
        if line.strip_prefix("uses: ").is_some_and(|action| !is_pinned(action)) {
            faults.push(format!("{line} is pinned by no commit with its version"));
        }
    }
    let permissions = text.lines().filter(|line| line.contains("permissions:")).count();
    if permissions != 1 || !text.contains("\npermissions:\n  contents: read\n\n") {
        faults.push("asks for more than to read".to_owned());
    }
    let count = |start: &str| text.lines().map(key).filter(|line| line.starts_with(start)).count();
    if count("runs-on:") != count("timeout-minutes:") {
        faults.push("has a job without a limit of time".to_owned());
    }
    if count("uses: actions/checkout@") != count("persist-credentials: false") {
        faults.push("leaves credentials in the folder".to_owned());
    }
    if ["pull_request_target", "workflow_run", "issue_comment"].iter().any(|event| text.contains(event)) {
        faults.push("gives strangers' code what only ours may have".to_owned());
    }
    if commands(text).any(|line| line.contains("${{")) {
        faults.push("has an expression in a command".to_owned());
    }
    if !commands(text).any(|line| line.contains("cargo xtask") || line.contains("./.ci/run")) {
        faults.push("calls no task of this project".to_owned());
    }
    faults
}

/// Whether an action is `owner/name@commit # version`.
fn is_pinned(action: &str) -> bool {
    let Some(((_, commit), version)) =
        action.split_once(" # v").and_then(|(action, version)| Some((action.split_once('@')?, version)))
    else {
        return false;
    };
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let numbers: Vec<&str> = version.split('.').collect();
    let are_numbers = numbers.iter().all(|number| number.parse::<u32>().is_ok());
    commit.len() == 40 && commit.bytes().all(is_hex) && numbers.len() == 3 && are_numbers
}

/// Lines that a shell gets: what stands behind `run:`, and below it further in.
fn commands(text: &str) -> impl Iterator<Item = &str> {
    let mut column = None;
    text.lines().filter(move |line| {
        let spaces = line.len() - line.trim_start().len();
        let is_item = line.trim_start().starts_with("- ");
        if line.trim_start().trim_start_matches("- ").starts_with("run:") {
            column = Some(if is_item { spaces + 2 } else { spaces });
            return true;
        }
        if column.is_some_and(|column| spaces <= column && !line.trim().is_empty()) {
            column = None;
        }
        column.is_some()
    })
}
