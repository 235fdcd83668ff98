// SPDX-License-Identifier: MIT
// Constants of the products with cooperative matrices (lib/coop.glsl); kernel/coop.c sets them.
#ifndef DV_COOP_CONSTANTS_GLSL
#define DV_COOP_CONSTANTS_GLSL

#include "lib/coop_matrix.glsl"

layout(constant_id = DV_COOP_FORMAT) const uint FORMAT = 3;
layout(constant_id = DV_COOP_PAIR) const uint PAIR = 0;
layout(constant_id = DV_COOP_ROWS) const uint ROWS = 64; // of the tile of a workgroup
layout(constant_id = DV_COOP_TOKENS) const uint TOKENS = 32;
layout(constant_id = DV_COOP_DEPTH) const uint DEPTH = 64; // columns a step
layout(constant_id = DV_COOP_SUB_ROWS) const uint SUB_ROWS = 32; // of the tile of a subgroup
layout(constant_id = DV_COOP_SUB_TOKENS) const uint SUB_TOKENS = 32;

#endif
