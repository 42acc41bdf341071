// All kernels of exact/1 and exact/q8, as one translation unit: nvcc compiles it for GPUs, a C++ compiler for `host/emulator.cpp`.
//
// The rules of EXACT.md hold: no atomics, no tensor cores, no fast math; a sum's order never depends on the launch. What a launch
// must look like stands above each kernel, and `models/src/exact/device/kernels` is the only place that launches.

#ifdef __CUDACC__
#define SHARED_MEMORY(TYPE, NAME) extern __shared__ TYPE NAME[]
#endif

// Weights that pass by once: they need not stay in the first cache.
static __device__ __forceinline__ uint4 read_once(const uint4 *packet) { return __ldcs(packet); }

static __device__ __forceinline__ void read_four(const float *from, float *to) {
    const float4 quad = *reinterpret_cast<const float4 *>(from);
    to[0] = quad.x;
    to[1] = quad.y;
    to[2] = quad.z;
    to[3] = quad.w;
}

#include "attention.cu"
#include "bytes.cu"
#include "ceilings.cu"
#include "images.cu"
#include "linear_narrow.cu"
#include "linear_wide.cu"
#include "rows.cu"
