use proofmark_reports::schema::v1::{Ceilings, Doubt, DoubtKind};

use super::doubt as doubt_of;

/// Of the peak before the run: more than what it varies by from one measurement to the next.
const SHARE: f64 = 0.9;

/// Whether the arithmetic peak sank during the run, as by heat. It tells also where the system's counters do not, as in virtual
/// machines.
#[must_use]
pub fn ceilings_doubt(before: Ceilings, after: Ceilings) -> Option<Doubt> {
    let [before, after] = [before, after].map(|ceilings| ceilings.f32_flops_per_s as f64);
    (after < SHARE * before).then(|| {
        doubt_of(
            DoubtKind::Throttling,
            &format!(
                "arithmetic reached {:.0} GFLOP/s before the run and {:.0} after it",
                before / 1e9,
                after / 1e9
            ),
            "stop other programs, cool the machine better or limit its boost, and certify again",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(before: u64, after: u64) -> Option<Doubt> {
        let ceilings =
            |gflops: u64| Ceilings { read_bytes_per_s: 1, f32_flops_per_s: gflops * 1_000_000_000 };
        ceilings_doubt(ceilings(before), ceilings(after))
    }

    #[test]
    fn arithmetic_that_became_slower_raises_a_doubt_with_the_figures() {
        let doubt = of(300, 269).unwrap();
        assert_eq!(doubt.kind, DoubtKind::Throttling);
        assert_eq!(doubt.detail, "arithmetic reached 300 GFLOP/s before the run and 269 after it");
    }

    #[test]
    fn arithmetic_that_stayed_or_became_faster_raises_none() {
        assert_eq!(of(300, 270), None);
        assert_eq!(of(300, 400), None);
        assert_eq!(of(0, 0), None);
    }
}
