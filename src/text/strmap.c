/* SPDX-License-Identifier: MIT */
#include "text/strmap.h"

#include <string.h>

static uint64_t hash_text(const char *key, size_t length)
{
    uint64_t hash = 0x9e3779b97f4a7c15u ^ length;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)key[i]) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    return hash;
}

size_t dv_table_slots(size_t n)
{
    size_t slots = 16;
    while (slots / 2 < n)
        slots *= 2;
    return slots;
}

bool dv_strmap_init(struct dv_strmap *map, struct dv_arena *arena, size_t n)
{
    size_t slots = dv_table_slots(n);
    map->mask    = slots - 1;
    map->slots   = dv_arena_alloc(arena, slots, sizeof *map->slots);
    return map->slots != NULL;
}

struct dv_strmap_slot *dv_strmap_slot(const struct dv_strmap *map, const char *key, size_t length)
{
    size_t at = (size_t)hash_text(key, length) & map->mask;
    for (uint32_t probes = 0; probes < DV_PROBES_MAX; probes++) {
        struct dv_strmap_slot *slot = &map->slots[at];
        if (!slot->key || (slot->length == length && memcmp(slot->key, key, length) == 0))
            return slot;
        at = (at + 1) & map->mask;
    }
    return NULL;
}

int64_t dv_strmap_find(const struct dv_strmap *map, const char *key, size_t length)
{
    if (!map->slots)
        return -1;
    const struct dv_strmap_slot *slot = dv_strmap_slot(map, key, length);
    return slot && slot->key ? (int64_t)slot->value : -1;
}
