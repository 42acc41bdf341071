//! The machine code of the kernels holds the operations that EXACT.md allows and no others, where `cuobjdump` is present to look.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// What `build.rs` made, all architectures.
const KERNELS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/exact.fatbin"));

/// Operation by operation how often, for each function of each architecture.
type Functions = BTreeMap<String, BTreeMap<String, u32>>;

/// `None` where the tool is not here, which is said.
fn functions() -> Option<Functions> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exact.fatbin");
    std::fs::write(&file, KERNELS).unwrap();
    let beside_nvcc = std::env::var_os("CUDA_HOME").map(|home| PathBuf::from(home).join("bin/cuobjdump"));
    let tools = beside_nvcc.filter(|tool| tool.exists()).into_iter().chain([PathBuf::from("cuobjdump")]);
    for tool in tools {
        if let Ok(output) = Command::new(tool).arg("--dump-sass").arg(&file).output() {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            return Some(parse(&String::from_utf8_lossy(&output.stdout)));
        }
    }
    drop(writeln!(std::io::stderr(), "SKIPPED: no cuobjdump on PATH or in CUDA_HOME"));
    None
}

fn parse(text: &str) -> Functions {
    let (mut functions, mut architecture, mut name) = (Functions::new(), "", String::new());
    for line in text.lines().map(str::trim) {
        if let Some(found) = line.strip_prefix("code for ") {
            architecture = found;
        } else if let Some(found) = line.strip_prefix("Function : ") {
            name = format!("{architecture} {found}");
        } else if let Some(operation) = operation(line) {
            *functions.entry(name.clone()).or_default().entry(operation.to_owned()).or_default() += 1;
        }
    }
    functions
}

/// `/*0a10*/  @!P5 FSETP.GT.AND P6, ...  ;  /* ... */` is an `FSETP.GT.AND`.
fn operation(line: &str) -> Option<&str> {
    let (address, rest) = line.strip_prefix("/*")?.split_once("*/")?;
    let is_address = address.len() >= 4 && address.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut words = rest.split_whitespace();
    let first = words.next().filter(|_| is_address && rest.contains(';'))?;
    let operation = if first.starts_with('@') { words.next()? } else { first };
    Some(operation.trim_end_matches(';'))
}

fn count(operations: &BTreeMap<String, u32>, is_meant: impl Fn(&str) -> bool) -> u32 {
    operations.iter().filter(|(name, _)| is_meant(name)).map(|(_, count)| count).sum()
}

/// Of divisions and roots, whose sequences round correctly: the first guess, and what the slow path of subnormals does.
fn is_of_division(name: &str) -> bool {
    matches!(name, "MUFU.RCP" | "MUFU.RSQ" | "FCHK" | "FADD.FTZ" | "FMUL.FTZ")
        || matches!(name, "FFMA.RZ" | "FFMA.RP" | "FFMA.RM")
}

#[test]
fn no_function_has_atomics_tensor_cores_or_operations_that_round_otherwise() {
    let Some(functions) = functions() else { return };
    assert!(functions.len() >= 37, "{} functions", functions.len());
    for (function, operations) in &functions {
        for name in operations.keys() {
            let (stem, _) = name.split_once('.').unwrap_or((name, ""));
            let is_refused = match stem {
                "ATOM" | "ATOMG" | "ATOMS" | "RED" | "REDUX" | "SHFL" => true,
                "HMMA" | "IMMA" | "DMMA" | "BMMA" | "QMMA" | "HGMMA" | "IGMMA" | "QGMMA" | "UTCHMMA" => true,
                "DADD" | "DMUL" | "DFMA" | "HADD2" | "HMUL2" => true,
                // A constant may be moved as a sum of halves; nothing else may be.
                "HFMA2" => false,
                "FFMA" | "FADD" | "FMUL" => name != stem && !is_of_division(name) && !is_packed_or_wide(name),
                "MUFU" => !is_of_division(name),
                _ => false,
            };
            assert!(!is_refused, "{function} has {name}");
        }
    }
}

/// Spellings of the same operation: a constant of 32 bits.
fn is_packed_or_wide(name: &str) -> bool {
    matches!(name, "FFMA32I" | "FADD32I" | "FMUL32I")
}

#[test]
fn sums_of_products_are_chains_of_fused_operations_alone() {
    let Some(functions) = functions() else { return };
    for (function, operations) in &functions {
        let exactly = |name: &str| count(operations, |operation| operation == name);
        let kernel = function.split_once(' ').map_or("", |(_, kernel)| kernel);
        if kernel.starts_with("linear_wide") {
            // A thread's tile a step of 16, and once more for the last, shorter step.
            let tile = if kernel.ends_with("_128") { 64 } else { 32 };
            assert!(exactly("FFMA") >= 16 * tile, "{function}: {} FFMA", exactly("FFMA"));
        }
        if kernel.starts_with("bytes_wide") || kernel.starts_with("bytes_narrow") {
            let dots = count(operations, |operation| operation.starts_with("IDP"));
            assert!(dots >= 8, "{function}: {dots} IDP");
        }
        // None of these divides numbers; division of indices needs no check of its operands.
        let plain =
            ["gather", "look_up", "append", "add_rows", "scale", "attention_scores", "rotate", "max_pool"];
        if plain.iter().chain(&["multiply_adds", "read_memory"]).any(|of| kernel.starts_with(of)) {
            assert_eq!(exactly("FCHK"), 0, "{function}");
        }
        if kernel == "multiply_adds" {
            // Sixteen rounds of eight chains, one round for the rest.
            assert!(exactly("FFMA") >= 17 * 8, "{function}: {} FFMA", exactly("FFMA"));
        }
    }
}

#[test]
fn operations_are_read_from_the_lines_of_the_tool() {
    let text = "
        code for sm_90
                Function : scale
        .headerflags    @\"EF_CUDA_TEXMODE_UNIFIED\"
        /*0000*/                   LDC R1, c[0x0][0x28] ;                       /* 0x00000a00ff017b82 */
                                                                                /* 0x000fe20000000800 */
        /*08b0*/              @!P5 FSETP.GT.AND P6, PT, R23, R22, PT ;          /* 0x000000161700d20b */
        /*08c0*/                   EXIT ;                                       /* 0x000000000000794d */";
    let functions = parse(text);
    let operations: Vec<&str> = functions["sm_90 scale"].keys().map(String::as_str).collect();
    assert_eq!(operations, ["EXIT", "FSETP.GT.AND", "LDC"]);
}
