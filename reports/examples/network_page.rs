//! Prints the page of an invented network of as many operators as its argument says, or 10: `cargo xtask pages --network` looks at it.

#[path = "../tests/network_fixture/mod.rs"]
mod network_fixture;

fn main() {
    let operators = std::env::args().nth(1).and_then(|argument| argument.parse().ok()).unwrap_or(10);
    print!("{}", proofmark_reports::page::network_page(&network_fixture::comparison(operators)));
}
