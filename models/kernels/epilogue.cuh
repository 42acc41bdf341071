// What becomes of a product: bias, then normalisation, then residual sum, then function (EXACT.md, sections 2 and 6).

#pragma once

#include "arithmetic.cuh"

enum EpilogueKind : unsigned {
    // y = function(norm(product + bias))
    ASSIGN,
    // y = function(y + norm(product + bias))
    ADD,
    // y = function(gate) * up, outputs of gate and of up in turn
    GATE,
};

// As `Epilogue` in `models/src/exact/device/kernels/epilogue.rs`, field by field.
struct Epilogue {
    float *y;
    // (outputs,) or null
    const float *bias;
    // (4, outputs): mean, inverse deviation, weight, bias; or null
    const float *norm;
    // How many count; those of both halves for GATE.
    unsigned outputs;
    // Elements from one row of y to the next.
    unsigned stride;
    unsigned kind;
    unsigned function;
};

__device__ __forceinline__ float with_bias(const Epilogue &epilogue, unsigned output, float product) {
    return epilogue.bias ? __fadd_rn(product, epilogue.bias[output]) : product;
}

// Takes one product.
__device__ __forceinline__ void put(const Epilogue &epilogue, unsigned row, unsigned output, float product) {
    if (output >= epilogue.outputs) return;
    float value = with_bias(epilogue, output, product);
    if (epilogue.norm) {
        const float *channel = epilogue.norm + output;
        const unsigned step = epilogue.outputs;
        const float deviation = __fsub_rn(value, channel[0]);
        value = __fmaf_rn(__fmul_rn(deviation, channel[step]), channel[2 * step], channel[3 * step]);
    }
    float *y = epilogue.y + size_t(row) * epilogue.stride + output;
    if (epilogue.kind == ADD) value = __fadd_rn(*y, value);
    *y = apply(epilogue.function, value);
}

// Takes a pair of neighbouring products, the first of even index.
__device__ __forceinline__ void put_pair(const Epilogue &epilogue, unsigned row, unsigned output, float first,
                                         float second) {
    if (epilogue.kind != GATE) {
        put(epilogue, row, output, first);
        put(epilogue, row, output + 1, second);
    } else if (output < epilogue.outputs) {
        const float gate = apply(epilogue.function, with_bias(epilogue, output, first));
        const float up = with_bias(epilogue, output + 1, second);
        epilogue.y[size_t(row) * epilogue.stride + output / 2] = __fmul_rn(gate, up);
    }
}
