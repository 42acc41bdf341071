//! The two sides of the roofline: how fast this machine reads memory and multiplies at most, with the threads of the run.
//!
//! They are measured in a child process, whose pool has these threads and whose memory is gone afterwards.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use proofmark_models::exact::ceilings::{ReadBuffer, multiply_adds};
use proofmark_models::exact::device;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::schema::v1::Ceilings;

use crate::place::Place;
use crate::supervise::spawn;
use crate::{Outcome, environment};

/// What is no shorter counts as sustained: many times longer than a scheduler's slice and than a processor holds its highest
/// boost against its power limit. Half of the time, if that is less.
const BURST: Duration = Duration::from_millis(100);
/// For the child, beyond the time of both sides: writing the buffer takes about a second.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Beyond any cache of a thread's own, and long enough for a thread to outlast its start.
const BUFFER_BYTES_A_THREAD: u64 = 256 << 20;
/// The buffer by the last-level cache, which a cyclic reader finds nothing in from twice its size on.
const WANTED_CACHES: u64 = 4;
const NEEDED_CACHES: u64 = 2;
/// Of a GPU: many times its last cache.
const ACCELERATOR_BUFFER_BYTES: u64 = 1 << 30;
/// A measurement that takes less is short.
const SHORT: Duration = Duration::from_millis(500);
/// Of processors whose caches the system does not tell.
const USUAL_CACHE_BYTES: u64 = 32 << 20;

/// Measures each side for `time` with `threads` threads in a process of `program`, which is this program; half of the available memory is
/// used at most.
///
/// # Errors
/// When too little memory is free, or the process does not start or does not answer in time.
pub fn measure(
    program: &Path,
    threads: u32,
    (place, isa): (Place, Isa),
    available_memory_bytes: u64,
    time: Duration,
) -> anyhow::Result<Ceilings> {
    let buffer_bytes = match place {
        Place::Cpu => {
            let cache_bytes = environment::last_level_cache_bytes().unwrap_or(USUAL_CACHE_BYTES);
            buffer_bytes(threads, cache_bytes, available_memory_bytes, time)?
        }
        Place::Cuda(_) => ACCELERATOR_BUFFER_BYTES.min(available_memory_bytes / 2),
    };
    let mut command = Command::new(program);
    command
        .args(["ceilings", "--device", &place.to_string(), "--isa", &isa.to_string()])
        .args(["--buffer-bytes", &buffer_bytes.to_string()])
        .args(["--time-ms", &time.as_millis().to_string()])
        .env("RAYON_NUM_THREADS", threads.to_string());
    ask(&mut command, TIME_LIMIT + 3 * time)
}

/// What the child does: measures each side for `time`, with the threads of its pool or on a GPU.
///
/// # Errors
/// When the machine lacks the instruction set or the GPU, or the buffer is empty.
pub fn measure_here(place: Place, isa: Isa, buffer_bytes: usize, time: Duration) -> anyhow::Result<Ceilings> {
    if let Some(gpu) = place.device()? {
        let f32_flops_per_s =
            best_rate(time, |rounds| Ok(device::ceilings::multiply_adds(gpu, u32::try_from(rounds)?)?))?;
        let buffer = device::ceilings::ReadBuffer::new(gpu, buffer_bytes)?;
        ensure!(buffer.read(1)? > 0, "a buffer of {buffer_bytes} bytes has nothing to read");
        let read_bytes_per_s = best_rate(time, |passes| Ok(buffer.read(passes)?))?;
        return Ok(Ceilings { read_bytes_per_s, f32_flops_per_s });
    }
    ensure!(isa.is_available(), "this machine does not have the instruction set {isa}");
    let f32_flops_per_s = best_rate(time, |rounds| Ok(multiply_adds(isa, rounds)))?;
    let buffer = ReadBuffer::new(isa, buffer_bytes);
    ensure!(buffer.read() > 0, "a buffer of {buffer_bytes} bytes has nothing to read");
    let read_bytes_per_s = best_rate(time, |passes| Ok((0..passes).map(|_| buffer.read()).sum()))?;
    Ok(Ceilings { read_bytes_per_s, f32_flops_per_s })
}

/// Ends this process when standard input closes, since its parent is gone then.
pub(crate) fn end_with_parent() {
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(Outcome::Internal as i32);
    });
}

/// The best of the bursts of work that fit in the time, by the second. Whatever else happens on a machine makes a burst slower, never
/// faster, so the best one is nearest to what the machine can do.
fn best_rate(time: Duration, mut work: impl FnMut(u64) -> anyhow::Result<u64>) -> anyhow::Result<u64> {
    let (started, shortest) = (Instant::now(), BURST.min(time / 2));
    let (mut amount, mut best) = (1_u64, 0.0_f64);
    loop {
        let burst = Instant::now();
        let done = work(amount)?;
        let elapsed = burst.elapsed().max(Duration::from_nanos(1));
        if elapsed < shortest {
            amount = amount.saturating_mul(2);
            continue;
        }
        best = best.max(done as f64 / elapsed.as_secs_f64());
        if started.elapsed() >= time {
            return Ok(best as u64);
        }
    }
}

/// In a short measurement the least that is needed, because writing a buffer takes longer than reading it.
fn buffer_bytes(threads: u32, cache_bytes: u64, available_bytes: u64, time: Duration) -> anyhow::Result<u64> {
    let needed = cache_bytes.saturating_mul(NEEDED_CACHES);
    let wanted = (BUFFER_BYTES_A_THREAD * u64::from(threads)).max(cache_bytes.saturating_mul(WANTED_CACHES));
    let bytes = if time < SHORT { needed } else { wanted }.min(available_bytes / 2);
    ensure!(
        bytes >= needed,
        "{available_bytes} bytes of free memory are too few to read beyond a cache of {cache_bytes}"
    );
    Ok(bytes)
}

/// Starts the process and waits for its answer.
fn ask(command: &mut Command, time_limit: Duration) -> anyhow::Result<Ceilings> {
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process =
        Process(streams.spawn().context("cannot start a process to measure the machine's ceilings")?);
    let (sender, answer) = channel();
    let (stdout, stderr) = (process.0.stdout.take(), process.0.stderr.take());
    spawn(move || {
        let _ = sender.send((text(stdout), text(stderr)));
    })?;
    let Ok((answer, errors)) = answer.recv_timeout(time_limit) else {
        bail!("measuring the machine's ceilings took longer than {} s", time_limit.as_secs());
    };
    let status = process.0.wait()?;
    ensure!(status.success(), "measuring the machine's ceilings failed ({status}): {}", errors.trim());
    serde_json::from_str(&answer).map_err(|_| {
        anyhow!("the process that measures the machine's ceilings said something unintelligible")
    })
}

/// What a stream says until it ends; the limit is far above any answer.
fn text(stream: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let _ = stream.take(1 << 16).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Killed when it goes out of scope.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_buffer_is_beyond_the_caches_and_leaves_half_of_the_memory() {
        const MIB: u64 = 1 << 20;
        let mib = |threads, cache: u64, available: u64| {
            let time = Duration::from_secs(1);
            buffer_bytes(threads, cache * MIB, available * MIB, time).ok().map(|bytes| bytes / MIB)
        };
        assert_eq!(mib(2, 32, 100_000), Some(512));
        assert_eq!(mib(1, 500, 100_000), Some(2000));
        assert_eq!(mib(8, 32, 3000), Some(1500));
        assert_eq!(mib(1, 32, 128), Some(64));
        assert_eq!(mib(1, 32, 126), None);
        assert_eq!(mib(1, 32, 0), None);
        let short = buffer_bytes(2, 32 * MIB, 100_000 * MIB, Duration::from_millis(100));
        assert_eq!(short.unwrap(), 64 * MIB);
    }

    #[test]
    fn work_is_doubled_until_a_burst_lasts_and_its_rate_is_told() {
        let mut amounts = Vec::new();
        let rate = best_rate(Duration::from_secs(1), |amount| {
            amounts.push(amount);
            thread::sleep(Duration::from_millis(30 * amount));
            Ok(amount)
        })
        .unwrap();
        assert_eq!(amounts[0], 1);
        assert!(amounts.windows(2).all(|pair| pair[1] == pair[0] || pair[1] == 2 * pair[0]), "{amounts:?}");
        // Sleep is never shorter than asked; a burst of four is long enough, so nothing is doubled further.
        assert!(*amounts.last().unwrap() <= 4, "{amounts:?}");
        assert!((1..=33).contains(&rate), "{rate}");
    }

    #[test]
    fn an_answer_is_read_and_anything_else_is_an_error() {
        let limit = Duration::from_secs(20);
        let answer = ask(&mut shell(r#"echo '{"read_bytes_per_s":3,"f32_flops_per_s":4}'"#), limit).unwrap();
        assert_eq!(answer, Ceilings { read_bytes_per_s: 3, f32_flops_per_s: 4 });
        let failure = |script: &str| ask(&mut shell(script), limit).unwrap_err().to_string();
        assert!(failure("echo nonsense").ends_with("said something unintelligible"));
        assert!(failure("echo broken >&2; exit 3").ends_with("broken"));
    }

    #[test]
    fn a_process_that_does_not_answer_is_stopped() {
        let started = Instant::now();
        let error = ask(&mut shell("exec sleep 60"), Duration::from_millis(100)).unwrap_err();
        assert!(error.to_string().contains("took longer than"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
