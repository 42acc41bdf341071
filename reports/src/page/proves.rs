//! What the profile shows, what it cannot, and how to check it.

use super::markup::Markup;
use super::part;
use crate::Digest;
use crate::schema::v1::Challenge;

pub(super) fn section(page: &mut Markup, challenge: &Challenge, report_id: Digest) {
    part(page, "verify", "Verify it yourself", |section| {
        section.element(
            "p",
            &[],
            "This page is a view. What counts is the signed file that it was made from:",
        );
        section.within("pre", &[], |pre| {
            pre.element(
                "code",
                &[],
                &format!("sha256sum profile.json   # {report_id}\nproofmark verify profile.json"),
            );
        });
        section.within("div", &[("class", "columns")], |columns| {
            let cannot = [&[when(challenge)], &CANNOT[..]].concat();
            for (heading, points) in [("What that shows", &SHOWS[..]), ("What it cannot show", &cannot[..])] {
                columns.within("div", &[], |column| {
                    column.element("h3", &[], heading);
                    column.within("ul", &[], |list| {
                        points.iter().for_each(|point| list.element("li", &[], point))
                    });
                });
            }
        });
    });
}

const SHOWS: [&str; 4] = [
    "The operator's key signed exactly these bytes.",
    "Form and arithmetic hold: coverage, statistics and rates follow from the samples and the suite.",
    "Seeds and output digests form one chain, so no timed request could be computed ahead or served from a cache.",
    "Each self-check says truly whether its digest is the one that the suite states.",
];
/// What the challenge leaves open.
fn when(challenge: &Challenge) -> &'static str {
    match challenge {
        Challenge::SelfIssued { .. } => {
            "When the run was made: the challenge is self-issued, so nothing bounds its time."
        }
        Challenge::Network { .. } => {
            "How long the run took: it began after the network's challenge, and only the network's receipt says when it had ended."
        }
    }
}

const CANNOT: [&str; 3] = [
    "That the times are true: an operator who invents them consistently passes.",
    "That the outputs were computed: for that, an audit runs steps again on another machine and compares digests.",
    "That the machine is the one it says: its commitment is a hash of an id that its owner can change.",
];
