//! The formats of weights.

use std::fmt;
use std::str::FromStr;

use half::{bf16, f16};

/// The format of a model's weights (`EXACT.md`, section 1). Activations are binary32 in each; products of [`Self::Q8`] read them
/// quantised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// binary32
    F32,
    /// bfloat16
    Bf16,
    /// binary16
    F16,
    /// Integers of eight bits in the matrices of products, binary32 elsewhere (section 13).
    Q8,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::F32, Self::Bf16, Self::F16, Self::Q8];

    /// The format of what no product reads: tables, norms, biases; and of convolutions.
    #[must_use]
    pub fn outside_products(self) -> Self {
        match self {
            Self::Q8 => Self::F32,
            other => other,
        }
    }

    /// Rounds each number to the format, to nearest, ties to even; to that outside of products, where it is another.
    ///
    /// # Errors
    /// The index of the first number that is not finite, or not once it is rounded.
    pub fn round(self, values: &mut [f32]) -> Result<(), usize> {
        match self {
            Self::F32 | Self::Q8 => {}
            Self::Bf16 => values.iter_mut().for_each(|value| *value = bf16::from_f32(*value).to_f32()),
            Self::F16 => values.iter_mut().for_each(|value| *value = f16::from_f32(*value).to_f32()),
        }
        values.iter().position(|value| !value.is_finite()).map_or(Ok(()), Err)
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::Q8 => "q8",
        })
    }
}

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(name: &str) -> Result<Self, UnknownPrecision> {
        Self::ALL
            .into_iter()
            .find(|precision| precision.to_string() == name)
            .ok_or_else(|| UnknownPrecision(name.to_owned()))
    }
}

/// A name that is no precision.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown precision `{0}`, expected f32, bf16, f16 or q8")]
pub struct UnknownPrecision(String);
