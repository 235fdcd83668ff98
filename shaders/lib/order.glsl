// SPDX-License-Identifier: MIT
// Floats as words of the same order: the largest value has the largest word, NaN the smallest.
#ifndef DV_ORDER_GLSL
#define DV_ORDER_GLSL

const uint ORDER_NAN = 0u, ORDER_LEAST = 0x007FFFFFu; // of -infinity

uint order_key(float value)
{
    uint bits = floatBitsToUint(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
        return ORDER_NAN;
    if (bits == 0x80000000u) // -0 equals 0
        bits = 0u;
    return bits >= 0x80000000u ? ~bits : bits | 0x80000000u;
}

// The winner of a workgroup: largest key, then lowest index.
#ifndef ORDER_ROOM
#define ORDER_ROOM WORKGROUP
#endif
shared uint order_keys[ORDER_ROOM], order_ids[ORDER_ROOM];

bool order_before(uint key, uint id, uint other_key, uint other_id)
{
    return key > other_key || (key == other_key && id < other_id);
}

// The index that wins; all invocations call it with their own best and get the same answer.
uint order_winner(uint key, uint id)
{
    uint lane = gl_LocalInvocationID.x;
    order_keys[lane] = key;
    order_ids[lane] = id;
    barrier();
    for (uint width = WORKGROUP / 2u; width > 0u; width /= 2u) {
        if (lane < width && order_before(order_keys[lane + width], order_ids[lane + width],
                                         order_keys[lane], order_ids[lane])) {
            order_keys[lane] = order_keys[lane + width];
            order_ids[lane] = order_ids[lane + width];
        }
        barrier();
    }
    uint winner = order_ids[0];
    barrier();
    return winner;
}

#endif
