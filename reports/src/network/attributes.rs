//! What is known of operators beside their profiles: where they are, how often they answer, what they have at stake.
//!
//! A network's own list (CSV) is worth more than what an operator says of itself in its profile's `extensions.network`, which is
//! signed and yet only its word.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::csv_table::{self, TableFault};
use crate::did_key;
use crate::schema::v1::Profile;

/// The member of a profile's `extensions` in which an operator speaks of itself.
pub const EXTENSION: &str = "network";
/// Characters of a name.
const MAX_NAME: usize = 100;
const MILLION: f64 = 1e6;

/// Of one operator; `None` where nothing is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes {
    /// Where its machines are.
    pub region: Option<String>,
    /// Whose data centre they are in.
    pub provider: Option<String>,
    /// The share of time that they answer.
    pub availability: Option<f64>,
    /// What it has at stake, in the network's own unit.
    pub stake: Option<f64>,
}

/// A line of a network's list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorLine {
    operator: String,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    provider: Option<String>,
    #[serde(default)]
    availability: Option<f64>,
    #[serde(default)]
    stake: Option<f64>,
}

impl Attributes {
    /// Those in `extensions.network`: `region`, `provider`, `availability_ppm`, `stake`. What is of another form is passed over.
    #[must_use]
    pub fn stated_by(profile: &Profile) -> Self {
        let stated = |member: &str| profile.extensions.get(EXTENSION).and_then(|stated| stated.get(member));
        let name = |member: &str| stated(member).and_then(Value::as_str).and_then(checked_name);
        let number = |member: &str| stated(member).and_then(Value::as_u64).map(|number| number as f64);
        Self {
            region: name("region"),
            provider: name("provider"),
            availability: number("availability_ppm").map(|ppm| ppm / MILLION).filter(|share| *share <= 1.0),
            stake: number("stake"),
        }
    }

    /// Takes `region=NAME`, `provider=NAME`, `availability=SHARE` or `stake=WHOLE NUMBER`, each once, as an operator says it of itself.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn state(&mut self, name: &str, value: &str) -> Result<(), String> {
        let of_name = || {
            checked_name(value)
                .ok_or_else(|| format!("{name} is no printable ASCII of at most {MAX_NAME} characters"))
        };
        let is_new = match name {
            "region" => self.region.replace(of_name()?).is_none(),
            "provider" => self.provider.replace(of_name()?).is_none(),
            "availability" => {
                let share = value.parse().ok().filter(|share| (0.0..=1.0).contains(share));
                self.availability.replace(share.ok_or("availability is not from 0 to 1")?).is_none()
            }
            "stake" => {
                let stake = value.parse::<u32>().map_err(|_| "stake is no whole number below 2^32")?;
                self.stake.replace(stake.into()).is_none()
            }
            _ => return Err(format!("`{name}` is none of region, provider, availability, stake")),
        };
        if is_new { Ok(()) } else { Err(format!("{name} is there twice")) }
    }

    /// The member [`EXTENSION`] of `extensions` that says these; `None` where nothing is said.
    #[must_use]
    pub fn extension(&self) -> Option<Value> {
        let Self { region, provider, availability, stake } = self;
        let whole = |number: f64| Value::from(number.round() as u64);
        let said = [
            ("availability_ppm", availability.map(|share| whole(share * MILLION))),
            ("provider", provider.clone().map(Value::from)),
            ("region", region.clone().map(Value::from)),
            ("stake", stake.map(whole)),
        ];
        let said: serde_json::Map<String, Value> =
            said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        (!said.is_empty()).then(|| said.into())
    }

    /// These, and where they say nothing, `others`.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            region: self.region.or(others.region),
            provider: self.provider.or(others.provider),
            availability: self.availability.or(others.availability),
            stake: self.stake.or(others.stake),
        }
    }
}

/// A network's list: a line an operator, with columns `operator` (its `did:key`) and any of `region`, `provider`, `availability`
/// (0 to 1), `stake`; an empty field says nothing.
///
/// # Errors
/// The first line that is of another form, or of an operator that was there before.
pub fn operators(csv: &[u8]) -> Result<BTreeMap<String, Attributes>, TableFault> {
    let lines = csv_table::lines(csv, &["operator"], &["region", "provider", "availability", "stake"])?;
    let mut operators = BTreeMap::new();
    for line in lines {
        let (number, OperatorLine { operator, region, provider, availability, stake }) = line?;
        let fault = |fact: String| TableFault::at(number, fact);
        did_key::parse(&operator).map_err(|reason| fault(format!("operator is refused: {reason}")))?;
        if let Some(availability) = availability.filter(|share| !(0.0..=1.0).contains(share)) {
            return Err(fault(format!("availability is {availability}, expected 0 to 1")));
        }
        if let Some(stake) = stake.filter(|stake| !(stake.is_finite() && *stake >= 0.0)) {
            return Err(fault(format!("stake is {stake}, expected no less than 0")));
        }
        let name = |member: &str, text: Option<String>| match text.filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => checked_name(&text).map(Some).ok_or_else(|| {
                fault(format!("{member} is no printable ASCII of at most {MAX_NAME} characters"))
            }),
        };
        let attributes = Attributes {
            region: name("region", region)?,
            provider: name("provider", provider)?,
            availability,
            stake,
        };
        if operators.insert(operator.clone(), attributes).is_some() {
            return Err(fault(format!("operator {operator} is there twice")));
        }
    }
    Ok(operators)
}

fn checked_name(text: &str) -> Option<String> {
    let is_name =
        (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    is_name.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 2] = [
        "did:key:z6MkiVutpcu57Gx49XP8Tehmi5vB8was4vudCbDdGm7tAUHT",
        "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
    ];

    #[track_caller]
    fn assert_refused(csv: &str, expected: &str) {
        let fault = operators(csv.as_bytes()).unwrap_err().to_string();
        assert!(fault.contains(expected), "{fault}");
    }

    #[test]
    fn columns_may_be_left_out_and_fields_be_empty() {
        let csv = format!("availability,operator\n0.5,{}\n,{}\n", KEYS[0], KEYS[1]);
        let read = operators(csv.as_bytes()).unwrap();
        assert_eq!(read[KEYS[0]], Attributes { availability: Some(0.5), ..Attributes::default() });
        assert_eq!(read[KEYS[1]], Attributes::default());
    }

    #[test]
    fn what_an_operator_says_of_itself_is_read_again() {
        let mut said = Attributes::default();
        assert_eq!(said.extension(), None);
        for (name, value) in
            [("region", "eu-west"), ("provider", "home"), ("availability", "0.975"), ("stake", "12")]
        {
            said.state(name, value).unwrap();
        }
        for (name, value) in
            [("region", "us"), ("zone", "a"), ("stake", "-1"), ("availability", "2"), ("provider", "\n")]
        {
            assert!(
                Attributes { region: Some(String::new()), ..Attributes::default() }
                    .state(name, value)
                    .is_err(),
                "{name}"
            );
        }
        let suite = proofmark_workloads::embedded_suite("smoke").unwrap();
        let bytes = crate::synthetic::Fleet::new(&suite, 1, 1).profile(0).unwrap().bytes;
        let mut profile = crate::document::open::<Profile>(&bytes).unwrap().document;
        profile.extensions.insert(EXTENSION.to_owned(), said.extension().unwrap());
        assert_eq!(Attributes::stated_by(&profile), said);
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_line() {
        let [key, _] = KEYS;
        assert_refused(
            "region,provider\neu,a\n",
            "line 1: columns are `region,provider`, expected `operator",
        );
        assert_refused(&format!("operator,zone\n{key},a\n"), "line 2: unknown field `zone`");
        assert_refused("operator\nbob\n", "line 2: operator is refused");
        assert_refused(&format!("operator\n{key}\n{key}\n"), "line 3: operator did:key");
        assert_refused(&format!("operator,availability\n{key},1.5\n"), "line 2: availability is 1.5");
        assert_refused(&format!("operator,availability\n{key},NaN\n"), "line 2: availability is NaN");
        assert_refused(&format!("operator,stake\n{key},-1\n"), "line 2: stake is -1");
        assert_refused(&format!("operator,region\n{key},a,b\n"), "line 2: 3 fields, expected 2");
        assert_refused(&format!("operator,region\n{key},\u{e9}\n"), "line 2: region is no printable ASCII");
    }
}
