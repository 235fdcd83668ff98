/* SPDX-License-Identifier: MIT */
/* What the tests of the graph share. */
#ifndef DV_TESTS_GRAPH_TEST_H
#define DV_TESTS_GRAPH_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/session.h"
#include "support/test_context.h"

/* A plan that breaks no rule, checked without a look at how plan.c works: inputs are made in an
 * earlier stage, the values of one stage never share bytes, views stay inside their base. Fails
 * the test with a sentence that begins with `what`. */
void expect_sound_plan(const struct dv_graph *g, const struct dv_plan *plan, const char *what);

/* The planned graph of a pass; dv_graph_free(). */
struct dv_graph *planned(struct dv_plan *plan, const struct dv_context *ctx,
                         const struct dv_config *config, uint32_t tokens, bool no_fuse);
void published(struct dv_config *config, const struct dv_context *ctx, const char *name);

extern const char *const published_names[]; /* ended by NULL */

void plans_of_every_shape_are_sound(void **state);
void recipes_do_not_depend_on_the_tokens(void **state);
void plans_of_random_graphs_are_sound(void **state);
void plan_text_is_the_kept_one(void **state);
void plan_dot_is_the_kept_one(void **state);
void dispatch_counts_are_the_kept_ones(void **state);
void plan_json_can_be_read(void **state);

#endif
