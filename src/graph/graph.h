/* SPDX-License-Identifier: MIT */
/* The graph: what a pass over `tokens` tokens computes, as data. A model builds it in the paper's
 * order, fuse.c rewrites it, plan.c places it, kernel/program.c records it. Knows no device.
 *
 * Values are rows of 32-bit words: [rows, cols], row r at offset + r * stride in their base. The
 * graph owns everything in one arena. Errors are sticky: after the first failure constructors
 * return 0 and dv_graph_finish() tells it. */
#ifndef DV_GRAPH_GRAPH_H
#define DV_GRAPH_GRAPH_H

#include "base/arena.h"
#include "tensor/formats.h"

typedef uint32_t dv_tensor; /* index of a value; 0 = none */
typedef uint32_t dv_weight; /* index of a weight; 0 = none */
typedef uint32_t dv_state;  /* index of a state; 0 = none */

enum dv_op {
#define OP(name, ...) DV_OP_##name,
#include "graph/ops.def"
#undef OP
    DV_N_OPS
};

const char *dv_op_name(enum dv_op op);

/* ---- weights: recipes, how a matrix on the device is put together from named tensors ---- */

enum dv_weight_kind {
    DV_WEIGHT_MATRIX, /* parts stacked by rows; or one part cut into slices (heads) */
    DV_WEIGHT_PAIR,   /* parts 0 and 1, 8-row groups interleaved: gate, up */
    DV_WEIGHT_VECTOR, /* f32 [cols] */
    DV_WEIGHT_ROPE,   /* computed: (cos, sin) [context, rope/2] */
};

/* What a matrix or vector is to its model, whatever it is called; model/ says it. */
enum dv_role {
    DV_ROLE_NONE, /* of no model, or computed */
    DV_ROLE_NORM,
    DV_ROLE_EMBEDDING,
    DV_ROLE_HEAD,
    DV_ROLE_ATTENTION,
    DV_ROLE_DENSE, /* feed forward that every token sees; SHARED: beside experts */
    DV_ROLE_SHARED,
    DV_ROLE_EXPERT,
    DV_ROLE_ROUTER,
    DV_ROLE_ROUTER_BIAS,
    DV_ROLE_PREDICTOR, /* joins a token and a state, to predict one more token */
};

#define DV_MAX_PARTS 4

struct dv_weight_part {
    const char *name; /* of the tensor; with one "%u" for the expert when experts > 0 */
    uint32_t    rows; /* of the whole tensor */
};

struct dv_weight_info {
    enum dv_weight_kind kind;
    enum dv_role        role;
    const char         *name;    /* for people */
    uint32_t            experts; /* 0: one matrix; else that many of the same shape */
    uint32_t            rows;    /* of one slice: outputs (of one part when paired) */
    uint32_t            cols;    /* inputs */
    uint32_t            slices; /* 1, or heads: slice s takes tensor rows row0 + s * row_step ... */
    uint32_t            row0, row_step;
    uint32_t            tensor_cols; /* of the named tensors; differs from cols when transposed */
    bool                transposed;  /* a slice is the transpose of its tensor rows */
    uint32_t            n_parts;
    struct dv_weight_part parts[DV_MAX_PARTS];
};

/* ---- states: what layers keep between passes ---- */

/* A record of each token of the timeline that one layer keeps. A layer has as many states as it
 * declares, none among them, each with a record of its own. Where records lie is no matter of the
 * graph: planner/pages.h. */
struct dv_state_info {
    const char *name; /* for people */
    uint32_t    layer;
    uint32_t    values;             /* numbers in a record */
    uint32_t    bytes[DV_N_CACHES]; /* of a record, by the cache's format; multiples of 16 */
};

/* ---- values and nodes ---- */

/* Up to this many tokens a pass is bound by the bytes of the weights: norms are computed by their
 * consumers, attention is cut into splits, experts are taken pair by pair. */
#define DV_FEW_TOKENS 4

enum dv_value_kind {
    DV_VALUE_ACTIVATION, /* has storage in the arena */
    DV_VALUE_VIEW,       /* a rectangle of its base */
    DV_VALUE_STATE,      /* orders uses of a state; no storage */
};

struct dv_value {
    enum dv_value_kind kind;
    const char        *name;
    uint32_t           rows, cols, stride; /* words */
    dv_tensor          base;               /* views: the activation below */
    uint32_t           offset;             /* views: words into the base */
    uint32_t           producer;           /* node index + 1; 0 = none */
    uint64_t           arena_offset;       /* bytes, set by plan */
    bool               outside;            /* of the arena: its place is not the plan's */
    dv_state           state;              /* of DV_VALUE_STATE */
};

#define DV_MAX_INPUTS 8
#define DV_MAX_OUTPUTS 3
#define DV_MAX_WEIGHTS 4

/* How a router chooses top_k of its experts. */
struct dv_router_shape {
    uint32_t experts, top_k, groups, top_k_groups;
    bool     sigmoid;    /* scores of the logits; else softmax */
    bool     group_sums; /* a group counts by the sum of its two best; else by its best */
    bool     normalise;  /* the weights are divided by their sum */
    float    scale;      /* of the weights, afterwards */
};

/* Operands by name, `node->in.attend.state`, and by number, `node->in.at[k]`: both in the order of
 * ops.def. Those behind the op's last are not set. */
#define NONE uint32_t none;
#define IN(x) dv_tensor x;
#define WEIGHT(x) dv_weight x;
#define OUT(x) dv_tensor x;
#define PARAM(type, x) type x;

union dv_inputs {
    dv_tensor at[DV_MAX_INPUTS];
#define OP(name, inputs, weights, outputs, params)                                                 \
    struct {                                                                                       \
        inputs                                                                                     \
    } name;
#include "graph/ops.def"
#undef OP
};

union dv_weights_used {
    dv_weight at[DV_MAX_WEIGHTS];
#define OP(name, inputs, weights, outputs, params)                                                 \
    struct {                                                                                       \
        weights                                                                                    \
    } name;
#include "graph/ops.def"
#undef OP
};

union dv_outputs {
    dv_tensor at[DV_MAX_OUTPUTS];
#define OP(name, inputs, weights, outputs, params)                                                 \
    struct {                                                                                       \
        outputs                                                                                    \
    } name;
#include "graph/ops.def"
#undef OP
};

struct dv_node {
    enum dv_op            op;
    union dv_inputs       in;
    union dv_outputs      out;
    union dv_weights_used w;
    union { /* parameters: node->attend.heads */
#define OP(name, inputs, weights, outputs, params)                                                 \
    struct {                                                                                       \
        params                                                                                     \
    } name;
#include "graph/ops.def"
#undef OP
    };
    uint32_t layer;
    uint32_t stage; /* set by plan */
    bool     dead;  /* removed by fuse */
};

#undef NONE
#undef IN
#undef WEIGHT
#undef OUT
#undef PARAM

/* How many of each a node of this op has, missing ones (0) among them. */
uint32_t dv_n_inputs(enum dv_op op);
uint32_t dv_n_weights(enum dv_op op);
uint32_t dv_n_outputs(enum dv_op op);

struct dv_graph_size {
    uint32_t tokens;      /* of one pass */
    uint32_t context;     /* most tokens of the timeline */
    uint32_t split;       /* positions of one attention split */
    uint32_t tile;        /* pairs of one expert tile */
    uint32_t choices;     /* ids that argmax chooses from: those below; 0 = all */
    bool     all_rows;    /* logits of every token, not of the last one only */
    bool     keep_routes; /* the routers' choices stay readable after the pass */
    bool     batch; /* each row is the last of a timeline of its own: it has logits, and argmax
                           * prepares the pass of the token that it finds */
    bool     materialise; /* attention with keys and values of each head; only from position 0 on */
    bool     tiers;       /* experts are brought between the router and their first product */
    bool     plan_experts; /* sorted by a plan in passes of few tokens, too */
};

struct dv_graph {
    const struct dv_context *ctx;
    struct dv_arena          arena;
    struct dv_graph_size     size;
    dsvk_status              status;  /* the first failure */
    struct dv_value         *values;  /* [1 .. n_values] */
    struct dv_weight_info   *weights; /* [1 .. n_weights] */
    struct dv_state_info    *states;  /* [1 .. n_states] */
    struct dv_node          *nodes;   /* [0 .. n_nodes-1] */
    uint32_t                 n_values, n_weights, n_states, n_nodes;
    uint32_t                 cap_values, cap_weights, cap_states, cap_nodes;
    uint32_t                 layer;         /* given to new nodes */
    dv_tensor                logits, token; /* results; never freed by plan */
};

struct dv_graph *dv_graph_new(const struct dv_context *ctx, const struct dv_graph_size *size);
void             dv_graph_free(struct dv_graph *g);
/* The first failure of any constructor, with its sentence already in the log. */
dsvk_status dv_graph_finish(struct dv_graph *g);

/* Whether two recipes give the same matrix. */
bool      dv_weight_same(const struct dv_weight_info *a, const struct dv_weight_info *b);
dv_weight dv_weight_add(struct dv_graph *g, const struct dv_weight_info *info);
/* The same recipe added twice gives the same weight. */
dv_weight dv_weight_matrix(struct dv_graph *g, enum dv_role role, const char *name, uint32_t rows,
                           uint32_t cols);
dv_weight dv_weight_vector(struct dv_graph *g, enum dv_role role, const char *name, uint32_t n);
/* The name of a tensor of a part, with the expert in the place of "%u". */
void dv_weight_tensor_name(char name[256], const char *pattern, uint32_t expert);

/* Declares a state. */
dv_state dv_state_new(struct dv_graph *g, const struct dv_state_info *info);
/* Of a record in the format of the cache: `scaled` numbers, for which FP8 has scales, then `plain`
 * ones, which FP8 leaves in BF16 (shaders/lib/cache.glsl). */
struct dv_state_info dv_state_cached(const char *name, uint32_t layer, uint32_t scaled,
                                     uint32_t plain);

/* Columns col0 .. col0+cols-1 / rows row0 .. of x, without a copy. */
dv_tensor dv_view_cols(struct dv_graph *g, dv_tensor x, uint32_t col0, uint32_t cols);
dv_tensor dv_view_rows(struct dv_graph *g, dv_tensor x, uint32_t row0, uint32_t rows);

/* Constructors, in the order of ops.def; shapes in words. */
dv_tensor dv_embed(struct dv_graph *g, dv_weight table);                        /* [T, cols] */
dv_tensor dv_rms_norm(struct dv_graph *g, dv_tensor x, dv_weight w, float eps); /* as x */
/* [rows of x, slices * rows]; slice s reads x from column s * x_slice on. */
dv_tensor dv_matmul(struct dv_graph *g, dv_weight w, dv_tensor x, uint32_t x_slice);
/* Rotates dim columns of each head, at h * x_head + x_offset: [T, heads * dim]. */
dv_tensor dv_rope(struct dv_graph *g, dv_tensor x, dv_weight table, uint32_t heads, uint32_t dim,
                  uint32_t x_head, uint32_t x_offset);
dv_tensor dv_swiglu(struct dv_graph *g, dv_tensor gate, dv_tensor up);
dv_tensor dv_add(struct dv_graph *g, dv_tensor a, dv_tensor b);
/* The state behind the write, for those that read it. */
dv_tensor dv_cache_write(struct dv_graph *g, dv_state state, dv_tensor latent, dv_tensor rope_key);
struct dv_attend_shape {
    uint32_t heads, kv, rope;
    float    scale;
};
dv_tensor dv_attend(struct dv_graph *g, dv_tensor q_latent, dv_tensor q_rope, dv_tensor cache,
                    const struct dv_attend_shape *shape); /* partials */
dv_tensor dv_combine(struct dv_graph *g, dv_tensor partials, const struct dv_attend_shape *shape);
/* Attention among the pass's own tokens, with keys and values of each head: the pass starts at
 * position 0. The nope parts of q are used, its rope parts are q_rope. */
struct dv_attend_heads_inputs {
    dv_tensor q, q_rope, k_nope, k_rope, v;
};
struct dv_attend_heads_shape {
    uint32_t heads, nope, rope, v_head;
    float    scale;
};
dv_tensor dv_attend_heads(struct dv_graph *g, const struct dv_attend_heads_inputs *in,
                          const struct dv_attend_heads_shape *shape); /* [T, heads * v_head] */
dv_tensor dv_router(struct dv_graph *g, dv_tensor logits, dv_weight bias,
                    const struct dv_router_shape *shape); /* route [T, 2 * top_k] */
dv_tensor dv_expert_plan(struct dv_graph *g, dv_tensor route, const struct dv_router_shape *shape);
/* [T * top_k, rows]; plan 0: every pair by itself. x has T rows (shared by top_k pairs) or T*top_k.
 */
dv_tensor dv_expert_matmul(struct dv_graph *g, dv_weight w, dv_tensor x, dv_tensor route,
                           dv_tensor plan, uint32_t top_k);
/* residual + (sum + shared); shared and residual may be 0. */
dv_tensor dv_expert_sum(struct dv_graph *g, dv_tensor x, dv_tensor route, dv_tensor shared,
                        dv_tensor residual, uint32_t top_k);
/* Of what fusion makes, for those whose weights are packed for it: gate and up in a DV_WEIGHT_PAIR,
 * silu(gate x) * (up x), as dv_matmul and dv_expert_matmul; and the experts' products with x, a row
 * a pair, summed. */
dv_tensor dv_gated(struct dv_graph *g, dv_weight pair, dv_tensor x);
dv_tensor dv_expert_gated(struct dv_graph *g, dv_weight pair, dv_tensor x, dv_tensor route,
                          dv_tensor plan, uint32_t top_k);
dv_tensor dv_expert_down(struct dv_graph *g, dv_weight w, dv_tensor x, dv_tensor route,
                         uint32_t top_k);
/* [rows, 1], the lowest index of the largest; DV_NOT_FINITE if one is NaN or infinite. */
dv_tensor dv_argmax(struct dv_graph *g, dv_tensor x);

/* Words before the pairs of an expert plan, and most tiles that it can have. */
uint32_t dv_expert_plan_tiles(uint32_t tokens, uint32_t top_k, uint32_t experts, uint32_t tile);
uint32_t dv_expert_plan_pairs_at(uint32_t max_tiles);

/* Rewrites patterns into fused ops; the result computes the same bits (see docs/numerics.md). */
dsvk_status dv_graph_fuse(struct dv_graph *g);

struct dv_plan {
    uint32_t nodes, dispatches, stages, barriers;
    uint64_t arena_bytes;
    /* For printing alone; passes 0: not counted (planner/reads.h). */
    uint32_t passes;
    uint64_t weight_bytes, least_weight_bytes;
};
/* The route that a node makes, or 0: [tokens, 2 * top_k]. */
dv_tensor dv_node_route(const struct dv_node *node);
/* Whether a node reads matrices of experts. */
bool dv_node_reads_experts(const struct dv_graph *g, const struct dv_node *node);
/* By what such a node chooses among them. */
struct dv_expert_use {
    dv_tensor route, plan; /* plan 0: none */
    dv_weight experts;
    uint32_t  top_k, tile; /* tile: of the plan */
};
struct dv_expert_use dv_node_expert_use(const struct dv_node *node);
/* With `tiers`: whether a node is among those that run once for each part of a layer's experts:
 * those that read them and what stands between. The stages of a layer's run from the first of them
 * to the last, and in all of these the values that they use keep their places. */
bool dv_node_repeats(const struct dv_graph *g, const struct dv_node *node);

/* Gives each live node its stage and each activation its place; two values that live at the same
 * time never overlap. A stage's nodes are independent; one barrier stands between stages. Sorts the
 * nodes by stage. */
dsvk_status dv_graph_plan(struct dv_graph *g, struct dv_plan *plan);

enum dv_print_format { DV_PRINT_TEXT, DV_PRINT_DOT, DV_PRINT_JSON };
struct dv_printer {
    void (*write)(void *user, const char *text, size_t bytes);
    void *user;
};
/* plan NULL: not planned yet. */
void dv_graph_print(const struct dv_graph *g, const struct dv_plan *plan,
                    enum dv_print_format format, const struct dv_printer *printer);

#endif
