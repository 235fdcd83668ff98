#version 460
// SPDX-License-Identifier: MIT
// y = the lowest index of the largest value of each row; NaN never wins, a row of NaN gives 0. One
// workgroup a row: each invocation the best of its columns, then a tree.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#include "lib/order.glsl"

ARGS(argmax);

void main()
{
    for (uint row = gl_WorkGroupID.x; row < args.rows; row += gl_NumWorkGroups.x) {
        ADDRESS x = at(address(args.x), row * args.x_stride * 4u);
        uint best = ORDER_NAN, id = gl_LocalInvocationID.x * 4u;
        for (uint k = gl_LocalInvocationID.x * 4u; k < args.cols; k += WORKGROUP * 4u) {
            vec4 v = load4(x, k * 4u);
            [[unroll]] for (uint i = 0; i < 4u; i++) {
                uint key = order_key(v[i]);
                if (k + i < args.cols && key > best) {
                    best = key;
                    id = k + i;
                }
            }
        }
        uint winner = order_winner(best, id);
        if (gl_LocalInvocationID.x == 0u)
            store_word(address(args.y), row * args.y_stride * 4u, winner);
    }
}
