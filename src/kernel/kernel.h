/* SPDX-License-Identifier: MIT */
/* One kernel an op: how a node becomes a dispatch on a given device. Asks for capabilities, never
 * for vendors. */
#ifndef DV_KERNEL_KERNEL_H
#define DV_KERNEL_KERNEL_H

#include "graph/graph.h"
#include "pack/layout.h"
#include "vk/memory.h"
#include "vk/pipeline.h"

/* Shared with GLSL. */
#include "args.h"
#include "step_block.h"
#include "constants.h"

/* Where the records of a state lie in each page (planner/pages.h). */
struct dv_state_place {
    uint32_t offset; /* bytes before that of the page's first token */
    uint32_t record; /* bytes of one */
};

/* What a kernel needs to know of the world around its node. */
struct dv_kernel_site {
    const struct dv_caps         *caps;
    const struct dv_graph        *graph;
    const struct dv_weight_place *weights;     /* by dv_weight */
    uint64_t                      arena;       /* address of the activations */
    uint64_t                      step;        /* address of the dv_step */
    const struct dv_buffer       *step_buffer; /* for indirect dispatch; NULL: all groups run */
    const struct dv_state_place  *states;      /* by dv_state */
    enum dv_cache_format          cache_format;
    bool                          math_f16;  /* matrix units may be used: float16 activations */
    bool                          round_f16; /* other products round activations to float16, too */
    /* Argument blocks too large for push constants: a kernel fills one of at most 256 bytes at
     * `block_data` and refers to it by the address `block`. */
    unsigned char *block_data;
    uint64_t       block;
};

#define DV_BLOCK_BYTES 256

struct dv_dispatch {
    struct dv_pipeline_params pipeline;
    uint32_t                  groups[3];
    bool                      indirect; /* group counts at DV_STEP_ATTEND of the step buffer, of
                                         * which `groups` are the most */
    /* Groups of a dimension that may be computed by several dispatches, since what they write does
     * not depend on each other: a word of `push` has the number of the first one, from which on
     * they are counted up, or down. */
    bool          may_cut, counts_down;
    uint8_t       cut_dimension, cut_first; /* cut_first: byte offset in `push` */
    unsigned char push[128];
};

struct dv_kernel {
    /* Fills `dispatch` for the node. UNSUPPORTED with a sentence when the device cannot run it. */
    dsvk_status (*dispatch)(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                            const struct dv_node *node);
};

const struct dv_kernel *dv_kernel_of(enum dv_op op);

/* ---- for kernel/<op>.c ---- */

struct dv_operand {
    struct dv_address address;
    uint32_t          stride; /* words */
    uint32_t          rows, cols;
};

struct dv_address dv_address_of(uint64_t address);
/* An activation or a view of one; tensor 0 gives address 0. */
struct dv_operand dv_site_operand(const struct dv_kernel_site *site, dv_tensor tensor);
/* The matrix block of a weight (matrix, pair or experts). */
struct dv_matrix  dv_site_matrix(const struct dv_kernel_site *site, dv_weight weight);
struct dv_address dv_site_vector(const struct dv_kernel_site *site, dv_weight weight);
/* The records of a state that a node reads or writes. */
struct dv_cache_place dv_site_state(const struct dv_kernel_site *site, dv_tensor state);

/* Whether nodes may have kernels of matrix units, whose sums have another order: not in a batch,
 * whose rows have the bits that each has alone. */
bool dv_site_units(const struct dv_kernel_site *site);

/* Workgroups in dimension `axis` for n units of work, for kernels that loop with a stride of the
 * number of workgroups. */
uint32_t dv_groups(const struct dv_kernel_site *site, unsigned axis, uint32_t n);
/* Groups for `cols` words when an invocation takes four. */
uint32_t dv_quad_groups(uint32_t cols, uint32_t workgroup);
/* For kernels of few workgroups: as many invocations as the device has, at most `most`. */
uint32_t dv_wide_workgroup(const struct dv_kernel_site *site, uint32_t most);

/* Copies the argument struct into dispatch->push and notes its size. */
#define DV_PUSH(dispatch, args)                                                                    \
    do {                                                                                           \
        _Static_assert(sizeof(args) <= sizeof((dispatch)->push), "push constants too large");      \
        memcpy((dispatch)->push, &(args), sizeof(args));                                           \
        (dispatch)->pipeline.push_bytes = sizeof(args);                                            \
    } while (0)

/* Shapes that differ between devices, from one table by capability: kernel/tuning.c. */
struct dv_tuning {
    uint32_t matmul_workgroup;          /* invocations: 8 * slices of K */
    uint32_t matmul_groups;             /* 8-row groups a workgroup, one token */
    uint32_t matmul_groups_wide;        /* the same, many tokens */
    uint32_t matmul_tokens;             /* most tokens a workgroup holds in registers */
    uint32_t matmul_sums;               /* groups * tokens at most */
    bool     matmul_broadcast;          /* weights reach lanes by uniform loads: lib/dot.glsl */
    uint32_t row_workgroup;             /* norms, rope, router and the like */
    uint32_t attend_workgroup;          /* invocations of attend that its slices follow from */
    uint32_t attend_heads, attend_rows; /* and positions a tile */
    uint32_t attend_each;               /* most pairs of a lane; changes no sum */
    uint32_t attend_pairs; /* (token, head) pairs of a workgroup of attend_rows; 0 = attend */
    uint32_t attend_split; /* positions of a split; 0 = by the length of the context */
};
void dv_tuning_of(struct dv_tuning *tuning, const struct dv_caps *caps);

/* Whether products with float16 activations have faster kernels here (kernel/coop.c). */
bool dv_prefers_f16(const struct dv_caps *caps);
/* Pairs of a tile of expert_plan. */
uint32_t dv_expert_tile(const struct dv_caps *caps, bool math_f16, uint32_t pairs,
                        uint32_t experts);

#endif
