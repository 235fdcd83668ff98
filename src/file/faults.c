/* SPDX-License-Identifier: MIT */
/* Tensors and files with something wrong that nobody may ever need: the sentence is kept and said
 * when somebody asks for the thing. None of them is an error by itself. */
#include "file/faults.h"

#include <stdlib.h>
#include <string.h>

dsvk_status dv_faults_add(struct dv_faults *faults, struct dv_arena *arena, const char *name,
                          dsvk_status status, const char *says)
{
    struct dv_fault fault = { .name   = dv_arena_printf(arena, "%s", name),
                              .says   = dv_arena_printf(arena, "%s", says),
                              .status = status,
                              .order  = faults->n };
    if (faults->n == faults->room && fault.name && fault.says) {
        uint32_t         room  = faults->room ? faults->room * 2 : 8;
        struct dv_fault *grown = room > faults->room ? dv_realloc(arena->ctx, faults->faults,
                                                                  room * sizeof *faults->faults)
                                                     : NULL;
        if (grown) {
            faults->faults = grown;
            faults->room   = room;
        }
    }
    if (!fault.name || !fault.says || faults->n == faults->room)
        return dv_fail(arena->ctx, DSVK_NO_MEMORY, "checkpoint: no memory for what is wrong");
    faults->faults[faults->n++] = fault;
    return DSVK_OK;
}

static int by_name(const void *left, const void *right)
{
    const struct dv_fault *a = left, *b = right;
    int                    order = strcmp(a->name, b->name);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

void dv_faults_sort(struct dv_faults *faults)
{
    if (faults->n > 1)
        qsort(faults->faults, faults->n, sizeof *faults->faults, by_name);
}

const struct dv_fault *dv_faults_find(const struct dv_faults *faults, const char *name)
{
    uint32_t low = 0, high = faults->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(faults->faults[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < faults->n && strcmp(faults->faults[low].name, name) == 0 ? &faults->faults[low]
                                                                          : NULL;
}

void dv_faults_log(const struct dv_faults *faults, const struct dv_context *ctx)
{
    for (uint32_t i = 0; i < faults->n; i++)
        dv_log(ctx, DSVK_LOG_DEBUG, "ignored unless it is needed: %s", faults->faults[i].says);
}
