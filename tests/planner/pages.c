/* SPDX-License-Identifier: MIT */
/* Pages: where the states of a model lie in them, by hand for states that differ from layer to
 * layer, and for models the same with a graph and without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "planner/pages.h"
#include "support/test_context.h"

#define LAYERS 5
#define ROOM 200

static struct dv_test_context test;

/* Latents in all layers; keys in layers 1, 3 and 4, those of 4 as large in all formats, but smaller
 * than the others'. */
static void declare(struct dv_graph *g)
{
    dv_state n = 0;
    for (uint32_t layer = 0; layer < LAYERS; layer++) {
        struct dv_state_info latent = dv_state_cached("cache", layer, 72, 16);
        struct dv_state_info keys   = { .name = "keys", .layer = layer, .values = 32 };
        assert_int_equal(latent.values, 88);
        for (unsigned f = 0; f < DV_N_CACHES; f++)
            keys.bytes[f] = layer == 4 ? 16 : 144;
        assert_int_equal(dv_state_new(g, &latent), ++n);
        if (layer == 1 || layer >= 3)
            assert_int_equal(dv_state_new(g, &keys), ++n);
    }
    assert_int_equal(dv_graph_finish(g), DSVK_OK);
}

/* Records in the order of declaration; 0 ends. */
static void expect_places(const struct dv_graph *g, enum dv_cache_format format,
                          const uint32_t *records)
{
    struct dv_state_place places[2 * LAYERS + 1] = { { 0 } };
    uint64_t              bytes                  = dv_pages_of_graph(places, g, format);
    uint32_t              offset                 = 0;
    for (dv_state s = 1; s <= g->n_states; s++) {
        assert_int_equal(places[s].offset, offset);
        assert_int_equal(places[s].record, records[s - 1]);
        offset += records[s - 1] * DV_PAGE;
    }
    assert_int_equal(records[g->n_states], 0);
    assert_int_equal(bytes, offset);
}

static void states_differ_by_layer(void **state)
{
    /* 88 values of 4 or 2 bytes; or 72 of one, 4 scales, and 16 of two: 120, rounded up. */
    static const uint32_t f32[]  = { 352, 352, 144, 352, 352, 144, 352, 16, 0 };
    static const uint32_t bf16[] = { 176, 176, 144, 176, 176, 144, 176, 16, 0 };
    static const uint32_t fp8[]  = { 128, 128, 144, 128, 128, 144, 128, 16, 0 };
    (void)state;
    dv_test_context_init(&test);
    struct dv_graph *g = dv_graph_new(&test.ctx, &dv_model_one_token);
    assert_non_null(g);
    declare(g);
    expect_places(g, DV_CACHE_F32, f32);
    expect_places(g, DV_CACHE_BF16, bf16);
    expect_places(g, DV_CACHE_FP8, fp8);
    dv_graph_free(g);
    assert_int_equal(test.live, 0);
}

static void expect_the_same(const struct dv_config *config, const struct dv_graph_size *size)
{
    struct dv_state_place of_graph[ROOM] = { { 0 } }, of_model[ROOM] = { { 0 } };
    struct dv_graph      *g;
    assert_int_equal(dv_model_build(&g, &test.ctx, config, size), DSVK_OK);
    assert_true(g->n_states < ROOM && 1 + config->layers * DV_N_KEPT <= ROOM);
    for (unsigned f = 0; f < DV_N_CACHES; f++) {
        enum dv_cache_format format = (enum dv_cache_format)f;
        uint64_t             bytes  = dv_pages_of_graph(of_graph, g, format);
        assert_true(bytes > 0);
        assert_int_equal(dv_pages_of_model(of_model, config, format), bytes);
        assert_int_equal(dv_pages_of_model(NULL, config, format), bytes);
        assert_memory_equal(of_graph, of_model, sizeof of_graph);
    }
    dv_graph_free(g);
}

/* Also in another form of a pass, and of the first layers only. */
static void graphs_declare_what_models_keep(void **state)
{
    static const char *const names[] = { "v2-lite", "v3", "moonlight" };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct dv_config     config;
        struct dv_graph_size size = {
            .tokens = 64, .context = 256, .split = 64, .tile = 16, .materialise = true
        };
        dv_test_context_init(&test);
        assert_int_equal(dv_config_like(&config, &test.ctx, names[i]), DSVK_OK);
        expect_the_same(&config, &dv_model_one_token);
        expect_the_same(&config, &size);
        config.layers = 2;
        expect_the_same(&config, &size);
        assert_int_equal(test.live, 0);
    }
}

/* V3: 512 + 64 values in each of 61 layers. */
static void pages_of_v3(void **state)
{
    static const uint64_t records[DV_N_CACHES] = {
        [DV_CACHE_F32] = 2304, [DV_CACHE_BF16] = 1152, [DV_CACHE_FP8] = 656
    };
    static const uint32_t contexts[] = { 1, 64, 65, 8192 }, pages_of[] = { 1, 1, 2, 128 };
    struct dv_config      config;
    (void)state;
    dv_test_context_init(&test);
    assert_int_equal(dv_config_like(&config, &test.ctx, "v3"), DSVK_OK);
    assert_int_equal(dv_model_kept_values(&config), 61 * 576);
    for (unsigned f = 0; f < DV_N_CACHES; f++)
        for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++) {
            struct dv_pages pages = dv_pages_of(&(struct dv_setup){
                .config = &config, .cache = (enum dv_cache_format)f, .context = contexts[i] });
            assert_int_equal(pages.n, pages_of[i]);
            assert_int_equal(pages.token_bytes, 61 * records[f]);
            assert_int_equal(pages.page_bytes, 64 * 61 * records[f]);
            assert_int_equal(pages.table_bytes, 8 * pages.n);
            assert_int_equal(pages.bytes, pages.n * (64 * 61 * records[f] + 8));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_differ_by_layer),
        cmocka_unit_test(graphs_declare_what_models_keep),
        cmocka_unit_test(pages_of_v3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
