// Packed weights: 32 outputs a panel, in packets of 16 bytes.
//
//   [panel][packet][output 0..32][16 bytes]
//
// A packet holds neighbouring elements of one output: 4 of binary32, 8 of bfloat16 or binary16, 16 integers. So the 32 threads of
// a warp, one an output, read 512 bytes side by side. The last packet of a row is filled up; only integers' filling, zeros, is read.

#pragma once

#include "arithmetic.cuh"

constexpr unsigned PANEL = 32;

struct F32 {
    static constexpr unsigned PER_PACKET = 4;
    static __device__ __forceinline__ void widen(uint4 packet, float *w) {
        w[0] = bits(packet.x);
        w[1] = bits(packet.y);
        w[2] = bits(packet.z);
        w[3] = bits(packet.w);
    }
};

struct Bf16 {
    static constexpr unsigned PER_PACKET = 8;
    static __device__ __forceinline__ void widen(uint4 packet, float *w) {
        const unsigned pairs[4] = {packet.x, packet.y, packet.z, packet.w};
#pragma unroll
        for (int pair = 0; pair < 4; pair++) {
            w[2 * pair] = bits(pairs[pair] << 16);
            w[2 * pair + 1] = bits(pairs[pair] & 0xffff0000u);
        }
    }
};

struct F16 {
    static constexpr unsigned PER_PACKET = 8;
    // Finite binary16 has its exponents 112 lower; the product is exact, also for subnormals.
    static __device__ __forceinline__ float widen(unsigned half) {
        const float magnitude = __fmul_rn(bits((half & 0x7fffu) << 13), bits(0x77800000));
        return bits(__float_as_uint(magnitude) | (half & 0x8000u) << 16);
    }
    static __device__ __forceinline__ void widen(uint4 packet, float *w) {
        const unsigned pairs[4] = {packet.x, packet.y, packet.z, packet.w};
#pragma unroll
        for (int pair = 0; pair < 4; pair++) {
            w[2 * pair] = widen(pairs[pair] & 0xffffu);
            w[2 * pair + 1] = widen(pairs[pair] >> 16);
        }
    }
};

// Packets of a row of `width` elements.
template <class Format>
__device__ __forceinline__ unsigned packets_of(unsigned width) {
    return (width + Format::PER_PACKET - 1) / Format::PER_PACKET;
}

// Where the packets of an output begin; the next one lies PANEL further.
__device__ __forceinline__ const uint4 *packets_at(const uint4 *panels, unsigned output, unsigned packets) {
    return panels + size_t(output / PANEL) * packets * PANEL + output % PANEL;
}
