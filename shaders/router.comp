#version 460
// SPDX-License-Identifier: MIT
// Chooses top_k experts for each token: scores from the logits (softmax or sigmoid), plus a bias
// for the choice only; with groups, only experts of the best groups stay (the others count as
// -infinity). Equal scores: the lowest index. Writes the ids in ascending order, then the weights:
// the scores without bias, divided by their sum where asked, times scale. One workgroup a token;
// bound by latency. Sums: softmax as 64 interleaved partial sums and a tree, the weights in order
// of ids.
#extension GL_GOOGLE_include_directive : require
#include "lib/common.glsl"
#include "lib/order.glsl"

ARGS(router);

const uint MAX_EXPERTS = 512, MAX_GROUPS = 64, MAX_TOP_K = 16, LANES = 64;
shared float score[MAX_EXPERTS];
shared uint  choice[MAX_EXPERTS]; // order_key of score + bias; 0 = taken
shared float partial[LANES];
shared float group_score[MAX_GROUPS];
shared uint  chosen[MAX_TOP_K], sorted[MAX_TOP_K];

// score = exp(score - largest) / sum
void softmax()
{
    uint lane = gl_LocalInvocationID.x;
    for (uint j = lane; j < LANES; j += WORKGROUP) {
        float largest = uintBitsToFloat(0xFF800000u);
        for (uint e = j; e < args.experts; e += LANES)
            largest = max(largest, score[e]);
        partial[j] = largest;
    }
    barrier();
    for (uint width = LANES / 2u; width > 0u; width /= 2u) {
        for (uint j = lane; j < width; j += WORKGROUP)
            partial[j] = max(partial[j], partial[j + width]);
        barrier();
    }
    float largest = partial[0];
    barrier();
    for (uint j = lane; j < LANES; j += WORKGROUP) {
        precise float sum = 0.0;
        for (uint e = j; e < args.experts; e += LANES) {
            score[e] = exp(score[e] - largest);
            sum += score[e];
        }
        partial[j] = sum;
    }
    barrier();
    for (uint width = LANES / 2u; width > 0u; width /= 2u) {
        for (uint j = lane; j < width; j += WORKGROUP)
            partial[j] += partial[j + width];
        barrier();
    }
    float sum = partial[0];
    for (uint e = lane; e < args.experts; e += WORKGROUP)
        score[e] = score[e] / sum;
    barrier();
}

float biased(uint e)
{
    precise float value = score[e];
    if ((args.flags & DV_ROUTER_BIAS) != 0u)
        value += load(address(args.bias), e * 4u);
    return value;
}

void score_experts(uint token)
{
    ADDRESS logits = at(address(args.logits), token * args.logits_stride * 4u);
    for (uint e = gl_LocalInvocationID.x; e < args.experts; e += WORKGROUP) {
        float x = load(logits, e * 4u);
        bool sigmoid = (args.flags & DV_ROUTER_SIGMOID) != 0u;
        score[e] = sigmoid ? 1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0))) : x;
    }
    barrier();
    if ((args.flags & DV_ROUTER_SIGMOID) == 0u)
        softmax();
    for (uint e = gl_LocalInvocationID.x; e < args.experts; e += WORKGROUP)
        choice[e] = max(order_key(biased(e)), ORDER_LEAST);
    barrier();
}

// The best value of a group, or the sum of its two best.
float score_group(uint g, uint size)
{
    float best = uintBitsToFloat(0xFF800000u), second = best;
    for (uint e = g * size; e < (g + 1u) * size; e++) {
        float value = biased(e);
        second = max(second, min(best, value));
        best = max(best, value);
    }
    return (args.flags & DV_ROUTER_GROUP_SUM2) != 0u && size > 1u ? best + second : best;
}

// Experts outside of the best groups fall to -infinity.
void limit_groups()
{
    uint lane = gl_LocalInvocationID.x, size = args.experts / args.groups;
    for (uint g = lane; g < args.groups; g += WORKGROUP)
        group_score[g] = score_group(g, size);
    barrier();
    for (uint g = lane; g < args.groups; g += WORKGROUP) {
        uint rank = 0u, key = order_key(group_score[g]);
        for (uint other = 0u; other < args.groups; other++)
            rank += uint(order_before(order_key(group_score[other]), other, key, g));
        if (rank >= args.top_k_groups)
            for (uint e = g * size; e < (g + 1u) * size; e++)
                choice[e] = ORDER_LEAST;
    }
    barrier();
}

void choose()
{
    for (uint s = 0u; s < args.top_k; s++) {
        uint best = 0u, id = 0u;
        for (uint e = gl_LocalInvocationID.x; e < args.experts; e += WORKGROUP) {
            if (choice[e] > best) {
                best = choice[e];
                id = e;
            }
        }
        uint winner = order_winner(best, id);
        if (gl_LocalInvocationID.x == 0u) {
            chosen[s] = winner;
            choice[winner] = 0u;
        }
        barrier();
    }
}

void write_route(uint token)
{
    ADDRESS y = at(address(args.y), token * args.y_stride * 4u);
    for (uint s = gl_LocalInvocationID.x; s < args.top_k; s += WORKGROUP) {
        uint rank = 0u;
        for (uint other = 0u; other < args.top_k; other++)
            rank += uint(chosen[other] < chosen[s]);
        sorted[rank] = chosen[s];
    }
    barrier();
    precise float sum = 0.0;
    for (uint s = 0u; s < args.top_k; s++)
        sum += score[sorted[s]];
    for (uint s = gl_LocalInvocationID.x; s < args.top_k; s += WORKGROUP) {
        precise float weight = score[sorted[s]];
        if ((args.flags & DV_ROUTER_NORMALISE) != 0u)
            weight = weight / (sum + 1e-20);
        store_word(y, s * 4u, sorted[s]);
        store(y, (args.top_k + s) * 4u, weight * args.scale);
    }
    barrier();
}

void main()
{
    for (uint token = gl_WorkGroupID.x; token < args.tokens; token += gl_NumWorkGroups.x) {
        score_experts(token);
        if (args.groups > 1u)
            limit_groups();
        choose();
        write_route(token);
    }
}
