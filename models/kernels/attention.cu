// Attention over a contiguous range of each sequence's keys (EXACT.md, section 5), in three passes: scores, weights, weighted values.
//
//   keys:    [sequence][kv head][panel of 32 keys][dimension][key]
//   values:  [sequence][kv head][key][dimension]
//   scores:  [sequence][kv head][row][key - origin], row = token * group + query head of the group
//
// A query sees a range of keys, at least one (`visible`). `origin` is a multiple of 256 that lies before all of them, `span` a
// multiple of 32 that reaches the last from there. Of a long call some tokens take part at a time, `tokens` from `begin` on.

#pragma once

#include "weights.cuh"

// As `AttentionShape` in `models/src/exact/device/kernels/attention.rs`, field by field.
struct AttentionShape {
    // Tokens of each sequence in the call, and those that take part.
    unsigned all_tokens;
    unsigned begin;
    unsigned tokens;
    unsigned heads;
    unsigned kv_heads;
    unsigned head_dim;
    // Tokens that the cache has room for, a multiple of 32.
    unsigned capacity;
    // Elements from one row of queries to the next.
    unsigned stride;
    unsigned origin;
    unsigned span;
    // The position of the call's first token, and how many keys it sees at most.
    unsigned first;
    unsigned window;
};

struct Range {
    unsigned start, end;
};

// The keys that a token of the call sees: the first lengths[sequence], or without lengths those up to its own position.
__device__ __forceinline__ Range visible(const AttentionShape &shape, const unsigned *lengths, unsigned sequence, unsigned token) {
    if (lengths) return {0, lengths[sequence]};
    const unsigned end = shape.first + token + 1;
    return {end > shape.window ? end - shape.window : 0, end};
}

// A token that takes part, as a row of the call.
__device__ __forceinline__ size_t row_of(const AttentionShape &shape, unsigned sequence, unsigned token) {
    return size_t(sequence) * shape.all_tokens + shape.begin + token;
}

// Rows of queries a thread block.
constexpr unsigned QUERIES = 4;

// Takes over the tokens of `rows`: (sequences, tokens, stride), keys and values at their columns; a thread an element.
// grid = (sequences * tokens, ceil(kv_heads * head_dim / blockDim.x)).
extern "C" __global__ void append_to_cache(float *keys, float *values, const float *rows, unsigned key_column,
                                           unsigned value_column, unsigned length, AttentionShape shape) {
    const unsigned element = blockIdx.y * blockDim.x + threadIdx.x;
    if (element >= shape.kv_heads * shape.head_dim) return;
    const unsigned head = element / shape.head_dim, dim = element % shape.head_dim;
    const unsigned sequence = blockIdx.x / shape.all_tokens, position = length + blockIdx.x % shape.all_tokens;
    const float *row = rows + size_t(blockIdx.x) * shape.stride;
    const size_t start = size_t(sequence * shape.kv_heads + head) * shape.capacity * shape.head_dim;
    const size_t panel = size_t(position / PANEL) * shape.head_dim + dim;
    keys[start + panel * PANEL + position % PANEL] = row[key_column + element];
    values[start + size_t(position) * shape.head_dim + dim] = row[value_column + element];
}

// scores = (q k) * scale. blockDim.x = 32 * warps, each warp a panel of keys; shared memory: QUERIES * head_dim floats.
// grid = (ceil(tokens * group / QUERIES), ceil(span / 32 / warps), sequences * kv_heads).
extern "C" __global__ void attention_scores(float *scores, const float *queries, const float *keys, float scale,
                                            AttentionShape shape) {
    SHARED_MEMORY(float, query);
    const unsigned group = shape.heads / shape.kv_heads, rows = shape.tokens * group, dims = shape.head_dim;
    const unsigned sequence = blockIdx.z / shape.kv_heads, head = blockIdx.z % shape.kv_heads;
    const unsigned first_row = blockIdx.x * QUERIES;
    for (unsigned place = threadIdx.x; place < QUERIES * dims; place += blockDim.x) {
        const unsigned row = min(first_row + place / dims, rows - 1);
        const size_t token = row_of(shape, sequence, row / group);
        query[place] = queries[token * shape.stride + (head * group + row % group) * dims + place % dims];
    }
    __syncthreads();
    const unsigned lane = threadIdx.x % PANEL;
    const unsigned panel = blockIdx.y * (blockDim.x / PANEL) + threadIdx.x / PANEL;
    if (panel * PANEL >= shape.span) return;
    const float *key = keys + (size_t(blockIdx.z) * shape.capacity + shape.origin + panel * PANEL) * dims + lane;
    float totals[QUERIES] = {};
    for (unsigned block = 0; block < dims; block += BLOCK) {
        float sums[QUERIES] = {};
#pragma unroll 8
        for (unsigned dim = block; dim < min(dims, block + BLOCK); dim++) {
            const float k = key[size_t(dim) * PANEL];
#pragma unroll
            for (unsigned row = 0; row < QUERIES; row++) sums[row] = __fmaf_rn(query[row * dims + dim], k, sums[row]);
        }
#pragma unroll
        for (unsigned row = 0; row < QUERIES; row++) {
            totals[row] = block == 0 ? sums[row] : __fadd_rn(totals[row], sums[row]);
        }
    }
    for (unsigned row = 0; row < min(QUERIES, rows - first_row); row++) {
        const size_t at = size_t(blockIdx.z) * rows + first_row + row;
        scores[at * shape.span + panel * PANEL + lane] = __fmul_rn(totals[row], scale);
    }
}

// Threads of `attention_weights`.
constexpr unsigned WEIGHT_THREADS = 128;

// Replaces the visible scores of a row by exp(score - maximum), and writes their sum to totals: [sequence][kv head][row].
// blockDim.x = WEIGHT_THREADS; grid = (tokens * group, sequences * kv_heads).
extern "C" __global__ void __launch_bounds__(WEIGHT_THREADS) attention_weights(float *scores, float *totals, const unsigned *lengths, AttentionShape shape) {
    __shared__ float largest[WEIGHT_THREADS];
    __shared__ float lanes[LANES];
    const unsigned group = shape.heads / shape.kv_heads, rows = shape.tokens * group;
    const Range keys = visible(shape, lengths, blockIdx.y / shape.kv_heads, shape.begin + blockIdx.x / group);
    const unsigned start = keys.start - shape.origin, end = keys.end - shape.origin;
    const size_t row = size_t(blockIdx.y) * rows + blockIdx.x;
    float *own = scores + row * shape.span;
    // The order is free: only the sign of a zero maximum depends on it, and exp(0) = exp(-0).
    float most = bits(0xff800000);
    for (unsigned key = start + threadIdx.x; key < end; key += WEIGHT_THREADS) most = maximum(most, own[key]);
    largest[threadIdx.x] = most;
    __syncthreads();
    if (threadIdx.x < LANES) {
        for (unsigned lane = threadIdx.x + LANES; lane < WEIGHT_THREADS; lane += LANES) most = maximum(most, largest[lane]);
        lanes[threadIdx.x] = most;
    }
    __syncthreads();
    most = lanes[0];
    for (unsigned lane = 1; lane < LANES; lane++) most = maximum(most, lanes[lane]);
    for (unsigned key = start + threadIdx.x; key < end; key += WEIGHT_THREADS) {
        own[key] = exponential(__fsub_rn(own[key], most));
    }
    __syncthreads();
    // A key's lane is its position mod 16; the origin is a multiple of 16.
    if (threadIdx.x < LANES) {
        const unsigned first = start + (threadIdx.x + LANES - start % LANES) % LANES;
        lanes[threadIdx.x] =
            lane_of(own + first, lane_count(first, end), [](float lane, float x) { return __fadd_rn(lane, x); });
    }
    __syncthreads();
    if (threadIdx.x == 0) totals[row] = fold(lanes);
}

// y = (weights values) / totals. The warps of a thread block take blocks of 256 keys, a thread one dimension; the blocks' sums are
// added in ascending order. An invisible key takes no part, not even with weight zero: that would turn -0 into +0.
//
// blockDim.x = 32 * warps, warps >= QUERIES; shared memory: warps * QUERIES * 32 floats.
// grid = (ceil(tokens * group / QUERIES), ceil(head_dim / 32), sequences * kv_heads).
extern "C" __global__ void __launch_bounds__(512) attention_values(float *y, const float *weights, const float *totals, const float *values,
                                            const unsigned *lengths, AttentionShape shape) {
    SHARED_MEMORY(float, partial);  // [warp][row][dimension]
    const unsigned group = shape.heads / shape.kv_heads, rows = shape.tokens * group, dims = shape.head_dim;
    const unsigned sequence = blockIdx.z / shape.kv_heads, head = blockIdx.z % shape.kv_heads;
    const unsigned lane = threadIdx.x % PANEL, warp = threadIdx.x / PANEL, warps = blockDim.x / PANEL;
    const unsigned dim = blockIdx.y * PANEL + lane, read_dim = min(dim, dims - 1);
    const unsigned first_row = blockIdx.x * QUERIES;
    const float *own_values = values + size_t(blockIdx.z) * shape.capacity * dims + read_dim;
    const float *own_weights[QUERIES];
    unsigned start[QUERIES], end[QUERIES];
    unsigned first = 0xffffffffu, last = 0, common_start = 0, common_end = 0xffffffffu;
#pragma unroll
    for (unsigned place = 0; place < QUERIES; place++) {
        // A row too many repeats the last one, and is put nowhere.
        const unsigned row = min(first_row + place, rows - 1);
        own_weights[place] = weights + (size_t(blockIdx.z) * rows + row) * shape.span;
        const Range keys = visible(shape, lengths, sequence, shape.begin + row / group);
        start[place] = keys.start;
        end[place] = keys.end;
        first = min(first, start[place]);
        last = max(last, end[place]);
        common_start = max(common_start, start[place]);
        common_end = min(common_end, end[place]);
    }
    const unsigned adder = min(warp, QUERIES - 1);
    const unsigned adder_start = start[adder], adder_end = end[adder];
    float total = 0.0f;
    bool is_begun = false;
    for (unsigned round = first / BLOCK * BLOCK; round < last; round += warps * BLOCK) {
        const unsigned from = max(round + warp * BLOCK, first), to = min(round + (warp + 1) * BLOCK, last);
        if (from < to) {
            float sums[QUERIES] = {};
            auto step = [&](unsigned key, bool is_common) {
                const float value = own_values[size_t(key) * dims];
#pragma unroll
                for (unsigned row = 0; row < QUERIES; row++) {
                    if (is_common || (key >= start[row] && key < end[row])) {
                        sums[row] = __fmaf_rn(own_weights[row][key - shape.origin], value, sums[row]);
                    }
                }
            };
            const unsigned shared_from = min(max(common_start, from), to), shared_to = max(min(common_end, to), shared_from);
            for (unsigned key = from; key < shared_from; key++) step(key, false);
            unsigned key = shared_from;
            // Up to where four weights lie as they are read at once; the origin and the span are multiples of four.
            for (; key < shared_to && key % 4 != 0; key++) step(key, true);
            for (; key + IN_FLIGHT <= shared_to; key += IN_FLIGHT) {
                float fetched[IN_FLIGHT], weight[QUERIES][IN_FLIGHT];
#pragma unroll
                for (unsigned index = 0; index < IN_FLIGHT; index++) fetched[index] = own_values[size_t(key + index) * dims];
#pragma unroll
                for (unsigned row = 0; row < QUERIES; row++) {
#pragma unroll
                    for (unsigned index = 0; index < IN_FLIGHT; index += 4) {
                        read_four(own_weights[row] + (key + index - shape.origin), &weight[row][index]);
                    }
                }
#pragma unroll
                for (unsigned index = 0; index < IN_FLIGHT; index++) {
#pragma unroll
                    for (unsigned row = 0; row < QUERIES; row++) {
                        sums[row] = __fmaf_rn(weight[row][index], fetched[index], sums[row]);
                    }
                }
            }
            for (; key < shared_to; key++) step(key, true);
            for (key = shared_to; key < to; key++) step(key, false);
#pragma unroll
            for (unsigned row = 0; row < QUERIES; row++) partial[(warp * QUERIES + row) * PANEL + lane] = sums[row];
        }
        __syncthreads();
        if (warp < QUERIES) {
            for (unsigned index = 0; index < warps; index++) {
                const unsigned block = round + index * BLOCK;
                if (adder_start < block + BLOCK && adder_end > block) {
                    const float sum = partial[(index * QUERIES + warp) * PANEL + lane];
                    total = is_begun ? __fadd_rn(total, sum) : sum;
                    is_begun = true;
                }
            }
        }
        __syncthreads();
    }
    const unsigned row = first_row + warp;
    if (warp < QUERIES && row < rows && dim < dims) {
        const size_t token = row_of(shape, sequence, row / group);
        const float divisor = totals[size_t(blockIdx.z) * rows + row];
        y[(token * shape.heads + head * group + row % group) * dims + dim] = __fdiv_rn(total, divisor);
    }
}
