/* SPDX-License-Identifier: MIT */
/* The developer program `pipelines`: every pipeline that published shapes ask for on a device. */
#ifndef PIPELINES_H
#define PIPELINES_H

#include "kernel/kernel.h"

/* A pass of this many tokens at most answers one user, so that its kernels decide the speed. */
#define DECODE_TOKENS DV_FEW_TOKENS

struct found {
    struct dv_pipeline_params params;
    const char               *op;     /* that asked for it first */
    const char               *shape;  /* and its model */
    enum dv_role              role;   /* of that op's first weight */
    uint32_t                  tokens; /* fewest of a pass that asks for it */
    uint32_t                  uses;   /* nodes that ask for it, over all passes */
};

struct collection {
    const struct dv_context *ctx;
    const struct dv_caps    *caps;
    const char              *only;      /* one kernel; NULL: all */
    bool                     round_f16; /* of dv_kernel_site */
    bool                     decode;    /* only what collect_decode is said to find */
    struct found            *list;
    uint32_t                 n, capacity;
};

/* Adds the pipelines of every shape, number format, token count and cache format. The caller frees
 * collection->list, also after a failure. */
dsvk_status collect(struct collection *collection);
/* The few of a fixed shape that stand for decoding (docs/vendors.md): all of a token of v2-lite
 * with FP8 weights and a BF16 cache, products of four tokens, and attend of v3. */
dsvk_status collect_decode(struct collection *collection);

/* ---- cost.c ---- */

/* Bytes of weights that a lane loads in a turn of the loop of lib/dot.glsl; 0: has no such loop. */
uint32_t weight_bytes(const struct dv_pipeline_params *params);
/* "attention, norm": what tells apart the rows of one kernel. */
void print_role(char *out, size_t room, const struct found *found);

#endif
