/* SPDX-License-Identifier: MIT */
/* Collects the experts that the routers choose while a text is scored, and prints them as JSON.
 * Layers come in any order and windows overlap, so rows are kept by layer and position. */
#include "router.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool insert(struct router *router, uint32_t at, uint32_t layer)
{
    struct router_layer *layers = realloc(router->layers, (router->n_layers + 1) * sizeof *layers);
    if (!layers)
        return false;
    router->layers           = layers;
    struct router_layer made = {
        .layer   = layer,
        .experts = calloc(router->tokens * router->top_k, sizeof *made.experts),
        .weights = calloc(router->tokens * router->top_k, sizeof *made.weights),
    };
    memmove(layers + at + 1, layers + at, (router->n_layers - at) * sizeof *layers);
    layers[at] = made;
    router->n_layers++;
    return made.experts && made.weights;
}

bool router_add(struct router *router, uint32_t layer, size_t position, const uint32_t *experts,
                const float *weights)
{
    uint32_t at = 0;
    while (at < router->n_layers && router->layers[at].layer < layer)
        at++;
    bool known = at < router->n_layers && router->layers[at].layer == layer;
    if (!known && !insert(router, at, layer))
        return false;
    size_t first = position * router->top_k;
    memcpy(router->layers[at].experts + first, experts, router->top_k * sizeof *experts);
    memcpy(router->layers[at].weights + first, weights, router->top_k * sizeof *weights);
    return true;
}

static void print_rows(const struct router *router, const struct router_layer *layer, bool experts,
                       FILE *file)
{
    for (size_t i = 0; i < router->tokens * router->top_k; i++) {
        if (i % router->top_k == 0)
            fputs(i ? "],[" : "[", file);
        else
            fputc(',', file);
        if (experts)
            fprintf(file, "%" PRIu32, layer->experts[i]);
        else
            fprintf(file, "%.9g", (double)layer->weights[i]);
    }
    fputc(']', file);
}

void router_print(const struct router *router, FILE *file)
{
    fputs("{\"layers\":[", file);
    for (uint32_t l = 0; l < router->n_layers; l++) {
        const struct router_layer *layer = &router->layers[l];
        fprintf(file, "%s{\"layer\":%" PRIu32 ",\"experts\":[", l ? ",\n" : "", layer->layer);
        print_rows(router, layer, true, file);
        fputs("],\"weights\":[", file);
        print_rows(router, layer, false, file);
        fputs("]}", file);
    }
    fputs("]}\n", file);
}

void router_done(struct router *router)
{
    for (uint32_t i = 0; i < router->n_layers; i++) {
        free(router->layers[i].experts);
        free(router->layers[i].weights);
    }
    free(router->layers);
    *router = (struct router){ 0 };
}
