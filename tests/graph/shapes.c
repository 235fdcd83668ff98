/* SPDX-License-Identifier: MIT */
/* Plans of all shapes there are, published and made for tests, for few and for many tokens. */
#include "test.h"

#include <stdio.h>

#include "support/folder.h"
#include "support/make_checkpoint.h"

const char *const published_names[] = { "v2-lite",       "v2",      "v3", "moonlight",
                                        "glm-4.7-flash", "kimi-k2", NULL };

static const uint32_t token_counts[] = { 1, 2, 4, 5, 64, 512 };
#define N_COUNTS (sizeof token_counts / sizeof *token_counts)

static struct dv_graph *planned_as(struct dv_plan *plan, const struct dv_context *ctx,
                                   const struct dv_config *config, uint32_t tokens, bool no_fuse,
                                   bool materialise)
{
    struct dv_graph     *g;
    struct dv_graph_size size = { .tokens      = tokens,
                                  .context     = 4096,
                                  .split       = dv_engine_split(4096, NULL),
                                  .tile        = 16,
                                  .materialise = materialise };
    assert_int_equal(dv_engine_graph(&g, ctx, config, &size, no_fuse), DSVK_OK);
    assert_int_equal(dv_graph_plan(g, plan), DSVK_OK);
    return g;
}

struct dv_graph *planned(struct dv_plan *plan, const struct dv_context *ctx,
                         const struct dv_config *config, uint32_t tokens, bool no_fuse)
{
    return planned_as(plan, ctx, config, tokens, no_fuse, false);
}

void published(struct dv_config *config, const struct dv_context *ctx, const char *name)
{
    assert_int_equal(dv_config_like(config, ctx, name), DSVK_OK);
}

/* Calls check(ctx, config, name) for every shape. */
static void for_every_shape(void (*check)(const struct dv_context *, const struct dv_config *,
                                          const char *))
{
    struct dv_test_context test;
    struct dv_config       config;
    dv_test_context_init(&test);
    for (size_t i = 0; published_names[i]; i++) {
        published(&config, &test.ctx, published_names[i]);
        check(&test.ctx, &config, published_names[i]);
    }
    for (size_t i = 0; dv_make_checkpoint_names[i]; i++) {
        struct dv_folder folder;
        dv_folder_init(&folder);
        assert_int_equal(dv_make_checkpoint(&test.ctx, dv_make_checkpoint_names[i], 1, folder.path),
                         DSVK_OK);
        assert_int_equal(dv_config_read(&config, &test.ctx, folder.path), DSVK_OK);
        dv_folder_done(&folder);
        check(&test.ctx, &config, dv_make_checkpoint_names[i]);
    }
    assert_int_equal(test.live, 0);
    assert_int_equal(test.errors + test.warnings, 0);
}

static void check_plans(const struct dv_context *ctx, const struct dv_config *config,
                        const char *name)
{
    for (unsigned i = 0; i < 8 * N_COUNTS; i++) {
        char                 what[80];
        struct dv_graph     *g;
        struct dv_plan       plan;
        bool                 no_fuse = i & 1, scored = i & 2, materialise = i & 4;
        struct dv_graph_size size = { .tokens      = token_counts[i / 8],
                                      .context     = 4096,
                                      .split       = dv_engine_split(4096, NULL),
                                      .tile        = 16,
                                      .all_rows    = scored,
                                      .keep_routes = scored,
                                      .materialise = materialise };
        snprintf(what, sizeof what, "%s, %u tokens%s%s%s", name, size.tokens,
                 no_fuse ? ", not fused" : "", scored ? ", scored" : "",
                 materialise ? ", materialised" : "");
        assert_int_equal(dv_engine_graph(&g, ctx, config, &size, no_fuse), DSVK_OK);
        assert_int_equal(dv_graph_plan(g, &plan), DSVK_OK);
        expect_sound_plan(g, &plan, what);
        dv_graph_free(g);
    }
}

void plans_of_every_shape_are_sound(void **state)
{
    (void)state;
    for_every_shape(check_plans);
}

static bool uses(const struct dv_graph *g, const struct dv_weight_info *info)
{
    for (uint32_t i = 0; i < g->n_nodes; i++)
        for (uint32_t k = 0; k < dv_n_weights(g->nodes[i].op); k++)
            if (g->nodes[i].w.at[k] && dv_weight_same(&g->weights[g->nodes[i].w.at[k]], info))
                return true;
    return false;
}

static void expect_uses_of(const struct dv_graph *a, const struct dv_graph *b, const char *name)
{
    for (uint32_t i = 0; i < b->n_nodes; i++)
        for (uint32_t k = 0; k < dv_n_weights(b->nodes[i].op); k++)
            if (b->nodes[i].w.at[k] && !uses(a, &b->weights[b->nodes[i].w.at[k]]))
                fail_msg("%s: %s is used for %u tokens, but not for %u", name,
                         b->weights[b->nodes[i].w.at[k]].name, b->size.tokens, a->size.tokens);
}

/* The weights are loaded once, for passes of any length. */
static void check_recipes(const struct dv_context *ctx, const struct dv_config *config,
                          const char *name)
{
    for (unsigned form = 0; form < 4; form++) {
        struct dv_plan   plan;
        bool             no_fuse = form & 1, materialise = form & 2;
        struct dv_graph *one = planned_as(&plan, ctx, config, 1, no_fuse, materialise);
        for (size_t i = 1; i < N_COUNTS; i++) {
            struct dv_graph *many =
                planned_as(&plan, ctx, config, token_counts[i], no_fuse, materialise);
            expect_uses_of(one, many, name);
            expect_uses_of(many, one, name);
            dv_graph_free(many);
        }
        dv_graph_free(one);
    }
}

void recipes_do_not_depend_on_the_tokens(void **state)
{
    (void)state;
    for_every_shape(check_recipes);
}
