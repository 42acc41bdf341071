//! The machine's ceilings, measured by the program as `certify` has it measured.

use std::path::Path;
use std::time::Duration;

use proofmark::ceilings::measure;
use proofmark::environment;
use proofmark::place::Place;
use proofmark_models::exact::isa::Isa;

const PROGRAM: &str = env!("CARGO_BIN_EXE_proofmark");

#[test]
fn ceilings_are_measured_with_every_instruction_set_and_are_plausible() {
    let free_bytes = environment::machine().unwrap().available_memory_bytes;
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        let ceilings =
            measure(Path::new(PROGRAM), 2, (Place::Cpu, isa), free_bytes, Duration::from_millis(300))
                .unwrap();
        println!("{isa}: {ceilings:?}");
        // From an emulated processor to twice what two cores of any machine of today do.
        assert!((10_000_000..2_000_000_000_000).contains(&ceilings.read_bytes_per_s), "{isa} {ceilings:?}");
        assert!((1_000_000..2_000_000_000_000).contains(&ceilings.f32_flops_per_s), "{isa} {ceilings:?}");
    }
}

#[test]
fn without_free_memory_there_is_no_ceiling() {
    let error = measure(Path::new(PROGRAM), 1, (Place::Cpu, Isa::Portable), 1 << 20, Duration::from_secs(1))
        .unwrap_err();
    assert!(error.to_string().contains("too few to read beyond a cache"), "{error}");
}
