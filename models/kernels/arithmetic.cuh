// The numbers and functions of exact/1 (EXACT.md, sections 1 to 4) in CUDA C++.
//
// Every operation that rounds is an intrinsic that names its rounding, so that no compiler option can contract, reorder or flush
// it; `host/cuda.h` gives the intrinsics to a host compiler with the same meaning. `models/src/exact/function.rs` is the oracle.

#pragma once

// Elements of a block of a dot product.
constexpr unsigned BLOCK = 256;
// Lanes of a row sum.
constexpr unsigned LANES = 16;
// Loads that a thread begins before it uses the first: what a compiler does not do by itself across a loop.
constexpr unsigned IN_FLIGHT = 8;

__device__ __forceinline__ float bits(unsigned pattern) { return __uint_as_float(pattern); }

__device__ __forceinline__ bool is_nan(float x) { return (__float_as_uint(x) & 0x7fffffffu) > 0x7f800000u; }

// `b` if `b > a`, else `a`.
__device__ __forceinline__ float maximum(float a, float b) { return b > a ? b : a; }

// Horner's rule with fma; coefficients from the constant term upwards.
template <int COUNT>
__device__ __forceinline__ float horner(float x, const unsigned (&coefficients)[COUNT]) {
    float sum = bits(coefficients[COUNT - 1]);
#pragma unroll
    for (int index = COUNT - 2; index >= 0; index--) sum = __fmaf_rn(x, sum, bits(coefficients[index]));
    return sum;
}

// 2^k for -126 <= k <= 127.
__device__ __forceinline__ float power_of_two(int k) { return bits(unsigned(k + 127) << 23); }

constexpr unsigned ROUND = 0x4b400000;
constexpr unsigned LN2_HIGH = 0x3f318000;
constexpr unsigned LN2_LOW = 0xb95e8083;

__device__ __forceinline__ float exponential(float x) {
    constexpr unsigned COEFFICIENTS[] = {0x3efffffe, 0x3e2aaa49, 0x3d2aac79, 0x3c091cf1, 0x3ab51225};
    const float overflow = bits(0x42b17217), underflow = bits(0xc2cff1b4);
    float clamped = x > overflow ? overflow : x;
    clamped = clamped < underflow ? underflow : clamped;
    const float shifted = __fmaf_rn(clamped, bits(0x3fb8aa3b), bits(ROUND));
    const float rounded = __fsub_rn(shifted, bits(ROUND));
    float r = __fmaf_rn(rounded, -bits(LN2_HIGH), clamped);
    r = __fmaf_rn(rounded, -bits(LN2_LOW), r);
    const float p = __fadd_rn(__fmaf_rn(__fmul_rn(r, r), horner(r, COEFFICIENTS), r), 1.0f);
    // Of a NaN the exponents are meaningless; the value is selected at the end.
    const int k = is_nan(x) ? 0 : int(__float_as_uint(shifted) - ROUND);
    const int half = k >> 1;
    float value = __fmul_rn(__fmul_rn(p, power_of_two(half)), power_of_two(k - half));
    value = x > overflow ? bits(0x7f800000) : value;
    value = x < underflow ? 0.0f : value;
    return is_nan(x) ? x : value;
}

__device__ __forceinline__ float with_sign_of(float magnitude, float x) {
    return bits(__float_as_uint(magnitude) | (__float_as_uint(x) & 0x80000000u));
}

__device__ __forceinline__ float absolute(float x) { return bits(__float_as_uint(x) & 0x7fffffffu); }

__device__ __forceinline__ float hyperbolic_tangent(float x) {
    constexpr unsigned COEFFICIENTS[] = {0xbeaaaa99, 0x3e088393, 0xbd5c1e2e, 0x3ca91351, 0xbbbaf0f2};
    const float magnitude = absolute(x);
    const float square = __fmul_rn(magnitude, magnitude);
    const float small = __fmaf_rn(__fmul_rn(square, magnitude), horner(square, COEFFICIENTS), magnitude);
    const float power = exponential(__fadd_rn(magnitude, magnitude));
    const float large = __fsub_rn(1.0f, __fdiv_rn(2.0f, __fadd_rn(power, 1.0f)));
    return is_nan(x) ? x : with_sign_of(magnitude < bits(0x3f200000) ? small : large, x);
}

__device__ __forceinline__ float error_function(float x) {
    constexpr unsigned SMALL[] = {0x3e0375d4, 0xbec0939f, 0x3de7167c, 0xbcdbfc87,
                                  0x3baa02da, 0xba51fb88, 0x38a4b52f};
    constexpr unsigned LARGE[] = {0x3f90790e, 0x3f228d5d, 0x3dda2cdd, 0xbcc4b0cd,
                                  0x3b764028, 0xb9b7d001, 0x376a416b};
    const float magnitude = absolute(x);
    const float small = __fmaf_rn(x, horner(__fmul_rn(x, x), SMALL), x);
    const float clamped = magnitude > bits(0x407ccccd) ? bits(0x407ccccd) : magnitude;
    const float tail = exponential(-__fmul_rn(clamped, horner(clamped, LARGE)));
    const float large = with_sign_of(__fsub_rn(1.0f, tail), x);
    return is_nan(x) ? x : (magnitude < 1.0f ? small : large);
}

// x / (1 + e^-y)
__device__ __forceinline__ float times_sigmoid(float x, float y) {
    return __fdiv_rn(x, __fadd_rn(1.0f, exponential(-y)));
}

// The functions between layers; their numbers are those of `function_number` in `models/src/exact/device/kernels/epilogue.rs`.
enum Function : unsigned { IDENTITY, GELU, GELU_TANH, TANH, SILU, QUICK_GELU, RELU };

// Not inlined: a tile applies one to each of its outputs, and its code would otherwise be many times as long.
__device__ __noinline__ float apply_other(unsigned function, float x) {
    switch (function) {
        case GELU:
            return __fmul_rn(__fmul_rn(0.5f, x), __fadd_rn(1.0f, error_function(__fmul_rn(x, bits(0x3f3504f3)))));
        case GELU_TANH: {
            const float cubic = __fmaf_rn(__fmul_rn(__fmul_rn(x, x), x), bits(0x3d372713), x);
            const float tangent = hyperbolic_tangent(__fmul_rn(bits(0x3f4c422a), cubic));
            return __fmul_rn(__fmul_rn(0.5f, x), __fadd_rn(1.0f, tangent));
        }
        case TANH: return hyperbolic_tangent(x);
        case SILU: return times_sigmoid(x, x);
        case QUICK_GELU: return times_sigmoid(x, __fmul_rn(bits(0x3fd9db23), x));
        case RELU: return maximum(0.0f, x);
        default: return x;
    }
}

__device__ __forceinline__ float apply(unsigned function, float x) {
    return function == IDENTITY ? x : apply_other(function, x);
}

// One lane of a row sum: every 16th element from x on, `count` of them.
template <class Accumulate>
__device__ __forceinline__ float lane_of(const float *x, unsigned count, Accumulate accumulate) {
    float lane = 0.0f;
    unsigned index = 0;
    for (; index + IN_FLIGHT <= count; index += IN_FLIGHT) {
        float fetched[IN_FLIGHT];
#pragma unroll
        for (unsigned k = 0; k < IN_FLIGHT; k++) fetched[k] = x[size_t(index + k) * LANES];
#pragma unroll
        for (unsigned k = 0; k < IN_FLIGHT; k++) lane = accumulate(lane, fetched[k]);
    }
    for (; index < count; index++) lane = accumulate(lane, x[size_t(index) * LANES]);
    return lane;
}

// Elements of a lane that begins at `first`, of those below `end`.
__device__ __forceinline__ unsigned lane_count(unsigned first, unsigned end) {
    return first < end ? (end - first + LANES - 1) / LANES : 0;
}

// The 16 lanes of a row sum folded 8, 4, 2, 1.
__device__ __forceinline__ float fold(const float *lanes) {
    float eight[8];
#pragma unroll
    for (int lane = 0; lane < 8; lane++) eight[lane] = __fadd_rn(lanes[lane], lanes[lane + 8]);
#pragma unroll
    for (int lane = 0; lane < 4; lane++) eight[lane] = __fadd_rn(eight[lane], eight[lane + 4]);
    return __fadd_rn(__fadd_rn(eight[0], eight[2]), __fadd_rn(eight[1], eight[3]));
}
