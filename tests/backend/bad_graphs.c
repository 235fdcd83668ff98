/* SPDX-License-Identifier: MIT */
/* Graphs that cannot be: one sentence each, told where it is wrong, and the status by compiling. */
#include "backend/backend.h"

/* Each of these spoils a graph with an input x of 6 x 32. */
static dsvk_tensor wide(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    return dsvk_graph_matmul(g, p->matrix, dsvk_graph_matmul(g, p->matrix, x));
}
static dsvk_tensor vector(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    return dsvk_graph_matmul(g, p->norm, x);
}
static dsvk_tensor of_experts(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    return dsvk_graph_matmul(g, p->experts, x);
}
static dsvk_tensor no_weight(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    (void)p;
    return dsvk_graph_rms_norm(g, NULL, x, 0);
}
static dsvk_tensor no_norm(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    return dsvk_graph_rms_norm(g, p->matrix, x, 0);
}
static dsvk_tensor no_tensor(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    (void)p;
    return dsvk_graph_add(g, x, 77);
}
static dsvk_tensor shapes(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    return dsvk_graph_swiglu(g, x, dsvk_graph_matmul(g, p->matrix, x));
}
static dsvk_tensor odd(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    (void)p;
    (void)x;
    x = dsvk_graph_input(g, 2, 6);
    return dsvk_graph_add(g, x, x);
}
static dsvk_tensor empty(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    (void)p;
    (void)x;
    return dsvk_graph_input(g, 0, 6);
}
static dsvk_tensor huge(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    (void)p;
    (void)x;
    return dsvk_graph_input(g, UINT32_MAX, UINT32_MAX);
}
static dsvk_tensor router(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    (void)p;
    return dsvk_graph_router(g, x, NULL, &(dsvk_router){ .experts = 32, .top_k = 17 });
}
static dsvk_tensor groups(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    dsvk_router r = { .experts = 32, .top_k = 9, .groups = 8, .top_k_groups = 2 };
    (void)p;
    return dsvk_graph_router(g, x, NULL, &r);
}
static dsvk_tensor no_router(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    return dsvk_graph_router(g, x, p->matrix, NULL);
}
static dsvk_tensor bias(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    dsvk_router r = { .experts = 24, .top_k = 2 };
    return dsvk_graph_router(g, dsvk_graph_matmul(g, p->matrix, x), p->norm, &r);
}
static dsvk_tensor route(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    dsvk_router r = { .experts = 32, .top_k = 2 };
    return dsvk_graph_expert_matmul(g, p->experts, x, dsvk_graph_router(g, x, NULL, &r));
}
static dsvk_tensor no_route(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    return dsvk_graph_expert_matmul(g, p->experts, x, x);
}
static dsvk_tensor rows(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    return dsvk_graph_expert_matmul(g, p->experts, x, dsvk_graph_input(g, 5, 4));
}
static dsvk_tensor not_gated(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    return dsvk_graph_experts(g, p->experts, p->experts, x, dsvk_graph_input(g, 6, 4));
}
static dsvk_tensor nowhere(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    (void)p;
    dsvk_graph_place(g, x, &(dsvk_place){ .bytes = 6 * 128 });
    return 0;
}
static dsvk_tensor uneven(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    (void)p;
    dsvk_graph_place(g, x, &(dsvk_place){ .address = 0x1008, .bytes = 6 * 128 });
    return 0;
}
static dsvk_tensor narrow(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    (void)p;
    dsvk_graph_place(g, x, &(dsvk_place){ .address = 0x1000, .bytes = 6 * 128 - 4 });
    return 0;
}
static dsvk_tensor strided(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    (void)p;
    dsvk_graph_place(g, x, &(dsvk_place){ .address = 0x1000, .bytes = 6 * 128, .stride = 28 });
    return 0;
}
static dsvk_tensor placeless(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    (void)p;
    dsvk_graph_place(g, x, NULL);
    return 0;
}

/* Latents of 16 + 16 values fit the queries of one head. */
static const dsvk_latents narrow_ones = { DSVK_CACHE_F32, 16, 16, 0 };

static dsvk_tensor half_record(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    dsvk_latents l = { DSVK_CACHE_F32, 16, 6, 0 };
    (void)p;
    return dsvk_graph_attend(g, &l, x, x, 1, 1);
}
static dsvk_tensor many_heads(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    (void)p;
    return dsvk_graph_attend(g, &narrow_ones, x, x, 3, 1);
}
static dsvk_tensor infinite(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    (void)p;
    return dsvk_graph_attend(g, &narrow_ones, x, x, 2, 1.0f / 0.0f);
}
static dsvk_tensor two_formats(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    dsvk_latents other = { DSVK_CACHE_BF16, 16, 16, 4096 };
    (void)p;
    assert_true(dsvk_graph_attend(g, &narrow_ones, x, x, 2, 1));
    return dsvk_graph_attend(g, &other, x, x, 2, 1);
}
static dsvk_tensor late(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    dsvk_latents wide_ones = { DSVK_CACHE_F32, 32, 32, 0 };
    (void)p;
    assert_true(dsvk_graph_attend(g, &wide_ones, x, x, 1, 1));
    dsvk_graph_latents_write(g, &wide_ones, x, x);
    return 0;
}
static dsvk_tensor spread_rows(dsvk_graph *g, const struct parts *p, dsvk_tensor x)
{
    (void)p;
    (void)x;
    dsvk_graph_place(g, dsvk_graph_rows(g),
                     &(dsvk_place){ .address = 0x1000, .bytes = 4096, .stride = 8 });
    return 0;
}

static const struct spoiler {
    dsvk_tensor (*spoil)(dsvk_graph *g, const struct parts *p, dsvk_tensor x);
    dsvk_status status;
    const char *words;
} spoilers[] = {
    { wide, DSVK_BAD_ARGUMENT, "matmul: \"weight\" of 24 x 32 with 24 values" },
    { vector, DSVK_BAD_ARGUMENT, "of 0 x 32" },
    { of_experts, DSVK_BAD_ARGUMENT, "of experts" },
    { no_weight, DSVK_BAD_ARGUMENT, "rms_norm: no weight" },
    { no_norm, DSVK_BAD_ARGUMENT, "not a vector of 32" },
    { no_tensor, DSVK_BAD_ARGUMENT, "add: there is no tensor 77" },
    { shapes, DSVK_BAD_ARGUMENT, "swiglu: 6 x 32 with 6 x 24" },
    { odd, DSVK_UNSUPPORTED, "rows of 6 values, not times 4" },
    { empty, DSVK_BAD_ARGUMENT, "an input of 0 x 6" },
    { huge, DSVK_BAD_ARGUMENT, "an input of 4294967295" },
    { router, DSVK_BAD_ARGUMENT, "17 of 32 experts" },
    { groups, DSVK_BAD_ARGUMENT, "9 of 32 experts in 8 groups, 2 of them" },
    { no_router, DSVK_BAD_ARGUMENT, "0 of 0 experts" },
    { bias, DSVK_BAD_ARGUMENT, "is no vector of 24" },
    { route, DSVK_BAD_ARGUMENT, "6 x 4 is no route to 8 experts" },
    { no_route, DSVK_BAD_ARGUMENT, "6 x 32 is no route to 8 experts" },
    { rows, DSVK_BAD_ARGUMENT, "6 rows, not 5 tokens" },
    { not_gated, DSVK_BAD_ARGUMENT, "gate and up" },
    { nowhere, DSVK_BAD_ARGUMENT, "no buffer and no address" },
    { uneven, DSVK_BAD_ARGUMENT, "multiple of 16 bytes" },
    { narrow, DSVK_BAD_ARGUMENT, "in 764 bytes, it takes 768" },
    { strided, DSVK_BAD_ARGUMENT, "stride of 28 words" },
    { half_record, DSVK_BAD_ARGUMENT, "latents of 16 values and 6 of rope keys" },
    { many_heads, DSVK_BAD_ARGUMENT, "attend: 6 x 32, not 6 x 48" },
    { infinite, DSVK_BAD_ARGUMENT, "no finite number" },
    { two_formats, DSVK_BAD_ARGUMENT, "in two formats" },
    { late, DSVK_BAD_ARGUMENT, "at byte 0 were attended to before" },
    { spread_rows, DSVK_BAD_ARGUMENT, "rows with a stride of 8" },
    { placeless, DSVK_BAD_ARGUMENT, "no place" },
};

static void fails_to_compile(struct lent *l, dsvk_graph *g, const dsvk_tensor *y, uint32_t n,
                             dsvk_status status)
{
    dsvk_program *program = (dsvk_program *)l;
    assert_int_equal(dsvk_graph_compile(&program, g, y, n), status);
    assert_null(program);
}

/* One sentence, though more follows that would fail by itself. */
static void check_spoiler(const struct parts *p, const struct spoiler *s)
{
    dsvk_graph *g = backend_begin(p->l);
    dsvk_tensor x = dsvk_graph_input(g, 6, 32);
    assert_int_equal(s->spoil(g, p, x), 0);
    lent_expect(p->l, s->words);
    dsvk_tensor y = dsvk_graph_matmul(g, p->matrix, x);
    assert_int_equal(y, 0);
    assert_int_equal(dsvk_graph_add(g, y, 99), 0);
    assert_int_equal(dsvk_graph_input(g, 0, 0), 0);
    fails_to_compile(p->l, g, &y, 1, s->status);
    lent_expect(p->l, NULL);
}

void bad_graphs_are_refused(void **state)
{
    struct lent *l = *state;
    struct parts p = parts(l);
    dsvk_graph  *g;
    for (size_t i = 0; i < sizeof spoilers / sizeof *spoilers; i++)
        check_spoiler(&p, &spoilers[i]);
    g             = backend_begin(l);
    dsvk_tensor x = dsvk_graph_input(g, 6, 32);
    dsvk_graph_matmul(g, p.matrix, x);
    fails_to_compile(l, g, NULL, 0, DSVK_BAD_ARGUMENT);
    lent_expect(l, "no outputs");
    g = backend_begin(l);
    x = dsvk_graph_input(g, 6, 32);
    fails_to_compile(l, g, &x, 1, DSVK_BAD_ARGUMENT);
    lent_expect(l, "no operation gives tensor 1");
    fails_to_compile(l, NULL, NULL, 0, DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_graph_compile(NULL, backend_begin(l), NULL, 0), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_graph_new(&g, l->device, &(dsvk_pass){ .tokens = 4097 }),
                     DSVK_BAD_ARGUMENT);
    lent_expect(l, "4097 tokens");
    assert_int_equal(dsvk_graph_new(&g, l->device, &(dsvk_pass){ .math = (dsvk_math)7 }),
                     DSVK_BAD_ARGUMENT);
    lent_expect(l, "math 7");
    assert_int_equal(dsvk_graph_input(NULL, 1, 4), 0);
    assert_int_equal(dsvk_graph_matmul(NULL, p.matrix, 1), 0);
    dsvk_graph_free(NULL);
    parts_done(&p);
    assert_int_equal(dsvk_device_bytes(l->device), 0);
}
