// Rows by themselves: tables, norms, positions, pooling (EXACT.md, sections 6 to 8).

#pragma once

#include "weights.cuh"

// The row sum of `x`, of which 16 threads each take a lane; all threads of the block get it. `lanes` is shared memory for 17 floats.
template <class Accumulate>
__device__ __forceinline__ float lane_sum(const float *x, unsigned width, float *lanes, Accumulate accumulate) {
    if (threadIdx.x < LANES) {
        lanes[threadIdx.x] = lane_of(x + threadIdx.x, lane_count(threadIdx.x, width), accumulate);
    }
    __syncthreads();
    if (threadIdx.x == 0) lanes[LANES] = fold(lanes);
    __syncthreads();
    return lanes[LANES];
}

__device__ __forceinline__ float square(float lane, float x) { return __fmaf_rn(x, x, lane); }

// Normalises heads of `width` elements: head `blockIdx.y` of row `blockIdx.x`, from x + row * x_stride + first + head * width to
// y + row * y_stride + first + head * width; y may be x. Without `bias` by the root mean square, else by mean and variance.
// Shared memory: width floats.
extern "C" __global__ void normalise(float *y, unsigned y_stride, const float *x, unsigned x_stride, unsigned first,
                                     unsigned width, const float *weight, const float *bias, float eps) {
    SHARED_MEMORY(float, row);
    __shared__ float lanes[LANES + 1];
    const unsigned offset = first + blockIdx.y * width;
    const float *from = x + size_t(blockIdx.x) * x_stride + offset;
    for (unsigned k = threadIdx.x; k < width; k += blockDim.x) row[k] = from[k];
    __syncthreads();
    const float count = __uint2float_rn(width);
    float mean = 0.0f;
    if (bias) {
        mean = __fdiv_rn(lane_sum(row, width, lanes, [](float lane, float x) { return __fadd_rn(lane, x); }), count);
    }
    const float squares = bias ? lane_sum(row, width, lanes, [mean](float lane, float x) { return square(lane, __fsub_rn(x, mean)); })
                               : lane_sum(row, width, lanes, square);
    const float inverse = __fdiv_rn(1.0f, __fsqrt_rn(__fadd_rn(__fdiv_rn(squares, count), eps)));
    float *to = y + size_t(blockIdx.x) * y_stride + offset;
    for (unsigned k = threadIdx.x; k < width; k += blockDim.x) {
        to[k] = bias ? __fmaf_rn(__fmul_rn(__fsub_rn(row[k], mean), inverse), weight[k], bias[k])
                     : __fmul_rn(__fmul_rn(row[k], inverse), weight[k]);
    }
}

// Divides row `blockIdx.x` of `width` elements by its Euclidean norm.
extern "C" __global__ void l2_normalise(float *x, unsigned width) {
    __shared__ float lanes[LANES + 1];
    float *row = x + size_t(blockIdx.x) * width;
    float norm = __fsqrt_rn(lane_sum(row, width, lanes, square));
    norm = norm < bits(0x2b8cbccc) ? bits(0x2b8cbccc) : norm;
    for (unsigned k = threadIdx.x; k < width; k += blockDim.x) row[k] = __fdiv_rn(row[k], norm);
}

// Turns heads of 2 * half elements: a thread a pair; grid = (rows, ceil(heads * half / blockDim.x)). Row `r` stands at position
// first + r % tokens.
extern "C" __global__ void rotate(float *x, unsigned stride, unsigned heads, unsigned half, const float *cosines,
                                  const float *sines, unsigned tokens, unsigned first) {
    const unsigned pair = blockIdx.y * blockDim.x + threadIdx.x;
    if (pair >= heads * half) return;
    const unsigned head = pair / half, index = pair % half;
    const size_t entry = size_t(first + blockIdx.x % tokens) * half + index;
    float *at = x + size_t(blockIdx.x) * stride + head * 2 * half + index;
    const float a = at[0], b = at[half], cosine = cosines[entry], sine = sines[entry];
    at[0] = __fmaf_rn(a, cosine, -__fmul_rn(b, sine));
    at[half] = __fmaf_rn(b, cosine, __fmul_rn(a, sine));
}

// Copies rows of packed weights: y[place] = row ids[place]; grid = (places, ceil(width / blockDim.x)).
template <class Format>
__device__ __forceinline__ void look_up(float *y, const uint4 *panels, const unsigned *ids, unsigned width) {
    const unsigned k = blockIdx.y * blockDim.x + threadIdx.x;
    if (k >= width) return;
    const uint4 *row = packets_at(panels, ids[blockIdx.x], packets_of<Format>(width));
    float w[Format::PER_PACKET];
    Format::widen(row[size_t(k / Format::PER_PACKET) * PANEL], w);
    y[size_t(blockIdx.x) * width + k] = w[k % Format::PER_PACKET];
}

#define LOOK_UP(NAME, FORMAT)                                                                                    \
    extern "C" __global__ void NAME(float *y, const uint4 *panels, const unsigned *ids, unsigned width) {        \
        look_up<FORMAT>(y, panels, ids, width);                                                                  \
    }

LOOK_UP(look_up_f32, F32)
LOOK_UP(look_up_bf16, Bf16)
LOOK_UP(look_up_f16, F16)

// As `look_up`, of weights of eight bits.
extern "C" __global__ void look_up_bytes(float *y, const uint4 *panels, const float *scales, const unsigned *ids,
                                         unsigned width) {
    const unsigned k = blockIdx.y * blockDim.x + threadIdx.x;
    if (k >= width) return;
    const unsigned id = ids[blockIdx.x], blocks = (width + 31) / 32;
    const uint4 packet = packets_at(panels, id, 2 * blocks)[size_t(k / 16) * PANEL];
    const unsigned words[4] = {packet.x, packet.y, packet.z, packet.w};
    const int integer = int(words[k % 16 / 4] << (24 - k % 4 * 8)) >> 24;
    const float scale = scales[(size_t(id / PANEL) * blocks + k / 32) * PANEL + id % PANEL];
    y[size_t(blockIdx.x) * width + k] = __fmul_rn(__int2float_rn(integer), scale);
}

// y[place] = x[rows[place]]; grid = (places, ceil(width / blockDim.x)).
extern "C" __global__ void gather(float *y, const float *x, const unsigned *rows, unsigned width) {
    const unsigned k = blockIdx.y * blockDim.x + threadIdx.x;
    if (k < width) y[size_t(blockIdx.x) * width + k] = x[size_t(rows[blockIdx.x]) * width + k];
}

// x[row] = x[row] + y[row % period]; grid = (rows, ceil(width / blockDim.x)).
extern "C" __global__ void add_rows(float *x, const float *y, unsigned period, unsigned width) {
    const unsigned k = blockIdx.y * blockDim.x + threadIdx.x;
    if (k >= width) return;
    float *at = x + size_t(blockIdx.x) * width + k;
    *at = __fadd_rn(*at, y[size_t(blockIdx.x % period) * width + k]);
}

// x[row] = x[row] * factor; grid = (rows, ceil(width / blockDim.x)).
extern "C" __global__ void scale(float *x, float factor, unsigned width) {
    const unsigned k = blockIdx.y * blockDim.x + threadIdx.x;
    if (k >= width) return;
    float *at = x + size_t(blockIdx.x) * width + k;
    *at = __fmul_rn(*at, factor);
}

// sums[tokens[place]] takes x[place] * weights[place]: as its value where `is_first`, else added. Tokens are unlike.
// grid = (places, ceil(width / blockDim.x)).
extern "C" __global__ void add_weighted(float *sums, const float *x, const unsigned *tokens, const float *weights,
                                        const unsigned *is_first, unsigned width) {
    const unsigned k = blockIdx.y * blockDim.x + threadIdx.x;
    if (k >= width) return;
    float *at = sums + size_t(tokens[blockIdx.x]) * width + k;
    const float product = __fmul_rn(x[size_t(blockIdx.x) * width + k], weights[blockIdx.x]);
    *at = is_first[blockIdx.x] ? product : __fadd_rn(*at, product);
}

// The mean of the first lengths[s] rows of sequence `s` = blockIdx.x, a thread a column; grid = (sequences, ceil(width / blockDim.x)).
extern "C" __global__ void mean_pool(float *y, const float *x, const unsigned *lengths, unsigned tokens, unsigned width) {
    const unsigned k = blockIdx.y * blockDim.x + threadIdx.x;
    if (k >= width) return;
    const float *column = x + size_t(blockIdx.x) * tokens * width + k;
    const unsigned length = lengths[blockIdx.x];
    float lanes[LANES] = {};
    for (unsigned first = 0; first < length; first += LANES) {
#pragma unroll
        for (unsigned lane = 0; lane < LANES; lane++) {
            if (first + lane < length) lanes[lane] = __fadd_rn(lanes[lane], column[size_t(first + lane) * width]);
        }
    }
    y[size_t(blockIdx.x) * width + k] = __fdiv_rn(fold(lanes), __uint2float_rn(length));
}
