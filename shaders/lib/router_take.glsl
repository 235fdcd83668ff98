// SPDX-License-Identifier: MIT
// Takes the top_k best experts (lib/router.glsl), in one of two ways that choose the same.
#ifndef DV_ROUTER_TAKE_GLSL
#define DV_ROUTER_TAKE_GLSL

// The best expert that is left of an invocation's own.
void router_find_own(dv_router_args rule, out uint key, out uint id)
{
    key = id = 0u;
    for (uint e = router_first(rule); e < rule.experts; e += ROUTER_OWNERS) {
        if (router_choice[e] > key) {
            key = router_choice[e];
            id = e;
        }
    }
}

uint router_winner(uint offers)
{
    uint key = router_key[offers], id = router_id[offers];
    for (uint j = offers + 1u; j < offers + ROUTER_OWNERS; j++) {
        bool better = order_before(router_key[j], router_id[j], key, id);
        key = better ? router_key[j] : key;
        id = better ? router_id[j] : id;
    }
    return id;
}

// What router_take does, with two barriers: an expert is taken if fewer than top_k come before it,
// which is also its place.
void router_rank(dv_router_args rule)
{
    barrier();
    for (uint e = gl_LocalInvocationID.x; e < rule.experts; e += WORKGROUP) {
        uint rank = 0u, key = router_choice[e];
        for (uint other = 0u; other < rule.experts; other++)
            rank += uint(order_before(router_choice[other], other, key, e));
        if (rank < rule.top_k)
            router_taken[rank] = e;
    }
    barrier();
}

// One round an expert. Two sets of offers in turn, so that one barrier a round is enough.
void router_take(dv_router_args rule)
{
    uint lane = gl_LocalInvocationID.x, key, id, s = 0u;
    router_find_own(rule, key, id);
    do {
        uint offers = s % 2u * ROUTER_OWNERS;
        if (lane < ROUTER_OWNERS) {
            router_key[offers + lane] = key;
            router_id[offers + lane] = id;
        }
        barrier();
        uint winner = router_winner(offers);
        if (lane == 0u)
            router_taken[s] = winner;
        if (lane == winner % ROUTER_OWNERS) {
            router_choice[winner] = 0u;
            router_find_own(rule, key, id);
        }
    } while (++s < rule.top_k);
    barrier();
}

#endif
