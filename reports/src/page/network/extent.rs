//! Linear axes of shares.

/// An axis from nothing to a round share beyond everything that is drawn on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    step: f64,
    steps: u32,
}

impl Extent {
    /// From nothing to everything.
    pub(super) const ALL: Self = Self { step: 0.25, steps: 4 };

    /// As long as these shares ask for; what is no number counts as nothing.
    pub(super) fn over(shares: impl IntoIterator<Item = f64>) -> Self {
        let most = shares.into_iter().filter(|share| share.is_finite()).fold(0.0, f64::max).min(1.0);
        if most <= 1e-15 || most > 0.8 {
            return Self::ALL;
        }
        let power = 10_f64.powf((most / 4.0).log10().floor());
        let least = most / 4.0 / power * (1.0 - 1e-9);
        let step = power * [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| *step >= least).unwrap_or(10.0);
        Self { step, steps: (most / step * (1.0 - 1e-9)).ceil().clamp(1.0, 4.0) as u32 }
    }

    /// Where a share stands, from 0 to 1.
    pub(super) fn place(self, share: f64) -> f64 {
        if share.is_finite() { (share / self.end()).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Places and labels of its ticks.
    pub(super) fn ticks(self) -> impl Iterator<Item = (f64, String)> {
        (0..=self.steps).map(move |tick| {
            (f64::from(tick) / f64::from(self.steps), self.label(f64::from(tick) * self.step))
        })
    }

    /// A percentage with as many decimals as tell ticks apart.
    fn label(self, share: f64) -> String {
        let (percents, step) = (100.0 * share, 100.0 * self.step);
        let decimals = (-(step * (1.0 + 1e-9)).log10().floor()).max(0.0) as usize;
        match decimals {
            _ if share == 0.0 => "0\u{a0}%".to_owned(),
            0..=4 => format!("{percents:.decimals$}\u{a0}%"),
            _ => format!("{percents:.1e}\u{a0}%"),
        }
    }

    fn end(self) -> f64 {
        self.step * f64::from(self.steps)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(most: f64) -> Vec<String> {
        Extent::over([0.0, most]).ticks().map(|(_, label)| label.replace('\u{a0}', " ")).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(0.31), ["0 %", "10 %", "20 %", "30 %", "40 %"]);
        assert_eq!(labels(0.05), ["0 %", "2 %", "4 %", "6 %"]);
        assert_eq!(labels(0.9), ["0 %", "25 %", "50 %", "75 %", "100 %"]);
        assert_eq!(labels(1.6e-3), ["0 %", "0.05 %", "0.10 %", "0.15 %", "0.20 %"]);
        assert_eq!(labels(3e-9), ["0 %", "1.0e-7 %", "2.0e-7 %", "3.0e-7 %"]);
        assert_eq!(Extent::over([]), Extent::ALL);
        assert_eq!(Extent::over([f64::NAN, -1.0]), Extent::ALL);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_greatest_share_stands_near_the_end(exponent in -14.0_f64..0.0) {
            let most = 10_f64.powf(exponent);
            let extent = Extent::over([most]);
            prop_assert!(most <= extent.end() * (1.0 + 1e-9) && most > 0.39 * extent.end(), "{most} on {extent:?}");
            prop_assert!((2..=5).contains(&extent.ticks().count()));
        }
    }
}
