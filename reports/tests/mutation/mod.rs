//! Random damage to bytes.

#![allow(dead_code, reason = "each test program uses a part of it")]

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Bytes that mean something in JSON, which random ones seldom hit.
const TELLING: &[u8] = b"{}[]\",:\\0123456789-+.eEtfn \n\0\x7f\xff";

/// One piece of damage; places are parts of the length.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    Flip {
        at: Index,
        bit: u8,
    },
    Replace {
        at: Index,
        byte: u8,
    },
    Insert {
        at: Index,
        byte: u8,
    },
    Delete {
        at: Index,
        length: usize,
    },
    /// Copies a stretch to another place.
    Splice {
        from: Index,
        length: usize,
        to: Index,
    },
}

/// Up to `count` pieces of damage.
pub(crate) fn mutations(count: usize) -> impl Strategy<Value = Vec<Mutation>> {
    let index = any::<Index>;
    let byte = || prop_oneof![select(TELLING), any::<u8>()];
    let mutation = prop_oneof![
        (index(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip { at, bit }),
        (index(), byte()).prop_map(|(at, byte)| Mutation::Replace { at, byte }),
        (index(), byte()).prop_map(|(at, byte)| Mutation::Insert { at, byte }),
        (index(), 1..80_usize).prop_map(|(at, length)| Mutation::Delete { at, length }),
        (index(), 1..80_usize, index()).prop_map(|(from, length, to)| Mutation::Splice { from, length, to }),
    ];
    proptest::collection::vec(mutation, 1..=count)
}

impl Mutation {
    /// The damaged bytes.
    pub(crate) fn apply_all(mutations: &[Self], bytes: &[u8]) -> Vec<u8> {
        mutations.iter().fold(bytes.to_vec(), |bytes, mutation| mutation.apply(bytes))
    }

    fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        if bytes.is_empty() {
            return bytes;
        }
        let place = |index: &Index| index.index(bytes.len());
        let stretch = |index: &Index, length: usize| {
            let start = index.index(bytes.len());
            start..(start + length).min(bytes.len())
        };
        match self {
            Self::Flip { at, bit } => {
                let at = place(at);
                bytes[at] ^= 1 << bit;
            }
            Self::Replace { at, byte } => {
                let at = place(at);
                bytes[at] = *byte;
            }
            Self::Insert { at, byte } => {
                let at = place(at);
                bytes.insert(at, *byte);
            }
            Self::Delete { at, length } => {
                let stretch = stretch(at, *length);
                bytes.drain(stretch);
            }
            Self::Splice { from, length, to } => {
                let copied = bytes[stretch(from, *length)].to_vec();
                let to = place(to);
                bytes.splice(to..to, copied);
            }
        }
        bytes
    }
}
