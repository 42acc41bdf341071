use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::anyhow;
use clap::Args;
use proofmark_reports::beacon::first_round_after;
use proofmark_reports::cli::{print, suite_file};
use proofmark_reports::document::{self, Document};
use proofmark_reports::profile::challenge_digest;
use proofmark_reports::schema::v1::{Challenge, Receipt as Signed};
use proofmark_reports::verify::{Context, verify};
use proofmark_reports::{Timestamp, did_key, words};

use crate::certify::internal;
use crate::key_file::{self, Role};
use crate::output_file::OutputFile;
use crate::{Failure, Outcome, beacon_file};

/// Confirm when the answer to one's challenge arrived
#[derive(Debug, Args)]
pub(super) struct Receipt {
    /// The profile that answers it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A further suite that the profile may be of
    #[arg(long, value_name = "FILE")]
    suite: Vec<String>,
    /// The key that signed the challenge [default: the network's key in the state folder]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Where to write it
    #[arg(long, default_value = "receipt.json", value_name = "FILE")]
    out: PathBuf,
}

impl Receipt {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let now = Timestamp::of(SystemTime::now());
        let bytes = suite_file::read_bounded(&self.file)?;
        let suites = suite_file::known(&self.suite)?;
        let context = Context::new(&suites, now);
        let verification = verify(&bytes, context);
        let place = self.file.display();
        let refuse = |facts: String| {
            let error = anyhow!("{place} is not received: {facts}");
            Failure::new(Outcome::CheckFailed, error).hint("`proofmark verify` lists every reason")
        };
        if let Some(reason) = verification.reasons.first() {
            return Err(refuse(reason.to_string()));
        }
        let (Some(profile), Some(body_digest)) = (&verification.profile, verification.body_digest) else {
            return Err(refuse("it cannot be read".to_owned()));
        };
        let Challenge::Network { document: challenge } = &profile.challenge else {
            return Err(refuse("it answers no challenge, it is self-issued".to_owned()));
        };
        let path = self.key.map_or_else(|| key_file::default_path(Role::Network), Ok)?;
        let key = key_file::load(&path)?;
        let network = did_key::format(&key.verifying_key());
        if network != challenge.network {
            return Err(refuse(format!("its challenge is by {}, this key is {network}", challenge.network)));
        }
        let output = OutputFile::reserve(&self.out, "--out")?;
        let receipt = Signed {
            kind: Signed::KIND.to_owned(),
            schema: Signed::SCHEMA.to_owned(),
            network,
            body_digest,
            challenge_digest: challenge_digest(&profile.challenge).map_err(internal)?,
            received_at: now.to_string(),
            proof: None,
        };
        let signed = document::sign(receipt, now, &key).map_err(internal)?;
        let receipt = document::open::<Signed>(&signed).map_err(internal)?.document;
        let received =
            verify(&bytes, Context { receipt: Some(&receipt), challenge: Some(challenge), ..context });
        match (received.proven, received.reasons.first()) {
            (Some(proven), None) => {
                output.complete(&signed)?;
                let lines = words::proven(&proven, &challenge.network);
                let lines: String = lines.iter().map(|line| format!("means    {line}\n")).collect();
                let round = first_round_after(now);
                print(&format!(
                    "receipt  {}\nbody     {body_digest}\n{lines}audit    drand round {round} draws the answers of a \
                     public audit: {}\n",
                    self.out.display(),
                    beacon_file::address(&round.to_string())
                ))?;
                Ok(Outcome::Ok)
            }
            (_, reason) => Err(refuse(reason.map(ToString::to_string).unwrap_or_default())),
        }
    }
}
