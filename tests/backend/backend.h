/* SPDX-License-Identifier: MIT */
#ifndef TESTS_BACKEND_BACKEND_H
#define TESTS_BACKEND_BACKEND_H

#include "backend/reference.h"

/* A product in f32 of what lies in one buffer into another. */
dsvk_program *backend_product(struct lent *l, dsvk_weight *w, uint32_t tokens, uint32_t cols,
                              const struct lent_buffer *in, const struct lent_buffer *out);

/* What graphs that fail are made of, and one of 6 tokens. */
struct parts {
    struct lent *l;
    dsvk_weight *matrix, *norm, *experts; /* [24, 32], [32], 8 x [24, 32] */
};
struct parts parts(struct lent *l);
void         parts_done(struct parts *p);
dsvk_graph  *backend_begin(struct lent *l);

void experts_are_right(void **state);
void graphs_are_right(void **state);
void attention_is_right(void **state);
void threads_take_turns(void **state);
void bad_weights_are_refused(void **state);
void bad_graphs_are_refused(void **state);
void bad_runs_are_refused(void **state);
void all_is_freed_in_any_order(void **state);

#endif
