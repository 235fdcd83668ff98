/* SPDX-License-Identifier: MIT */
/* A run (dsvk/run.h) on one device, checked and decided. Loading, planning and sessions all start
 * from the same one, so that they cannot disagree on what is asked for. */
#ifndef DV_PLANNER_SETUP_H
#define DV_PLANNER_SETUP_H

#include "dsvk/run.h"
#include "kernel/kernel.h"
#include "model/model.h"

/* All that a session's graphs and memory depend on. ctx, config and caps are borrowed. */
struct dv_setup {
    const struct dv_context *ctx;
    const struct dv_config  *config;
    const struct dv_caps    *caps;
    bool                     math_f16, round_f16; /* of dv_kernel_site */
    bool                     no_fuse;
    enum dv_cache_format     cache;
    uint32_t                 context, chunk; /* 0 = dv_size_choose() */
    uint32_t choices;      /* ids that may be chosen, those that the tokenizer has; 0 = as many as
                            * the head has rows */
    bool     tiers;        /* experts come and go: experts/experts.h */
    uint32_t expert_slots; /* with tiers: on the device at a time */
};

/* BAD_ARGUMENT, with one sentence for each fault; all but choices and tiers is set. */
dsvk_status dv_setup_make(struct dv_setup *setup, const struct dv_context *ctx,
                          const struct dv_config *config, const struct dv_caps *caps,
                          const dsvk_run *run);
/* Whether there is such a choice of weights, and of the head. */
bool dv_setup_knows_weights(dsvk_weights weights);
bool dv_setup_knows_head(dsvk_head head);
/* The format of a cache; false: there is none such. */
bool dv_setup_cache(enum dv_cache_format *format, dsvk_cache cache);

#endif
