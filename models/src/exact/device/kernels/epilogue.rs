//! What becomes of products: `epilogue.cuh`.

use super::{Arguments, holds};
use crate::exact::device::memory::Buffer;
use crate::exact::function::Function;

/// What becomes of products: `epilogue.cuh`.
pub(in super::super) struct Epilogue<'a> {
    pub(in super::super) y: &'a mut Buffer,
    pub(in super::super) bias: Option<&'a Buffer>,
    /// Of channels: mean, inverse deviation, weight, bias.
    pub(in super::super) norm: Option<&'a Buffer>,
    /// Outputs that count.
    pub(in super::super) outputs: usize,
    pub(in super::super) kind: Kind,
    pub(in super::super) function: Option<Function>,
}

/// `EpilogueKind` of `epilogue.cuh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Assign,
    Add,
    Gate,
}

impl Arguments {
    pub(super) fn epilogue(self, epilogue: &Epilogue<'_>) -> Self {
        let Epilogue { y, bias, norm, outputs, kind, function } = epilogue;
        let addresses = [y.address(), bias.map_or(0, Buffer::address), norm.map_or(0, Buffer::address)];
        self.structure(&addresses, &[*outputs, epilogue.stride(), *kind as usize, function_number(*function)])
    }
}

impl Epilogue<'_> {
    /// Elements from one row of the result to the next.
    fn stride(&self) -> usize {
        if self.kind == Kind::Gate { self.outputs / 2 } else { self.outputs }
    }

    pub(super) fn check(&self, rows: usize) {
        holds(self.y, 4 * rows * self.stride());
        assert!(self.kind != Kind::Gate || self.outputs.is_multiple_of(2));
        if let Some(bias) = self.bias {
            holds(bias, 4 * self.outputs);
        }
        if let Some(norm) = self.norm {
            holds(norm, 16 * self.outputs);
        }
    }
}

/// `Function` of `arithmetic.cuh`.
fn function_number(function: Option<Function>) -> usize {
    match function {
        None => 0,
        Some(Function::Gelu) => 1,
        Some(Function::GeluTanh) => 2,
        Some(Function::Tanh) => 3,
        Some(Function::Silu) => 4,
        Some(Function::QuickGelu) => 5,
        Some(Function::Relu) => 6,
    }
}
