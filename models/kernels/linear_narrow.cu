// y = x w^T for few rows (EXACT.md, section 2): bound by reading the weights once.
//
// A thread block takes one panel of 32 outputs and ROWS rows. Its warps take blocks of 256 elements, a thread one output: each sum
// is one chain of fmas. Then the sums of a round are added in ascending order of block.
//
// blockDim.x = 32 * warps, warps >= ROWS; grid = (ceil(rows / ROWS), panels); shared memory: ROWS * warps * (256 + 32) floats.

#pragma once

#include "epilogue.cuh"
#include "weights.cuh"

template <class Format, unsigned ROWS>
__device__ __forceinline__ void linear_narrow(const uint4 *__restrict__ panels, const float *__restrict__ x,
                                              unsigned rows, unsigned width, const Epilogue &epilogue) {
    constexpr unsigned PER = Format::PER_PACKET;
    SHARED_MEMORY(float, shared);
    const unsigned lane = threadIdx.x % PANEL, warp = threadIdx.x / PANEL, warps = blockDim.x / PANEL;
    const unsigned first_row = blockIdx.x * ROWS, blocks = (width + BLOCK - 1) / BLOCK;
    const unsigned pitch = warps * BLOCK;
    float *inputs = shared;               // [row][warp][element]
    float *sums = shared + ROWS * pitch;  // [warp][row][output]
    const uint4 *weights = packets_at(panels, blockIdx.y * PANEL + lane, packets_of<Format>(width));
    float total = 0.0f;
    for (unsigned round = 0; round < blocks; round += warps) {
        const unsigned start = round * BLOCK, count = min(pitch, width - start);
        // Of the warp's own block; none where there is no block left.
        const unsigned own = warp * BLOCK, length = own < count ? min(BLOCK, count - own) : 0, whole = length / PER;
        const uint4 *packet = weights + size_t((start + own) / PER) * PANEL;
        uint4 ahead[IN_FLIGHT];
        auto fetch = [&](unsigned first) {
#pragma unroll
            for (unsigned index = 0; index < IN_FLIGHT; index++) {
                ahead[index] = make_uint4(0, 0, 0, 0);
                if (first + index < whole) ahead[index] = read_once(packet + size_t(first + index) * PANEL);
            }
        };
        fetch(0);
#pragma unroll
        for (unsigned row = 0; row < ROWS; row++) {
            // A row too many repeats the last one, and is put nowhere.
            const float *from = x + size_t(min(first_row + row, rows - 1)) * width + start;
            float fetched[BLOCK / PANEL];
#pragma unroll
            for (unsigned index = 0; index < BLOCK / PANEL; index++) {
                const unsigned k = threadIdx.x + index * blockDim.x;
                fetched[index] = k < count ? from[k] : 0.0f;
            }
#pragma unroll
            for (unsigned index = 0; index < BLOCK / PANEL; index++) {
                inputs[row * pitch + threadIdx.x + index * blockDim.x] = fetched[index];
            }
        }
        __syncthreads();
        if (length > 0) {
            float sum[ROWS] = {}, w[PER];
            for (unsigned first = 0; first < whole; first += IN_FLIGHT) {
                uint4 now[IN_FLIGHT];
#pragma unroll
                for (unsigned index = 0; index < IN_FLIGHT; index++) now[index] = ahead[index];
                fetch(first + IN_FLIGHT);
#pragma unroll
                for (unsigned index = 0; index < IN_FLIGHT; index++) {
                    if (first + index < whole) {
                        Format::widen(now[index], w);
#pragma unroll
                        for (unsigned row = 0; row < ROWS; row++) {
#pragma unroll
                            for (unsigned k = 0; k < PER; k++) {
                                const float input = inputs[row * pitch + own + (first + index) * PER + k];
                                sum[row] = __fmaf_rn(input, w[k], sum[row]);
                            }
                        }
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
        put_pair(epilogue, first_row + warp, blockIdx.y * PANEL + lane, pair[0], pair[1]);
    }
}

#define LINEAR_NARROW(NAME, FORMAT, ROWS)                                                                        \
    extern "C" __global__ void __launch_bounds__(ROWS == 1 ? 512 : 256) NAME(const uint4 *panels, const float *x, unsigned rows, unsigned width,          \
                                    Epilogue epilogue) {                                                         \
        linear_narrow<FORMAT, ROWS>(panels, x, rows, width, epilogue);                                           \
    }

LINEAR_NARROW(linear_narrow_f32_1, F32, 1)
LINEAR_NARROW(linear_narrow_f32_4, F32, 4)
LINEAR_NARROW(linear_narrow_bf16_1, Bf16, 1)
LINEAR_NARROW(linear_narrow_bf16_4, Bf16, 4)
LINEAR_NARROW(linear_narrow_f16_1, F16, 1)
LINEAR_NARROW(linear_narrow_f16_4, F16, 4)
