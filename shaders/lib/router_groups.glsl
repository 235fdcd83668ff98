// SPDX-License-Identifier: MIT
// Limits the choice of experts (lib/router.glsl) to the best groups of them.
#ifndef DV_ROUTER_GROUPS_GLSL
#define DV_ROUTER_GROUPS_GLSL

// The best value and the second best of a part of a group, for each place.
void router_find_best(dv_router_args rule, uint parts, uint size)
{
    for (uint j = gl_LocalInvocationID.x; j < rule.groups * parts; j += WORKGROUP) {
        float best = router_lowest(), second = best;
        uint group = j / parts;
        for (uint e = group * size + j % parts; e < (group + 1u) * size; e += parts) {
            float value = uintBitsToFloat(router_choice[e]);
            value = is_finite(value) ? value : -router_lowest();
            second = max(second, min(best, value));
            best = max(best, value);
        }
        router_partial[j] = best;
        router_second[j] = second;
    }
}

// A group counts by its best value or by the sum of its two best.
float router_group_score(dv_router_args rule, uint group, uint parts, uint size)
{
    float best = router_partial[group * parts], second = router_second[group * parts];
    for (uint j = group * parts + 1u; j < (group + 1u) * parts; j++) {
        second = max(min(best, router_partial[j]), max(second, router_second[j]));
        best = max(best, router_partial[j]);
    }
    return (rule.flags & DV_ROUTER_GROUP_SUM2) != 0u && size > 1u ? best + second : best;
}

// Makes keys of the choices; experts outside of the best groups fall to -infinity.
void router_limit_groups(dv_router_args rule)
{
    uint lane = gl_LocalInvocationID.x, size = rule.experts / rule.groups;
    uint parts = ROUTER_LANES / rule.groups;
    barrier();
    router_find_best(rule, parts, size);
    barrier();
    for (uint g = lane; g < rule.groups; g += WORKGROUP)
        router_group[g] = order_key(router_group_score(rule, g, parts, size));
    barrier();
    for (uint g = lane; g < rule.groups; g += WORKGROUP) {
        uint rank = 0u, key = router_group[g];
        for (uint other = 0u; other < rule.groups; other++)
            rank += uint(order_before(router_group[other], other, key, g));
        router_partial[g] = float(rank); // exact
    }
    barrier();
    for (uint e = router_first(rule); e < rule.experts; e += ROUTER_OWNERS) {
        bool kept = router_partial[e / size] < float(rule.top_k_groups);
        router_choice[e] =
            kept ? router_choice_key(uintBitsToFloat(router_choice[e])) : ORDER_LEAST;
    }
}

#endif
