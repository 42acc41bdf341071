// Runs the kernels of `exact.cu` on the host, block after block: what can be shown of them without a GPU.
//
// Each thread of a block is a fiber that runs up to the next `__syncthreads`. The order in which threads run is drawn anew at each
// barrier, and shared memory holds NaN where nothing was written; so a kernel that lacks a barrier, or reads what it did not write,
// gives other bits from order to order. What a block writes behind the shared memory it asked for is found. Not emulated: warps (the kernels use none of their operations), memory spaces, speed.

#include "cuda.h"

#include <ucontext.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "../exact.cu"

Dimensions threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {

constexpr size_t STACK_BYTES = 64 << 10;
// A launch gets 48 KiB, of which the arrays of the kernels that also ask for some take up to 1.
constexpr size_t SHARED_BYTES = 47 << 10;
constexpr unsigned MOST_THREADS = 1024;

unsigned char *shared_memory;

struct Fiber {
    ucontext_t context;
    bool has_ended;
};

static ucontext_t scheduler;
static std::vector<Fiber> fibers;
static std::vector<unsigned char> stacks;
static std::vector<uint4> shared(SHARED_BYTES / sizeof(uint4));
static unsigned current;
static uint64_t order;
static void (*body)(void **);
static void **arguments;

// SplitMix64.
static uint64_t draw() {
    uint64_t z = order += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void barrier() {
    const unsigned own = current;
    swapcontext(&fibers[own].context, &scheduler);
    current = own;
    threadIdx = {own, 0, 0};
}

static void run_fiber() {
    body(arguments);
    fibers[current].has_ended = true;
    // `uc_link` leads back to the scheduler.
}

// Whether the block kept to the shared memory that it asked for.
static bool run_block(unsigned threads, size_t shared_bytes) {
    fibers.resize(threads);
    stacks.resize(threads * STACK_BYTES);
    std::memset(shared.data(), 0xff, SHARED_BYTES);
    for (unsigned thread = 0; thread < threads; thread++) {
        Fiber &fiber = fibers[thread];
        fiber.has_ended = false;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = &stacks[thread * STACK_BYTES];
        fiber.context.uc_stack.ss_size = STACK_BYTES;
        fiber.context.uc_link = &scheduler;
        makecontext(&fiber.context, run_fiber, 0);
    }
    for (unsigned left = threads; left > 0;) {
        const uint64_t drawn = draw();
        // From any thread on, forwards or backwards, in strides that visit each once.
        const unsigned start = unsigned(drawn) % threads;
        unsigned stride = unsigned(drawn >> 32) % threads;
        while (std::gcd(stride, threads) != 1) stride = (stride + 1) % threads;
        left = 0;
        for (unsigned turn = 0; turn < threads; turn++) {
            const unsigned thread = unsigned((start + uint64_t(turn) * stride) % threads);
            if (fibers[thread].has_ended) continue;
            current = thread;
            threadIdx = {thread, 0, 0};
            swapcontext(&scheduler, &fibers[thread].context);
            if (!fibers[thread].has_ended) left++;
        }
    }
    const auto is_unwritten = [](unsigned char byte) { return byte == 0xff; };
    return std::all_of(shared_memory + shared_bytes, shared_memory + SHARED_BYTES, is_unwritten);
}

// Calls a kernel with arguments behind pointers, as `cuLaunchKernel` takes them.
template <class... Parameters, size_t... Indices>
static void call(void (*kernel)(Parameters...), void **from, std::index_sequence<Indices...>) {
    kernel(*static_cast<std::remove_reference_t<Parameters> *>(from[Indices])...);
}

template <auto KERNEL>
static void entry(void **from) {
    [&]<class... Parameters>(void (*kernel)(Parameters...)) {
        call(kernel, from, std::index_sequence_for<Parameters...>());
    }(KERNEL);
}

struct Named {
    const char *name;
    void (*entry)(void **);
};

#define KERNEL(NAME) {#NAME, entry<NAME>}
static const Named KERNELS[] = {
    KERNEL(linear_narrow_f32_1),  KERNEL(linear_narrow_f32_4), KERNEL(linear_narrow_bf16_1), KERNEL(linear_narrow_bf16_4),
    KERNEL(linear_narrow_f16_1),  KERNEL(linear_narrow_f16_4), KERNEL(linear_wide_f32_32),   KERNEL(linear_wide_f32_128),
    KERNEL(linear_wide_bf16_32),  KERNEL(linear_wide_bf16_128), KERNEL(linear_wide_f16_32),  KERNEL(linear_wide_f16_128),
    KERNEL(quantise),             KERNEL(bytes_narrow_1),      KERNEL(bytes_narrow_4),       KERNEL(bytes_wide_32),
    KERNEL(bytes_wide_64),        KERNEL(normalise),           KERNEL(l2_normalise),         KERNEL(rotate),
    KERNEL(look_up_f32),          KERNEL(look_up_bf16),        KERNEL(look_up_f16),          KERNEL(look_up_bytes),
    KERNEL(gather),               KERNEL(add_rows),            KERNEL(scale),                KERNEL(add_weighted),
    KERNEL(mean_pool),            KERNEL(append_to_cache),     KERNEL(attention_scores),     KERNEL(attention_weights),
    KERNEL(attention_values),     KERNEL(gather_windows),      KERNEL(max_pool),
    KERNEL(multiply_adds),        KERNEL(read_memory),
};

}  // namespace emulation

// Runs a grid; 0, or 1 for an unknown kernel, 2 for more threads or shared memory than a GPU has for a block, and 3 where a block wrote
// behind its shared memory. Not reentrant: the caller holds a lock.
extern "C" int proofmark_emulate(const char *name, size_t name_bytes, const unsigned grid[3], unsigned threads,
                                 size_t shared_bytes, void **arguments, uint64_t order) {
    using namespace emulation;
    body = nullptr;
    for (const Named &kernel : KERNELS) {
        if (std::strlen(kernel.name) == name_bytes && std::memcmp(kernel.name, name, name_bytes) == 0) body = kernel.entry;
    }
    if (!body) return 1;
    if (shared_bytes > SHARED_BYTES || threads > MOST_THREADS) return 2;
    emulation::arguments = arguments;
    emulation::order = order;
    shared_memory = reinterpret_cast<unsigned char *>(shared.data());
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {threads, 1, 1};
    for (unsigned z = 0; z < grid[2]; z++) {
        for (unsigned y = 0; y < grid[1]; y++) {
            for (unsigned x = 0; x < grid[0]; x++) {
                blockIdx = {x, y, z};
                if (!run_block(threads, shared_bytes)) return 3;
            }
        }
    }
    return 0;
}
