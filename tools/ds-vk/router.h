/* SPDX-License-Identifier: MIT */
/* The router's choices of a scored text, collected by layer because they come by position. */
#ifndef ROUTER_H
#define ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct router_layer {
    uint32_t  layer;
    uint32_t *experts; /* [tokens, top_k] */
    float    *weights;
};

struct router {
    size_t               tokens;
    uint32_t             top_k, n_layers;
    struct router_layer *layers; /* ascending */
};

/* False: no memory. */
bool router_add(struct router *router, uint32_t layer, size_t position, const uint32_t *experts,
                const float *weights);
/* {"layers":[{"layer":L,"experts":[[...],...],"weights":[[...],...]},...]} */
void router_print(const struct router *router, FILE *file);
void router_done(struct router *router);

#endif
