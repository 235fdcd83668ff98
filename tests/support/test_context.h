/* SPDX-License-Identifier: MIT */
/* A context that counts: what is logged, what is allocated, what is still held; and that can let
 * the n-th allocation fail. One thread only. */
#ifndef DV_TESTS_TEST_CONTEXT_H
#define DV_TESTS_TEST_CONTEXT_H

#include "base/context.h"

struct dv_test_context {
    struct dv_context ctx;
    unsigned          errors, warnings; /* lines logged */
    char              line[1024];       /* the last of them */
    size_t            total;            /* bytes ever asked for */
    size_t            live;             /* blocks not yet freed */
    unsigned          calls, fail_at;   /* allocation number fail_at fails, from 1; 0: none */
};

void dv_test_context_init(struct dv_test_context *test);
/* Forgets the counts, not the live blocks. */
void dv_test_context_reset(struct dv_test_context *test);

#endif
