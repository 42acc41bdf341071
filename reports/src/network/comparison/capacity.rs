//! What is served at a rate of requests.

use super::Known;
use super::operators::Worth;
use crate::schema::comparison::CapacityFigures;

/// `None` without a rate.
pub(super) fn capacity(_known: &Known<'_>) -> Option<(CapacityFigures, Worth)> {
    None
}
