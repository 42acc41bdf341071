use std::path::PathBuf;

use clap::Subcommand;
use proofmark_reports::did_key;

use super::print;
use crate::{Failure, Outcome, key_file};

/// Make or show the operator's signing key
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a new key; an existing file is never replaced
    New {
        /// Where to write it [default: the operator's key in the state folder]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print the operator's identity and where its key is
    Show {
        /// The key [default: the operator's key in the state folder]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

impl Key {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let (key, path) = match self {
            Self::New { out } => {
                let path = out.map_or_else(key_file::default_path, Ok)?;
                (key_file::create(&path)?, path)
            }
            Self::Show { key } => {
                let path = key.map_or_else(key_file::default_path, Ok)?;
                (key_file::load(&path)?, path)
            }
        };
        print(&format!("operator {}\nkey      {}\n", did_key::format(&key.verifying_key()), path.display()))?;
        Ok(Outcome::Ok)
    }
}
