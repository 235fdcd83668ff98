/* SPDX-License-Identifier: MIT */
/* The numbers of a choice by chance: one text for tensor/choose.c, which has the steps, and for
 * lib/choose.glsl. */
#ifndef DV_CHOICE_H
#define DV_CHOICE_H

/* A key is 5.27: how many times less likely than the best a token is, as a power of two. From this
 * key on a token is out. */
#define DV_CHOOSE_OUT (31u << 27)

/* The rule of temperature 1, for log-probabilities. */
#define DV_CHOOSE_ONE_FACTOR 3098164009u
#define DV_CHOOSE_ONE_EXPONENT (-31)
#define DV_CHOOSE_ONE_REACH 4

/* Of extras: the least reach, a token that is out, and the most times that count. */
#define DV_CHOOSE_REACH 10
#define DV_CHOOSE_NEVER (-2147483647 - 1)
#define DV_CHOOSE_TIMES 1023
/* How often a token occurs: a word with the timeline in its low and the answer in its high half,
 * each at most 65535. */
#define DV_COUNT_ANSWER 65536u
#define DV_COUNT_MOST 65535u

/* 2^(-v/64) = 1 - v (A1 - v (A2 - v A3)) for v from 0 to 1: 0.32. */
#define DV_CHOOSE_A1 46516320u
#define DV_CHOOSE_A2 251894u
#define DV_CHOOSE_A3 906u

/* P[j] = 2^(-j/64): 0.32 */
#define DV_CHOOSE_POWERS                                                                           \
    4294967295u, 4248701965u, 4202935003u, 4157661043u, 4112874773u, 4068570940u, 4024744348u,     \
        3981389855u, 3938502376u, 3896076880u, 3854108391u, 3812591987u, 3771522796u, 3730896002u, \
        3690706840u, 3650950594u, 3611622603u, 3572718252u, 3534232978u, 3496162267u, 3458501653u, \
        3421246719u, 3384393094u, 3347936457u, 3311872529u, 3276197082u, 3240905930u, 3205994934u, \
        3171459999u, 3137297074u, 3103502151u, 3070071267u, 3037000500u, 3004285971u, 2971923842u, \
        2939910317u, 2908241642u, 2876914102u, 2845924021u, 2815267765u, 2784941738u, 2754942382u, \
        2725266179u, 2695909648u, 2666869345u, 2638141863u, 2609723834u, 2581611923u, 2553802834u, \
        2526293303u, 2499080105u, 2472160047u, 2445529972u, 2419186755u, 2393127307u, 2367348571u, \
        2341847524u, 2316621173u, 2291666561u, 2266980759u, 2242560872u, 2218404036u, 2194507417u, \
        2170868212u

#endif
