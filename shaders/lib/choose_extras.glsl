// SPDX-License-Identifier: MIT
// Step 0 of tensor/choose.h for lib/choose.glsl: logits as biases, penalties and a mask change
// them, made again wherever they are looked at, and the counts of the tokens that were found.
#ifndef DV_CHOOSE_EXTRAS_GLSL
#define DV_CHOOSE_EXTRAS_GLSL

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Extras
{
    dv_extras v;
};
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Tally { uint v; };

dv_extras extras;

const int CHOOSE_MOST = 0x7FFFFFFF;

int choose_add(int a, int b)
{
    int sum = a + b;
    if (((a ^ sum) & (b ^ sum)) < 0)
        return a < 0 ? -CHOOSE_MOST : CHOOSE_MOST;
    return max(sum, -CHOOSE_MOST);
}

int choose_penalise(int value, uint count)
{
    uvec2 product = word_product(uint(abs(value)), value < 0 ? extras.up : extras.down);
    uint size = product.y >> 23 != 0u ? uint(CHOOSE_MOST) : product.y << 8 | product.x >> 24;
    int times = int(min(count / DV_COUNT_ANSWER, uint(DV_CHOOSE_TIMES)));
    int off = times > 0 ? extras.presence + times * extras.frequency : 0;
    return choose_add(value < 0 ? -int(size) : int(size), -off);
}

// Four logits with a fixed point, from a token that is a multiple of four on.
uvec4 choose_values(uint k)
{
    uvec4 values = load_words4(choice.logits, k * 4u);
    [[unroll]] for (uint j = 0; j < 4u; j++)
        values[j] = choose_fixed(values[j]);
    if (!choice.changed)
        return values;
    if (!is_null(extras.bias)) {
        uvec4 bias = load_words4(address(extras.bias), k * 4u);
        [[unroll]] for (uint j = 0; j < 4u; j++)
            values[j] = bias[j] == CHOOSE_NEVER ? CHOOSE_NEVER
                                                : uint(choose_add(int(values[j]), int(bias[j])));
    }
    if (!is_null(extras.counts)) {
        uvec4 counts = load_words4(address(extras.counts), k * 4u);
        [[unroll]] for (uint j = 0; j < 4u; j++)
            if (counts[j] != 0u && values[j] != CHOOSE_NEVER)
                values[j] = uint(choose_penalise(int(values[j]), counts[j]));
    }
    if (!is_null(extras.mask)) {
        uint word = load_word(address(extras.mask), k / 32u * 4u) >> k % 32u;
        [[unroll]] for (uint j = 0; j < 4u; j++)
            values[j] = (word >> j & 1u) != 0u ? values[j] : CHOOSE_NEVER;
    }
    return values;
}

uint choose_value(uint k)
{
    return choose_values(k & ~3u)[k & 3u];
}

// From here on logits are those that the extras at `where` make; null: as they are.
void choose_change(dv_address where, dv_choice rule)
{
    choice.changed = false;
    if (is_null(where))
        return;
    extras = Extras(address(where)).v;
    choice.changed = extras.changes != 0u;
    if (choice.changed)
        choice.top = max(rule.reach, DV_CHOOSE_REACH) + 2 + 126;
}

// The first by id of the greatest logits as they are changed, or DV_NONE_LEFT. All invocations must
// call.
uint choose_greatest()
{
    uint best = 0u, id = DV_NONE_LEFT;
    for (uint k = gl_LocalInvocationID.x * 4u; k < choice.cols; k += WORKGROUP * 4u) {
        uvec4 values = choose_values(k);
        [[unroll]] for (uint j = 0; j < 4u; j++) {
            uint key = values[j] ^ CHOOSE_NEVER;
            if (k + j < choice.cols && key > best) {
                best = key;
                id = k + j;
            }
        }
    }
    return order_winner(best, id);
}

// One invocation: the token that was found for `position` is counted from then on.
void choose_note(uint id, uint position)
{
    if (is_null(extras.counts))
        return;
    ADDRESS counts = address(extras.counts);
    if (extras.last > 0u) {
        Tally place = Tally(at(address(extras.window), position % extras.last * 4u));
        if (position >= extras.last && place.v < choice.cols)
            Tally(at(counts, place.v * 4u)).v -=
                1u + (position - extras.last >= extras.answer ? DV_COUNT_ANSWER : 0u);
        place.v = id;
    }
    Tally count = Tally(at(counts, id * 4u));
    uint times = count.v;
    if ((times & DV_COUNT_MOST) < DV_COUNT_MOST)
        times++;
    if (position >= extras.answer && times / DV_COUNT_ANSWER < DV_COUNT_MOST)
        times += DV_COUNT_ANSWER;
    count.v = times;
}

#endif
