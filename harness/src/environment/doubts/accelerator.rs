//! A GPU that others used, or that was held back.

use proofmark_reports::schema::v1::{AcceleratorReading, AcceleratorReadings, Doubt, DoubtKind};

use super::doubt;

/// Clocks that its owner has set are no circumstance of the run.
const SET_BY_THE_OWNER: [&str; 2] = ["applications_clocks_setting", "display_clock_setting"];

/// What speaks against the figures of a round.
#[must_use]
pub fn accelerator_doubts(readings: &AcceleratorReadings) -> Vec<Doubt> {
    let both = [&readings.before, &readings.after];
    let others = both.iter().filter_map(|reading| reading.other_processes).max().unwrap_or(0);
    let shared = (others > 0).then(|| {
        let detail = format!("{others} other processes computed on the GPU");
        doubt(DoubtKind::ForeignLoad, &detail, "stop other programs that use the GPU")
    });
    let reasons = held_back(&readings.after);
    let throttled = (!reasons.is_empty()).then(|| {
        let detail = format!("the GPU was held back: {}", reasons.join(" "));
        doubt(DoubtKind::Throttling, &detail, "cool it, or raise its power limit")
    });
    shared.into_iter().chain(throttled).collect()
}

fn held_back(reading: &AcceleratorReading) -> Vec<&str> {
    let reasons = reading.throttle_reasons.iter().flatten().map(String::as_str);
    reasons.filter(|reason| !SET_BY_THE_OWNER.contains(reason)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(reasons: &[&str], other_processes: Option<u32>) -> AcceleratorReading {
        let throttle_reasons = Some(reasons.iter().map(|reason| (*reason).to_owned()).collect());
        AcceleratorReading { throttle_reasons, other_processes, ..AcceleratorReading::default() }
    }

    fn kinds(before: AcceleratorReading, after: AcceleratorReading) -> Vec<DoubtKind> {
        let readings = AcceleratorReadings { before, after, peak_memory_bytes: None };
        accelerator_doubts(&readings).into_iter().map(|doubt| doubt.kind).collect()
    }

    #[test]
    fn other_users_and_slow_clocks_of_a_gpu_are_doubts() {
        let unknown = AcceleratorReading::default;
        assert_eq!(kinds(unknown(), unknown()), []);
        assert_eq!(kinds(reading(&[], Some(0)), reading(&["applications_clocks_setting"], Some(0))), []);
        assert_eq!(kinds(reading(&[], Some(2)), unknown()), [DoubtKind::ForeignLoad]);
        assert_eq!(kinds(unknown(), reading(&["sw_power_cap"], None)), [DoubtKind::Throttling]);
        let both = kinds(unknown(), reading(&["hw_thermal_slowdown"], Some(1)));
        assert_eq!(both, [DoubtKind::ForeignLoad, DoubtKind::Throttling]);
    }
}
