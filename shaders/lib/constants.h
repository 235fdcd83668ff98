/* SPDX-License-Identifier: MIT */
/* Numbers that C and GLSL share beside arguments: what shared memory has room for, and ids.
 *
 * Ids of the kernels' specialisation constants: one text for C and GLSL. A kernel's C file sets
 * spec[DV_ATTEND_KV4], its shader declares `layout(constant_id = DV_ATTEND_KV4) const uint KV4` and
 * says there what the number means. Each module's ids are 0, 1, 2, ... without a gap, because some
 * drivers and validation layers take the i-th value for constant i. Kernels that share a constant
 * share its id. */
#ifndef DV_CONSTANTS_H
#define DV_CONSTANTS_H

/* What arrays in shared memory have room for. */
#define DV_MAX_EXPERTS 512u
#define DV_MAX_GROUPS 64u /* of experts */
#define DV_MAX_TOP_K 16u
#define DV_COOP_STAGES 2u /* subgroups that store their sums at a time, in lib/coop.glsl */

/* Of every kernel: invocations of a workgroup. */
#define DV_WORKGROUP 0

/* Of the kernels around lib/dot.glsl. One that lacks some of them begins its own at the first. */
#define DV_DOT_FORM 1
#define DV_DOT_FORMAT 2 /* of project_two's matrix A */
#define DV_DOT_GROUPS 3
#define DV_DOT_MATH_F16 4
#define DV_DOT_TOKENS 5
#define DV_DOT_NORM 6
#define DV_DOT_PAIR 7 /* of project_two's matrix A */
#define DV_DOT_TURNS 8

#define DV_PROJECT_TWO_PAIR_B 9
#define DV_PROJECT_TWO_FORMAT_B 10

#define DV_EXPERT_MATMUL_PLAN 8

#define DV_ROUTE_UP_EXPERTS 5

#define DV_EXPERT_DOWN_SHARED_FORMAT 5
#define DV_EXPERT_DOWN_SHARED 6
#define DV_EXPERT_DOWN_RESIDUAL 7

#define DV_ATTEND_VALUE_KV4 6

#define DV_MLA_PREPARE_CACHE 6
#define DV_MLA_PREPARE_ROTATORS 7

/* Of the kernels with cooperative matrices (lib/coop_matrix.glsl). */
#define DV_COOP_M 1
#define DV_COOP_N 2
#define DV_COOP_K 3

/* Of the products among them (lib/coop_constants.glsl). */
#define DV_COOP_FORMAT 4
#define DV_COOP_PAIR 5
#define DV_COOP_ROWS 6
#define DV_COOP_TOKENS 7
#define DV_COOP_DEPTH 8
#define DV_COOP_SUB_ROWS 9
#define DV_COOP_SUB_TOKENS 10

#define DV_ATTEND_COOP_CACHE 4
#define DV_ATTEND_COOP_HEADS 5
#define DV_ATTEND_COOP_TOKENS 6
#define DV_ATTEND_COOP_POSITIONS 7
#define DV_ATTEND_COOP_KV 8
#define DV_ATTEND_COOP_ROPE 9
#define DV_ATTEND_COOP_SUBGROUPS 10

#define DV_ATTEND_HEADS_COOP_SUBGROUPS 4
#define DV_ATTEND_HEADS_COOP_POSITIONS 5
#define DV_ATTEND_HEADS_COOP_NOPE 6
#define DV_ATTEND_HEADS_COOP_ROPE 7
#define DV_ATTEND_HEADS_COOP_V 8

/* Of attend and attend_rows. */
#define DV_ATTEND_CACHE 1
#define DV_ATTEND_HEADS 2
#define DV_ATTEND_TOKENS 3
#define DV_ATTEND_KV4 4
#define DV_ATTEND_ROPE4 5
#define DV_ATTEND_MERGE 6
#define DV_ATTEND_EACH 7 /* attend only, like the next */
#define DV_ATTEND_ROWS 8
#define DV_ATTEND_ROWS_SPLIT 7 /* attend_rows only, like the next two */
#define DV_ATTEND_ROWS_KV_STEP 8
#define DV_ATTEND_ROWS_ROPE_STEP 9

#define DV_ATTEND_HEADS_QUERIES 1
#define DV_ATTEND_HEADS_EACH 2
#define DV_ATTEND_HEADS_ROWS 3
#define DV_ATTEND_HEADS_NOPE4 4
#define DV_ATTEND_HEADS_ROPE4 5
#define DV_ATTEND_HEADS_V4 6

#define DV_EMBED_FORMAT 1
#define DV_CACHE_WRITE_CACHE 1
#define DV_ROUTER_EXPERTS 1

#endif
