use candle_core::{D, Device, Tensor};

use crate::exact::fourier::{fourier_table, hann_window};
use crate::exact::isa::Isa;
use crate::exact::log_mel::{FLOOR, FRAME, FREQUENCIES, HOP, LogMel, RANGE, frame_samples};
use crate::exact::mel::mel_filters;
use crate::{Error, Numerics, Result};

/// From waveforms to log-mel spectrograms; binary32 in every precision, and both numerics use the same tables.
#[derive(Debug)]
pub(super) enum FrontEnd {
    Native(NativeLogMel),
    Exact(LogMel),
}

/// The steps of [`LogMel`] with stock candle.
#[derive(Debug)]
pub(super) struct NativeLogMel {
    /// `(400,)`
    window: Tensor,
    /// `(400, 402)`
    fourier: Tensor,
    /// `(201, bands)`
    filters: Tensor,
}

impl FrontEnd {
    pub(super) fn new(bands: usize, numerics: Numerics) -> Result<Self> {
        Ok(match numerics {
            Numerics::Exact(isa) => Self::Exact(LogMel::new(bands, isa)),
            // The spectrogram is made on the processor, and is a small part of the work.
            Numerics::ExactOn(_) => Self::Exact(LogMel::new(bands, Isa::detect())),
            Numerics::Native => Self::Native(NativeLogMel::new(bands)?),
        })
    }

    /// The first `samples` of each waveform, or all and silence behind them: `(batch, samples / 160, bands)`.
    pub(super) fn forward(&self, waveforms: &[Vec<f32>], samples: usize) -> Result<Vec<f32>> {
        let mut bands = Vec::new();
        for (index, waveform) in waveforms.iter().enumerate() {
            if waveform.iter().any(|sample| !sample.is_finite()) {
                return Err(Error::InvalidInput(format!("waveform {index} holds a non-finite sample")));
            }
            let mut waveform = waveform[..waveform.len().min(samples)].to_vec();
            waveform.resize(samples, 0.0);
            match self {
                Self::Exact(log_mel) => bands.extend(log_mel.forward(&waveform)),
                Self::Native(log_mel) => bands.extend(log_mel.forward(&waveform)?),
            }
        }
        Ok(bands)
    }
}

impl NativeLogMel {
    fn new(bands: usize) -> Result<Self> {
        let columns = |table: Vec<f32>, inputs: usize| -> Result<Tensor> {
            let outputs = table.len() / inputs;
            Ok(Tensor::from_vec(table, (outputs, inputs), &Device::Cpu)?.t()?.contiguous()?)
        };
        Ok(Self {
            window: Tensor::from_vec(hann_window(FRAME), FRAME, &Device::Cpu)?,
            fourier: columns(fourier_table(FRAME), FRAME)?,
            filters: columns(mel_filters(bands), FREQUENCIES)?,
        })
    }

    fn forward(&self, waveform: &[f32]) -> Result<Vec<f32>> {
        let frames = waveform.len() / HOP;
        let samples: Vec<f32> = (0..frames).flat_map(|frame| frame_samples(waveform, frame)).collect();
        let samples = Tensor::from_vec(samples, (frames, FRAME), &Device::Cpu)?;
        let spectrum = samples.broadcast_mul(&self.window)?.matmul(&self.fourier)?;
        let part = |first| spectrum.narrow(1, first, FREQUENCIES)?.sqr();
        let power = (part(0)? + part(FREQUENCIES)?)?;
        let bands =
            (power.matmul(&self.filters)?.maximum(f64::from(FLOOR))?.log()? * std::f64::consts::LOG10_E)?;
        let largest = bands.max(D::Minus1)?.max(0)?.to_scalar::<f32>()?;
        let bands = bands.maximum(f64::from(largest - RANGE))?;
        Ok(bands.affine(0.25, 1.0)?.flatten_all()?.to_vec1()?)
    }
}
