use std::sync::Arc;

use super::kernels::{self, Epilogue, Kind};
use super::memory::Buffer;
use super::packing::pack;
use super::{Device, Matrix, Result};
use crate::exact::batch_norm::BatchNorm;
use crate::exact::function::Function;
use crate::exact::precision::Precision;
use crate::exact::quantise::Q8_BLOCK;

/// The weights of one or more linear layers that read the same input, packed once at load, as [`crate::exact::linear::PackedLinear`].
#[derive(Clone, Debug)]
pub struct Linear {
    packed: Arc<Packed>,
    /// Of the outputs as channels: `(4, outputs)`.
    norm: Option<Arc<Buffer>>,
}

#[derive(Debug)]
struct Packed {
    panels: Buffer,
    /// Of eight bits: `[panel][block][output]`.
    scales: Option<Buffer>,
    bias: Option<Buffer>,
    outputs: usize,
    width: usize,
    precision: Precision,
}

impl Linear {
    /// Packs `weight`: `(out_features, in_features)` row by row, with an optional `bias`: `(out_features,)`.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When the lengths do not fit each other; layers check shapes before.
    pub fn new(
        device: &'static Device,
        weight: &[f32],
        bias: Option<&[f32]>,
        in_features: usize,
        precision: Precision,
    ) -> Result<Self> {
        let outputs: Vec<&[f32]> = weight.chunks_exact(in_features).collect();
        assert_eq!(weight.len(), outputs.len() * in_features);
        Self::of_outputs(device, &outputs, bias, in_features, precision)
    }

    /// Packs the two layers for [`Self::gated_product`], outputs of `gate` and of `up` in turn.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When the lengths do not fit each other; layers check shapes before.
    pub fn gated(
        device: &'static Device,
        (gate, gate_bias): (&[f32], Option<&[f32]>),
        (up, up_bias): (&[f32], Option<&[f32]>),
        in_features: usize,
        precision: Precision,
    ) -> Result<Self> {
        assert_eq!(gate.len(), up.len());
        let pairs = gate.chunks_exact(in_features).zip(up.chunks_exact(in_features));
        let outputs: Vec<&[f32]> = pairs.flat_map(|(gate, up)| [gate, up]).collect();
        let biases =
            |part: Option<&[f32]>| part.map_or_else(|| vec![-0.0; outputs.len() / 2], <[f32]>::to_vec);
        let has_bias = gate_bias.is_some() || up_bias.is_some();
        // An absent one is -0, which alters no sum.
        let bias: Vec<f32> =
            biases(gate_bias).into_iter().zip(biases(up_bias)).flat_map(|(gate, up)| [gate, up]).collect();
        Self::of_outputs(device, &outputs, has_bias.then_some(&bias[..]), in_features, precision)
    }

    fn of_outputs(
        device: &'static Device,
        outputs: &[&[f32]],
        bias: Option<&[f32]>,
        width: usize,
        precision: Precision,
    ) -> Result<Self> {
        assert!(width > 0 && bias.is_none_or(|bias| bias.len() == outputs.len()));
        let (panels, scales) = pack(outputs, width, precision);
        let packed = Packed {
            panels: Buffer::of_bytes(device, &panels)?,
            scales: match precision {
                Precision::Q8 => Some(Buffer::of_f32(device, &scales)?),
                _ => None,
            },
            bias: bias.map(|bias| Buffer::of_f32(device, bias)).transpose()?,
            outputs: outputs.len(),
            width,
            precision,
        };
        Ok(Self { packed: Arc::new(packed), norm: None })
    }

    /// With a normalisation behind the bias, the outputs being channels.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When it has another number of channels.
    pub fn normalised(self, norm: &BatchNorm) -> Result<Self> {
        let channels = norm.channels();
        assert_eq!(channels.len(), 4 * self.packed.outputs);
        let norm = Some(Arc::new(Buffer::of_f32(self.device(), &channels)?));
        Ok(Self { norm, ..self })
    }

    /// Where it lies.
    #[must_use]
    pub fn device(&self) -> &'static Device {
        self.packed.panels.device()
    }

    /// `(out_features, in_features)`
    #[must_use]
    pub fn dims(&self) -> (usize, usize) {
        (self.packed.outputs, self.packed.width)
    }

    /// `function(norm(x w^T + b))`: `(rows, in_features)` to `(rows, out_features)`.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When `x` has another width.
    pub fn forward(&self, x: &Matrix, function: Option<Function>) -> Result<Matrix> {
        let mut y = Matrix::uninitialised(self.device(), x.rows, self.packed.outputs)?;
        self.run(x, &mut y.buffer, Kind::Assign, function)?;
        Ok(y)
    }

    /// `function(norm(x w^T + b) + y)` in place of `y`: `(rows, out_features)`.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When a width or the number of rows differs.
    pub fn add_to(&self, x: &Matrix, y: &mut Matrix, function: Option<Function>) -> Result<()> {
        assert_eq!(y.dims(), (x.rows, self.packed.outputs));
        self.run(x, &mut y.buffer, Kind::Add, function)
    }

    /// `function(gate) * up` of layers packed by [`Self::gated`]: `(rows, out_features / 2)`.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When `x` has another width.
    pub fn gated_product(&self, x: &Matrix, function: Function) -> Result<Matrix> {
        let mut y = Matrix::uninitialised(self.device(), x.rows, self.packed.outputs / 2)?;
        self.run(x, &mut y.buffer, Kind::Gate, Some(function))?;
        Ok(y)
    }

    /// The weights of some outputs, widened: `(ids, in_features)`. Tied embeddings read their rows here, and tables for look-up alone.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When there is no such output.
    pub fn look_up(&self, ids: &[u32]) -> Result<Matrix> {
        let Packed { panels, scales, outputs, width, precision, .. } = &*self.packed;
        assert!(ids.iter().all(|id| (*id as usize) < *outputs), "an id beyond {outputs}");
        let mut rows = Matrix::uninitialised(self.device(), ids.len(), *width)?;
        let list = Buffer::of_u32(self.device(), ids)?;
        let (scales, count) = (scales.as_ref(), ids.len());
        kernels::look_up(&mut rows.buffer, panels, scales, *precision, *outputs, *width, &list, count)?;
        Ok(rows)
    }

    fn run(&self, x: &Matrix, y: &mut Buffer, kind: Kind, function: Option<Function>) -> Result<()> {
        let Packed { panels, scales, bias, outputs, width, precision } = &*self.packed;
        assert_eq!(x.width, *width, "an input of another width");
        let (bias, norm, outputs) = (bias.as_ref(), self.norm.as_deref(), *outputs);
        let epilogue = Epilogue { y, bias, norm, outputs, kind, function };
        let Some(weight_scales) = scales else {
            return kernels::linear(panels, *precision, &x.buffer, x.rows, x.width, &epilogue);
        };
        let (device, blocks) = (self.device(), x.rows * width.div_ceil(Q8_BLOCK));
        let mut integers = Buffer::uninitialised(device, Q8_BLOCK * blocks)?;
        let mut scales = Buffer::uninitialised(device, 4 * blocks)?;
        kernels::quantise(&mut integers, &mut scales, &x.buffer, x.rows, x.width)?;
        kernels::bytes((panels, weight_scales), (&integers, &scales), x.rows, x.width, &epilogue)
    }
}
