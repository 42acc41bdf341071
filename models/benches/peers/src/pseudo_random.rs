//! Values that are neither equal nor special; which ones they are is of no concern to speed.

/// `count` values in `[-bound, bound)`, in the manner of SplitMix64.
pub(crate) fn uniform(seed: u64, count: usize, bound: f32) -> Vec<f32> {
    let mut state = seed;
    let draw = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        // The upper 24 bits are as many as an f32 holds.
        let unit = (mixed >> 40) as f32 / (1_u32 << 24) as f32;
        (2.0 * unit - 1.0) * bound
    };
    std::iter::repeat_with(draw).take(count).collect()
}
