//! Public random numbers: rounds of the drand network *quicknet*, scheme `bls-unchained-g1-rfc9380`
//! (<https://docs.drand.love/docs/specification>).
//!
//! Every three seconds its nodes together sign the number of the next round. A number has one signature under their key, so that
//! nobody chooses it, and none of them can make it alone, so that nobody knows it before its time. The random number is the SHA-256 of
//! the signature. That is a pairing equation on BLS12-381, which needs no network to check: `e(signature, g2) = e(hash of the round, key)`.

use std::time::{Duration, SystemTime};

use blst::BLST_ERROR;
use blst::min_sig::{PublicKey, Signature};
use serde::Deserialize;

use crate::profile::printable;
use crate::schema::v1::Beacon;
use crate::words::clipped;
use crate::{Digest, Timestamp};

/// What names quicknet: the SHA-256 of period, time of the first round, key, seed and name.
pub const CHAIN: Digest =
    Digest(constant("52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"));
const PUBLIC_KEY: [u8; 96] = constant(
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451\
     0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
);
/// Of round 1, in seconds of Unix time.
const GENESIS_S: u64 = 1_692_803_367;
const PERIOD_S: u64 = 3;
/// The tag that RFC 9380 asks for.
const DOMAIN: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
/// What a server sends has about 200.
const JSON_BYTES: usize = 1024;
/// Characters of a foreign text that a fault repeats.
const TOLD: usize = 200;

/// A round whose signature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeaconRound {
    number: u64,
    time: Timestamp,
    signature: [u8; 48],
}

/// Why something is no round of quicknet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeaconFault {
    /// Not the JSON of a round.
    #[error("it is no round as drand's servers send it: {fact}")]
    Form {
        /// What is wrong with it.
        fact: String,
    },
    /// Of another network.
    #[error("chain is {actual}, that of drand quicknet is {CHAIN}")]
    Chain {
        /// As written.
        actual: Digest,
    },
    /// Not 48 bytes in their one spelling.
    #[error("signature is not 96 lower-case hexadecimal digits")]
    Digits,
    /// Of another round, edited, or by another key.
    #[error("the signature is not that of round {round} of drand quicknet")]
    Signature {
        /// As written.
        round: u64,
    },
    /// Does not follow from the signature.
    #[error("randomness is not the SHA-256 of the signature")]
    Randomness,
}

impl BeaconRound {
    /// A round as a challenge or an audit repeats it.
    ///
    /// # Errors
    /// [`BeaconFault`]
    pub fn verify(beacon: &Beacon) -> Result<Self, BeaconFault> {
        if beacon.chain != CHAIN {
            return Err(BeaconFault::Chain { actual: beacon.chain });
        }
        let number = beacon.round;
        let signature = bytes(&beacon.signature).ok_or(BeaconFault::Digits)?;
        let time = time(number).filter(|_| is_signed(number, &signature));
        let time = time.ok_or(BeaconFault::Signature { round: number })?;
        Ok(Self { number, time, signature })
    }

    /// A round as a server sends it: `{"round":1,"signature":"b55e..","randomness":"1466.."}`, the last of which newer servers leave out.
    ///
    /// # Errors
    /// [`BeaconFault`]
    pub fn from_json(json: &[u8]) -> Result<Self, BeaconFault> {
        let form = |fact: &str| BeaconFault::Form { fact: printable(&clipped(fact, TOLD)) };
        if json.len() > JSON_BYTES {
            return Err(form(&format!("{} bytes are more than the limit of {JSON_BYTES}", json.len())));
        }
        // A list of the values would do for serde.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err(form("the top is not an object"));
        }
        let served: Served = serde_json::from_slice(json).map_err(|error| form(&error.to_string()))?;
        let Served { round, signature, randomness } = served;
        let round = Self::verify(&Beacon { chain: CHAIN, round, signature })?;
        if randomness.is_some_and(|randomness| randomness != round.randomness()) {
            return Err(BeaconFault::Randomness);
        }
        Ok(round)
    }

    /// As challenges and audits repeat it.
    #[must_use]
    pub fn beacon(&self) -> Beacon {
        let signature = self.signature.iter().map(|byte| format!("{byte:02x}")).collect();
        Beacon { chain: CHAIN, round: self.number, signature }
    }

    /// Its number, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The random number.
    #[must_use]
    pub fn randomness(&self) -> Digest {
        Digest::of(&self.signature)
    }

    /// Before which nobody knew it.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }
}

/// The number of the first round that is later than `time`.
#[must_use]
pub fn first_round_after(time: Timestamp) -> u64 {
    // BeaconRound 1 is at the genesis itself.
    time.since(genesis()).map_or(1, |elapsed| elapsed.as_secs() / PERIOD_S + 2)
}

/// When a round is due.
fn time(number: u64) -> Option<Timestamp> {
    genesis().checked_add(Duration::from_secs(number.checked_sub(1)?.checked_mul(PERIOD_S)?))
}

fn genesis() -> Timestamp {
    Timestamp::of(SystemTime::UNIX_EPOCH + Duration::from_secs(GENESIS_S))
}

fn is_signed(round: u64, signature: &[u8; 48]) -> bool {
    let Ok(key) = PublicKey::from_bytes(&PUBLIC_KEY) else { return false };
    // One spelling of each point is read.
    let Ok(signature) = Signature::from_bytes(signature) else { return false };
    let message = Digest::of(&round.to_be_bytes());
    // With the groups checked: a point of small order, added to the signature, would give the round a random number more.
    signature.verify(true, &message.0, DOMAIN, &[], &key, true) == BLST_ERROR::BLST_SUCCESS
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Served {
    round: u64,
    signature: String,
    randomness: Option<Digest>,
}

/// The bytes of lower-case hexadecimal digits.
const fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let digits = digits.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    let mut place = 0;
    while place < digits.len() {
        let nibble = match digits[place] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit @ b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        bytes[place / 2] = bytes[place / 2] << 4 | nibble;
        place += 1;
    }
    Some(bytes)
}

const fn constant<const N: usize>(digits: &str) -> [u8; N] {
    match bytes(digits) {
        Some(bytes) => bytes,
        None => panic!("not hexadecimal digits"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// What drand's servers sent, as the crate `drand` 0.4.0 keeps it (`tests/data`, MIT or Apache-2.0).
    const VECTORS: &str = include_str!("../tests/vectors/drand_quicknet.json");

    fn vectors() -> Value {
        serde_json::from_str(VECTORS).unwrap()
    }

    fn served(number: u64) -> Value {
        let rounds = vectors()["rounds"].as_array().unwrap().clone();
        rounds.into_iter().find(|round| round["round"] == number).unwrap()
    }

    fn read(json: &Value) -> Result<BeaconRound, BeaconFault> {
        BeaconRound::from_json(json.to_string().as_bytes())
    }

    /// The refusal of round 1000, changed.
    fn refusal(change: impl Fn(&mut Beacon)) -> String {
        let mut beacon = read(&served(1000)).unwrap().beacon();
        change(&mut beacon);
        BeaconRound::verify(&beacon).unwrap_err().to_string()
    }

    #[test]
    fn the_chains_name_covers_what_is_pinned() {
        let info = &vectors()["info"];
        let text = |member: &str| info[member].as_str().unwrap();
        let seed: [u8; 32] = bytes(text("groupHash")).unwrap();
        let name = text("metadata_beaconID").as_bytes();
        let period = u32::try_from(PERIOD_S).unwrap().to_be_bytes();
        // drand's `common/chain/info.go`: the name enters because it is not the default one.
        let covered = [&period[..], &GENESIS_S.to_be_bytes(), &PUBLIC_KEY, &seed, name].concat();
        assert_eq!(Digest::of(&covered), CHAIN);
        assert_eq!(text("hash"), CHAIN.to_string());
        assert_eq!(bytes(text("public_key")), Some(PUBLIC_KEY));
        assert_eq!((&info["period"], &info["genesis_time"]), (&json!(PERIOD_S), &json!(GENESIS_S)));
        assert!(PublicKey::key_validate(&PUBLIC_KEY).is_ok());
    }

    #[test]
    fn genuine_rounds_are_accepted() {
        let rounds = vectors()["rounds"].as_array().unwrap().clone();
        assert!(rounds.len() >= 7);
        for served in rounds {
            let round = read(&served).unwrap();
            assert_eq!(served["randomness"], round.randomness().to_string());
            assert_eq!(BeaconRound::verify(&round.beacon()), Ok(round));
            // As the second version of the servers' interface sends it.
            let bare = json!({"round": served["round"], "signature": served["signature"]});
            assert_eq!(read(&bare), Ok(round));
        }
    }

    #[test]
    fn a_round_has_its_time() {
        for (number, time) in [
            (1, "2023-08-23T15:09:27Z"),
            (1000, "2023-08-23T15:59:24Z"),
            (30_000_000, "2026-06-30T07:09:24Z"),
        ] {
            assert_eq!(read(&served(number)).unwrap().time().to_string(), time);
        }
    }

    #[test]
    fn any_other_round_or_chain_is_refused() {
        let other = "is not that of round";
        assert!(refusal(|beacon| beacon.round += 1).contains(other));
        assert!(refusal(|beacon| beacon.round = 0).contains(other));
        assert!(refusal(|beacon| beacon.round = u64::MAX).contains(other));
        assert!(refusal(|beacon| beacon.chain = Digest::of(b"mine")).starts_with("chain is"));
        let next = served(1005)["signature"].as_str().unwrap().to_owned();
        assert!(refusal(|beacon| beacon.signature.clone_from(&next)).contains(other));
        for spelling in [&next.to_uppercase(), &next[2..], &format!("{next}00"), ""] {
            assert!(refusal(|beacon| beacon.signature = spelling.to_owned()).contains("96 lower-case"));
        }
        // The point at infinity.
        assert!(refusal(|beacon| beacon.signature = format!("c0{}", "00".repeat(47))).contains(other));
    }

    #[test]
    fn a_point_of_small_order_makes_no_second_signature() {
        // The signature of round 1000 plus (0, 2) and minus it, points of order 3 on the curve: both fulfil the pairing equation.
        for moved in [
            "abbaa2cd356c8b543308abe2c07d92facb092294f841b0c295786b635167aba148d4e2e86fedf3cf2c04c43b68a5aaee",
            "97190eafb5ea5c1e80bd8779da7056c8c476f046714c87f452a59abef629afd63f5cfc1703528c9e5891343740d1e72a",
        ] {
            let message = Digest::of(&1000_u64.to_be_bytes());
            let key = PublicKey::from_bytes(&PUBLIC_KEY).unwrap();
            let point = Signature::from_bytes(&bytes::<48>(moved).unwrap()).unwrap();
            let unchecked = point.verify(false, &message.0, DOMAIN, &[], &key, true);
            assert_eq!(unchecked, BLST_ERROR::BLST_SUCCESS);
            assert!(
                refusal(|beacon| beacon.signature = moved.to_owned()).contains("is not that of round 1000")
            );
        }
    }

    #[test]
    fn what_no_server_sends_is_refused() {
        let round = served(1000);
        for (json, expected) in [
            (json!({}), "missing field `round`"),
            (json!([1000, round["signature"], null]), "the top is not an object"),
            (json!({"round": 1000}), "missing field `signature`"),
            (json!({"round": "1000", "signature": round["signature"]}), "invalid type"),
            (json!({"round": -1, "signature": round["signature"]}), "invalid value"),
            (
                json!({"round": 1000, "signature": round["signature"], "previous_signature": ""}),
                "unknown field",
            ),
            (json!({"round": 1000, "signature": round["signature"], "\u{1b}[2J": 1}), "unknown field `?[2J`"),
        ] {
            let told = read(&json).unwrap_err().to_string();
            assert!(told.contains(expected), "{json}: {told}");
        }
        let mut other = round.clone();
        other["randomness"] = Digest::of(b"other").to_string().into();
        assert_eq!(read(&other), Err(BeaconFault::Randomness));
        let twice = round.to_string().replacen('{', "{\"round\":1000,", 1);
        assert!(
            BeaconRound::from_json(twice.as_bytes()).unwrap_err().to_string().contains("duplicate field")
        );
        let long = format!("{round}{}", " ".repeat(JSON_BYTES));
        assert!(
            BeaconRound::from_json(long.as_bytes()).unwrap_err().to_string().contains("more than the limit")
        );
        assert!(BeaconRound::from_json(format!("{round}\n").as_bytes()).is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn one_bit_of_a_signature_counts(bit in 0_usize..384) {
            let mut signature: [u8; 48] = bytes(served(1000)["signature"].as_str().unwrap()).unwrap();
            prop_assert!(is_signed(1000, &signature));
            signature[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!is_signed(1000, &signature));
        }

        #[test]
        fn the_first_round_after_a_time_is_later_and_the_one_before_is_not(since in 0_u64..10_000_000_000) {
            let moment = Timestamp::of(SystemTime::UNIX_EPOCH + Duration::from_secs(since));
            let first = first_round_after(moment);
            prop_assert!(time(first).unwrap() > moment);
            prop_assert!(time(first - 1).is_none_or(|before| before <= moment));
        }
    }
}
