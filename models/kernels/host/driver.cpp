// CUDA's driver, as far as `models/src/exact/device/cuda.rs` calls it, on the emulator: built as libcuda.so.1 it shows on a machine
// without a GPU that a program built for one loads the driver, opens a device, copies and launches (`cargo xtask cuda-check`). One
// device, everything in the order of the calls. What the driver's documentation forbids ends the program.

#include "emulator.cpp"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>

namespace driver {

// `CUresult`, by the numbers of cuda.h.
enum Result { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_DEVICE = 101, NOT_FOUND = 500 };

constexpr size_t MEMORY_BYTES = size_t(1) << 30;
// Behind each allocation, and what all memory holds at first: as binary32, NaN.
constexpr size_t GUARD_BYTES = 256;
constexpr int UNWRITTEN = 0xff;

static std::mutex running;
// Bytes by address.
static std::map<uint64_t, size_t> allocations;
static size_t used_bytes;
static std::map<std::string, std::string> functions;
static thread_local void *current_context;
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

}  // namespace driver

using namespace driver;

extern "C" {

int cuInit(unsigned flags) { return flags == 0 ? SUCCESS : INVALID_VALUE; }

int cuDriverGetVersion(int *version) {
    *version = 13000;
    return SUCCESS;
}

int cuDeviceGetCount(int *count) {
    *count = 1;
    return SUCCESS;
}

int cuDeviceGet(int *device, int ordinal) {
    *device = 0;
    return ordinal == 0 ? SUCCESS : INVALID_DEVICE;
}

int cuDeviceGetName(char *name, int bytes, int) {
    std::snprintf(name, size_t(bytes), "emulated driver");
    return SUCCESS;
}

// One of everything; no pools.
int cuDeviceGetAttribute(int *value, int attribute, int) {
    constexpr int MULTIPROCESSORS = 16;
    *value = attribute == MULTIPROCESSORS ? 1 : 0;
    return SUCCESS;
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

int cuModuleGetFunction(void **function, void *, const char *name) {
    need_context();
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
    const auto *behind = reinterpret_cast<unsigned char *>(address) + found->second;
    for (size_t byte = 0; byte < GUARD_BYTES; byte++) {
        if (behind[byte] != UNWRITTEN) forbidden("a kernel wrote behind its memory");
    }
    used_bytes -= found->second;
    allocations.erase(found);
    std::free(reinterpret_cast<void *>(address));
    return SUCCESS;
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *) {
    need_context();
    const std::lock_guard lock(running);
    need_memory(to, bytes);
    std::memcpy(reinterpret_cast<void *>(to), from, bytes);
    return SUCCESS;
}

int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *) {
    need_context();
    const std::lock_guard lock(running);
    need_memory(from, bytes);
    std::memcpy(to, reinterpret_cast<const void *>(from), bytes);
    return SUCCESS;
}

int cuStreamSynchronize(void *) {
    need_context();
    return SUCCESS;
}

int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned threads, unsigned threads_y,
                   unsigned threads_z, unsigned shared_bytes, void *, void **parameters, void **extra) {
    need_context();
    const std::lock_guard lock(running);
    constexpr unsigned MOST_BLOCKS = 65535;
    if (grid_x == 0 || grid_y == 0 || grid_z == 0 || threads == 0) return INVALID_VALUE;
    if (grid_x > 0x7fffffffu || grid_y > MOST_BLOCKS || grid_z > MOST_BLOCKS) return INVALID_VALUE;
    if (threads_y != 1 || threads_z != 1 || extra) forbidden("a launch that no kernel of ours has");
    static uint64_t order;
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
