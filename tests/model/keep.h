/* SPDX-License-Identifier: MIT */
/* What the tests of kept timelines share: a good file, and what goes on behind it. */
#ifndef DV_TESTS_MODEL_KEEP_H
#define DV_TESTS_MODEL_KEEP_H

#include "file/keep.h"
#include "model/support.h"

#define N 150 /* two full pages and some tokens */
#define PAGE 64u
#define CONTEXT 256
#define ANSWER 24

struct answer {
    uint32_t ids[ANSWER];
    size_t   n;
};

struct kept {
    struct subject subject;
    dsvk_model    *model, *fresh; /* the same; sessions of the second find no pages */
    uint32_t       tokens[N];
    struct answer  expected[2]; /* greedily and drawn, behind all tokens */
    char           path[300], damaged[300];
    unsigned char *bytes; /* of the good file */
    size_t         n_bytes;
    bool           full;
};
extern struct kept kept;

dsvk_session  *new_session(dsvk_model *of);
void           expect_going_on(dsvk_session *s, bool drawn);
uint64_t       computed(const dsvk_session *s);         /* tokens */
unsigned char *read_whole(const char *name, size_t *n); /* free() */

void damaged_files_are_refused(void **state);
void foreign_files_are_refused(void **state);
void other_settings_are_refused(void **state);
void writing_may_fail_anywhere(void **state);
void saving_and_loading_may_be_cancelled(void **state);
void the_process_may_die_while_it_writes(void **state);
void wrong_calls_are_refused(void **state);

#endif
