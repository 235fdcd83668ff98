// SPDX-License-Identifier: MIT
// The choice of a token's experts by one workgroup (router, route_up): scores from the logits
// (softmax or sigmoid), plus a bias for the choice only; with groups, only experts of the best
// groups stay (the others count as -infinity). Equal scores: the lowest index. Weights: the scores
// without bias, divided by their sum where asked, times scale.
//
// An expert whose logit or bias is NaN or infinite comes before all others, with NaN as its weight:
// so what is wrong with a token's row stays to be seen.
//
// Sums: softmax as 64 interleaved partial sums and a tree, the weights in order of ids; the same
// for every workgroup. Choices do not depend on the order in which they are looked for, which is
// made for few barriers: a wide workgroup finds every expert's rank, in a narrow one invocation
// `lane` owns the experts lane, lane + ROUTER_OWNERS, ... and offers its best; all read all offers.
//
// The including kernel defines before the constant EXPERTS: how many there are.
#ifndef DV_ROUTER_GLSL
#define DV_ROUTER_GLSL

#include "lib/order.glsl"

const uint ROUTER_LANES = 64, ROUTER_MAX_TOP_K = 16;
const uint ROUTER_OWNERS = WORKGROUP < ROUTER_LANES ? WORKGROUP : ROUTER_LANES;
shared float router_score[EXPERTS];
shared uint  router_choice[EXPERTS]; // score + bias, then its order_key; 0 = taken
shared float router_partial[ROUTER_LANES], router_second[ROUTER_LANES];
shared uint  router_group[ROUTER_LANES];
shared uint  router_key[2u * ROUTER_OWNERS], router_id[2u * ROUTER_OWNERS];
shared uint  router_taken[ROUTER_MAX_TOP_K], router_ids[ROUTER_MAX_TOP_K];

float router_lowest()
{
    return uintBitsToFloat(0xFF800000u); // -infinity
}

// The first expert that this invocation owns.
uint router_first(dv_router_args rule)
{
    return gl_LocalInvocationID.x < ROUTER_OWNERS ? gl_LocalInvocationID.x : rule.experts;
}

// Before a step of a tree over router_partial: a place is always the same invocation's, so only
// steps across invocations wait.
void router_barrier(uint width)
{
    if (width < WORKGROUP)
        barrier();
}

// score = exp(score - largest) / sum. A place's experts belong to one invocation.
void router_softmax(dv_router_args rule)
{
    uint lane = gl_LocalInvocationID.x;
    for (uint j = lane; j < ROUTER_LANES; j += WORKGROUP) {
        float largest = router_lowest();
        for (uint e = j; e < rule.experts; e += ROUTER_LANES)
            largest = max(largest, router_score[e]);
        router_partial[j] = largest;
    }
    for (uint width = ROUTER_LANES / 2u; width > 0u; width /= 2u) {
        router_barrier(width);
        for (uint j = lane; j < width; j += WORKGROUP)
            router_partial[j] = max(router_partial[j], router_partial[j + width]);
    }
    barrier();
    float largest = router_partial[0];
    barrier();
    for (uint j = lane; j < ROUTER_LANES; j += WORKGROUP) {
        precise float sum = 0.0;
        for (uint e = j; e < rule.experts; e += ROUTER_LANES) {
            router_score[e] = exp_or_nan(router_score[e] - largest);
            sum += router_score[e];
        }
        router_partial[j] = sum;
    }
    for (uint width = ROUTER_LANES / 2u; width > 0u; width /= 2u) {
        router_barrier(width);
        for (uint j = lane; j < width; j += WORKGROUP)
            router_partial[j] += router_partial[j + width];
    }
    barrier();
    float sum = router_partial[0];
    for (uint e = router_first(rule); e < rule.experts; e += ROUTER_OWNERS)
        router_score[e] = router_score[e] / sum;
}

uint router_choice_key(float value)
{
    return is_finite(value) ? max(order_key(value), ORDER_LEAST) : 0xFFFFFFFFu;
}

void router_scores(dv_router_args rule, ADDRESS logits)
{
    bool sigmoid = (rule.flags & DV_ROUTER_SIGMOID) != 0u;
    for (uint e = router_first(rule); e < rule.experts; e += ROUTER_OWNERS) {
        float x = load(logits, e * 4u);
        float score = sigmoid ? 1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0))) : x;
        router_score[e] = is_finite(x) ? score : not_a_number();
    }
    if (!sigmoid)
        router_softmax(rule);
    for (uint e = router_first(rule); e < rule.experts; e += ROUTER_OWNERS) {
        precise float value = router_score[e];
        if ((rule.flags & DV_ROUTER_BIAS) != 0u)
            value += load(address(rule.bias), e * 4u);
        if (!is_finite(value))
            router_score[e] = value = not_a_number();
        router_choice[e] = rule.groups > 1u ? floatBitsToUint(value) : router_choice_key(value);
    }
}

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

// router_ids = what was taken, ascending.
void router_sort(dv_router_args rule)
{
    for (uint s = gl_LocalInvocationID.x; s < rule.top_k; s += WORKGROUP) {
        uint rank = 0u;
        for (uint other = 0u; other < rule.top_k; other++)
            rank += uint(router_taken[other] < router_taken[s]);
        router_ids[rank] = router_taken[s];
    }
    barrier();
}

// router_ids = the experts of a token, ascending. All invocations call it, with the same flow.
// Before another call and after the last use of its results a barrier is needed.
void router_choose(dv_router_args rule, uint token)
{
    router_scores(rule, at(address(rule.logits), token * rule.logits_stride * 4u));
    if (rule.groups > 1u)
        router_limit_groups(rule);
    if (WORKGROUP >= ROUTER_LANES)
        router_rank(rule);
    else
        router_take(rule);
    router_sort(rule);
}

void router_write(dv_router_args rule, uint token)
{
    ADDRESS y = at(address(rule.y), token * rule.y_stride * 4u);
    precise float sum = 0.0;
    for (uint s = 0u; s < rule.top_k; s++)
        sum += router_score[router_ids[s]];
    for (uint s = gl_LocalInvocationID.x; s < rule.top_k; s += WORKGROUP) {
        precise float weight = router_score[router_ids[s]];
        if ((rule.flags & DV_ROUTER_NORMALISE) != 0u)
            weight = weight / (sum + 1e-20);
        store_word(y, s * 4u, router_ids[s]);
        store(y, (rule.top_k + s) * 4u, weight * rule.scale);
    }
}

#endif
