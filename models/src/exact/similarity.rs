//! How alike unit vectors are (`EXACT.md`, section 8).

use super::function::exp;
use super::linear::dot;

/// `dot(text, image) * exp(logit_scale)` for each image and each text, both `(count, width)`: `(images, texts)`.
///
/// # Panics
/// When `width` is zero.
#[must_use]
pub fn similarities(images: &[f32], texts: &[f32], width: usize, logit_scale: f32) -> Vec<f32> {
    let scale = exp(logit_scale);
    let of_image = |image| texts.chunks_exact(width).map(move |text| dot(text, image) * scale);
    images.chunks_exact(width).flat_map(of_image).collect()
}
