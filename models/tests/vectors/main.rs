//! The vectors of an independent implementation (`models/reference`), bit for bit, on every instruction set of this
//! machine, whole models on every device too.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../devices/mod.rs"]
mod devices;
mod eight_bits;
mod images_and_sounds;
mod operators;
mod read;
mod weights;
mod whole_models;
