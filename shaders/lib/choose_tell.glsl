// SPDX-License-Identifier: MIT
// What is told of a token that was chosen, for lib/choose.glsl: what log-probabilities are made of,
// from the logits as they were before extras. The numbers are those that the host finds
// (dv_choose_log_sum, dv_choose_best), to the bit.
#ifndef DV_CHOOSE_TELL_GLSL
#define DV_CHOOSE_TELL_GLSL

// Into the block at `at_block`, the tokens of the greatest logits in their order, of equal ones the
// lower first: each walk finds the next one behind the last that was found.
void choose_tell_best(ADDRESS at_block, uint n)
{
    uint last_key = 0xFFFFFFFFu, last = 0u;
    for (uint i = 0; i < n; i++) {
        uint best = 0u, id = choice.cols;
        for (uint k = gl_LocalInvocationID.x * 4u; k < choice.cols; k += WORKGROUP * 4u) {
            vec4 values = load4(choice.logits, k * 4u);
            [[unroll]] for (uint j = 0; j < 4u; j++) {
                uint key = order_key(values[j]);
                bool left = key < last_key || (key == last_key && k + j > last);
                if (k + j < choice.cols && left && key > best) {
                    best = key;
                    id = k + j;
                }
            }
        }
        last = order_winner(best, id);
        uint bits = load_word(choice.logits, last * 4u);
        last_key = order_key(uintBitsToFloat(bits));
        if (gl_LocalInvocationID.x == 0u) {
            store_word(at_block, DV_TOLD_BEST + i * 8u, last);
            store_word(at_block, DV_TOLD_BEST + i * 8u + 4u, bits);
        }
    }
}

// Of `chosen`, for `position`; `greatest` has the greatest logit. All invocations must call.
void choose_tell(uint chosen, uint greatest, uint position)
{
    dv_choice one = dv_choice(DV_CHOOSE_ONE_FACTOR, DV_CHOOSE_ONE_EXPONENT, DV_CHOOSE_ONE_REACH, 0u,
                              0u, 0u, 0u, 0u);
    ADDRESS at_block = at(address(extras.told), position % DV_STEP_RING * DV_TOLD_BYTES);
    uint bits = load_word(choice.logits, greatest * 4u);
    int range = choose_range(bits, one);
    choice.changed = false;
    choice.top = range + 126;
    choose_scale(range, one);
    choice.greatest = choose_value(greatest);
    uvec2 sum = choose_sum_ranges(false, false, 0u);
    if (gl_LocalInvocationID.x == 0u) {
        store_word(at_block, DV_TOLD_GREATEST, bits);
        store_word(at_block, DV_TOLD_CHOSEN, load_word(choice.logits, chosen * 4u));
        store_word(at_block, DV_TOLD_SUM, sum.x);
        store_word(at_block, DV_TOLD_SUM + 4u, sum.y);
    }
    barrier(); // order_winner() uses what held the sums
    choose_tell_best(at_block, min(extras.n_best, choice.cols));
}

#endif
