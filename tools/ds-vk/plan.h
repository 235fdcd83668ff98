/* SPDX-License-Identifier: MIT */
/* What `plan` prints, as text (plan_text.c) or JSON (plan_json.c). */
#ifndef PLAN_H
#define PLAN_H

#include "cli.h"
#include "values.h"

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
    double           brought;                   /* with experts that come; 0: not known */
    uint64_t         token_host, token_disk;    /* bytes of experts that a token brings */
};

void plan_view(struct plan_view *view, struct cli *cli, const dsvk_plan *plan);
void plan_text(const struct plan_view *view);
int  plan_json(const struct plan_view *view);

#endif
