use std::path::PathBuf;

use clap::Subcommand;
use proofmark_reports::cli::print;
use proofmark_reports::did_key;

use crate::key_file::{self, Role};
use crate::{Failure, Outcome};

/// Make or show a signing key
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a new key; an existing file is never replaced
    New {
        /// Whose key it is
        #[arg(long, value_enum, default_value = "operator")]
        role: Role,
        /// Where to write it [default: the role's key in the state folder]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print an identity and where its key is
    Show {
        /// Whose key it is
        #[arg(long, value_enum, default_value = "operator")]
        role: Role,
        /// The key [default: the role's key in the state folder]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

impl Key {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let (role, key, path) = match self {
            Self::New { role, out } => {
                let path = out.map_or_else(|| key_file::default_path(role), Ok)?;
                (role, key_file::create(&path)?, path)
            }
            Self::Show { role, key } => {
                let path = key.map_or_else(|| key_file::default_path(role), Ok)?;
                (role, key_file::load(&path)?, path)
            }
        };
        let name = match role {
            Role::Operator => "operator",
            Role::Network => "network ",
            Role::Auditor => "auditor ",
        };
        print(&format!("{name} {}\nkey      {}\n", did_key::format(&key.verifying_key()), path.display()))?;
        Ok(Outcome::Ok)
    }
}
