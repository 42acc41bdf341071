//! Which answers of a profile an audit runs again, and how much that proves.
//!
//! An *answer* is a timed step or a served request of a trial: its seed gives the input, its digest covers the output. Seeds follow from
//! the profile alone, so any answer can be run by itself. Layouts as in [`crate::chain`]:
//! - `audit seed = H("proofmark/audit/1", body digest, randomness)`: the 32 bytes of the first round of drand after the profile was
//!   received (a *public* audit), or of a number of the auditor's own (a *private* one)
//! - of a cell with `n` answers `c` are drawn without replacement: the first `c` places of a shuffle that exchanges place `i` with
//!   place `i + draw_i mod (n - i)`, where `draw_i` are the big-endian first 8 bytes of
//!   `H("proofmark/draw/1", audit seed, cell index, i, attempt)`, `attempt` counting from 0 until the draw is below the largest
//!   multiple of `n - i`, so that every place is as likely

mod answers;
mod kept;
mod predicate;
mod randomness;
mod sample;
mod sketch;
mod tolerance;

pub use answers::{Answer, answers};
pub use kept::{Kept, KeptHeader, KeptOutput};
pub use predicate::{
    AnswerMismatch, AuditPredicate, CheckedCell, MAX_MISMATCHES, SkippedCell, Tolerance, original_duration_ns,
};
pub use randomness::{Randomness, RandomnessFault};
pub use sample::{audit_seed, miss_ppm, sample, tenth_missed_ppm};
pub use sketch::{INCOMPARABLE_PPM, KEPT, Sketch, SketchRow};
pub use tolerance::tolerance_ppm;
