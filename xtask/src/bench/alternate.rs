//! Two processes of which one runs at a time: the side that gives the turns.
//!
//! A process asks for its next turn by [`REQUEST`] on its standard input, which is a socket, and waits there until it is granted by a
//! byte (`xtask/bench`). Between its request and the grant it does nothing, so whoever has the turn has the machine. A process
//! that never asks, as a build from before this protocol, runs to its end before the other begins.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::change::Draws;

const ASKED_BY: &str = "PROOFMARK_BENCH_TURNS";
const REQUEST: u8 = b'?';
const GRANT: u8 = b'!';

/// No turn takes longer, with whatever a process does before its first.
const MOST: Duration = Duration::from_secs(600);

/// Runs two processes, the first of them first, until both have ended well. Of each pair of turns `seed` says who goes first, so that
/// nothing periodic meets one process alone.
pub(crate) fn run(commands: [Command; 2], seed: u64, scratch: &Path) -> Result<()> {
    fs::create_dir_all(scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
    let [first, second] = commands;
    let mut processes = [
        Process::start(first, scratch.join("first.err"))?,
        Process::start(second, scratch.join("second.err"))?,
    ];
    let mut draws = Draws(seed);
    while processes.iter().any(|process| process.is_waiting) {
        let first = draws.below(2);
        for index in [first, 1 - first] {
            if processes[index].is_waiting {
                processes[index].take_turn()?;
            }
        }
    }
    processes.into_iter().try_for_each(Process::end)
}

struct Process {
    child: Child,
    socket: UnixStream,
    /// Else it has ended, or is about to.
    is_waiting: bool,
    text: String,
    told: PathBuf,
}

impl Process {
    /// Starts it, and waits until it asks for a turn or ends.
    fn start(mut command: Command, told: PathBuf) -> Result<Self> {
        let text = format!("{}", command.get_program().display());
        let (socket, theirs) = UnixStream::pair().context("cannot make a socket")?;
        let errors = File::create(&told).with_context(|| format!("cannot write {}", told.display()))?;
        command.env(ASKED_BY, "1").stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(errors);
        let child = command.spawn().with_context(|| format!("cannot start {text}"))?;
        // Of its end only it has a copy from here on.
        drop(command);
        socket.set_read_timeout(Some(MOST))?;
        let mut process = Self { child, socket, is_waiting: false, text, told };
        process.listen()?;
        Ok(process)
    }

    /// Lets it run until it asks again or ends.
    fn take_turn(&mut self) -> Result<()> {
        // Whether it is still there, it says itself.
        let _ = self.socket.write_all(&[GRANT]);
        self.listen()
    }

    /// The socket ends with the process.
    fn listen(&mut self) -> Result<()> {
        let mut byte = [0];
        self.is_waiting = match self.socket.read(&mut byte) {
            Ok(1) if byte == [REQUEST] => true,
            Ok(1) => bail!("{} writes to its standard input", self.text),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                bail!("{} took longer than {} s for a turn", self.text, MOST.as_secs())
            }
            Ok(_) | Err(_) => false,
        };
        Ok(())
    }

    fn end(mut self) -> Result<()> {
        let status: ExitStatus =
            self.child.wait().with_context(|| format!("cannot wait for {}", self.text))?;
        if !status.success() {
            let told = fs::read_to_string(&self.told).unwrap_or_default();
            bail!("{}: {status}: {}", self.text, told.trim());
        }
        Ok(())
    }
}

impl Drop for Process {
    /// Nothing stays behind where the other could not be started.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appends its letter to `log` twice a turn, for so many turns.
    fn process(letter: &str, turns: usize, log: &Path) -> Command {
        let script = format!(
            "for _ in $(seq {turns}); do printf '?' >&0; head -c 1 <&0 >/dev/null; printf {letter} >>$0; sleep 0.002; printf {letter} >>$0; done"
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(log);
        command
    }

    fn alternated(name: &str, commands: impl Fn(&Path) -> [Command; 2]) -> (Result<()>, String) {
        let folder = std::env::temp_dir().join(format!("proofmark-alternate-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let log = folder.join("log");
        let ended = run(commands(&log), 0, &folder);
        let written = fs::read_to_string(&log).unwrap_or_default();
        fs::remove_dir_all(folder).unwrap();
        (ended, written)
    }

    #[test]
    fn both_sides_say_the_same() {
        assert_eq!((ASKED_BY, REQUEST), (proofmark_bench::ASKED_BY, proofmark_bench::REQUEST));
    }

    #[test]
    fn each_of_a_pair_has_one_turn_and_nobody_writes_in_anothers() {
        let (ended, written) = alternated("pairs", |log| [process("a", 8, log), process("b", 8, log)]);
        ended.unwrap();
        assert_eq!(written.len(), 32);
        let pairs: Vec<&str> = (0..8).map(|pair| &written[4 * pair..4 * pair + 4]).collect();
        assert!(pairs.iter().all(|pair| ["aabb", "bbaa"].contains(pair)), "{written}");
        assert!(["aabb", "bbaa"].iter().all(|order| pairs.contains(order)), "{written}");
    }

    #[test]
    fn who_has_more_turns_goes_on_alone_and_who_asks_for_none_goes_before() {
        let (ended, written) = alternated("more", |log| [process("a", 1, log), process("b", 3, log)]);
        ended.unwrap();
        assert_eq!((written.matches('a').count(), written.matches('b').count()), (2, 6));
        assert!(written.ends_with("bbbb"), "{written}");
        let (ended, written) = alternated("none", |log| {
            let mut silent = Command::new("sh");
            silent.args(["-c", "sleep 0.05; printf s >$0"]).arg(log);
            [silent, process("b", 2, log)]
        });
        ended.unwrap();
        assert_eq!(written, "sbbbb");
    }

    #[test]
    fn what_a_failed_process_told_is_told() {
        let (ended, _) = alternated("failed", |log| {
            let mut failing = Command::new("sh");
            failing.args(["-c", "echo broken >&2; exit 3"]);
            [process("a", 2, log), failing]
        });
        let error = format!("{:#}", ended.unwrap_err());
        assert!(error.contains("exit status: 3") && error.contains("broken"), "{error}");
    }
}
