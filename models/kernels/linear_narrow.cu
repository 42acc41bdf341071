// y = x w^T for few rows (EXACT.md, section 2): bound by reading the weights once.
//
// A thread block takes one panel of 32 outputs and ROWS rows. Its warps take blocks of 256 elements, a thread one output: each sum
// is one chain of fmas. Then the sums of a round are added in ascending order of block.
//
// blockDim.x = 32 * warps, warps >= ROWS; grid = (panels, ceil(rows / ROWS)); shared memory: ROWS * warps * (256 + 32) floats.

#pragma once

#include "epilogue.cuh"
#include "weights.cuh"

template <class Format, unsigned ROWS>
__device__ __forceinline__ void linear_narrow(const uint4 *__restrict__ panels, const float *__restrict__ x,
                                              unsigned rows, unsigned width, const Epilogue &epilogue) {
    constexpr unsigned PER = Format::PER_PACKET;
    SHARED_MEMORY(float, shared);
    const unsigned lane = threadIdx.x % PANEL, warp = threadIdx.x / PANEL, warps = blockDim.x / PANEL;
    const unsigned first_row = blockIdx.y * ROWS, blocks = (width + BLOCK - 1) / BLOCK;
    const unsigned pitch = warps * BLOCK;
    float *inputs = shared;               // [row][warp][element]
    float *sums = shared + ROWS * pitch;  // [warp][row][output]
    const uint4 *weights = packets_at(panels, blockIdx.x * PANEL + lane, packets_of<Format>(width));
    float total = 0.0f;
    for (unsigned round = 0; round < blocks; round += warps) {
        const unsigned start = round * BLOCK, count = min(pitch, width - start);
        for (unsigned row = 0; row < ROWS; row++) {
            if (first_row + row < rows) {
                const float *from = x + size_t(first_row + row) * width + start;
                for (unsigned k = threadIdx.x; k < count; k += blockDim.x) inputs[row * pitch + k] = from[k];
            } else {
                for (unsigned k = threadIdx.x; k < count; k += blockDim.x) inputs[row * pitch + k] = 0.0f;
            }
        }
        __syncthreads();
        if (round + warp < blocks) {
            const unsigned own = warp * BLOCK, length = min(BLOCK, count - own), whole = length / PER;
            const uint4 *packet = weights + size_t((start + own) / PER) * PANEL;
            float sum[ROWS] = {}, w[PER];
#pragma unroll 8
            for (unsigned index = 0; index < whole; index++) {
                Format::widen(read_once(packet + size_t(index) * PANEL), w);
#pragma unroll
                for (unsigned row = 0; row < ROWS; row++) {
#pragma unroll
                    for (unsigned k = 0; k < PER; k++) {
                        sum[row] = __fmaf_rn(inputs[row * pitch + own + index * PER + k], w[k], sum[row]);
                    }
                }
            }
            if (whole * PER < length) {
                Format::widen(read_once(packet + size_t(whole) * PANEL), w);
                for (unsigned row = 0; row < ROWS; row++) {
#pragma unroll
                    for (unsigned k = 0; k < PER; k++) {
                        const unsigned at = whole * PER + k;
                        if (at < length) sum[row] = __fmaf_rn(inputs[row * pitch + own + at], w[k], sum[row]);
                    }
                }
            }
#pragma unroll
            for (unsigned row = 0; row < ROWS; row++) sums[(warp * ROWS + row) * PANEL + lane] = sum[row];
        }
        __syncthreads();
        if (warp < ROWS) {
            for (unsigned block = 0; block < min(warps, blocks - round); block++) {
                const float sum = sums[(block * ROWS + warp) * PANEL + lane];
                total = round + block == 0 ? sum : __fadd_rn(total, sum);
            }
        }
    }
    // Where an output's neighbour finds it.
    if (warp < ROWS) inputs[warp * PANEL + lane] = total;
    __syncthreads();
    if (warp < ROWS && lane % 2 == 0 && first_row + warp < rows) {
        const float *pair = inputs + warp * PANEL + lane;
        put_pair(epilogue, first_row + warp, blockIdx.x * PANEL + lane, pair[0], pair[1]);
    }
}

#define LINEAR_NARROW(NAME, FORMAT, ROWS)                                                                        \
    extern "C" __global__ void NAME(const uint4 *panels, const float *x, unsigned rows, unsigned width,          \
                                    Epilogue epilogue) {                                                         \
        linear_narrow<FORMAT, ROWS>(panels, x, rows, width, epilogue);                                           \
    }

LINEAR_NARROW(linear_narrow_f32_1, F32, 1)
LINEAR_NARROW(linear_narrow_f32_4, F32, 4)
LINEAR_NARROW(linear_narrow_bf16_1, Bf16, 1)
LINEAR_NARROW(linear_narrow_bf16_4, Bf16, 4)
LINEAR_NARROW(linear_narrow_f16_1, F16, 1)
LINEAR_NARROW(linear_narrow_f16_4, F16, 4)
