use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use proofmark_reports::cli::{print, suite_file};
use proofmark_reports::document::{self, Document};
use proofmark_reports::schema::v1::NetworkChallenge;
use proofmark_reports::{Digest, Timestamp, did_key};

use crate::certify::internal;
use crate::key_file::{self, Role};
use crate::output_file::OutputFile;
use crate::{Failure, Outcome, beacon_file, run};

/// A network's key and clock are bound to what they sign no longer than this.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Ask an operator for a run
#[derive(Debug, Subcommand)]
pub(super) enum Challenge {
    /// Sign a challenge for a run of a suite, from now on
    New(New),
}

#[derive(Debug, Args)]
pub(super) struct New {
    /// The suite to run: a name from `proofmark list`, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    suite: String,
    /// How long it can be answered: `90min`, `24h`, `7days`
    #[arg(long, default_value = "24h", value_parser = humantime::parse_duration, value_name = "TIME")]
    valid_for: Duration,
    /// The rules that the network judges by, by name or address
    #[arg(long, value_name = "TEXT")]
    policy: Option<String>,
    /// A round of drand quicknet, as a server of drand sends it in JSON: nothing can be computed for the challenge before its time
    #[arg(long, value_name = "FILE")]
    beacon: Option<PathBuf>,
    /// The network's key in PEM [default: made on first use, see `proofmark key show --role network`]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Where to write it
    #[arg(long, default_value = "challenge.json", value_name = "FILE")]
    out: PathBuf,
}

impl Challenge {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let Self::New(New { suite, valid_for, policy, beacon, key, out }) = self;
        let suite = suite_file::load(&suite)?.suite;
        let usage = |fact: &str| Failure::new(Outcome::Usage, anyhow!("{fact}"));
        if valid_for < Duration::from_secs(1) || valid_for > LONGEST {
            return Err(usage("--valid-for is not between a second and a year"));
        }
        if policy
            .as_ref()
            .is_some_and(|policy| policy.is_empty() || !policy.chars().all(|c| matches!(c, ' '..='~')))
        {
            return Err(usage("--policy is empty or not printable ASCII"));
        }
        let now = Timestamp::of(SystemTime::now());
        let round = beacon.as_deref().map(beacon_file::load).transpose()?;
        if let Some(round) = round.filter(|round| round.time() > now) {
            let error = anyhow!("drand round {} is due at {}, it is {now}", round.number(), round.time());
            return Err(Failure::new(Outcome::BadInput, error).hint("set this machine's clock"));
        }
        let key = key_file::load_or_create(Role::Network, key.as_deref())?;
        let output = OutputFile::reserve(&out, "--out")?;
        let expires_at =
            now.checked_add(valid_for).ok_or_else(|| usage("--valid-for ends beyond all time"))?;
        let challenge = NetworkChallenge {
            kind: NetworkChallenge::KIND.to_owned(),
            schema: NetworkChallenge::SCHEMA.to_owned(),
            network: did_key::format(&key.verifying_key()),
            suite: suite.digest,
            policy,
            nonce: run::nonce()?,
            not_before: now.to_string(),
            expires_at: expires_at.to_string(),
            beacon: round.map(|round| round.beacon()),
            proof: None,
        };
        let network = challenge.network.clone();
        let bytes = document::sign(challenge, now, &key).map_err(internal)?;
        output.complete(&bytes)?;
        let beacon = round.map(|round| {
            format!("beacon    drand round {}, not known before {}\n", round.number(), round.time())
        });
        print(&format!(
            "challenge {}\nfile      {}\nnetwork   {network}\nsuite     {} {}\n{}expires   {expires_at}\nnext      \
             proofmark certify --suite {} --challenge {}\n",
            Digest::of(&bytes),
            out.display(),
            suite.name,
            suite.version,
            beacon.unwrap_or_default(),
            suite.name,
            out.display(),
        ))?;
        Ok(Outcome::Ok)
    }
}
