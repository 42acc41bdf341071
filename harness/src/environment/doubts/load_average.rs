use proofmark_reports::schema::v1::{Doubt, DoubtKind};

use super::doubt as doubt_of;
use crate::environment::root::Root;

/// A load beyond this share of the processors speaks against the figures.
const SHARE: f64 = 0.25;

/// Whether programs ran during the last minute. The load is the machine's, so it is held against all of the machine's processors;
/// `allowed` are taken for these where the system does not count them.
pub(super) fn doubt(root: &Root, allowed: u32) -> Option<Doubt> {
    let load: f64 = root.text("proc/loadavg")?.split_whitespace().next()?.parse().ok()?;
    let stat = root.text("proc/stat").unwrap_or_default();
    let is_processor = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
    let counted = u32::try_from(stat.lines().filter(is_processor).count()).unwrap_or(u32::MAX);
    let processors = if counted > 0 { counted } else { allowed };
    (load > f64::from(processors) * SHARE).then(|| {
        doubt_of(
            DoubtKind::ForeignLoad,
            &format!("load average {load:.2} on {processors} processors before the run"),
            "stop other programs and certify again; what ran a minute ago, also this program, still counts",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::tree::Tree;
    use super::*;

    fn of(load: &str) -> Option<Doubt> {
        let stat = "cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\ncpu2 1 2 3\ncpu3 1 2 3\nintr 5\n";
        doubt(&Tree::of(&[("proc/loadavg", load), ("proc/stat", stat)]).root(), 1)
    }

    #[test]
    fn a_busy_machine_raises_a_doubt_with_the_figure() {
        let doubt = of("1.31 0.62 0.88 1/88 4791\n").unwrap();
        assert_eq!(doubt.kind, DoubtKind::ForeignLoad);
        assert_eq!(doubt.detail, "load average 1.31 on 4 processors before the run");
    }

    #[test]
    fn an_idle_machine_or_one_that_does_not_tell_raises_none() {
        for load in ["1.00 9.00 9.00 1/88 4791\n", "", "nonsense"] {
            assert_eq!(of(load), None, "{load}");
        }
        assert_eq!(doubt(&Tree::empty().root(), 1), None);
        assert!(doubt(&Tree::of(&[("proc/loadavg", "0.3")]).root(), 1).is_some());
    }
}
