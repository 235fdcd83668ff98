/* SPDX-License-Identifier: MIT */
/* Device time by kernel: op, weight format and shape of the matrix, with what it read and computed
 * in that time. */
#ifndef DV_ENGINE_PROFILE_H
#define DV_ENGINE_PROFILE_H

#include "dsvk/session.h"
#include "kernel/cost.h"
#include "kernel/program.h"

struct dv_profile {
    const struct dv_context *ctx;
    dsvk_profile_row        *rows;
    uint32_t                 n, capacity;
};

/* The pass that `program` has just run; `position` of its first token, `states` by dv_state. */
dsvk_status dv_profile_add(struct dv_profile *profile, struct dv_program *program,
                           uint32_t position, const struct dv_state_place *states);
/* A copy of the rows, longest first; the caller frees *rows. */
dsvk_status dv_profile_rows(const struct dv_profile *profile, dsvk_profile_row **rows, uint32_t *n);
void        dv_profile_done(struct dv_profile *profile);

#endif
