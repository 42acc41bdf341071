//! Where the time of the processors went that this process may use.

use std::time::Duration;

use crate::environment::processors::Allowed;
use crate::environment::root::Root;

/// The unit of the counters: `USER_HZ` is 100 on every architecture that this program is built for.
const JIFFY: Duration = Duration::from_millis(10);

/// Counters since the start of the system, in jiffies.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessorTime {
    processors: u32,
    busy: u64,
    stolen: u64,
    own: u64,
}

/// What they rose by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent {
    /// How many processors share the times below.
    pub(super) processors: u32,
    /// By anybody.
    pub(super) busy: Duration,
    /// By the hypervisor, for others.
    pub(super) stolen: Duration,
    /// By this process and its children that have been waited for.
    pub(super) own: Duration,
}

impl ProcessorTime {
    pub(super) fn read(root: &Root) -> Option<Self> {
        let own = own_jiffies(&root.text("proc/self/stat")?)?;
        let allowed = Allowed::read(root);
        let mut time = Self { processors: 0, busy: 0, stolen: 0, own };
        for line in root.text("proc/stat")?.lines() {
            let mut words = line.split_whitespace();
            if words.next().is_some_and(|name| allowed.contains(name)) {
                let jiffies: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
                // Guests are counted as user time already.
                let [user, nice, system, _idle, _wait, interrupts, soft_interrupts, stolen, ..] = jiffies[..]
                else {
                    return None;
                };
                time.processors += 1;
                time.busy += user + nice + system + interrupts + soft_interrupts;
                time.stolen += stolen;
            }
        }
        Some(time).filter(|time| time.processors > 0)
    }

    pub(super) fn spent_until(self, later: Self) -> Spent {
        let rise = |before: u64, after: u64| {
            let jiffies = u32::try_from(after.saturating_sub(before)).unwrap_or(u32::MAX);
            JIFFY.saturating_mul(jiffies)
        };
        Spent {
            processors: later.processors,
            busy: rise(self.busy, later.busy),
            stolen: rise(self.stolen, later.stolen),
            own: rise(self.own, later.own),
        }
    }
}

impl Spent {
    /// What the counters may err by: on each processor a jiffy may count that began before, and the process's counters round.
    pub(super) fn rounding(&self) -> Duration {
        JIFFY * (self.processors + 1)
    }
}

/// User and system time of a process and its children; the name before them may hold anything, also spaces and parentheses.
fn own_jiffies(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    // Behind the name, utime is the twelfth field (proc_pid_stat(5): 14 of all).
    let times: Vec<u64> = fields.split_whitespace().skip(11).take(4).map_while(|t| t.parse().ok()).collect();
    (times.len() == 4).then(|| times.iter().sum())
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::super::tree::Tree;
    use super::*;

    /// A system of two processors of which the first is allowed, with counters in jiffies.
    pub(in super::super) fn time(busy: u64, stolen: u64, own: u64) -> ProcessorTime {
        let stat = format!(
            "cpu  999 0 0 0 0 0 0 0 0 0\ncpu0 {busy} 0 0 77 88 0 0 {stolen} 55 0\ncpu1 500 0 0 0 0 0 0 500 0 0\nintr 5\n"
        );
        let own = format!("7 (a (b) c) R 1 1 1 0 -1 0 0 0 0 0 {own} 0 0 0 20 0 1 0 5 5");
        let status = "Cpus_allowed_list:\t0\n";
        let files = [("proc/stat", &*stat), ("proc/self/stat", &*own), ("proc/self/status", status)];
        ProcessorTime::read(&Tree::of(&files).root()).unwrap()
    }

    #[test]
    fn only_allowed_processors_count_and_idle_and_waiting_is_not_busy() {
        let spent = time(100, 10, 20).spent_until(time(150, 13, 60));
        assert_eq!(spent.processors, 1);
        let jiffies = [spent.busy, spent.stolen, spent.own].map(|time| time.as_millis() / 10);
        assert_eq!(jiffies, [50, 3, 40]);
    }

    #[test]
    fn all_kinds_of_work_are_busy_and_all_four_own_times_count() {
        let files = [
            ("proc/stat", "cpu0 1 2 4 1000 1000 8 16 32 64 128\n"),
            ("proc/self/stat", "7 () ) x) R 1 1 1 0 -1 0 0 0 0 0 1 2 4 8 20 0 1 0 5 5"),
        ];
        let time = ProcessorTime::read(&Tree::of(&files).root()).unwrap();
        assert_eq!((time.busy, time.stolen, time.own), (31, 32, 15));
    }

    #[test]
    fn a_system_that_tells_nothing_or_nonsense_has_no_times() {
        for (stat, own) in [("", "7 (a) R"), ("cpu0 1 2 3\n", "x"), ("cpu0 a b c d e f g h\n", ")")] {
            let files = [("proc/stat", stat), ("proc/self/stat", own)];
            assert!(ProcessorTime::read(&Tree::of(&files).root()).is_none(), "{stat}");
        }
        assert!(ProcessorTime::read(&Tree::empty().root()).is_none());
    }
}
