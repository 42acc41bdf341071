/// A convolution `(outputs, channels, kernel, kernel)`, and how many numbers stand beside its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Convolution {
    pub(crate) outputs: u64,
    pub(crate) channels: u64,
    /// Elements of a window in one channel.
    pub(crate) area: u64,
    pub(crate) stride: u64,
    /// Of a normalisation or a bias, an output.
    pub(crate) numbers_an_output: u64,
}

impl Convolution {
    pub(crate) fn parameters(&self) -> u128 {
        u128::from(self.outputs) * u128::from(self.channels * self.area + self.numbers_an_output)
    }

    /// Multiplications of one window.
    pub(crate) fn products(&self) -> u128 {
        u128::from(self.outputs) * u128::from(self.channels * self.area)
    }
}
