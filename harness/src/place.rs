//! Where models run: the processor, or a device beside it.

use std::str::FromStr;
use std::{fmt, iter};

use proofmark_models::exact::device::{Device, DeviceError};
use proofmark_models::exact::isa::Isa;
use proofmark_models::{NativeDevice, Numerics};

use crate::{Failure, Outcome};

const EXPECTED: &str = "expected cpu or cuda:N, N from 0";

/// A device by its name on the command line and in profiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// The processor.
    #[default]
    Cpu,
    /// A GPU, as CUDA's driver counts them.
    Cuda(usize),
}

/// One place, or all that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceChoice {
    /// This one.
    One(Place),
    /// The processor and each GPU.
    All,
}

impl PlaceChoice {
    /// The places, the processor last, whose load others would meet for a minute; none is opened.
    ///
    /// # Errors
    /// When there is no such device, not one GPU where all are meant, or this build cannot reach it.
    pub fn places(self) -> Result<Vec<Place>, Failure> {
        match self {
            Self::One(place) => {
                place.check()?;
                Ok(vec![place])
            }
            Self::All => {
                Place::Cuda(0).check()?;
                let count = Device::cuda_count().map_err(device_failure)?;
                Ok((0..count).map(Place::Cuda).chain(iter::once(Place::Cpu)).collect())
            }
        }
    }
}

impl Place {
    /// Where stock candle computes there.
    ///
    /// # Errors
    /// When there is no such device, or this build cannot reach it.
    pub fn native(self) -> proofmark_models::Result<NativeDevice> {
        match self {
            Self::Cpu => Ok(NativeDevice::CPU),
            Self::Cuda(index) => NativeDevice::cuda(index),
        }
    }

    /// The exact numerics there; `isa` is the processor's.
    ///
    /// # Errors
    /// When there is no such device, or this build cannot reach it.
    pub fn exact(self, isa: Isa) -> Result<Numerics, DeviceError> {
        Ok(self.device()?.map_or(Numerics::Exact(isa), Numerics::ExactOn))
    }

    /// The GPU, opened; `None` of the processor.
    ///
    /// # Errors
    /// When there is no such device, or this build cannot reach it.
    pub fn device(self) -> Result<Option<&'static Device>, DeviceError> {
        match self {
            Self::Cpu => Ok(None),
            Self::Cuda(index) => Device::cuda(index).map(Some),
        }
    }

    /// Whether this build has stock candle there.
    ///
    /// # Errors
    /// When it has not.
    pub fn check_native(self) -> Result<(), Failure> {
        match self {
            Self::Cuda(index) if cfg!(not(feature = "cuda")) => {
                Err(device_failure(DeviceError::NativeNotBuilt { index }))
            }
            Self::Cpu | Self::Cuda(_) => Ok(()),
        }
    }

    /// Whether there is such a device, which is not opened.
    ///
    /// # Errors
    /// When there is none, or this build cannot reach it.
    pub fn check(self) -> Result<(), Failure> {
        let Self::Cuda(index) = self else { return Ok(()) };
        match Device::cuda_count() {
            Ok(count) if index < count => Ok(()),
            Ok(count) => Err(device_failure(DeviceError::NoSuchDevice { index, count })),
            Err(DeviceError::NotBuilt { .. }) => Err(device_failure(DeviceError::NotBuilt { index })),
            Err(error) => Err(device_failure(error)),
        }
    }
}

/// What is wrong with a device, and what to do.
pub(crate) fn device_failure(error: DeviceError) -> Failure {
    let (outcome, hint) = match error {
        DeviceError::NativeNotBuilt { .. } => {
            (Outcome::Usage, "leave native numerics out with --numerics exact, or build with --features cuda")
        }
        DeviceError::NotBuilt { .. } => (Outcome::Usage, "build with --features cuda, or leave --device out"),
        DeviceError::NoDriver { .. } => (Outcome::BadInput, "install NVIDIA's driver, or leave --device out"),
        DeviceError::OldDriver { .. } => {
            (Outcome::BadInput, "install a newer driver, or build with an older CUDA")
        }
        DeviceError::NoSuchDevice { .. } => (Outcome::BadInput, "`proofmark devices` lists the GPUs"),
        _ => (Outcome::Internal, "`nvidia-smi` says how the GPU is"),
    };
    Failure::new(outcome, error).hint(hint)
}

impl FromStr for PlaceChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "all" => Ok(Self::All),
            _ => name.parse().map(Self::One).map_err(|_| format!("{EXPECTED}, or all")),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let index = |index: &str| {
            let is_plain =
                index.bytes().all(|byte| byte.is_ascii_digit()) && (index == "0" || !index.starts_with('0'));
            index.parse().ok().filter(|_| is_plain)
        };
        match name {
            "cpu" => Ok(Self::Cpu),
            _ => {
                name.strip_prefix("cuda:").and_then(index).map(Self::Cuda).ok_or_else(|| EXPECTED.to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_one_name() {
        for name in ["cpu", "cuda:0", "cuda:17"] {
            assert_eq!(name.parse::<Place>().map(|place| place.to_string()), Ok(name.to_owned()));
        }
        for name in ["", "CPU", "cuda", "cuda:", "cuda:-1", "cuda:+1", "cuda:01", "cuda:0 ", "gpu:0"] {
            assert!(name.parse::<Place>().is_err(), "{name}");
        }
    }

    #[test]
    #[cfg(not(any(feature = "cuda-exact", feature = "emulation")))]
    fn a_build_without_cuda_says_so() {
        let refused = Place::Cuda(3).check().unwrap_err();
        let told = "cuda:3 needs a build with CUDA (hint: build with --features cuda, or leave --device out)";
        assert_eq!(refused.to_string(), told);
    }
}
