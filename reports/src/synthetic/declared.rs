//! What operators say of themselves: where their machines stand, with whom, how often they can be reached, and what they have at stake.
//!
//! Nobody measures that. Places and companies are invented; a few hold most of the machines.

use super::classes::Hosting;
use super::random::Origin;
use crate::network::attributes::Attributes;

const REGIONS: [(&str, u32); 12] = [
    ("eu-central", 240),
    ("us-east", 210),
    ("us-west", 140),
    ("eu-west", 110),
    ("eu-north", 80),
    ("ap-southeast", 70),
    ("ap-northeast", 50),
    ("ca-east", 35),
    ("ap-south", 25),
    ("sa-east", 20),
    ("oc-south", 12),
    ("af-south", 8),
];
const HOME: [(&str, u32); 5] =
    [("fibrelink", 400), ("citycable", 300), ("valley-dsl", 150), ("skybeam", 100), ("village-net", 50)];
const CLOUD: [(&str, u32); 4] =
    [("stratus", 480), ("cumulo", 270), ("altocloud", 170), ("nimbus-compute", 80)];
const COLOCATION: [(&str, u32); 4] =
    [("ironrack", 450), ("harbour-hosting", 300), ("deepcage", 150), ("northcellar", 100)];

/// The share of operators that say that they can always be reached.
const ALWAYS: f64 = 0.01;
const MILLION: f64 = 1e6;
/// The median of stakes, in whatever unit, and the standard deviation of their logarithm.
const STAKE: f64 = 1000.0;
const STAKE_SPREAD: f64 = 1.3;

/// What an operator says of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared {
    pub(super) region: &'static str,
    pub(super) provider: &'static str,
    pub(super) availability_ppm: u64,
    pub(super) stake: u64,
}

impl Declared {
    /// Of the operator of a machine, by what kind of place it stands in.
    pub(super) fn of(origin: Origin, hosting: Hosting) -> Self {
        let mut random = Origin::first(origin.seed, origin.operator).random("declared", 0);
        // The median of the time without, as a share, and the standard deviation of its logarithm.
        let (providers, absence, spread) = match hosting {
            Hosting::Home => (&HOME[..], 0.03, 0.9),
            Hosting::Cloud => (&CLOUD[..], 0.002, 0.8),
            Hosting::Colocation => (&COLOCATION[..], 0.005, 0.8),
        };
        let mut name =
            |names: &[(&'static str, u32)]| random.weighted(names, |name| name.1).map_or("", |name| name.0);
        let (region, provider) = (name(&REGIONS), name(providers));
        let available = 1.0 - absence * random.factor(spread);
        let available = if random.happens(ALWAYS) { 1.0 } else { available.max(0.0) };
        Self {
            region,
            provider,
            availability_ppm: (available * MILLION) as u64,
            stake: (STAKE * random.factor(STAKE_SPREAD)) as u64,
        }
    }

    /// As a network reads it in `extensions`.
    pub(super) fn attributes(&self) -> Attributes {
        Attributes {
            region: Some(self.region.to_owned()),
            provider: Some(self.provider.to_owned()),
            availability: Some(self.availability_ppm as f64 / MILLION),
            stake: Some(self.stake as f64),
        }
    }
}
