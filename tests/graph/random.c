/* SPDX-License-Identifier: MIT */
/* Graphs that no model would build: every node reads any earlier values of its shape, wide and
 * narrow ones mixed, so that lives cross in all ways. */
#include "test.h"

#include <stdio.h>

#define GRAPHS 300
#define MOST_NODES 60

static uint64_t state_of_random;

static uint32_t random_below(uint32_t n)
{
    state_of_random = state_of_random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(state_of_random >> 33) % n;
}

/* An earlier value of `width` units, or a view of a wider one. */
static dv_tensor pick(struct dv_graph *g, const dv_tensor *values, uint32_t n, uint32_t width)
{
    uint32_t start = random_below(n);
    for (uint32_t i = 0; i < n; i++) {
        dv_tensor x    = values[(start + i) % n];
        uint32_t  have = g->values[x].cols / 64;
        if (have >= width)
            return have == width
                       ? x
                       : dv_view_cols(g, x, 64 * random_below(have - width + 1), 64 * width);
    }
    return 0;
}

static dv_tensor grow(struct dv_graph *g, const dv_tensor *values, uint32_t n)
{
    uint32_t  width = 1 + random_below(8);
    dv_tensor a = pick(g, values, n, width), b = pick(g, values, n, width);
    char      name[32];
    switch (random_below(4)) {
    case 0:
        return dv_rms_norm(g, a, dv_weight_vector(g, DV_ROLE_NORM, "norm", 64 * width), 1e-6f);
    case 1:
        return dv_swiglu(g, a, b);
    case 2:
        snprintf(name, sizeof name, "w%u", g->n_nodes);
        return dv_matmul(
            g, dv_weight_matrix(g, DV_ROLE_NONE, name, 64 * (1 + random_below(8)), 64 * width), a,
            0);
    default:
        return dv_add(g, a, b);
    }
}

static struct dv_graph *random_graph(const struct dv_context *ctx, uint64_t seed)
{
    dv_tensor values[MOST_NODES + 1];
    uint32_t  n               = 1;
    state_of_random           = seed;
    struct dv_graph_size size = {
        .tokens = 1 + random_below(9), .context = 64, .split = 128, .tile = 16
    };
    struct dv_graph *g = dv_graph_new(ctx, &size);
    assert_non_null(g);
    values[0]    = dv_embed(g, dv_weight_matrix(g, DV_ROLE_EMBEDDING, "embed", 100, 64 * 8));
    uint32_t all = 2 + random_below(MOST_NODES - 1);
    for (; n < all; n++)
        values[n] = grow(g, values, n);
    g->logits = values[n - 1];
    g->token  = dv_argmax(g, g->logits);
    assert_int_equal(dv_graph_finish(g), DSVK_OK);
    return g;
}

void plans_of_random_graphs_are_sound(void **state)
{
    struct dv_test_context test;
    (void)state;
    dv_test_context_init(&test);
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        char             what[32];
        struct dv_plan   plan;
        struct dv_graph *g = random_graph(&test.ctx, seed);
        snprintf(what, sizeof what, "seed %u", (unsigned)seed);
        if (seed % 2)
            assert_int_equal(dv_graph_fuse(g), DSVK_OK);
        assert_int_equal(dv_graph_plan(g, &plan), DSVK_OK);
        expect_sound_plan(g, &plan, what);
        dv_graph_free(g);
    }
    assert_int_equal(test.live, 0);
    assert_int_equal(test.errors + test.warnings, 0);
}
