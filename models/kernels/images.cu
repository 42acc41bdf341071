// Images, channels last: (batch, height, width, channels) (EXACT.md, sections 2 and 8).

#pragma once

#include "arithmetic.cuh"

// As `ImageShape` in `models/src/exact/device/kernels/images.rs`, field by field; pairs are (vertical, horizontal).
struct ImageShape {
    unsigned height;
    unsigned width;
    unsigned channels;
    // Windows down and across an image.
    unsigned down;
    unsigned across;
    unsigned kernel_y;
    unsigned kernel_x;
    unsigned stride_y;
    unsigned stride_x;
    unsigned padding_y;
    unsigned padding_x;
    unsigned dilation_y;
    unsigned dilation_x;
};

// Windows from `first` on, counted through all images, as rows in the order (ky, kx, channel), +0 outside of the image.
// grid = (windows, ceil(elements of a window / blockDim.x)).
extern "C" __global__ void gather_windows(float *rows, const float *x, unsigned first, ImageShape shape) {
    const unsigned elements = shape.kernel_y * shape.kernel_x * shape.channels;
    const unsigned element = blockIdx.y * blockDim.x + threadIdx.x;
    if (element >= elements) return;
    const unsigned window = first + blockIdx.x, place = window % (shape.down * shape.across);
    const unsigned channel = element % shape.channels, at = element / shape.channels;
    // Wraps below zero, and is then beyond the image.
    const unsigned y = place / shape.across * shape.stride_y + at / shape.kernel_x * shape.dilation_y - shape.padding_y;
    const unsigned column = place % shape.across * shape.stride_x + at % shape.kernel_x * shape.dilation_x - shape.padding_x;
    float value = 0.0f;
    if (y < shape.height && column < shape.width) {
        const size_t line = size_t(window / (shape.down * shape.across)) * shape.height + y;
        value = x[(line * shape.width + column) * shape.channels + channel];
    }
    rows[size_t(blockIdx.x) * elements + element] = value;
}

// The largest element of each window, channel by channel; padding takes no part. A thread a channel;
// grid = (windows, ceil(channels / blockDim.x)).
extern "C" __global__ void max_pool(float *y, const float *x, ImageShape shape) {
    const unsigned channel = blockIdx.y * blockDim.x + threadIdx.x;
    if (channel >= shape.channels) return;
    const unsigned place = blockIdx.x % (shape.down * shape.across), image = blockIdx.x / (shape.down * shape.across);
    float largest = 0.0f;
    bool is_first = true;
    for (unsigned ky = 0; ky < shape.kernel_y; ky++) {
        const unsigned line = place / shape.across * shape.stride_y + ky - shape.padding_y;
        if (line >= shape.height) continue;
        for (unsigned kx = 0; kx < shape.kernel_x; kx++) {
            const unsigned column = place % shape.across * shape.stride_x + kx - shape.padding_x;
            if (column >= shape.width) continue;
            const size_t pixel = (size_t(image) * shape.height + line) * shape.width + column;
            const float value = x[pixel * shape.channels + channel];
            largest = is_first ? value : maximum(largest, value);
            is_first = false;
        }
    }
    y[size_t(blockIdx.x) * shape.channels + channel] = largest;
}
