/* SPDX-License-Identifier: MIT */
/* A unit is small enough that all cores have work until the end of a batch, and large enough that
 * its reads are long. A matrix of large groups has a unit for each. */
#include "weights/units.h"

#define BATCH_BYTES (UINT64_C(64) << 20) /* packed between two reports of progress */
#define UNIT_BYTES (UINT64_C(4) << 20)

static const struct dv_weight_info *info_of(const struct dv_cutter    *c,
                                            const struct dv_load_item *item)
{
    return &c->placement->recipes[item->recipe];
}

uint64_t dv_unit_room(const struct dv_unit *unit)
{
    return (unit->tile_bytes + unit->scale_bytes + 255) / 256 * 256;
}

uint64_t dv_unit_tiles_at(const struct dv_unit *unit)
{
    return unit->item->offset + (uint64_t)unit->groups.first * unit->item->layout.chunks * 128;
}

uint64_t dv_unit_scales_at(const struct dv_unit *unit)
{
    const struct dv_layout *y = &unit->item->layout;
    return unit->item->offset + y->scales + (uint64_t)unit->groups.first * y->blocks * 4;
}

static struct dv_unit next_unit(const struct dv_cutter *c)
{
    struct dv_load_item         *item = &c->placement->items[c->item];
    const struct dv_weight_info *info = info_of(c, item);
    const struct dv_layout      *y    = &item->layout;
    if (info->kind == DV_WEIGHT_VECTOR)
        return (struct dv_unit){ .item = item, .tile_bytes = item->bytes };
    uint64_t       tile = (uint64_t)y->chunks * 128, scale = (uint64_t)y->blocks * 4;
    uint32_t       all = dv_layout_groups(y, info), left = all - c->group;
    uint64_t       fit  = c->unit_bytes / (tile + scale);
    uint32_t       n    = fit == 0 ? 1 : fit < left ? (uint32_t)fit : left;
    struct dv_unit unit = { .item        = item,
                            .groups      = { c->group, c->group + n },
                            .tile_bytes  = n * tile,
                            .scale_bytes = n * scale };
    if (unit.groups.end == all)
        unit.scale_bytes = item->bytes - y->scales - unit.groups.first * scale;
    return unit;
}

static void advance(struct dv_cutter *c, const struct dv_unit *unit)
{
    const struct dv_load_item *item = unit->item;
    uint32_t                   end  = unit->groups.end;
    c->group                        = end;
    if (end == 0 || end == dv_layout_groups(&item->layout, info_of(c, item))) {
        c->item++;
        c->group = 0;
    }
}

void dv_cutter_next(struct dv_cutter *c, struct dv_batch *batch)
{
    batch->n     = 0;
    batch->bytes = batch->done = batch->read_bytes = 0;
    while (c->item < c->placement->n_items && batch->n < DV_MAX_UNITS) {
        struct dv_unit unit = next_unit(c);
        if (batch->n > 0 && batch->bytes + dv_unit_room(&unit) > c->batch_bytes)
            break;
        advance(c, &unit);
        dv_reads_plan(&unit.reads, unit.item, info_of(c, unit.item), unit.groups,
                      &batch->read_bytes);
        dv_reads_announce(&unit.reads);
        batch->units[batch->n++] = unit;
        batch->bytes += dv_unit_room(&unit);
        batch->done += unit.tile_bytes + unit.scale_bytes;
    }
}

struct dv_cutter dv_cutter(const struct dv_placement *placement, uint64_t batch_bytes)
{
    uint64_t batch = batch_bytes ? batch_bytes : BATCH_BYTES;
    uint64_t unit  = batch < 4 * UNIT_BYTES ? batch / 4 + 1 : UNIT_BYTES;
    return (struct dv_cutter){ .placement = placement, .batch_bytes = batch, .unit_bytes = unit };
}

/* One unit may be more than a batch should be, and all of a small model is less. */
uint64_t dv_cutter_room(const struct dv_cutter *c)
{
    uint64_t all = 0, largest = 0;
    for (uint32_t i = 0; i < c->placement->n_items; i++) {
        const struct dv_load_item *item = &c->placement->items[i];
        const struct dv_layout    *y    = &item->layout;
        uint64_t group                  = (uint64_t)y->chunks * 128 + (uint64_t)y->blocks * 4 + 512;
        uint64_t least                  = y->chunks ? group : item->bytes + 256;
        largest                         = least > largest ? least : largest;
        all += item->bytes + 512 * (2 + item->bytes / c->unit_bytes);
        if (y->chunks && group > c->unit_bytes)
            all += item->bytes; /* a unit for each group */
    }
    uint64_t room = all < c->batch_bytes ? all : c->batch_bytes;
    return room > largest ? room : largest;
}

uint64_t dv_placement_staging(const struct dv_placement *pl)
{
    struct dv_cutter cutter = dv_cutter(pl, 0);
    return 2 * dv_cutter_room(&cutter);
}
