/* SPDX-License-Identifier: MIT */
/* The argument block of every kernel: one text for C and GLSL. Words of 32 bits only, at most 128
 * bytes. An address is two words; activations are rows of 32-bit words with a stride in words. */
#ifndef DV_ARGS_H
#define DV_ARGS_H

#ifndef VULKAN /* C */
typedef struct dv_address     dv_address;
typedef struct dv_matrix      dv_matrix;
typedef struct dv_cache_place dv_cache_place;
#endif

struct dv_address {
    uint32_t lo, hi;
};

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
    uint32_t       first; /* workgroup of z; attend_coop counts down from it */
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
    uint32_t   last; /* workgroup of y, from which the others count down */
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
