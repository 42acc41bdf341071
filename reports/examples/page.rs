//! Prints the page of an invented profile that has everything a profile can have: `cargo xtask pages --example` looks at it.

#[path = "../tests/example/mod.rs"]
mod example;

use proofmark_reports::Digest;
use proofmark_reports::page::page;

fn main() {
    let report_id = Digest::of(b"example");
    print!("{}", page(&example::profile(), Some(&example::suite()), report_id));
}
