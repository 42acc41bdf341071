//! Elementwise operators: activations and the gated product (`EXACT.md`, section 4).

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, bail};
use rayon::prelude::*;

use super::function::{gelu, gelu_tanh, silu, tanh};
use super::isa::{Isa, Kernel};
use super::operand::contiguous;

/// Elements a task: large enough to outweigh a task's cost, small enough for two cores to share a row.
const TASK: usize = 4096;

/// A function of each element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `gelu` with the error function.
    Gelu,
    /// `gelu` with the hyperbolic tangent.
    GeluTanh,
    /// The hyperbolic tangent.
    Tanh,
}

/// `y = function(x)`, contiguous, any shape.
#[derive(Clone, Copy, Debug)]
pub struct Elementwise {
    /// What is applied.
    pub function: Function,
    /// Where it runs.
    pub isa: Isa,
}

impl CustomOp1 for Elementwise {
    fn name(&self) -> &'static str {
        "exact-elementwise"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut y = contiguous(self.name(), storage, layout)?.to_vec();
        y.par_chunks_mut(TASK).for_each(|y| match self.function {
            Function::Gelu => self.isa.run(Apply { y, function: gelu }),
            Function::GeluTanh => self.isa.run(Apply { y, function: gelu_tanh }),
            Function::Tanh => self.isa.run(Apply { y, function: tanh }),
        });
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }
}

struct Apply<'a, F> {
    y: &'a mut [f32],
    function: F,
}

impl<F: Fn(f32) -> f32> Kernel for Apply<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<const ROWS: usize>(self) {
        for y in self.y {
            *y = (self.function)(*y);
        }
    }
}

/// `y = silu(gate) * up`, the gated product of Llama's feed-forward part; contiguous, equal shapes.
#[derive(Clone, Copy, Debug)]
pub struct SiluMul {
    /// Where it runs.
    pub isa: Isa,
}

impl CustomOp2 for SiluMul {
    fn name(&self) -> &'static str {
        "exact-silu-mul"
    }

    fn cpu_fwd(
        &self,
        gate: &CpuStorage,
        l1: &Layout,
        up: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        if l1.dims() != l2.dims() {
            bail!("{} takes equal shapes, got {:?} and {:?}", self.name(), l1.dims(), l2.dims());
        }
        let mut y = contiguous(self.name(), gate, l1)?.to_vec();
        let up = contiguous(self.name(), up, l2)?;
        let tasks = y.par_chunks_mut(TASK).zip(up.par_chunks(TASK));
        tasks.for_each(|(y, up)| self.isa.run(SiluMulTask { y, up }));
        Ok((CpuStorage::F32(y), l1.shape().clone()))
    }
}

struct SiluMulTask<'a> {
    y: &'a mut [f32],
    up: &'a [f32],
}

impl Kernel for SiluMulTask<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const ROWS: usize>(self) {
        for (y, up) in self.y.iter_mut().zip(self.up) {
            *y = silu(*y) * up;
        }
    }
}
