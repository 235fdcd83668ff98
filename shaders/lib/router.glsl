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

const uint ROUTER_LANES = DV_MAX_GROUPS;
const uint ROUTER_OWNERS = WORKGROUP < ROUTER_LANES ? WORKGROUP : ROUTER_LANES;
shared float router_score[EXPERTS];
shared uint  router_choice[EXPERTS]; // score + bias, then its order_key; 0 = taken
shared float router_partial[ROUTER_LANES], router_second[ROUTER_LANES];
shared uint  router_group[ROUTER_LANES];
shared uint  router_key[2u * ROUTER_OWNERS], router_id[2u * ROUTER_OWNERS];
shared uint  router_taken[DV_MAX_TOP_K], router_ids[DV_MAX_TOP_K];

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

#include "lib/router_groups.glsl"

#include "lib/router_take.glsl"

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
