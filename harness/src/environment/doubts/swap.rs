use std::time::Duration;

use proofmark_reports::schema::v1::{Doubt, DoubtKind};

use super::doubt as doubt_of;
use crate::environment::root::Root;

/// Pages, and pages a second; a kernel that tidies up moves a few, a working set that does not fit moves thousands a second.
const TIDYING: u64 = 256;
const TIDYING_A_SECOND: u64 = 64;
/// To disk, and to compressed memory, which the kernel counts apart.
const COUNTERS: [&str; 4] = ["pswpin", "pswpout", "zswpin", "zswpout"];

/// Pages that the machine moved out of memory or back; `None` where it does not count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Swapped(Option<u64>);

impl Swapped {
    pub(super) fn read(root: &Root) -> Self {
        let counts = COUNTERS.into_iter().filter_map(|counter| root.field("proc/vmstat", counter));
        Self(counts.reduce(u64::saturating_add))
    }
}

/// Whether memory did not suffice, for this program or for others beside it.
pub(super) fn doubt(before: Swapped, after: Swapped, elapsed: Duration) -> Option<Doubt> {
    let pages = after.0?.saturating_sub(before.0?);
    (pages > TIDYING + TIDYING_A_SECOND * elapsed.as_secs()).then(|| {
        doubt_of(
            DoubtKind::Swap,
            &format!("{pages} pages of memory were swapped out or in"),
            "stop other programs or leave out workloads that do not fit the memory",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::tree::Tree;
    use super::*;

    fn pages(inwards: u64, outwards: u64) -> Swapped {
        let vmstat = format!("nr_free_pages 5\npswpin {inwards}\npswpout {outwards}\nzswpin 3\n");
        Swapped::read(&Tree::of(&[("proc/vmstat", &vmstat)]).root())
    }

    #[test]
    fn pages_that_went_out_and_came_back_raise_a_doubt_with_the_figure() {
        let doubt = doubt(pages(10, 20), pages(310, 120), Duration::from_secs(2)).unwrap();
        assert_eq!(doubt.kind, DoubtKind::Swap);
        assert_eq!(doubt.detail, "400 pages of memory were swapped out or in");
    }

    #[test]
    fn a_few_pages_and_a_system_that_does_not_count_raise_none() {
        assert_eq!(doubt(pages(10, 20), pages(138, 148), Duration::ZERO), None);
        assert_eq!(doubt(pages(10, 20), pages(310, 120), Duration::from_secs(3)), None);
        let nothing = Swapped::read(&Tree::empty().root());
        assert_eq!(doubt(nothing, pages(999, 999), Duration::ZERO), None);
    }
}
