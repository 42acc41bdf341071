//! What stands for an output: its digest in the profile, and what is kept of it beside the profile.

use proofmark_models::Output;
use proofmark_reports::Digest;
use proofmark_reports::audit::{Kept, Sketch};
use proofmark_workloads::Numerics;

/// Of exact outputs the digest covers every bit, and tokens are kept; native ones are their sketch.
///
/// # Errors
/// When a number is not finite.
pub fn keep(numerics: Numerics, output: &Output) -> anyhow::Result<(Digest, Option<Kept>)> {
    let tokens = match output {
        Output::Generation { tokens, .. } | Output::Transcription { tokens, .. } => Some(tokens.clone()),
        Output::Embedding { .. }
        | Output::Scores(_)
        | Output::Classification { .. }
        | Output::Similarity { .. } => None,
    };
    match numerics {
        Numerics::Exact1 | Numerics::ExactQ8 => Ok((Digest(output.digest()?), tokens.map(Kept::Tokens))),
        Numerics::Native => {
            let (numbers, width) = output.rows()?;
            let sketch = Sketch::of(tokens.unwrap_or_default(), numbers, width);
            Ok((sketch.digest(), Some(Kept::Sketch(sketch))))
        }
    }
}
