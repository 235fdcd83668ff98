/* SPDX-License-Identifier: MIT */
/* What `plan` prints, as text (plan.c) or JSON (plan_json.c). */
#ifndef PLAN_H
#define PLAN_H

#include "cli.h"

#define PLAN_LINES 16

struct plan_line {
    const char *key, *name; /* for JSON, for people */
    uint64_t    bytes;
};

struct plan_view {
    struct cli      *cli;
    const dsvk_plan *plan;
    struct plan_line device[PLAN_LINES], host[PLAN_LINES];
    size_t           n_device, n_host;
    uint64_t         needed, margin, shortfall; /* of device memory */
    const char      *cache;                     /* its format */
    bool             unified;                   /* device and host memory are one heap */
    double           bound, bound_full;         /* tokens/s; 0: no --bandwidth */
};

void plan_view(struct plan_view *view, struct cli *cli, const dsvk_plan *plan);
int  plan_json(const struct plan_view *view);

#endif
