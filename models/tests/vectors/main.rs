//! The vectors of an independent implementation (`models/reference`), bit for bit, on every instruction set of this machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod eight_bits;
mod images_and_sounds;
mod operators;
mod read;
mod weights;
mod whole_models;
