//! Greedy choice (`EXACT.md`, section 9).

/// The lowest index among the largest values; `-0` equals `+0`. `None` when a value is NaN or there is none.
#[must_use]
pub fn argmax(values: &[f32]) -> Option<usize> {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if value.is_nan() {
            return None;
        }
        if *value > values[best] {
            best = index;
        }
    }
    (!values.is_empty()).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::argmax;

    #[test]
    fn ties_go_to_the_lowest_index_and_zeros_are_equal() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0]), Some(1));
        assert_eq!(argmax(&[-0.0, 0.0]), Some(0));
        assert_eq!(argmax(&[0.0, -0.0]), Some(0));
        assert_eq!(argmax(&[f32::NEG_INFINITY; 2]), Some(0));
    }

    #[test]
    fn nan_and_nothing_have_no_maximum() {
        assert_eq!(argmax(&[1.0, f32::NAN, 0.0]), None);
        assert_eq!(argmax(&[f32::NAN]), None);
        assert_eq!(argmax(&[]), None);
    }
}
