// y = x w^T for many rows (EXACT.md, section 2): bound by multiplications.
//
// A thread block takes TILE_ROWS rows and 128 outputs, a thread GROUPS groups of 4 rows and 2 groups of 4 outputs. Steps of 16
// elements pass through shared memory, the next one on its way while one is multiplied. A chain of fmas ends with its block of
// 256 and is added to the blocks before.
//
// blockDim.x = 4 * TILE_ROWS / GROUPS; grid = (ceil(outputs / 128), ceil(rows / TILE_ROWS)).

#pragma once

#include "epilogue.cuh"
#include "weights.cuh"

constexpr unsigned TILE_OUTPUTS = 128;
constexpr unsigned STEP = 16;

template <class Format, unsigned TILE_ROWS, unsigned GROUPS>
__device__ __forceinline__ void linear_wide(const uint4 *__restrict__ panels, const float *__restrict__ x,
                                            unsigned rows, unsigned width, const Epilogue &epilogue) {
    constexpr unsigned PER = Format::PER_PACKET;
    constexpr unsigned THREADS = TILE_ROWS / (4 * GROUPS) * 16;
    constexpr unsigned ROWS = 4 * GROUPS;
    constexpr unsigned OUTPUTS = 8;
    // Columns of four elements and packets that each thread carries a step.
    constexpr unsigned QUADS = TILE_ROWS * STEP / 4 / THREADS;
    constexpr unsigned PACKETS = TILE_OUTPUTS * STEP / PER / THREADS;
    static_assert(TILE_ROWS * STEP / 4 % THREADS == 0 && TILE_OUTPUTS * STEP / PER % THREADS == 0, "uneven");
    // [step][element][row or output], read four at once; elements that follow each other lie in other banks.
    __shared__ __align__(16) float inputs[2][STEP][TILE_ROWS + 4];
    __shared__ __align__(16) float weights[2][STEP][TILE_OUTPUTS];
    const unsigned across = threadIdx.x % 16, down = threadIdx.x / 16;
    const unsigned first_row = blockIdx.y * TILE_ROWS, first_output = blockIdx.x * TILE_OUTPUTS;
    const unsigned padded = (epilogue.outputs + PANEL - 1) / PANEL * PANEL, packets = packets_of<Format>(width);
    const bool is_aligned = width % 4 == 0;
    float4 quads[QUADS];
    uint4 carried[PACKETS];

    auto fetch = [&](unsigned start) {
#pragma unroll
        for (unsigned index = 0; index < QUADS; index++) {
            const unsigned place = threadIdx.x + index * THREADS;
            const unsigned row = first_row + place / (STEP / 4), k = start + place % (STEP / 4) * 4;
            float4 quad = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
            if (row < rows && k < width) {
                const float *from = x + size_t(row) * width + k;
                if (is_aligned) {
                    quad = *reinterpret_cast<const float4 *>(from);
                } else {
                    quad.x = from[0];
                    if (k + 1 < width) quad.y = from[1];
                    if (k + 2 < width) quad.z = from[2];
                    if (k + 3 < width) quad.w = from[3];
                }
            }
            quads[index] = quad;
        }
#pragma unroll
        for (unsigned index = 0; index < PACKETS; index++) {
            const unsigned place = threadIdx.x + index * THREADS;
            const unsigned output = first_output + place % TILE_OUTPUTS, packet = start / PER + place / TILE_OUTPUTS;
            carried[index] = make_uint4(0, 0, 0, 0);
            if (output < padded && packet < packets) {
                carried[index] = packets_at(panels, output, packets)[size_t(packet) * PANEL];
            }
        }
    };
    auto store = [&](unsigned buffer) {
#pragma unroll
        for (unsigned index = 0; index < QUADS; index++) {
            const unsigned place = threadIdx.x + index * THREADS;
            const unsigned row = place / (STEP / 4), k = place % (STEP / 4) * 4;
            inputs[buffer][k][row] = quads[index].x;
            inputs[buffer][k + 1][row] = quads[index].y;
            inputs[buffer][k + 2][row] = quads[index].z;
            inputs[buffer][k + 3][row] = quads[index].w;
        }
#pragma unroll
        for (unsigned index = 0; index < PACKETS; index++) {
            const unsigned place = threadIdx.x + index * THREADS;
            float w[PER];
            Format::widen(carried[index], w);
#pragma unroll
            for (unsigned k = 0; k < PER; k++) {
                weights[buffer][place / TILE_OUTPUTS * PER + k][place % TILE_OUTPUTS] = w[k];
            }
        }
    };

    float sums[ROWS][OUTPUTS] = {}, totals[ROWS][OUTPUTS] = {};
    auto multiply = [&](unsigned buffer, unsigned k) {
        float a[ROWS], w[OUTPUTS];
#pragma unroll
        for (unsigned group = 0; group < GROUPS; group++) {
            const unsigned row = group * (TILE_ROWS / GROUPS) + down * 4;
            read_four(&inputs[buffer][k][row], &a[4 * group]);
        }
        read_four(&weights[buffer][k][across * 4], &w[0]);
        read_four(&weights[buffer][k][TILE_OUTPUTS / 2 + across * 4], &w[4]);
#pragma unroll
        for (unsigned row = 0; row < ROWS; row++) {
#pragma unroll
            for (unsigned output = 0; output < OUTPUTS; output++) {
                sums[row][output] = __fmaf_rn(a[row], w[output], sums[row][output]);
            }
        }
    };

    fetch(0);
    store(0);
    __syncthreads();
    for (unsigned start = 0, buffer = 0; start < width; start += STEP, buffer ^= 1) {
        const bool is_last = start + STEP >= width;
        if (!is_last) fetch(start + STEP);
        if (start + STEP <= width) {
#pragma unroll
            for (unsigned k = 0; k < STEP; k++) multiply(buffer, k);
        } else {
            for (unsigned k = 0; k < width - start; k++) multiply(buffer, k);
        }
        if (is_last || (start + STEP) % BLOCK == 0) {
            const bool is_first = start < BLOCK;
#pragma unroll
            for (unsigned row = 0; row < ROWS; row++) {
#pragma unroll
                for (unsigned output = 0; output < OUTPUTS; output++) {
                    const float sum = sums[row][output];
                    totals[row][output] = is_first ? sum : __fadd_rn(totals[row][output], sum);
                    sums[row][output] = 0.0f;
                }
            }
        }
        if (!is_last) store(buffer ^ 1);
        __syncthreads();
    }

#pragma unroll
    for (unsigned place = 0; place < ROWS; place++) {
        const unsigned row = first_row + place / 4 * (TILE_ROWS / GROUPS) + down * 4 + place % 4;
        if (row < rows) {
#pragma unroll
            for (unsigned pair = 0; pair < OUTPUTS; pair += 2) {
                const unsigned output = first_output + pair / 4 * (TILE_OUTPUTS / 2) + across * 4 + pair % 4;
                put_pair(epilogue, row, output, totals[place][pair], totals[place][pair + 1]);
            }
        }
    }
}

#define LINEAR_WIDE(NAME, FORMAT, TILE_ROWS, GROUPS, THREADS)                                                    \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                        \
        NAME(const uint4 *panels, const float *x, unsigned rows, unsigned width, Epilogue epilogue) {            \
        linear_wide<FORMAT, TILE_ROWS, GROUPS>(panels, x, rows, width, epilogue);                                \
    }

LINEAR_WIDE(linear_wide_f32_32, F32, 32, 1, 128)
LINEAR_WIDE(linear_wide_f32_128, F32, 128, 2, 256)
LINEAR_WIDE(linear_wide_bf16_32, Bf16, 32, 1, 128)
LINEAR_WIDE(linear_wide_bf16_128, Bf16, 128, 2, 256)
LINEAR_WIDE(linear_wide_f16_32, F16, 32, 1, 128)
LINEAR_WIDE(linear_wide_f16_128, F16, 128, 2, 256)
