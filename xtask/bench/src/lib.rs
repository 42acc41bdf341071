//! What the benchmarks of all crates share: turns, and the word of whoever only asks for their names.
//!
//! `cargo xtask bench --against` starts both builds' benchmarks with a socket as standard input and [`ASKED_BY`] set. After each
//! sample a benchmark writes [`REQUEST`] and reads one byte, the grant; what it does until its next request, the next sample with
//! whatever comes before it, it does alone. So the two builds share the machine's good and bad milliseconds. Started by anyone else, a
//! benchmark waits for nobody.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};
use std::{env, io};

use criterion::measurement::{Measurement, ValueFormatter, WallTime};

/// The variable that says that standard input is such a socket.
pub const ASKED_BY: &str = "PROOFMARK_BENCH_TURNS";
/// Asks for the next turn.
pub const REQUEST: u8 = b'?';

/// Criterion's wall time, with a turn a sample.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turns;

impl Measurement for Turns {
    type Intermediate = Instant;
    type Value = Duration;

    fn start(&self) -> Instant {
        WallTime.start()
    }

    fn end(&self, started: Instant) -> Duration {
        WallTime.end(started)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        WallTime.add(a, b)
    }

    fn zero(&self) -> Duration {
        WallTime.zero()
    }

    /// Criterion asks for it once a sample, when all is timed, and never in a warm-up.
    fn to_f64(&self, value: &Duration) -> f64 {
        hand_over();
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// Ends this turn and waits for the next.
///
/// # Panics
///
/// Panics where whoever gives the turns is gone.
fn hand_over() {
    static SOCKET: OnceLock<Option<Mutex<Socket>>> = OnceLock::new();
    let Some(socket) = SOCKET.get_or_init(|| Socket::of_standard_input().map(Mutex::new)) else { return };
    let taken = socket.lock().map(|mut socket| socket.take());
    assert!(matches!(taken, Ok(Ok(()))), "nobody gives turns any more: {taken:?}");
}

/// Whether this process is to name its benchmarks (`cargo bench -- --list`) or to show that it starts (`cargo test --benches`):
/// where criterion does not see to it, a benchmark does nothing then.
#[must_use]
pub fn is_not_to_measure() -> bool {
    env::args().skip(1).any(|argument| argument == "--test" || argument == "--list")
}

/// The other end of the turns.
struct Socket(#[cfg(unix)] std::os::unix::net::UnixStream);

impl Socket {
    /// None where nobody said that it is one.
    #[cfg(unix)]
    fn of_standard_input() -> Option<Self> {
        use std::os::fd::AsFd;
        env::var_os(ASKED_BY)?;
        let end = io::stdin().as_fd().try_clone_to_owned().ok()?;
        Some(Self(end.into()))
    }

    #[cfg(not(unix))]
    fn of_standard_input() -> Option<Self> {
        None
    }

    #[cfg(unix)]
    fn take(&mut self) -> io::Result<()> {
        use std::io::{Read, Write};
        self.0.write_all(&[REQUEST])?;
        self.0.read_exact(&mut [0])
    }

    #[cfg(not(unix))]
    fn take(&mut self) -> io::Result<()> {
        Ok(())
    }
}
