// SPDX-License-Identifier: MIT
// Constants of the products with cooperative matrices (lib/coop.glsl); kernel/coop.c sets them. No
// id is left out: see map_constants in vk/pipeline.c.
#ifndef DV_COOP_CONSTANTS_GLSL
#define DV_COOP_CONSTANTS_GLSL

#include "lib/coop_matrix.glsl"

layout(constant_id = 1) const uint FORMAT = 3;
layout(constant_id = 2) const uint PAIR = 0;
layout(constant_id = 3) const uint ROWS = 64;   // of the tile of a workgroup
layout(constant_id = 4) const uint TOKENS = 32;
layout(constant_id = 5) const uint DEPTH = 64; // columns a step
layout(constant_id = 6) const uint SUB_ROWS = 32; // of the tile of a subgroup
layout(constant_id = 7) const uint SUB_TOKENS = 32;
layout(constant_id = 8) const uint M = 16;      // of one matrix; M x N sums of K products
layout(constant_id = 9) const uint N = 16;
layout(constant_id = 10) const uint K = 16;

#endif
