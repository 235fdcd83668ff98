// SPDX-License-Identifier: MIT
#ifndef DV_SILU_GLSL
#define DV_SILU_GLSL

// silu(gate) * up, silu(x) = x / (1 + exp(-x)). For very negative x exp() is infinite and the
// result is -0; the clamp keeps drivers without infinities right too.
float swiglu(float gate, float up)
{
    precise float y = gate / (1.0 + exp(-clamp(gate, -80.0, 80.0))) * up;
    return y;
}

#endif
