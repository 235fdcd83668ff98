/* SPDX-License-Identifier: MIT */
/* Strings to numbers. Slots live in the caller's arena; keys are borrowed. */
#ifndef DV_TEXT_STRMAP_H
#define DV_TEXT_STRMAP_H

#include "base/arena.h"

struct dv_strmap_slot {
    const char *key; /* NULL: free */
    uint32_t    length;
    uint32_t    value;
};

struct dv_strmap {
    struct dv_strmap_slot *slots;
    size_t                 mask;
};

/* Longer chains than this do not happen by chance in a half-full table: the file was made to
 * be slow, and is refused. */
#define DV_PROBES_MAX 1024

/* Slots for n entries at half load: a power of two. */
size_t dv_table_slots(size_t n);
bool   dv_strmap_init(struct dv_strmap *map, struct dv_arena *arena, size_t n);
/* The slot of the key, or the free slot it would take; NULL when the chain is too long. */
struct dv_strmap_slot *dv_strmap_slot(const struct dv_strmap *map, const char *key, size_t length);
/* -1: not there. */
int64_t dv_strmap_find(const struct dv_strmap *map, const char *key, size_t length);

#endif
