/// What a device is, as its driver tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceFacts {
    /// As the driver names it.
    pub name: String,
    /// Major and minor number of what its instructions are; `None` of the emulator.
    pub compute_capability: Option<(u32, u32)>,
    /// Memory of the device.
    pub memory_bytes: u64,
    /// Of that, what is free.
    pub free_bytes: u64,
    /// Parts that run thread blocks side by side.
    pub multiprocessors: u32,
    /// Major and minor number of the newest CUDA that the driver knows.
    pub cuda_version: Option<(u32, u32)>,
    /// Domain, bus and device, by which other tools know it: `00000000:17:00.0`.
    pub pci_address: Option<String>,
    /// Whether its memory corrects errors; `None` where that is not known.
    pub has_ecc: Option<bool>,
}
