// CUDA's driver, as far as `models/src/exact/device/cuda.rs` calls it, on the emulator: built as libcuda.so it shows on a machine
// without a GPU that a program built for one loads the driver, opens a device, copies and launches (`cargo xtask cuda-check`). One
// device, kernels in the order of the calls; copies back arrive when the stream is waited for. Ends the program at a call without
// context, a handle or an attribute that it does not know, a copy beyond an allocation, and when the stream is waited for after
// something wrote behind one. `PROOFMARK_EMULATED_DRIVER` is a number that `cuInit` fails with.

#include "emulator.cpp"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>

namespace driver {

// `CUresult`, by the numbers of cuda.h.
enum Result { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, INVALID_DEVICE = 101, NOT_FOUND = 500 };

constexpr size_t MEMORY_BYTES = size_t(1) << 30;
// Behind each allocation, and what all memory holds at first: as binary32, NaN.
constexpr size_t GUARD_BYTES = 256;
constexpr int UNWRITTEN = 0xff;

static std::mutex running;
// Bytes by address.
static std::map<uint64_t, size_t> allocations;
static size_t used_bytes;
static std::map<std::string, std::string> functions;
static bool is_initialised;
static thread_local void *current_context;
// Copies back that nobody has waited for: where to, and what the device held when they were begun.
static std::vector<std::pair<void *, std::vector<unsigned char>>> copies;
static char context, module, pool;

[[noreturn]] static void forbidden(const char *fact) {
    std::fprintf(stderr, "emulated driver: %s\n", fact);
    std::abort();
}

static void need_context() {
    if (current_context != &context) forbidden("a call without a current context");
}

static void need_memory(uint64_t address, size_t bytes) {
    const auto behind = allocations.upper_bound(address);
    if (behind == allocations.begin()) forbidden("a copy of memory that is not allocated");
    const auto &[begin, size] = *std::prev(behind);
    if (address + bytes > begin + size) forbidden("a copy beyond an allocation");
}

static void need_guards() {
    for (const auto &[address, bytes] : allocations) {
        const auto *behind = reinterpret_cast<const unsigned char *>(address) + bytes;
        const auto is_unwritten = [](unsigned char byte) { return byte == UNWRITTEN; };
        if (!std::all_of(behind, behind + GUARD_BYTES, is_unwritten)) forbidden("something wrote behind an allocation");
    }
}

static void need_default_stream(const void *stream) {
    if (stream) forbidden("a stream that was never made");
}

}  // namespace driver

using namespace driver;

extern "C" {

int cuInit(unsigned flags) {
    if (const char *failure = std::getenv("PROOFMARK_EMULATED_DRIVER")) return std::atoi(failure);
    is_initialised = true;
    return flags == 0 ? SUCCESS : INVALID_VALUE;
}

int cuDriverGetVersion(int *version) {
    *version = 13000;
    return SUCCESS;
}

int cuDeviceGetCount(int *count) {
    if (!is_initialised) return NOT_INITIALIZED;
    *count = 1;
    return SUCCESS;
}

int cuDeviceGet(int *device, int ordinal) {
    if (!is_initialised) return NOT_INITIALIZED;
    *device = 0;
    return ordinal == 0 ? SUCCESS : INVALID_DEVICE;
}

int cuDeviceGetName(char *name, int bytes, int) {
    std::snprintf(name, size_t(bytes), "emulated driver");
    return SUCCESS;
}

// By the numbers of cuda.h. The machine code of no architecture is run, so no compute capability is claimed.
int cuDeviceGetAttribute(int *value, int attribute, int) {
    constexpr int MULTIPROCESSORS = 16, ECC = 32, PCI_BUS = 33, PCI_DEVICE = 34, PCI_DOMAIN = 50;
    constexpr int CAPABILITY_MAJOR = 75, CAPABILITY_MINOR = 76, MEMORY_POOLS = 115;
    switch (attribute) {
        case MULTIPROCESSORS: *value = 1; return SUCCESS;
        case ECC: case PCI_BUS: case PCI_DEVICE: case PCI_DOMAIN: case CAPABILITY_MAJOR: case CAPABILITY_MINOR: case MEMORY_POOLS:
            *value = 0;
            return SUCCESS;
        default: forbidden("an attribute that nobody needs");
    }
}

int cuDevicePrimaryCtxRetain(void **retained, int) {
    *retained = &context;
    return SUCCESS;
}

int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }

int cuCtxSetCurrent(void *set) {
    current_context = set;
    return SUCCESS;
}

int cuCtxGetCurrent(void **current) {
    *current = current_context;
    return SUCCESS;
}

int cuModuleLoadData(void **loaded, const void *image) {
    need_context();
    // The magic number of a fat binary.
    if (*static_cast<const uint32_t *>(image) != 0xba55ed50u) forbidden("a module that is no fat binary");
    *loaded = &module;
    return SUCCESS;
}

int cuModuleUnload(void *) { return SUCCESS; }

int cuModuleGetFunction(void **function, void *of, const char *name) {
    need_context();
    if (of != &module) forbidden("a module that was never loaded");
    for (const emulation::Named &kernel : emulation::KERNELS) {
        if (std::strcmp(kernel.name, name) == 0) {
            *function = &functions.try_emplace(name, name).first->second;
            return SUCCESS;
        }
    }
    return NOT_FOUND;
}

int cuMemGetInfo_v2(size_t *free, size_t *total) {
    need_context();
    const std::lock_guard lock(running);
    *free = MEMORY_BYTES - used_bytes;
    *total = MEMORY_BYTES;
    return SUCCESS;
}

int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
    need_context();
    const std::lock_guard lock(running);
    if (bytes == 0) return INVALID_VALUE;
    if (bytes > MEMORY_BYTES - used_bytes) return OUT_OF_MEMORY;
    const size_t whole = (bytes + GUARD_BYTES - 1) / GUARD_BYTES * GUARD_BYTES + GUARD_BYTES;
    void *memory = std::aligned_alloc(GUARD_BYTES, whole);
    if (!memory) return OUT_OF_MEMORY;
    std::memset(memory, UNWRITTEN, whole);
    *address = reinterpret_cast<uint64_t>(memory);
    allocations[*address] = bytes;
    used_bytes += bytes;
    return SUCCESS;
}

int cuMemFree_v2(uint64_t address) {
    need_context();
    const std::lock_guard lock(running);
    const auto found = allocations.find(address);
    if (found == allocations.end()) forbidden("memory is freed that is not allocated");
    need_guards();
    used_bytes -= found->second;
    allocations.erase(found);
    std::free(reinterpret_cast<void *>(address));
    return SUCCESS;
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream) {
    need_context();
    need_default_stream(stream);
    const std::lock_guard lock(running);
    need_memory(to, bytes);
    std::memcpy(reinterpret_cast<void *>(to), from, bytes);
    return SUCCESS;
}

int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream) {
    need_context();
    need_default_stream(stream);
    const std::lock_guard lock(running);
    need_memory(from, bytes);
    const auto *begin = reinterpret_cast<const unsigned char *>(from);
    copies.emplace_back(to, std::vector<unsigned char>(begin, begin + bytes));
    return SUCCESS;
}

int cuStreamSynchronize(void *stream) {
    need_context();
    need_default_stream(stream);
    const std::lock_guard lock(running);
    for (const auto &[to, bytes] : copies) std::memcpy(to, bytes.data(), bytes.size());
    copies.clear();
    need_guards();
    return SUCCESS;
}

int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned threads, unsigned threads_y,
                   unsigned threads_z, unsigned shared_bytes, void *stream, void **parameters, void **extra) {
    need_context();
    need_default_stream(stream);
    const std::lock_guard lock(running);
    constexpr unsigned MOST_BLOCKS = 65535;
    if (grid_x == 0 || grid_y == 0 || grid_z == 0 || threads == 0) return INVALID_VALUE;
    if (grid_x > 0x7fffffffu || grid_y > MOST_BLOCKS || grid_z > MOST_BLOCKS) return INVALID_VALUE;
    if (threads_y != 1 || threads_z != 1 || extra) forbidden("a launch that no kernel of ours has");
    static uint64_t order;
    const auto is_function = [&](const auto &named) { return &named.second == function; };
    if (std::none_of(functions.begin(), functions.end(), is_function)) forbidden("a function that was never asked for");
    const auto &name = *static_cast<const std::string *>(function);
    const unsigned grid[3] = {grid_x, grid_y, grid_z};
    const int code = proofmark_emulate(name.data(), name.size(), grid, threads, shared_bytes, parameters, ++order);
    if (code == 3) forbidden("a block wrote behind its shared memory");
    return code == 0 ? SUCCESS : INVALID_VALUE;
}

int cuDeviceGetDefaultMemPool(void **default_pool, int) {
    *default_pool = &pool;
    return SUCCESS;
}

int cuMemPoolGetAttribute(void *, int, void *value) {
    *static_cast<uint64_t *>(value) = 0;
    return SUCCESS;
}

int cuGetErrorName(int error, const char **name) {
    *name = error == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : error == SUCCESS ? "CUDA_SUCCESS" : "CUDA_ERROR";
    return SUCCESS;
}

int cuGetErrorString(int, const char **text) {
    *text = "of the emulated driver";
    return SUCCESS;
}

}  // extern "C"
