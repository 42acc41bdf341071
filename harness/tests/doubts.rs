//! What speaks against a measurement is seen from outside: other programs beside it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod place;

use std::process::{Child, Command, Stdio};
use std::thread::available_parallelism;

use place::Place;
use serde_json::Value;

/// Busy loops; they end when it goes out of scope, also when the test panics.
struct BusyLoops(Vec<Child>);

impl BusyLoops {
    /// As many as this process may use processors.
    fn on_all_processors() -> Self {
        let mut loops = Self(Vec::new());
        for _ in 0..available_parallelism().unwrap().get() {
            let mut shell = Command::new("sh");
            let shell = shell.args(["-c", "while :; do :; done"]).stdin(Stdio::null()).stdout(Stdio::null());
            loops.0.push(shell.spawn().unwrap());
        }
        loops
    }
}

impl Drop for BusyLoops {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn other_programs_beside_a_run_are_a_doubt_in_its_profile() {
    let place = Place::new();
    let _loops = BusyLoops::on_all_processors();
    let profile = place.certified(&[]);
    let of_run = profile["doubts"].as_array().unwrap().iter();
    let of_cells =
        profile["cells"].as_array().unwrap().iter().flat_map(|cell| cell["doubts"].as_array().unwrap());
    let mut doubts = of_run.chain(of_cells);
    // The load average before the run is a doubt too, but says nothing of what ran beside it.
    let is_seen = |doubt: &Value| {
        doubt["kind"] == "foreign_load"
            && doubt["detail"].as_str().unwrap().starts_with("other programs used ")
            && doubt["advice"] == "stop other programs and certify again"
    };
    assert!(doubts.any(is_seen), "{profile:#}");
}
