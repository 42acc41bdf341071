//! What a run has done, on disk before it goes on: so that a run that is killed loses no more than its running cell.
//!
//! One line an entry: the SHA-256 over the line before and this entry, a space, the entry as JSON. A last line that
//! is not whole was being written when the run was killed, and is dropped; any other damage is refused. The file lies beside the
//! profile, is locked while a run writes it, and is removed when the profile is there.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use proofmark_reports::Digest;
use proofmark_reports::audit::KeptOutput;
use proofmark_reports::schema::v1::{
    Ceilings, Cell, Challenge, Doubt, Harness, Machine, Sitting, Status, SuiteReference,
};
use serde::{Deserialize, Serialize};

use crate::output_file::sync_folder_of;
use crate::{Failure, Outcome};

/// More than the cells of any run take, written anew in every round, with what is kept of all outputs.
const MAX_BYTES: u64 = 1 << 30;
const FORMAT: &str = "proofmark/journal/1";

/// What a run is, fixed at its start and the same in every sitting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunHead {
    pub(crate) suite: SuiteReference,
    pub(crate) operator: String,
    pub(crate) machine: Machine,
    pub(crate) harness: Harness,
    pub(crate) challenge: Challenge,
    pub(crate) threads: u32,
    /// Ids, in the suite's order.
    pub(crate) workloads: Vec<String>,
    /// Model and folder.
    pub(crate) weights: Vec<(String, PathBuf)>,
    pub(crate) started_at: String,
    pub(crate) ceilings: Option<Ceilings>,
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// The first line: a run begins, and with it its first sitting, under circumstances that raise these doubts.
    Run { format: String, head: Box<RunHead>, doubts: Vec<Doubt> },
    /// The run goes on here, in as many words.
    Sitting { sitting: Sitting, doubts: Vec<Doubt> },
    /// A round of a cell begins.
    Began { round: u64, index: u64 },
    /// A round of a cell is over, at this time: the cell with all its rounds so far, and what is kept of the outputs of this one.
    Finished { round: u64, index: u64, cell: Box<Cell>, kept: Vec<KeptOutput>, at: String },
}

/// What a journal tells.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) head: RunHead,
    pub(crate) sittings: Vec<Sitting>,
    pub(crate) doubts: Vec<Doubt>,
    /// With the rounds that are over.
    pub(crate) cells: Vec<Cell>,
    /// Of the outputs of those rounds.
    pub(crate) kept: Vec<KeptOutput>,
    /// Round and index of the last cell that was over.
    pub(crate) last: Option<(u64, u64)>,
    /// Round and index of the cell that was begun after that, and how often.
    pub(crate) begun: Option<((u64, u64), u32)>,
    /// The last time that it tells of.
    pub(crate) last_at: String,
}

impl Record {
    fn begun(head: RunHead, doubts: Vec<Doubt>) -> Self {
        let started_at = head.started_at.clone();
        let sitting = Sitting { started_at: started_at.clone(), first_round: 0, first_cell: 0 };
        Self {
            head,
            sittings: vec![sitting],
            doubts,
            cells: Vec::new(),
            kept: Vec::new(),
            last: None,
            begun: None,
            last_at: started_at,
        }
    }

    /// Round and index of the first cell that is still to be measured.
    pub(crate) fn next(&self, rounds: u64) -> Option<(u64, u64)> {
        let places =
            (0..rounds).flat_map(|round| (0..self.head.workloads.len()).map(move |index| (round, index)));
        let mut open = places.filter(|place| is_open(&self.cells, self.last, *place));
        open.next().map(|(round, index)| (round, index as u64))
    }
}

/// Whether a cell is still to be measured in a round, when `last` was the last one that was over.
pub(crate) fn is_open(cells: &[Cell], last: Option<(u64, u64)>, (round, index): (u64, usize)) -> bool {
    last < Some((round, index as u64)) && cells.get(index).is_none_or(|cell| cell.status == Status::Measured)
}

/// The file of a run that goes on.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
    last: Digest,
    /// Bytes to keep: what lies behind was cut off when the run was killed, and goes with the next entry.
    keep: Option<u64>,
}

impl Journal {
    /// Where the journal of a profile lies.
    pub(crate) fn place(profile: &Path) -> PathBuf {
        let mut name = profile.as_os_str().to_owned();
        name.push(".journal");
        name.into()
    }

    /// Claims the journal of a new run. One that is there is of a run that was killed: it is kept under another name, which is
    /// returned.
    pub(crate) fn claim(path: &Path) -> Result<(Self, Option<PathBuf>), Failure> {
        let mut kept = None;
        let file = claim(path, &mut kept).map_err(|error| unwritable(path, error))?;
        Ok((Self { file, path: path.to_owned(), last: first_check(), keep: None }, kept))
    }

    /// Writes the first line.
    pub(crate) fn begin(&mut self, head: RunHead, doubts: Vec<Doubt>) -> Result<Record, Failure> {
        let entry =
            Entry::Run { format: FORMAT.to_owned(), head: Box::new(head.clone()), doubts: doubts.clone() };
        self.write(&entry)?;
        sync_folder_of(&self.path).map_err(|error| unwritable(&self.path, error.into()))?;
        Ok(Record::begun(head, doubts))
    }

    /// Opens the journal of a run that was killed; nothing is changed before the first entry is written.
    pub(crate) fn reopen(path: &Path) -> Result<(Self, Record), Failure> {
        let bad_input = |error: anyhow::Error| Failure::new(Outcome::BadInput, error);
        let place = path.display();
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(|error| {
            let hint = "leave --resume out to begin a run; --out names the profile whose run goes on";
            bad_input(anyhow::Error::new(error).context(format!("no journal {place} to go on from")))
                .hint(hint)
        })?;
        lock(&file).map_err(|error| bad_input(error.context(format!("cannot go on from {place}"))))?;
        let mut bytes = Vec::new();
        Read::by_ref(&mut file)
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .with_context(|| format!("cannot read {place}"))
            .map_err(bad_input)?;
        let read = parse(&bytes).with_context(|| format!("journal {place} is damaged")).map_err(|error| {
            bad_input(error).hint("leave --resume out to begin anew; the journal is kept")
        })?;
        let keep = Some(read.length as u64);
        Ok((Self { file, path: path.to_owned(), last: read.last, keep }, read.record))
    }

    /// Writes an entry and waits until it is on disk.
    pub(crate) fn write(&mut self, entry: &Entry) -> Result<(), Failure> {
        let mut append = || -> anyhow::Result<Digest> {
            let json = serde_json::to_vec(entry)?;
            let check = next_check(self.last, &json);
            let line = [check.to_string().as_bytes(), b" ", &json, b"\n"].concat();
            if let Some(keep) = self.keep.take() {
                self.file.set_len(keep)?;
                self.file.seek(SeekFrom::End(0))?;
            }
            self.file.write_all(&line)?;
            self.file.sync_data()?;
            Ok(check)
        };
        self.last = append().map_err(|error| {
            unwritable(&self.path, error).hint("what is finished is kept; make room and go on with --resume")
        })?;
        Ok(())
    }

    /// Removes the file: the run's profile is written.
    pub(crate) fn remove(self) {
        // One that stays is no harm: resuming it writes the same cells again.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn unwritable(path: &Path, error: anyhow::Error) -> Failure {
    Failure::new(Outcome::CannotWrite, error.context(format!("cannot write journal {}", path.display())))
}

/// A new file of that name, locked; the one that was there is renamed.
fn claim(path: &Path, kept: &mut Option<PathBuf>) -> anyhow::Result<File> {
    if let Ok(old) = File::open(path) {
        lock(&old)?;
        if old.metadata()?.len() == 0 {
            // Of a run that was killed before it had begun.
            std::fs::remove_file(path)?;
        } else {
            *kept = Some(set_aside(path)?);
        }
    }
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    lock(&file)?;
    Ok(file)
}

/// Gives a journal a name that none has: `.old`, `.old.1`, ..
fn set_aside(path: &Path) -> anyhow::Result<PathBuf> {
    let named = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 0 { ".old".to_owned() } else { format!(".old.{number}") });
        PathBuf::from(name)
    };
    let free = (0..1000).map(named).find(|name| !name.exists());
    let free = free.ok_or_else(|| anyhow!("a thousand journals of unfinished runs lie beside it"))?;
    std::fs::rename(path, &free)?;
    Ok(free)
}

fn lock(file: &File) -> anyhow::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(anyhow!("another run is writing it")),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn first_check() -> Digest {
    Digest::of(FORMAT.as_bytes())
}

fn next_check(last: Digest, entry: &[u8]) -> Digest {
    Digest::of_fields("proofmark/journal/1", &[&last.0, entry])
}

/// A journal as read.
struct Readout {
    record: Record,
    last: Digest,
    /// Bytes up to the end of the last whole line.
    length: usize,
}

fn parse(bytes: &[u8]) -> anyhow::Result<Readout> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(anyhow!("more than {MAX_BYTES} bytes"));
    }
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let mut record: Option<Record> = None;
    let (mut last, mut length) = (first_check(), 0);
    let lines: Vec<&[u8]> = bytes[..whole].split_inclusive(|byte| *byte == b'\n').collect();
    for (index, line) in lines.iter().enumerate() {
        let number = index + 1;
        match read_line(line, last) {
            Some((check, entry)) => {
                let entry = serde_json::from_slice(entry)
                    .with_context(|| format!("line {number} is of another form"))?;
                last = check;
                length += line.len();
                add(&mut record, entry).with_context(|| format!("line {number}"))?;
            }
            // The last line may have been on its way to the disk when the machine went down.
            None if number == lines.len() => break,
            None => return Err(anyhow!("line {number} is not what was written")),
        }
    }
    let record = record.ok_or_else(|| anyhow!("it has no first line"))?;
    Ok(Readout { record, last, length })
}

/// The check and the entry of a line that is as it was written.
fn read_line(line: &[u8], last: Digest) -> Option<(Digest, &[u8])> {
    let (check, rest) = line.split_at_checked(64)?;
    let entry = rest.strip_prefix(b" ")?.strip_suffix(b"\n")?;
    let check: Digest = std::str::from_utf8(check).ok()?.parse().ok()?;
    Some((check, entry)).filter(|_| check == next_check(last, entry))
}

fn add(record: &mut Option<Record>, entry: Entry) -> anyhow::Result<()> {
    match (record, entry) {
        (record @ None, Entry::Run { format, head, doubts }) if format == FORMAT => {
            *record = Some(Record::begun(*head, doubts));
        }
        (Some(record), Entry::Sitting { sitting, doubts }) => {
            record.last_at.clone_from(&sitting.started_at);
            record.sittings.push(sitting);
            record.doubts.extend(doubts);
        }
        (Some(record), Entry::Began { round, index }) if record.last < Some((round, index)) => {
            let before = record.begun.filter(|(place, _)| *place == (round, index));
            record.begun = Some(((round, index), before.map_or(1, |(_, times)| times + 1)));
        }
        (Some(record), Entry::Finished { round, index, cell, kept, at })
            if record.last < Some((round, index)) =>
        {
            record.kept.extend(kept);
            let count = record.cells.len() as u64;
            match usize::try_from(index).ok().and_then(|index| record.cells.get_mut(index)) {
                Some(earlier) => *earlier = *cell,
                None if index == count => record.cells.push(*cell),
                None => return Err(anyhow!("cell {index} after {count} cells")),
            }
            (record.last, record.begun, record.last_at) = (Some((round, index)), None, at);
        }
        _ => return Err(anyhow!("an entry where none can be")),
    }
    Ok(())
}
