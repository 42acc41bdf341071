// What the kernels use of CUDA, for a host compiler: the same operations, and threads of a block that take turns (`emulator.cpp`).

#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#define __global__
#define __device__
#define __forceinline__ inline
#define __noinline__ inline
#define __launch_bounds__(THREADS)
// One block runs at a time, so that what its threads share may be static.
#define __shared__ static
#define __align__(BYTES) __attribute__((aligned(BYTES)))
#define SHARED_MEMORY(TYPE, NAME) TYPE *const NAME = reinterpret_cast<TYPE *>(emulation::shared_memory)

struct Dimensions {
    unsigned x, y, z;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(16) int4 {
    int x, y, z, w;
};
struct alignas(16) float4 {
    float x, y, z, w;
};

namespace emulation {
// Of the block that runs, in 16-byte words.
extern unsigned char *shared_memory;
// Returns when all threads of the block have come here or ended.
void barrier();
}  // namespace emulation

extern Dimensions threadIdx, blockIdx, blockDim, gridDim;

inline void __syncthreads() { emulation::barrier(); }

inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint4 __ldcs(const uint4 *address) { return *address; }

inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
inline unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }

inline float __uint_as_float(unsigned bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}
inline unsigned __float_as_uint(float value) {
    unsigned bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }
inline float __int2float_rn(int a) { return float(a); }
inline float __uint2float_rn(unsigned a) { return float(a); }

// Four products of bytes with sign, and their sum with `c`.
inline int __dp4a(int a, int b, int c) {
    for (int byte = 0; byte < 4; byte++) {
        c += int(int8_t(unsigned(a) >> (8 * byte))) * int(int8_t(unsigned(b) >> (8 * byte)));
    }
    return c;
}
