/* SPDX-License-Identifier: MIT */
/* The argument block of every kernel: one text for C and GLSL. Words of 32 bits only, at most 128
 * bytes. An address is two words; activations are rows of 32-bit words with a stride in words. */
#ifndef DV_ARGS_H
#define DV_ARGS_H

#ifndef VULKAN /* C */
typedef struct dv_address     dv_address;
typedef struct dv_matrix      dv_matrix;
typedef struct dv_cache_place dv_cache_place;
typedef struct dv_choice      dv_choice;
typedef struct dv_extras      dv_extras;
#endif

struct dv_address {
    uint32_t lo, hi;
};

/* How a token is chosen by chance: the rule of tensor/choose.h. factor 0: by the greatest logit. */
struct dv_choice {
    uint32_t factor;
    int      exponent, reach;
    uint32_t top_k, top_p, min_weight, seed_low, seed_high;
};

/* How logits are changed before that: step 0 of tensor/choose.h. Arrays over all tokens that may be
 * chosen, in whole groups of four words; 0: none. */
struct dv_extras {
    uint32_t   up, down;
    int        presence, frequency;
    dv_address bias, counts; /* argmax counts the tokens that it finds */
    dv_address mask;
    dv_address window; /* ids of the tokens that are counted, by position modulo `last` */
    uint32_t   last;   /* so many, or 0: all, without a window */
    uint32_t   answer; /* position of the first token that is of the answer */
    uint32_t   unused[2];
};
#define DV_EXTRAS_BYTES 64

/* One row of a pass: a token, where it stands and the cache of its timeline. */
struct dv_row {
    uint32_t   token, position;
    dv_address pages; /* table of the addresses of its timeline's pages */
};

#define DV_MOST_ROWS 32 /* of a batch */
#define DV_STEP_RING 16

/* The parameter block of one pass (host-visible), followed by its rows. Written by the host before
 * each submission; the recorded commands never change. There are two kinds of passes:
 * - a prompt: rows of one timeline at consecutive positions;
 * - a batch: at most DV_MOST_ROWS rows, each the next token of a timeline of its own. It leaves
 *   here what the pass of the tokens found needs, so that this may be queued behind it. A pass of
 *   one token is a batch of one row.
 * A batch that was recorded for more rows than there are timelines has its first row again in the
 * rest: the same token, position and pages put the same values in the same places. So no kernel
 * knows of empty rows but argmax, which chooses once and counts once for all of them. */
struct dv_step {
    uint32_t attend_x, attend_y, attend_z; /* group counts of attend, for indirect dispatch; */
    uint32_t rows; /* y: the splits of the longest row. Rows before those that repeat the first */
    /* Of a batch, by row: how the token that it finds is chosen (a dv_extras, or 0), and by position
     * modulo 16 the tokens found. */
    dv_choice  choices[DV_MOST_ROWS];
    dv_address extras[DV_MOST_ROWS];
    uint32_t   chosen[DV_MOST_ROWS][DV_STEP_RING];
    /* dv_row rows[tokens] follow at byte DV_STEP_ROWS */
};
/* Byte offsets of its members, for lib/step.glsl; kernel/argmax.c compares them. */
#define DV_CHOICE_BYTES 32 /* a multiple of 16, as are all parts of the block */
#define DV_ROW_BYTES 16
#define DV_STEP_ATTEND 0 /* attend_x */
#define DV_STEP_LIVE 12  /* rows */
#define DV_STEP_CHOICES 16
#define DV_STEP_EXTRAS (DV_STEP_CHOICES + DV_MOST_ROWS * DV_CHOICE_BYTES)
#define DV_STEP_CHOSEN (DV_STEP_EXTRAS + DV_MOST_ROWS * 8)
#define DV_STEP_ROWS (DV_STEP_CHOSEN + DV_MOST_ROWS * DV_STEP_RING * 4)
/* What argmax finds where a value that it looks at is NaN or infinite, and where extras leave no
 * token. The host sees it in the result and in the ring; a pass that is queued behind reads token 0,
 * so that it stays inside of the embedding. */
#define DV_NOT_FINITE 0xFFFFFFFFu
#define DV_NONE_LEFT 0xFFFFFFFEu
#define DV_IS_TOKEN(id) ((id) < DV_NONE_LEFT)

/* Where a weight matrix lies: micro-tiles of 8 rows x 16 bytes, K-major inside a group of 8 rows;
 * then, for FP8, one f32 scale for each group and block of columns (already times 256). */
struct dv_matrix {
    dv_address tiles;
    uint32_t   scales;      /* byte offset of the scales from `tiles` */
    uint32_t   cols;        /* K */
    uint32_t   chunks;      /* 16-byte chunks a row */
    uint32_t   groups;      /* 8-row groups a slice (of one matrix when paired) */
    uint32_t   block_shift; /* log2 of the columns of one scale */
    uint32_t   blocks;      /* scales a group */
};

/* Bits of the constant DV_DOT_FORM (lib/dot.glsl). */
#define DV_DOT_BROADCAST 1u /* rows are loaded at shared addresses, lanes keep their own */
#define DV_DOT_WHOLE 2u     /* no chunk has columns beyond the last */

/* Where a state lies (graph.h): in pages of DV_PAGE tokens, in each [token][record]. */
#define DV_PAGE 64
struct dv_cache_place {
    uint32_t offset; /* bytes before its records in each page */
    uint32_t record; /* bytes of one record, a multiple of 16 */
};

struct dv_embed_args {
    dv_address step, y;
    dv_matrix  table; /* rows = vocabulary */
    uint32_t   y_stride, tokens;
};

struct dv_rms_norm_args {
    dv_address x, weight, y;
    uint32_t   x_stride, y_stride, rows, cols;
    float      eps;
};

/* y[t, s*rows + i] = residual + sum_k W[s][i][k] * h[t, s*x_slice + k], h = x or RMSNorm(x) */
struct dv_matmul_args {
    dv_matrix  w;
    dv_address x, norm, residual, y;
    uint32_t   x_stride, y_stride, residual_stride;
    uint32_t   tokens, rows, slices, x_slice;
    float      eps;
};

/* Two products with the same input: y_a = A h, y_b = B h, each as in matmul, without residual. */
struct dv_project_two_args {
    dv_matrix  a, b;
    dv_address x, norm, y_a, y_b;
    uint32_t   x_stride, y_a_stride, y_b_stride, tokens, rows_a, rows_b;
    float      eps;
};

struct dv_rope_args {
    dv_address step, x, table, y; /* table: [context, dim/2] pairs (cos, sin) */
    uint32_t   x_stride, y_stride, tokens, heads;
    uint32_t   dim, x_head, x_offset; /* head h starts at x[h*x_head + x_offset] */
};

struct dv_swiglu_args {
    dv_address gate, up, y;
    uint32_t   gate_stride, up_stride, y_stride, rows, cols;
};

struct dv_add_args {
    dv_address a, b, y;
    uint32_t   a_stride, b_stride, y_stride, rows, cols;
};

struct dv_cache_write_args {
    dv_address     step, latent, rope_key;
    dv_cache_place cache;
    uint32_t       latent_stride, rope_stride, tokens, kv, rope;
};

/* Partials: for each token, head and split: m, l, then kv sums; see attend.comp. */
struct dv_attend_args {
    dv_address     step, q_latent, q_rope, y;
    dv_cache_place cache;
    uint32_t       q_latent_stride, q_rope_stride, y_stride;
    uint32_t       tokens, heads, kv, rope;
    uint32_t       split;  /* positions of one split, a multiple of DV_PAGE */
    uint32_t       splits; /* most splits that y has room for */
    float          scale;
};

struct dv_combine_args {
    dv_address step, partials, y;
    uint32_t   partials_stride, y_stride, tokens, heads, kv, split, splits;
};

/* q: the nope parts of its heads are used; k_rope serves all heads. */
struct dv_attend_heads_args {
    dv_address q, q_rope, k_nope, k_rope, v, y;
    uint32_t   q_stride, q_rope_stride, k_nope_stride, k_rope_stride, v_stride, y_stride;
    uint32_t   tokens;
    float      scale;
};

/* attend's combination, then W_UV: y[t, h*rows + i] = sum_c W[h][i][c] * ctx[t, h, c] */
struct dv_attend_value_args {
    dv_matrix  w; /* slices = heads, cols = kv */
    dv_address step, partials, y;
    uint32_t   partials_stride, y_stride, tokens, rows, heads, split, splits;
};

/* Three roles by workgroup: absorb W_UK into the query, rotate the query's rope part, and write the
 * latent cache. */
struct dv_mla_prepare_args {
    dv_matrix  w;     /* W_UK transposed: slices = heads, cols = nope, rows = kv */
    dv_address block; /* of a dv_mla_prepare_block in device memory */
    uint32_t   tokens;
    float      eps;
};
struct dv_mla_prepare_block {
    dv_address     step, q, kva, table, norm, q_latent, q_rope;
    dv_cache_place cache;
    uint32_t       q_stride, kva_stride, q_latent_stride, q_rope_stride;
    uint32_t       heads, kv, nope, rope;
};

/* route[t]: top_k expert ids (ascending), then their weights as f32. */
struct dv_router_args {
    dv_address logits, bias, y;
    uint32_t   logits_stride, y_stride, tokens, experts, top_k, groups, top_k_groups;
    uint32_t   flags; /* DV_ROUTER_* */
    float      scale;
};
#define DV_ROUTER_SIGMOID 1u    /* else softmax */
#define DV_ROUTER_BIAS 2u       /* add `bias` for the selection */
#define DV_ROUTER_GROUP_SUM2 4u /* group score: sum of the two best; else the best */
#define DV_ROUTER_NORMALISE 8u  /* divide by the sum */

/* Cuts the (token, slot) pairs, sorted by expert, into tiles of one expert and at most `tile`
 * pairs. y: word 0 = number of tiles, then from word 4 tiles {expert, first, count, 0}, then from
 * word pairs_at the pairs (token * top_k + slot). */
struct dv_expert_plan_args {
    dv_address route, y;
    uint32_t   route_stride, tokens, experts, top_k, tile, max_tiles, pairs_at;
};

/* y[pair] = W[expert of the pair] * x[pair / x_div], RMSNorm and SwiGLU as in matmul. */
struct dv_expert_matmul_args {
    dv_matrix  w; /* tiles: address of the table of expert addresses */
    dv_address x, norm, route, plan, y;
    uint32_t   x_stride, y_stride, route_stride;
    uint32_t   rows, top_k, x_div; /* x_div: pairs that share a row of x */
    uint32_t   pairs, pairs_at;
    float      eps;
};

/* router, then for each pair what expert_matmul computes: y[t*top_k + s] = W[expert[t,s]] * h[t] */
struct dv_route_up_args {
    dv_matrix  w; /* tiles: address of the table of expert addresses */
    dv_address x, norm, y;
    dv_address rule; /* of a dv_router_args in device memory */
    uint32_t   x_stride, y_stride, rows;
    float      eps;
};

/* y[t] = residual[t] +
 *     (sum_s weight[t,s] * W[expert[t,s]] * x[t*top_k+s] + shared_w * shared_x[t]) */
struct dv_expert_down_args {
    dv_matrix  w;     /* of the experts */
    dv_address block; /* of a dv_expert_down_block in device memory */
    uint32_t   tokens, rows, top_k;
};
struct dv_expert_down_block {
    dv_matrix  shared_w;
    dv_address x, shared_x, route, residual, y;
    uint32_t   x_stride, shared_stride, route_stride, residual_stride, y_stride;
};

/* y[t] = residual[t] + (sum_s weight[t,s] * x[t*top_k+s] + shared[t]) */
struct dv_expert_sum_args {
    dv_address x, route, shared_y, residual, y;
    uint32_t   x_stride, route_stride, shared_stride, residual_stride, y_stride;
    uint32_t   tokens, cols, top_k;
};

/* step: 0, or the block of a batch, to prepare for each row's next position. */
struct dv_argmax_args {
    dv_address x, y, step;
    uint32_t   x_stride, y_stride, rows, cols; /* cols: those that may be chosen */
    uint32_t   split;                          /* positions of one split of attend */
};

#endif
