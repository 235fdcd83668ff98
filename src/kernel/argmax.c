/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <string.h>

#include "kernel/kernel.h"

_Static_assert(offsetof(struct dv_step, chosen) == DV_STEP_CHOSEN, "step block");
_Static_assert(offsetof(struct dv_step, attend_x) == DV_STEP_ATTEND, "step block");
_Static_assert(offsetof(struct dv_step, rows) == DV_STEP_LIVE, "step block");
_Static_assert(offsetof(struct dv_step, choices) == DV_STEP_CHOICES, "step block");
_Static_assert(offsetof(struct dv_step, extras) == DV_STEP_EXTRAS, "step block");
_Static_assert(sizeof(dv_extras) == DV_EXTRAS_BYTES, "extras");
_Static_assert(sizeof(struct dv_step) == DV_STEP_ROWS, "step block");
_Static_assert(sizeof(dv_choice) == DV_CHOICE_BYTES && DV_CHOICE_BYTES % 16 == 0, "step block");
_Static_assert(sizeof(struct dv_row) == DV_ROW_BYTES, "step block");
_Static_assert(offsetof(struct dv_row, position) == 4 && offsetof(struct dv_row, pages) == 8,
               "step block");

static dsvk_status dispatch_argmax(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                                   const struct dv_node *node)
{
    struct dv_operand     x = dv_site_operand(site, node->in.argmax.x);
    struct dv_operand     y = dv_site_operand(site, node->out.argmax.token);
    struct dv_tuning      tuning;
    struct dv_argmax_args args = {
        .x        = x.address,
        .y        = y.address,
        .step     = dv_address_of(node->argmax.advance ? site->step : 0),
        .x_stride = x.stride,
        .y_stride = y.stride,
        .rows     = x.rows,
        .cols     = node->argmax.choices,
        .split    = node->argmax.split,
    };
    if (node->argmax.advance && x.rows > DV_MOST_ROWS)
        return dv_fail(site->graph->ctx, DSVK_UNSUPPORTED, "argmax: a batch of %u rows; at most %u",
                       x.rows, DV_MOST_ROWS);
    dv_tuning_of(&tuning, site->caps);
    if (tuning.attend_pairs == 0) /* nobody reads the number of splits: kernel/attend.c */
        args.split = 0;
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "argmax",
                      .spec   = { [DV_WORKGROUP] = dv_wide_workgroup(site, 512) } },
        .groups   = { dv_groups(site, 0, x.rows), 1, 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_argmax = { dispatch_argmax };
