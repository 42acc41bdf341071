//! Whether an in-toto statement is the operator's, about this very file, and says what the profile says.

use super::Reason;
use crate::document::Opened;
use crate::in_toto::{self, Attested};
use crate::schema::v1::{Profile, ProfileSummary};
use crate::{Digest, did_key};

/// Every reason against the statement in an envelope.
pub(super) fn check(opened: &Opened<Profile>, report_id: Digest, envelope: &[u8]) -> Vec<Reason> {
    let reason = |fact: String| Reason::Statement { fact };
    let Attested { statement, signer } = match in_toto::open::<ProfileSummary>(envelope) {
        Ok(attested) => attested,
        Err(fault) => return vec![reason(fault.to_string())],
    };
    let mut reasons = Vec::new();
    if opened.key != Some(signer) {
        let (signer, operator) = (did_key::format(&signer), &opened.document.operator);
        reasons.push(reason(format!("it is signed by {signer}, the profile's operator is {operator}")));
    }
    if statement.report_id != report_id {
        reasons.push(reason(format!("it is about {}, this file is {report_id}", statement.report_id)));
    }
    if statement.predicate != ProfileSummary::of(&opened.document, opened.body_digest) {
        reasons.push(reason("its predicate is not what the profile says".to_owned()));
    }
    reasons
}
