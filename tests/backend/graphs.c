/* SPDX-License-Identifier: MIT */
/* Several operations in one program: a router with its experts, and a dense feed forward with its
 * norm, whose inputs and outputs are the program's own. */
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"

static const struct mixture {
    const char *dtype;
    uint32_t    tokens, experts, top_k, hidden, wide;
    bool        pointers; /* the experts do not lie one after the other */
    dsvk_router router;
} mixtures[] = {
    { "F8_E4M3", 2, 16, 4, 72, 40, false, { 0 } },
    { "F8_E4M3", 33, 16, 4, 72, 40, true, { .groups = 4, .top_k_groups = 2, .sigmoid = true } },
    { "INT4", 9, 10, 3, 64, 96, true, { .normalise = true, .scale = 2.5f } },
    { "FP4", 4, 8, 2, 96, 64, false, { 0 } },
    { "BF16", 64, 6, 2, 40, 24, false, { .groups = 3, .top_k_groups = 2, .group_sums = true } },
};

/* The matrices of all experts one by one, in another order in memory. */
struct scattered {
    unsigned char *memory;
    const void    *data[16], *scales[16];
};

static void scatter(struct scattered *s, dsvk_matrix *m)
{
    size_t data = m->bytes / m->experts, scales = m->scale_bytes / m->experts;
    s->memory = calloc(m->experts, data + scales + 1);
    for (uint32_t e = 0; e < m->experts; e++) {
        unsigned char *at = s->memory + (m->experts - 1 - e) * (data + scales + 1);
        memcpy(at, (const char *)m->data + e * data, data);
        memcpy(at + data + 1, (const char *)m->scales + e * scales, scales);
        s->data[e]   = at;
        s->scales[e] = at + data + 1;
    }
    m->data_of   = s->data;
    m->scales_of = s->scales;
    m->data = m->scales = NULL;
}

struct mixed {
    struct matrix router, bias, gate, up, down;
    dsvk_weight  *w_router, *w_bias, *w_gate_up, *w_down;
};

static void make_weights(struct mixed *x, struct lent *l, const struct mixture *m)
{
    struct scattered s[3] = { 0 };
    x->router             = matrix("BF16", m->experts, m->hidden, 0, 0);
    x->bias               = matrix("F32", 0, m->experts, 0, 0);
    x->gate               = matrix(m->dtype, m->wide, m->hidden, m->experts, 0);
    x->up                 = matrix(m->dtype, m->wide, m->hidden, m->experts, 0);
    x->down               = matrix(m->dtype, m->hidden, m->wide, m->experts, 0);
    if (m->pointers) {
        scatter(&s[0], &x->gate.m);
        scatter(&s[1], &x->up.m);
        scatter(&s[2], &x->down.m);
    }
    assert_int_equal(dsvk_weight_new(&x->w_router, l->device, &x->router.m, NULL), DSVK_OK);
    assert_int_equal(dsvk_weight_new(&x->w_bias, l->device, &x->bias.m, NULL), DSVK_OK);
    assert_int_equal(dsvk_weight_new(&x->w_gate_up, l->device, &x->gate.m, &x->up.m), DSVK_OK);
    assert_int_equal(dsvk_weight_new(&x->w_down, l->device, &x->down.m, NULL), DSVK_OK);
    for (size_t i = 0; i < 3; i++) /* packed, and not needed any more */
        free(s[i].memory);
}

static void free_weights(struct mixed *x)
{
    dsvk_weight  *weights[]  = { x->w_router, x->w_bias, x->w_gate_up, x->w_down };
    struct matrix matrices[] = { x->router, x->bias, x->gate, x->up, x->down };
    for (size_t i = 0; i < 4; i++)
        dsvk_weight_free(weights[i]);
    for (size_t i = 0; i < 5; i++)
        matrix_done(&matrices[i]);
}

struct results {
    dsvk_tensor x, logits, route, products, y;
};

static dsvk_program *build(struct results *t, struct lent *l, const struct mixture *m,
                           const struct mixed *w)
{
    dsvk_graph   *g;
    dsvk_program *program;
    dsvk_router   router = m->router;
    router.experts       = m->experts;
    router.top_k         = m->top_k;
    assert_int_equal(
        dsvk_graph_new(&g, l->device, &(dsvk_pass){ .tokens = m->tokens, .math = DSVK_MATH_F32 }),
        DSVK_OK);
    t->x             = dsvk_graph_input(g, m->tokens, m->hidden);
    t->logits        = dsvk_graph_matmul(g, w->w_router, t->x);
    t->route         = dsvk_graph_router(g, t->logits, w->w_bias, &router);
    t->products      = dsvk_graph_expert_matmul(g, w->w_gate_up, t->x, t->route);
    t->y             = dsvk_graph_experts(g, w->w_gate_up, w->w_down, t->x, t->route);
    dsvk_tensor to[] = { t->route, t->products, t->y };
    assert_int_equal(dsvk_graph_compile(&program, g, to, 3), DSVK_OK);
    return program;
}

/* The reference takes the device's route: what it chooses among equals is no matter here. */
static void compare(const struct mixture *m, const struct mixed *w, const float *x,
                    const uint32_t *route, const float *products, const float *y)
{
    struct reference       r;
    struct dv_router_shape shape = { .experts      = m->experts,
                                     .top_k        = m->top_k,
                                     .groups       = m->router.groups ? m->router.groups : 1,
                                     .top_k_groups = m->router.groups ? m->router.top_k_groups : 1,
                                     .sigmoid      = m->router.sigmoid,
                                     .group_sums   = m->router.group_sums,
                                     .normalise    = m->router.normalise,
                                     .scale        = m->router.scale != 0 ? m->router.scale : 1 };
    reference_begin(&r, m->tokens);
    dv_tensor rx     = reference_input(&r, m->tokens, m->hidden, x);
    dv_tensor logits = dv_matmul(r.g, reference_weight(&r, &w->router, NULL), rx, 0);
    dv_tensor chosen = dv_router(r.g, logits, reference_weight(&r, &w->bias, NULL), &shape);
    dv_tensor given  = reference_input(&r, m->tokens, 2 * m->top_k, route);
    dv_tensor h =
        dv_expert_gated(r.g, reference_weight(&r, &w->gate, &w->up), rx, given, 0, m->top_k);
    dv_tensor ry = dv_expert_down(r.g, reference_weight(&r, &w->down, NULL), h, given, m->top_k);
    reference_run(&r);
    for (uint32_t t = 0; t < m->tokens; t++)
        assert_memory_equal(dv_ref_words(&r.site, chosen, t), route + (size_t)t * 2 * m->top_k,
                            m->top_k * 4);
    expect_close(&r, chosen, (const float *)(const void *)route, 2 * m->top_k,
                 tolerance_of(m->hidden));
    expect_close(&r, h, products, m->wide, 2 * tolerance_of(m->hidden));
    expect_close(&r, ry, y, m->hidden, 2 * tolerance_of(m->hidden + m->wide * m->top_k));
    reference_end(&r);
}

static void check_mixture(struct lent *l, const struct mixture *m)
{
    struct mixed   w;
    struct results t;
    make_weights(&w, l, m);
    dsvk_program *program  = build(&t, l, m, &w);
    float        *x        = calloc((size_t)m->tokens * m->hidden, sizeof *x);
    float        *y        = calloc((size_t)m->tokens * m->hidden, sizeof *y);
    float        *products = calloc((size_t)m->tokens * m->top_k * m->wide, sizeof *products);
    uint32_t     *route    = calloc((size_t)m->tokens * 2 * m->top_k, sizeof *route);
    for (uint32_t again = 0; again < 2; again++) {
        random_values(x, (size_t)m->tokens * m->hidden);
        assert_int_equal(dsvk_program_set(program, t.x, x), DSVK_OK);
        assert_int_equal(dsvk_program_submit(program, NULL), DSVK_OK);
        assert_int_equal(dsvk_program_get(program, t.route, route), DSVK_OK);
        assert_int_equal(dsvk_program_get(program, t.products, products), DSVK_OK);
        assert_int_equal(dsvk_program_get(program, t.y, y), DSVK_OK);
        compare(m, &w, x, route, products, y);
    }
    lent_expect(l, NULL);
    dsvk_program_free(program);
    free_weights(&w);
    free(x);
    free(y);
    free(products);
    free(route);
}

void experts_are_right(void **state)
{
    for (size_t i = 0; i < sizeof mixtures / sizeof *mixtures; i++)
        check_mixture(*state, &mixtures[i]);
}

/* ---- a dense feed forward ---- */

#define TOKENS 6
#define HIDDEN 72
#define WIDE 100

static void compare_dense(const struct matrix m[4], const float *x, const float *y)
{
    struct reference r;
    reference_begin(&r, TOKENS);
    dv_tensor rx   = reference_input(&r, TOKENS, HIDDEN, x);
    dv_tensor rh   = dv_rms_norm(r.g, rx, reference_weight(&r, &m[0], NULL), 1e-6f);
    dv_tensor gate = dv_matmul(r.g, reference_weight(&r, &m[1], NULL), rh, 0);
    dv_tensor up   = dv_matmul(r.g, reference_weight(&r, &m[2], NULL), rh, 0);
    dv_tensor down = dv_matmul(r.g, reference_weight(&r, &m[3], NULL), dv_swiglu(r.g, gate, up), 0);
    dv_tensor ry   = dv_add(r.g, rx, down);
    reference_run(&r);
    expect_close(&r, ry, y, HIDDEN, 2 * tolerance_of(HIDDEN + WIDE));
    reference_end(&r);
}

/* x + down(silu(gate h) * (up h)), h = rms_norm(x), with gate and up apart. */
void graphs_are_right(void **state)
{
    struct lent  *l    = *state;
    struct matrix m[4] = { matrix("BF16", 0, HIDDEN, 0, 0), matrix("F8_E4M3", WIDE, HIDDEN, 0, 0),
                           matrix("FP4", WIDE, HIDDEN, 0, 0), matrix("F16", HIDDEN, WIDE, 0, 0) };
    float         x[TOKENS * HIDDEN], y[TOKENS * HIDDEN];
    dsvk_weight  *w[4];
    dsvk_graph   *g;
    dsvk_program *program;
    dsvk_place    where;
    random_values(x, TOKENS * HIDDEN);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(dsvk_weight_new(&w[i], l->device, &m[i].m, NULL), DSVK_OK);
    assert_int_equal(
        dsvk_graph_new(&g, l->device, &(dsvk_pass){ .tokens = TOKENS, .math = DSVK_MATH_F32 }),
        DSVK_OK);
    dsvk_tensor in  = dsvk_graph_input(g, TOKENS, HIDDEN);
    dsvk_tensor h   = dsvk_graph_rms_norm(g, w[0], in, 1e-6f);
    dsvk_tensor up  = dsvk_graph_matmul(g, w[2], h);
    dsvk_tensor a   = dsvk_graph_swiglu(g, dsvk_graph_matmul(g, w[1], h), up);
    dsvk_tensor out = dsvk_graph_add(g, in, dsvk_graph_matmul(g, w[3], a));
    assert_int_equal(dsvk_graph_compile(&program, g, &out, 1), DSVK_OK);
    for (size_t i = 0; i < 4; i++) /* the program has them */
        dsvk_weight_free(w[i]);
    assert_int_equal(dsvk_program_set(program, in, x), DSVK_OK);
    assert_int_equal(dsvk_program_submit(program, NULL), DSVK_OK);
    assert_int_equal(dsvk_program_get(program, out, y), DSVK_OK);
    assert_true(dsvk_program_place(program, out, &where) && where.buffer && where.stride == HIDDEN);
    assert_false(dsvk_program_place(program, h, &where) || where.buffer);
    compare_dense(m, x, y);
    dsvk_program_free(program);
    for (size_t i = 0; i < 4; i++)
        matrix_done(&m[i]);
    assert_int_equal(dsvk_device_bytes(l->device), 0);
}
