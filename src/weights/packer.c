/* SPDX-License-Identifier: MIT */
/* Packing on all cores, batch by batch. Where device memory is mapped, threads write into it; where
 * it is not, they write into one of two staging buffers while the device copies from the other.
 * What a batch is packed from is read into one buffer; the pages of the next batch are asked for
 * before, so that the disk works too.
 * A batch is made of units: some 8-row groups of one matrix, or one vector. */
#include <inttypes.h>
#include <string.h>

#include "base/stop.h"
#include "os/os.h"
#include "weights/loading.h"
#include "weights/reader.h"

#define BATCH_BYTES (UINT64_C(64) << 20) /* packed between two reports of progress */
#define UNIT_BYTES (UINT64_C(4) << 20)
#define MAX_UNITS 1024u
#define MIB(bytes) ((double)(bytes) / (1024.0 * 1024.0))

struct unit {
    struct dv_load_item *item;
    uint32_t             first, end;              /* groups; end 0: a vector */
    uint64_t             tile_bytes, scale_bytes; /* the latter with the padding at the end */
    unsigned char       *tiles, *scales;          /* where they are packed to */
    struct dv_reads      reads;
};

struct slot {
    struct dv_buffer   *staging;
    struct dv_commands *commands;
    uint64_t            value; /* of the stream, when its copies are done */
};

struct batch {
    struct unit units[MAX_UNITS];
    uint32_t    n;
    uint64_t    bytes, done; /* done: of its items' bytes */
    uint64_t    read_bytes;
};

struct packing {
    struct dv_loading *l;
    bool               staged;
    uint64_t           batch_bytes, unit_bytes;
    uint32_t           item, group; /* where the next unit begins */
    struct batch      *batches[2];  /* the one that is packed and the next */
    struct slot        slots[2];
    unsigned char     *stored; /* what the batch is packed from */
    uint64_t           stored_bytes;
    bool               release; /* files and weights do not fit into memory together */
};

static const struct dv_weight_info *info_of(const struct dv_loading   *l,
                                            const struct dv_load_item *item)
{
    return &l->w->placement.recipes[item->recipe];
}

/* ---- cutting into units ---- */

static uint64_t room_of(const struct unit *unit)
{
    return (unit->tile_bytes + unit->scale_bytes + 255) / 256 * 256;
}

static struct unit next_unit(const struct packing *p)
{
    struct dv_load_item         *item = &p->l->w->placement.items[p->item];
    const struct dv_weight_info *info = info_of(p->l, item);
    const struct dv_layout      *y    = &item->layout;
    if (info->kind == DV_WEIGHT_VECTOR)
        return (struct unit){ .item = item, .tile_bytes = item->bytes };
    uint64_t    tile = (uint64_t)y->chunks * 128, scale = (uint64_t)y->blocks * 4;
    uint32_t    groups = dv_layout_groups(y, info), left = groups - p->group;
    uint64_t    fit  = p->unit_bytes / (tile + scale);
    uint32_t    n    = fit == 0 ? 1 : fit < left ? (uint32_t)fit : left;
    struct unit unit = { .item        = item,
                         .first       = p->group,
                         .end         = p->group + n,
                         .tile_bytes  = n * tile,
                         .scale_bytes = n * scale };
    if (unit.end == groups)
        unit.scale_bytes = item->bytes - y->scales - unit.first * scale;
    return unit;
}

static void advance(struct packing *p, const struct unit *unit)
{
    const struct dv_load_item *item = unit->item;
    p->group                        = unit->end;
    if (unit->end == 0 || unit->end == dv_layout_groups(&item->layout, info_of(p->l, item))) {
        p->item++;
        p->group = 0;
    }
}

static void cut(struct packing *p, struct batch *batch)
{
    batch->n     = 0;
    batch->bytes = batch->done = batch->read_bytes = 0;
    while (p->item < p->l->w->placement.n_items && batch->n < MAX_UNITS) {
        struct unit unit = next_unit(p);
        if (batch->n > 0 && batch->bytes + room_of(&unit) > p->batch_bytes)
            break;
        advance(p, &unit);
        dv_reads_plan(&unit.reads, unit.item, info_of(p->l, unit.item), unit.first, unit.end,
                      &batch->read_bytes);
        dv_reads_announce(&unit.reads);
        batch->units[batch->n++] = unit;
        batch->bytes += room_of(&unit);
        batch->done += unit.tile_bytes + unit.scale_bytes;
    }
}

/* ---- packing one batch ---- */

struct work {
    const struct packing *p;
    struct batch         *batch;
};

static void pack_vector(const struct packing *p, const struct unit *unit,
                        const struct dv_layout_source *stored)
{
    const struct dv_load_item   *item = unit->item;
    const struct dv_weight_info *info = info_of(p->l, item);
    float                       *out  = (float *)(void *)unit->tiles;
    for (uint32_t k = 0; k < item->bytes / 4; k++)
        if (k >= info->cols)
            out[k] = 0.0f;
        else
            out[k] = stored->data ? dv_dtype_get(stored->dtype, stored->data, k)
                                  : dv_source_made_up(info, k);
}

static void pack_stored(const struct packing *p, const struct unit *unit,
                        const struct dv_layout_source *stored)
{
    const struct dv_load_item   *item = unit->item;
    const struct dv_weight_info *info = info_of(p->l, item);
    dv_layout_pack_parts(unit->tiles, unit->scales, &item->layout, info, stored, unit->first,
                         unit->end);
    atomic_fetch_add(&p->l->nan, dv_reads_count_nan(item, info, stored, unit->first, unit->end));
    atomic_fetch_add(&p->l->bad_scales,
                     dv_reads_count_bad_scales(item, info, stored, unit->first, unit->end));
}

static void pack_unit(void *user, uint32_t i)
{
    const struct work           *work = user;
    const struct packing        *p    = work->p;
    struct unit                 *unit = &work->batch->units[i];
    const struct dv_load_item   *item = unit->item;
    const struct dv_weight_info *info = info_of(p->l, item);
    struct dv_layout_source      stored[DV_MAX_PARTS];
    if (!dv_reads_fetch(stored, &unit->reads, p->l->w->placement.source.checkpoint, item, info,
                        p->stored))
        return; /* told by the thread that started all */
    if (unit->end == 0)
        pack_vector(p, unit, &stored[0]);
    else if (!item->parts[0].data)
        dv_layout_random(unit->tiles, unit->scales, &item->layout, info,
                         dv_source_seed(info, item->expert), unit->first, unit->end);
    else
        pack_stored(p, unit, stored);
    if (p->release)
        dv_reads_release(&unit->reads, p->l->w->placement.source.checkpoint);
}

/* In the item's place in device memory. */
static uint64_t tiles_at(const struct unit *unit)
{
    return unit->item->offset + (uint64_t)unit->first * unit->item->layout.chunks * 128;
}

static uint64_t scales_at(const struct unit *unit)
{
    const struct dv_layout *y = &unit->item->layout;
    return unit->item->offset + y->scales + (uint64_t)unit->first * y->blocks * 4;
}

static void set_places(const struct packing *p, struct batch *batch, const struct slot *slot)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < batch->n; i++) {
        struct unit *unit = &batch->units[i];
        if (p->staged) {
            unit->tiles  = (unsigned char *)slot->staging->mapped + at;
            unit->scales = unit->tiles + unit->tile_bytes;
            at += room_of(unit);
        } else {
            unsigned char *mapped = p->l->w->buffers[unit->item->buffer]->mapped;
            unit->tiles           = mapped + tiles_at(unit);
            unit->scales          = mapped + scales_at(unit);
        }
    }
}

static dsvk_status submit_copies(struct packing *p, const struct batch *batch, struct slot *slot)
{
    dsvk_status    status;
    unsigned char *base = slot->staging->mapped;
    TRY(dv_commands_begin(slot->commands));
    for (uint32_t i = 0; i < batch->n; i++) {
        const struct unit      *unit = &batch->units[i];
        const struct dv_buffer *to   = p->l->w->buffers[unit->item->buffer];
        dv_commands_copy(slot->commands, slot->staging, (uint64_t)(unit->tiles - base), to,
                         tiles_at(unit), unit->tile_bytes);
        if (unit->scale_bytes)
            dv_commands_copy(slot->commands, slot->staging, (uint64_t)(unit->scales - base), to,
                             scales_at(unit), unit->scale_bytes);
    }
    dv_commands_barrier_all(slot->commands);
    TRY(dv_commands_end(slot->commands));
    return dv_stream_submit(p->l->stream, slot->commands, &slot->value);
}

static dsvk_status make_room(struct packing *p, uint64_t bytes)
{
    if (bytes <= p->stored_bytes)
        return DSVK_OK;
    dv_free(p->l->ctx, p->stored);
    p->stored_bytes = 0;
    p->stored       = dv_alloc(p->l->ctx, bytes);
    if (!p->stored)
        return dv_fail(p->l->ctx, DSVK_NO_MEMORY,
                       "weights: no memory for reading %" PRIu64 " bytes at a time", bytes);
    p->stored_bytes = bytes;
    return DSVK_OK;
}

static dsvk_status check_reads(const struct packing *p, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->n; i++) {
        const struct unit *unit = &batch->units[i];
        char               name[256];
        if (!unit->reads.missing)
            continue;
        dv_weight_tensor_name(name, unit->reads.where, unit->item->expert);
        return dv_fail(p->l->ctx, DSVK_BAD_FILE,
                       "weights: %s: %" PRIu64 " bytes could not be read: its file has become "
                       "shorter, or the disk fails",
                       name, unit->reads.missing);
    }
    return DSVK_OK;
}

static dsvk_status pack_batch(struct packing *p, struct batch *batch, struct slot *slot)
{
    dsvk_status status = DSVK_OK;
    struct work work   = { p, batch };
    if (p->staged) /* the copies of two batches ago */
        TRY(dv_stream_wait(p->l->stream, slot->value, 0));
    TRY(make_room(p, batch->read_bytes));
    set_places(p, batch, slot);
    dv_parallel(0, batch->n, pack_unit, &work);
    TRY(check_reads(p, batch));
    return p->staged ? submit_copies(p, batch, slot) : status;
}

/* ---- all batches ---- */

static void choose_bytes(struct packing *p)
{
    p->batch_bytes = p->l->batch_bytes;
    if (p->batch_bytes == 0)
        p->batch_bytes = BATCH_BYTES;
    p->unit_bytes = p->batch_bytes < 4 * UNIT_BYTES ? p->batch_bytes / 4 + 1 : UNIT_BYTES;
}

/* Bytes that the largest batch takes: one unit may be more than a batch should be, and all of a
 * small model is less. */
static uint64_t staging_room(const struct dv_placement *pl, uint64_t batch_bytes,
                             uint64_t unit_bytes)
{
    uint64_t all = 0, largest = 0;
    for (uint32_t i = 0; i < pl->n_items; i++) {
        const struct dv_load_item *item = &pl->items[i];
        const struct dv_layout    *y    = &item->layout;
        uint64_t group                  = (uint64_t)y->chunks * 128 + (uint64_t)y->blocks * 4 + 512;
        uint64_t least                  = y->chunks ? group : item->bytes + 256;
        largest                         = least > largest ? least : largest;
        all += item->bytes + 512 * (2 + item->bytes / unit_bytes);
        if (y->chunks && group > unit_bytes)
            all += item->bytes; /* a unit for each group */
    }
    uint64_t room = all < batch_bytes ? all : batch_bytes;
    return room > largest ? room : largest;
}

uint64_t dv_placement_staging(const struct dv_placement *pl)
{
    return 2 * staging_room(pl, BATCH_BYTES, UNIT_BYTES);
}

/* Whether the pages of the files could not stay anyway. Where they can, the next start finds them
 * in memory. */
static bool fills_memory(const struct packing *p)
{
    const struct dv_checkpoint *checkpoint = p->l->w->placement.source.checkpoint;
    uint64_t                    weights    = p->staged ? 0 : p->l->w->bytes;
    return checkpoint && dv_checkpoint_bytes(checkpoint) + weights > dv_host_memory_size();
}

static dsvk_status prepare(struct packing *p)
{
    dsvk_status       status;
    struct dv_device *dev = p->l->w->dev;
    for (uint32_t i = 0; i < 2; i++) {
        p->batches[i] = dv_zalloc(p->l->ctx, sizeof *p->batches[i]);
        if (!p->batches[i])
            return dv_fail(p->l->ctx, DSVK_NO_MEMORY, "weights: no memory for a list of parts");
    }
    for (uint32_t b = 0; b < p->l->w->placement.n_buffers; b++)
        p->staged |= p->l->w->buffers[b]->mapped == NULL;
    uint64_t room = staging_room(&p->l->w->placement, p->batch_bytes, p->unit_bytes);
    for (uint32_t i = 0; p->staged && i < 2; i++) {
        TRY(dv_buffer_new(&p->slots[i].staging, dev, room, DV_MEMORY_UPLOAD, "staging"));
        TRY(dv_commands_new(&p->slots[i].commands, dev));
    }
    return DSVK_OK;
}

static void clean_up(struct packing *p)
{
    struct dv_stream *stream = p->l->stream;
    /* What is still copied must end before its memory goes; a lost device has nothing running. */
    if (p->staged && stream->completed < stream->submitted && !stream->dev->lost)
        dv_stream_wait(stream, stream->submitted, 0);
    dv_free(p->l->ctx, p->stored);
    for (uint32_t i = 0; i < 2; i++) {
        dv_free(p->l->ctx, p->batches[i]);
        dv_commands_free(p->slots[i].commands);
        dv_buffer_free(p->slots[i].staging);
    }
}

static dsvk_status go_on(const struct packing *p, const dsvk_progress *progress, uint64_t done)
{
    if (dv_goes_on(progress, done, p->l->total) || done == p->l->total)
        return DSVK_OK;
    return dv_fail(p->l->ctx, DSVK_CANCELLED, "loading was cancelled");
}

static dsvk_status pack_all(struct packing *p, const dsvk_progress *progress)
{
    dsvk_status status;
    uint64_t    done = 0;
    uint32_t    k    = 0;
    TRY(go_on(p, progress, 0));
    for (cut(p, p->batches[0]); p->batches[k]->n > 0; k = !k) {
        cut(p, p->batches[!k]);
        TRY(pack_batch(p, p->batches[k], &p->slots[k]));
        done += p->batches[k]->done;
        if (p->batches[!k]->n > 0)
            TRY(go_on(p, progress, done));
    }
    if (p->staged)
        TRY(dv_stream_wait(p->l->stream, p->l->stream->submitted, 0));
    return go_on(p, progress, p->l->w->bytes);
}

dsvk_status dv_loading_pack(struct dv_loading *l, const dsvk_progress *progress)
{
    dsvk_status    status;
    struct packing p = { .l = l };
    choose_bytes(&p);
    status    = prepare(&p);
    p.release = fills_memory(&p);
    if (status == DSVK_OK)
        status = pack_all(&p, progress);
    clean_up(&p);
    unsigned long long bad = atomic_load(&l->bad_scales);
    if (status == DSVK_OK && bad > 0)
        return dv_fail(l->ctx, DSVK_BAD_FILE,
                       "weights: %llu scales of INT4 or FP4 weights are negative, infinite or not "
                       "numbers",
                       bad);
    unsigned long long nan = atomic_load(&l->nan);
    if (status == DSVK_OK && nan > 0)
        dv_log(l->ctx, DSVK_LOG_WARN, "weights: %llu FP8 values are not numbers (taken as 480)",
               nan);
    return status;
}
