/* SPDX-License-Identifier: MIT */
/* What a model and a session take in memory, from headers alone. Adds up what placement and session
 * sizing compute; loading uses the same code, so the forecast is exact. */
#ifndef DV_PLANNER_LEDGER_H
#define DV_PLANNER_LEDGER_H

#include "dsvk/plan.h"
#include "planner/sizes.h"
#include "weights/source.h"

struct dv_ledger_params {
    const struct dv_weight_source *source;
    struct dv_setup                setup;       /* context and chunk 0: chosen */
    uint64_t                       limit, used; /* of device memory; 0 = no limit */
    uint64_t                       host;        /* for experts */
};

/* A card as there are many, for plans without one: a subgroup of 32, matrix units, its memory not
 * mapped. */
extern const struct dv_caps dv_ledger_usual_card;

/* Fills all of `plan` but the heaps and has_*. */
dsvk_status dv_ledger_make(dsvk_plan *plan, const struct dv_ledger_params *params);

#endif
