// Work that nothing but the device's speed limits: multiply-adds in registers, and reading of memory.

#pragma once

#include "arithmetic.cuh"

// Chains of a thread: more than the latency of a multiply-add asks for.
constexpr unsigned CHAINS = 8;

// Carries out `rounds` multiply-adds in each chain of each thread; sink: (threads of the grid).
extern "C" __global__ void multiply_adds(float *sink, unsigned rounds, float factor, float addend) {
    const size_t thread = size_t(blockIdx.x) * blockDim.x + threadIdx.x;
    float sums[CHAINS];
#pragma unroll
    for (unsigned chain = 0; chain < CHAINS; chain++) sums[chain] = __fadd_rn(1.0f, __uint2float_rn(threadIdx.x * CHAINS + chain));
#pragma unroll 16
    for (unsigned round = 0; round < rounds; round++) {
#pragma unroll
        for (unsigned chain = 0; chain < CHAINS; chain++) sums[chain] = __fmaf_rn(sums[chain], factor, addend);
    }
    float sum = sums[0];
#pragma unroll
    for (unsigned chain = 1; chain < CHAINS; chain++) sum = __fadd_rn(sum, sums[chain]);
    sink[thread] = sum;
}

// Reads all packets of 16 bytes once; sink: (threads of the grid).
extern "C" __global__ void read_memory(unsigned *sink, const uint4 *from, size_t packets) {
    const size_t threads = size_t(gridDim.x) * blockDim.x, thread = size_t(blockIdx.x) * blockDim.x + threadIdx.x;
    unsigned sum = 0;
    auto take = [&sum](uint4 bytes) { sum ^= bytes.x ^ bytes.y ^ bytes.z ^ bytes.w; };
    size_t packet = thread;
    for (; packet + (IN_FLIGHT - 1) * threads < packets; packet += IN_FLIGHT * threads) {
        uint4 fetched[IN_FLIGHT];
#pragma unroll
        for (unsigned index = 0; index < IN_FLIGHT; index++) fetched[index] = read_once(from + packet + index * threads);
#pragma unroll
        for (unsigned index = 0; index < IN_FLIGHT; index++) take(fetched[index]);
    }
    for (; packet < packets; packet += threads) take(read_once(from + packet));
    sink[thread] = sum;
}
