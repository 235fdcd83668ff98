/* SPDX-License-Identifier: MIT */
/* Threads make weights, compile and run programs on one device, while the engine draws: each has
 * what it has alone. */
#include <pthread.h>
#include <string.h>

#include "backend/backend.h"

#define THREADS 3
#define ROUNDS 6
#define TOKENS 4
#define WIDE 64
#define HIGH 48

/* cmocka's checks end the thread that makes them: here they are counted, and checked at the end. */
struct worker {
    struct lent  *l;
    struct matrix m;
    float         x[TOKENS * WIDE], y[TOKENS * HIGH];
    unsigned      failures;
    pthread_t     thread;
};

static dsvk_status run(struct worker *w, float *y)
{
    dsvk_weight  *weight;
    dsvk_graph   *g;
    dsvk_program *program = NULL;
    dsvk_pass     pass    = { .tokens = TOKENS, .math = DSVK_MATH_F32 };
    dsvk_status   status  = dsvk_weight_new(&weight, w->l->device, &w->m.m, NULL);
    if (status != DSVK_OK)
        return status;
    status = dsvk_graph_new(&g, w->l->device, &pass);
    if (status == DSVK_OK) {
        dsvk_tensor in = dsvk_graph_input(g, TOKENS, WIDE), out = dsvk_graph_matmul(g, weight, in);
        status = dsvk_graph_compile(&program, g, &out, 1);
        dsvk_weight_free(weight);
        weight = NULL;
        if (status == DSVK_OK)
            status = dsvk_program_set(program, in, w->x);
        for (unsigned i = 0; i < ROUNDS && status == DSVK_OK; i++)
            status = dsvk_program_submit(program, NULL);
        if (status == DSVK_OK)
            status = dsvk_program_wait(program);
        if (status == DSVK_OK)
            status = dsvk_program_get(program, out, y);
    }
    dsvk_program_free(program);
    dsvk_weight_free(weight);
    return status;
}

static void *work(void *user)
{
    struct worker *w = user;
    for (unsigned i = 0; i < ROUNDS; i++) {
        float y[TOKENS * HIGH];
        w->failures += run(w, y) != DSVK_OK || memcmp(y, w->y, sizeof y) != 0;
    }
    return NULL;
}

void threads_take_turns(void **state)
{
    struct lent         *l = *state;
    static struct worker workers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        struct worker *w = &workers[i];
        *w               = (struct worker){ .l = l, .m = matrix("F8_E4M3", HIGH, WIDE, 0, 0) };
        random_values(w->x, TOKENS * WIDE);
        assert_int_equal(run(w, w->y), DSVK_OK);
        assert_true(w->y[0] != 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (unsigned i = 0; i < ROUNDS; i++)
        application_frame(&l->app);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(workers[i].failures, 0);
        matrix_done(&workers[i].m);
    }
    lent_expect(l, NULL);
    assert_int_equal(l->app.held, 0);
    assert_int_equal(dsvk_device_bytes(l->device), 0);
}
