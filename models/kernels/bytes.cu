// Products of eight bits (EXACT.md, section 13): integer sums inside a block of 32, one chain of fmas over the blocks.
//
// Quantised rows lie as [row][block][32 integers] with scales [row][block]; weights as packets (`weights.cuh`), two a block, with
// scales [panel][block][output].

#pragma once

#include "epilogue.cuh"
#include "weights.cuh"

constexpr unsigned Q8_BLOCK = 32;
// Blocks of 32 that a warp takes in a round.
constexpr unsigned BLOCKS_A_WARP = 8;

// A thread an element, QUANTISED_BLOCKS blocks of 32 side by side; grid covers rows * blocks.
constexpr unsigned QUANTISED_BLOCKS = 8;

extern "C" __global__ void quantise(int4 *integers, float *scales, const float *x, unsigned rows, unsigned width) {
    __shared__ unsigned magnitudes[QUANTISED_BLOCKS][Q8_BLOCK];
    const unsigned blocks = (width + Q8_BLOCK - 1) / Q8_BLOCK;
    const unsigned own = threadIdx.x / Q8_BLOCK, element = threadIdx.x % Q8_BLOCK;
    const size_t place = size_t(blockIdx.x) * QUANTISED_BLOCKS + own;
    const bool is_there = place < size_t(rows) * blocks;
    const unsigned k = is_there ? unsigned(place % blocks) * Q8_BLOCK + element : width;
    // What fills up a shorter block is +0.
    const float number = k < width ? x[place / blocks * width + k] : 0.0f;
    magnitudes[own][element] = __float_as_uint(number) & 0x7fffffffu;
    __syncthreads();
    if (!is_there) return;
    // Bit patterns without sign are in the order of the magnitudes, infinity and NaN above all.
    unsigned largest = 0;
#pragma unroll
    for (unsigned other = 0; other < Q8_BLOCK; other++) largest = max(largest, magnitudes[own][other]);
    const float scale = __fdiv_rn(bits(largest), 127.0f);
    const bool is_none = largest >= 0x7f800000u;
    const bool is_zero = is_none || scale < bits(0x00800000);
    // The sum's last digit stands for 1, so it is rounded as the definition asks, and its low byte is the integer.
    const unsigned integer = is_zero ? 0 : __float_as_uint(__fadd_rn(__fdiv_rn(number, scale), bits(ROUND)));
    reinterpret_cast<unsigned char *>(integers)[place * Q8_BLOCK + element] = (unsigned char)(integer);
    if (element == 0) scales[place] = is_none ? bits(0x7fc00000) : is_zero ? 0.0f : scale;
}

__device__ __forceinline__ int dot(int4 x, uint4 w, int sum) {
    sum = __dp4a(x.x, int(w.x), sum);
    sum = __dp4a(x.y, int(w.y), sum);
    sum = __dp4a(x.z, int(w.z), sum);
    return __dp4a(x.w, int(w.w), sum);
}

// Few rows. The warps take BLOCKS_A_WARP blocks each; one thread an output and row goes through a round's integers in order.
//
// blockDim.x = 32 * warps, warps >= ROWS; grid = (ceil(rows / ROWS), panels); shared memory: (ROWS + 1) * warps * 8 * 32 + ROWS * 32
// floats.
template <unsigned ROWS>
__device__ __forceinline__ void bytes_narrow(const uint4 *__restrict__ panels, const float *__restrict__ weight_scales,
                                             const int4 *__restrict__ integers, const float *__restrict__ scales,
                                             unsigned rows, unsigned width, const Epilogue &epilogue) {
    SHARED_MEMORY(float, shared);
    const unsigned lane = threadIdx.x % PANEL, warp = threadIdx.x / PANEL, warps = blockDim.x / PANEL;
    const unsigned first_row = blockIdx.x * ROWS, blocks = (width + Q8_BLOCK - 1) / Q8_BLOCK;
    const unsigned a_round = warps * BLOCKS_A_WARP;
    float *products = shared;  // [block][row][output]
    float *round_scales = products + ROWS * a_round * PANEL;  // [block][output]
    float *outputs = round_scales + a_round * PANEL;
    const uint4 *weights = packets_at(panels, blockIdx.y * PANEL + lane, 2 * blocks);
    const float *own_scales = weight_scales + size_t(blockIdx.y) * blocks * PANEL + lane;
    float total = 0.0f;
    for (unsigned round = 0; round < blocks; round += a_round) {
        const unsigned first = round + warp * BLOCKS_A_WARP;
#pragma unroll 4
        for (unsigned block = first; block < min(first + BLOCKS_A_WARP, blocks); block++) {
            const uint4 *packet = weights + size_t(block) * 2 * PANEL;
            const uint4 low = read_once(packet), high = read_once(packet + PANEL);
            round_scales[(block - round) * PANEL + lane] = own_scales[size_t(block) * PANEL];
#pragma unroll
            for (unsigned row = 0; row < ROWS; row++) {
                // A row too many repeats the last one, and is put nowhere.
                const size_t place = size_t(min(first_row + row, rows - 1)) * blocks + block;
                const int sum = dot(integers[2 * place + 1], high, dot(integers[2 * place], low, 0));
                products[((block - round) * ROWS + row) * PANEL + lane] = __int2float_rn(sum);
            }
        }
        __syncthreads();
        if (warp < ROWS) {
            const float *row_scales = scales + size_t(min(first_row + warp, rows - 1)) * blocks;
            for (unsigned block = round; block < min(round + a_round, blocks); block++) {
                const float scale = __fmul_rn(row_scales[block], round_scales[(block - round) * PANEL + lane]);
                total = __fmaf_rn(products[((block - round) * ROWS + warp) * PANEL + lane], scale, total);
            }
        }
        __syncthreads();
    }
    if (warp < ROWS) outputs[warp * PANEL + lane] = total;
    __syncthreads();
    if (warp < ROWS && lane % 2 == 0 && first_row + warp < rows) {
        const float *pair = outputs + warp * PANEL + lane;
        put_pair(epilogue, first_row + warp, blockIdx.y * PANEL + lane, pair[0], pair[1]);
    }
}

// Many rows: a thread block takes TILE_ROWS rows and 128 outputs, a thread ROWS rows and 8 outputs; one block of 32 a step.
//
// blockDim.x = TILE_ROWS / ROWS * 16; grid = (ceil(outputs / 128), ceil(rows / TILE_ROWS)).
template <unsigned TILE_ROWS, unsigned ROWS>
__device__ __forceinline__ void bytes_wide(const uint4 *__restrict__ panels, const float *__restrict__ weight_scales,
                                           const int4 *__restrict__ integers, const float *__restrict__ scales,
                                           unsigned rows, unsigned width, const Epilogue &epilogue) {
    constexpr unsigned THREADS = TILE_ROWS / ROWS * 16, TILE = 128, OUTPUTS = 8;
    __shared__ int4 inputs[2][TILE_ROWS];
    __shared__ uint4 weights[2][TILE];
    __shared__ float input_scales[TILE_ROWS];
    __shared__ float output_scales[TILE];
    const unsigned across = threadIdx.x % 16, down = threadIdx.x / 16;
    const unsigned first_row = blockIdx.y * TILE_ROWS, first_output = blockIdx.x * TILE;
    const unsigned padded = (epilogue.outputs + PANEL - 1) / PANEL * PANEL;
    const unsigned blocks = (width + Q8_BLOCK - 1) / Q8_BLOCK;
    float totals[ROWS][OUTPUTS] = {};
    for (unsigned block = 0; block < blocks; block++) {
        for (unsigned place = threadIdx.x; place < 2 * TILE_ROWS; place += THREADS) {
            const unsigned half = place / TILE_ROWS, row = min(first_row + place % TILE_ROWS, rows - 1);
            const size_t at = size_t(row) * blocks + block;
            inputs[half][place % TILE_ROWS] = integers[2 * at + half];
            if (half == 0) input_scales[place] = scales[at];
        }
        for (unsigned place = threadIdx.x; place < 2 * TILE; place += THREADS) {
            const unsigned half = place / TILE, output = min(first_output + place % TILE, padded - 1);
            weights[half][place % TILE] = packets_at(panels, output, 2 * blocks)[size_t(2 * block + half) * PANEL];
            if (half == 0) {
                output_scales[place] = weight_scales[(size_t(output / PANEL) * blocks + block) * PANEL + output % PANEL];
            }
        }
        __syncthreads();
        int sums[ROWS][OUTPUTS] = {};
#pragma unroll
        for (unsigned half = 0; half < 2; half++) {
#pragma unroll
            for (unsigned row = 0; row < ROWS; row++) {
                const int4 x = inputs[half][down * ROWS + row];
#pragma unroll
                for (unsigned output = 0; output < OUTPUTS; output++) {
                    // Neighbouring threads read neighbouring pairs of outputs.
                    const uint4 w = weights[half][output / 2 * 32 + across * 2 + output % 2];
                    sums[row][output] = dot(x, w, sums[row][output]);
                }
            }
        }
#pragma unroll
        for (unsigned row = 0; row < ROWS; row++) {
#pragma unroll
            for (unsigned output = 0; output < OUTPUTS; output++) {
                const float scale = __fmul_rn(input_scales[down * ROWS + row],
                                              output_scales[output / 2 * 32 + across * 2 + output % 2]);
                totals[row][output] = __fmaf_rn(__int2float_rn(sums[row][output]), scale, totals[row][output]);
            }
        }
        __syncthreads();
    }
#pragma unroll
    for (unsigned place = 0; place < ROWS; place++) {
        const unsigned row = first_row + down * ROWS + place;
        if (row < rows) {
#pragma unroll
            for (unsigned pair = 0; pair < OUTPUTS; pair += 2) {
                const unsigned output = first_output + pair / 2 * 32 + across * 2;
                put_pair(epilogue, row, output, totals[place][pair], totals[place][pair + 1]);
            }
        }
    }
}

#define BYTES(NAME, KERNEL, THREADS)                                                                             \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                        \
        NAME(const uint4 *panels, const float *weight_scales, const int4 *integers, const float *scales,         \
             unsigned rows, unsigned width, Epilogue epilogue) {                                                 \
        KERNEL(panels, weight_scales, integers, scales, rows, width, epilogue);                                  \
    }

BYTES(bytes_narrow_1, bytes_narrow<1>, 512)
BYTES(bytes_narrow_4, bytes_narrow<4>, 512)
BYTES(bytes_wide_32, (bytes_wide<32, 4>), 128)
BYTES(bytes_wide_64, (bytes_wide<64, 4>), 256)
