/* SPDX-License-Identifier: MIT */
/* What is wrong with things that may turn out not to be needed: a sentence a name, said as an error
 * when somebody asks for the thing, and else at debug level only. */
#ifndef DV_FILE_FAULTS_H
#define DV_FILE_FAULTS_H

#include "base/arena.h"

struct dv_fault {
    const char *name, *says;
    dsvk_status status;
    uint32_t    order;
};

struct dv_faults {
    struct dv_fault *faults; /* dv_free() */
    uint32_t         n, room;
};

/* Copies the name and the sentence into the arena. NO_MEMORY alone is a failure. */
dsvk_status dv_faults_add(struct dv_faults *faults, struct dv_arena *arena, const char *name,
                          dsvk_status status, const char *says);
void        dv_faults_sort(struct dv_faults *faults);
/* Of sorted ones the first with this name; NULL: none. */
const struct dv_fault *dv_faults_find(const struct dv_faults *faults, const char *name);
/* One line each, at debug level. */
void dv_faults_log(const struct dv_faults *faults, const struct dv_context *ctx);

#endif
