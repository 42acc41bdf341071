//! Any machine: sixteen integers. The oracle of the others.

use super::super::Vector;
use super::super::portable::Portable;
use super::{ByteVector, Group, StoredGroups};

/// An array, which compilers bring into whatever registers there are.
#[derive(Clone, Copy)]
pub(crate) struct PortableBytes([i32; 16]);

impl ByteVector for PortableBytes {
    type Floats = Portable;
    type Weights = StoredGroups;

    const TALLEST: usize = 2;
    const STREAMS: usize = 1;

    #[inline(always)]
    fn start(offset: i32) -> Self {
        Self([offset; 16])
    }

    #[inline(always)]
    fn weights(stored: &StoredGroups) -> StoredGroups {
        *stored
    }

    #[inline(always)]
    fn add_products(self, weights: StoredGroups, x: &Group) -> Self {
        let mut sums = self.0;
        for (sum, weights) in sums.iter_mut().zip(&weights) {
            for (weight, x) in weights.iter().zip(x) {
                *sum += i32::from(*weight) * i32::from(*x);
            }
        }
        Self(sums)
    }

    #[inline(always)]
    fn floats(self) -> Portable {
        Portable::load(&self.0.map(|sum| sum as f32))
    }
}
