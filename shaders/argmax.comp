#version 460
// SPDX-License-Identifier: MIT
// y = the lowest index of the largest value of each row's first columns; DV_NOT_FINITE if one of
// them is NaN or infinite. One workgroup a row: each invocation the best of its columns, then a
// tree. With the step block of a batch the winner becomes the row's token in the next pass, one
// position further on. Where that has extras for the row, they change the logits before, and where
// it has a rule for choosing by chance, the token is drawn (lib/choose); what log-probabilities are
// made of is written where the extras say. The first row's workgroup writes for those that repeat
// the row.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#include "lib/choose.glsl"
#include "lib/step.glsl"

ARGS(argmax);

const uint NOT_FINITE_KEY = 0xFFFFFFFFu; // before every number

// The token that a row finds is for the position behind it.
uint draw(ADDRESS x, uint row, uint winner)
{
    dv_choice rule = step_choice(args.step, row);
    dv_address where = step_extras(args.step, row);
    uint position = step_position(args.step, row) + 1u;
    if ((rule.factor == 0u && is_null(where)) || winner == DV_NOT_FINITE)
        return winner;
    uint greatest = winner;
    choose_begin(x, args.cols, winner, rule, where);
    if (winner == DV_NONE_LEFT)
        return winner;
    if (rule.factor != 0u)
        winner = choose(winner, rule, position);
    if (choice.changed && gl_LocalInvocationID.x == 0u)
        choose_note(winner, position);
    if (!is_null(where) && !is_null(extras.told))
        choose_tell(winner, greatest, position);
    return winner;
}

void write(uint row, uint winner)
{
    store_word(address(args.y), row * args.y_stride * 4u, winner);
    if (!is_null(args.step))
        step_advance(args.step, row, winner, args.split);
}

void main()
{
    uint rows = is_null(args.step) ? args.rows : step_rows(args.step);
    for (uint row = gl_WorkGroupID.x; row < rows; row += gl_NumWorkGroups.x) {
        ADDRESS x = at(address(args.x), row * args.x_stride * 4u);
        uint best = ORDER_NAN, id = gl_LocalInvocationID.x * 4u;
        // Four loads before the first is used: one workgroup cannot hide what each takes.
        for (uint first = id; first < args.cols; first += WORKGROUP * 16u) {
            vec4 v[4];
            [[unroll]] for (uint j = 0; j < 4u; j++)
                v[j] = load4(x, min(first + j * WORKGROUP * 4u, (args.cols - 1u) / 4u * 4u) * 4u);
            [[unroll]] for (uint j = 0; j < 16u; j++) {
                uint k = first + j / 4u * WORKGROUP * 4u + j % 4u;
                bool finite = is_finite(v[j / 4u][j % 4u]);
                uint key = finite ? order_key(v[j / 4u][j % 4u]) : NOT_FINITE_KEY;
                if (k < args.cols && key > best) {
                    best = key;
                    id = finite ? k : DV_NOT_FINITE;
                }
            }
        }
        uint winner = order_winner(best, id);
        if (!is_null(args.step))
            winner = draw(x, row, winner);
        if (gl_LocalInvocationID.x == 0u)
            write(row, winner);
        for (uint r = rows + gl_LocalInvocationID.x; row == 0u && r < args.rows; r += WORKGROUP)
            write(r, winner);
    }
}
