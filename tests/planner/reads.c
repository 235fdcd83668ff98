/* SPDX-License-Identifier: MIT */
/* Bytes and operations counted from shapes, against parameter counts that are known otherwise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/session.h"
#include "planner/reads.h"
#include "kernel/cost.h"
#include "support/test_context.h"

static struct dv_test_context test;

static struct dv_weight_source like(struct dv_config *config, const char *name)
{
    dv_test_context_init(&test);
    assert_int_equal(dv_config_like(config, &test.ctx, name), DSVK_OK);
    return (struct dv_weight_source){ .config = config };
}

static struct dv_traffic traffic_of(const struct dv_weight_source *source, uint32_t tokens,
                                    uint32_t chunk, bool no_fuse)
{
    struct dv_traffic traffic;
    assert_int_equal(dv_traffic_of(&traffic, &test.ctx, source, tokens, chunk, no_fuse), DSVK_OK);
    assert_int_equal(test.live, 0);
    return traffic;
}

static void parameters_of(const struct dv_config *config, uint64_t *active)
{
    uint64_t all;
    assert_int_equal(dv_model_parameters(&all, active, &test.ctx, config), DSVK_OK);
}

static bool near(double a, double b, double by)
{
    return fabs(a - b) <= by * b;
}

/* A decode step reads its active parameters, of which the embedding is but a row: all in BF16, or
 * in FP8 with a head in BF16. */
static void a_step_reads_the_active_parameters(void **state)
{
    static const char *const names[] = { "v2-lite", "moonlight", "glm-4.7-flash", "v3", "kimi-k2" };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct dv_config        c;
        struct dv_weight_source source = like(&c, names[i]);
        struct dv_traffic       t      = traffic_of(&source, 1, 256, false);
        uint64_t                active, head = (uint64_t)c.vocab * c.hidden;
        parameters_of(&c, &active);
        double expected =
            c.block_rows ? (double)(active - head) + 2.0 * (double)head : 2.0 * (double)active;
        if (!near((double)t.least, expected, 0.006)) /* routers stay in BF16 */
            fail_msg("%s: %llu bytes at least, expected about %.0f", names[i],
                     (unsigned long long)t.least, expected);
        if (t.touched < t.least || !near((double)t.touched, (double)t.least, 0.01))
            fail_msg("%s: %llu bytes touched, %llu at least", names[i],
                     (unsigned long long)t.touched, (unsigned long long)t.least);
        assert_int_equal(t.passes, 1);
        /* Fused, each consumer of a norm reads its weights again. */
        double unfused = (double)traffic_of(&source, 1, 256, true).touched;
        assert_true(near((double)t.touched, unfused, 0.005));
    }
}

/* Twice as many passes read twice as much; what is needed at least is no more. */
static void each_pass_reads_again(void **state)
{
    struct dv_config        c;
    struct dv_weight_source source = like(&c, "v3");
    struct dv_traffic       one    = traffic_of(&source, 4096, 4096, false);
    struct dv_traffic       two    = traffic_of(&source, 4096, 2048, false);
    struct dv_traffic       odd    = traffic_of(&source, 4097, 2048, false);
    struct dv_traffic       rest   = traffic_of(&source, 1, 2048, false);
    (void)state;
    assert_int_equal(one.passes, 1);
    assert_int_equal(two.passes, 2);
    assert_int_equal(odd.passes, 3);
    assert_int_equal(two.least, one.least);
    assert_true(near((double)two.touched, 2 * (double)one.touched, 1e-4));
    assert_true(near((double)one.touched, (double)one.least, 0.01));
    assert_int_equal(odd.touched, two.touched + rest.touched);
}

static struct dv_cost sum(const struct dv_weight_source *source, uint32_t tokens, uint32_t position)
{
    struct dv_graph        *g;
    struct dv_weight_place *places;
    struct dv_cost          total = { 0 };
    struct dv_graph_size    size  = { .tokens = tokens, .context = 4096, .split = 128, .tile = 16 };
    assert_int_equal(dv_engine_graph(&g, &test.ctx, source->config, &size, false), DSVK_OK);
    assert_int_equal(dv_source_places(&places, &test.ctx, source, g), DSVK_OK);
    struct dv_state_place *states = dv_zalloc_array(&test.ctx, g->n_states + 1, sizeof *states);
    assert_non_null(states);
    for (dv_state s = 1; s <= g->n_states; s++)
        states[s].record = 100;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        struct dv_cost      cost;
        struct dv_cost_site site = { places, states, position };
        if (g->nodes[i].dead)
            continue;
        dv_node_cost(&cost, &site, g, &g->nodes[i]);
        total.weight_bytes += cost.weight_bytes;
        total.cache_bytes += cost.cache_bytes;
        total.flops += cost.flops;
    }
    dv_free(&test.ctx, states);
    dv_free(&test.ctx, places);
    dv_graph_free(g);
    return total;
}

static void operations_are_two_a_parameter(void **state)
{
    struct dv_config        c;
    struct dv_weight_source source = like(&c, "v2-lite");
    uint64_t                active, position = 1000;
    double                  per_position = 2.0 * c.layers * c.heads * (2 * c.kv_lora + c.rope);
    (void)state;
    parameters_of(&c, &active);
    double step = 2.0 * (double)active;
    assert_true(near((double)sum(&source, 1, 0).flops, step + per_position, 0.001));
    struct dv_cost deep = sum(&source, 1, (uint32_t)position);
    assert_true(near((double)deep.flops, step + 1001 * per_position, 0.001));
    assert_int_equal(deep.cache_bytes, 1001 * 100 * c.layers);
    /* Five tokens: five times the products, but only the last one's logits. */
    double         head = 2.0 * c.vocab * c.hidden;
    struct dv_cost five = sum(&source, 5, 0);
    assert_true(near((double)five.flops, 5 * step - 4 * head + 15 * per_position, 0.001));
    assert_int_equal(five.cache_bytes, 5 * 100 * c.layers);
}

static void memory_may_end(void **state)
{
    struct dv_config        c;
    struct dv_weight_source source = like(&c, "v2-lite");
    unsigned                at;
    (void)state;
    c.layers = 2;
    for (at = 1; at < 1000; at++) {
        struct dv_traffic t;
        dv_test_context_reset(&test);
        test.fail_at       = at;
        dsvk_status status = dv_traffic_of(&t, &test.ctx, &source, 300, 256, false);
        assert_int_equal(test.live, 0);
        if (status == DSVK_OK)
            break;
        assert_int_equal(status, DSVK_NO_MEMORY);
        assert_int_equal(test.errors, 1);
    }
    assert_in_range(at, 5, 999);
}

/* As docs/numerics.md has it: at least 64 positions, at most 128 splits. */
static void splits_are_long_and_few(void **state)
{
    (void)state;
    for (uint32_t context = 1; context < 300000; context += context < 20000 ? 1 : 997) {
        uint32_t split = dv_engine_split(context, NULL);
        if (split < 64 || split % 64 != 0 || (context - 1) / split + 1 > 128)
            fail_msg("a context of %u tokens in splits of %u", context, split);
        if (context <= 8192)
            assert_int_equal(split, 64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_reads_the_active_parameters),
        cmocka_unit_test(each_pass_reads_again),
        cmocka_unit_test(operations_are_two_a_parameter),
        cmocka_unit_test(memory_may_end),
        cmocka_unit_test(splits_are_long_and_few),
    };
    return cmocka_run_group_tests_name("traffic", tests, NULL, NULL);
}
