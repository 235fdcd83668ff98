/* SPDX-License-Identifier: MIT */
/* Packing on all cores, batch by batch. Where device memory is mapped, threads write into it; where
 * it is not, they write into one of two staging buffers while the device copies from the other.
 * What a batch is packed from is read into one buffer; the pages of the next batch are asked for
 * before, so that the disk works too. Where units.c cuts a batch changes no byte. */
#include <inttypes.h>
#include <string.h>

#include "base/stop.h"
#include "os/os.h"
#include "weights/loading.h"
#include "weights/units.h"

struct slot {
    struct dv_buffer   *staging;
    struct dv_commands *commands;
    uint64_t            value; /* of the stream, when its copies are done */
};

struct packing {
    struct dv_loading *l;
    bool               staged;
    struct dv_cutter   cutter;
    struct dv_batch   *batches[2]; /* the one that is packed and the next */
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

/* ---- packing one batch ---- */

struct work {
    const struct packing *p;
    struct dv_batch      *batch;
};

static void pack_vector(const struct packing *p, const struct dv_unit *unit,
                        const struct dv_layout_source *stored)
{
    const struct dv_load_item   *item = unit->item;
    const struct dv_weight_info *info = info_of(p->l, item);
    float                       *out  = (float *)(void *)unit->to.tiles;
    for (uint32_t k = 0; k < item->bytes / 4; k++)
        if (k >= info->cols)
            out[k] = 0.0f;
        else
            out[k] = stored->data ? dv_dtype_get(stored->dtype, stored->data, k)
                                  : dv_source_made_up(info, k);
}

static void pack_stored(const struct packing *p, const struct dv_unit *unit,
                        const struct dv_layout_source *stored)
{
    const struct dv_load_item   *item = unit->item;
    const struct dv_weight_info *info = info_of(p->l, item);
    dv_layout_pack_groups(unit->to, &item->layout, info, stored, unit->groups);
    atomic_fetch_add(&p->l->nan, dv_reads_count_nan(item, info, stored, unit->groups));
    atomic_fetch_add(&p->l->bad_scales,
                     dv_reads_count_bad_scales(item, info, stored, unit->groups));
}

static void pack_unit(void *user, uint32_t i)
{
    const struct work           *work = user;
    const struct packing        *p    = work->p;
    struct dv_unit              *unit = &work->batch->units[i];
    const struct dv_load_item   *item = unit->item;
    const struct dv_weight_info *info = info_of(p->l, item);
    struct dv_layout_source      stored[DV_MAX_PARTS];
    if (!dv_reads_fetch(stored, &unit->reads, p->l->w->placement.source.checkpoint, item, info,
                        p->stored))
        return; /* the starting thread reports it */
    if (unit->groups.end == 0)
        pack_vector(p, unit, &stored[0]);
    else if (!item->parts[0].data)
        dv_layout_random(unit->to, &item->layout, info, dv_source_seed(info, item->expert),
                         unit->groups);
    else
        pack_stored(p, unit, stored);
    if (p->release)
        dv_reads_release(&unit->reads, p->l->w->placement.source.checkpoint);
}

static void set_places(const struct packing *p, struct dv_batch *batch, const struct slot *slot)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < batch->n; i++) {
        struct dv_unit *unit = &batch->units[i];
        if (p->staged) {
            unit->to.tiles  = (unsigned char *)slot->staging->mapped + at;
            unit->to.scales = unit->to.tiles + unit->tile_bytes;
            at += dv_unit_room(unit);
        } else {
            unsigned char *mapped = p->l->w->buffers[unit->item->buffer]->mapped;
            unit->to.tiles        = mapped + dv_unit_tiles_at(unit);
            unit->to.scales       = mapped + dv_unit_scales_at(unit);
        }
    }
}

static dsvk_status submit_copies(struct packing *p, const struct dv_batch *batch, struct slot *slot)
{
    dsvk_status    status;
    unsigned char *base = slot->staging->mapped;
    TRY(dv_commands_begin(slot->commands));
    for (uint32_t i = 0; i < batch->n; i++) {
        const struct dv_unit   *unit = &batch->units[i];
        const struct dv_buffer *to   = p->l->w->buffers[unit->item->buffer];
        dv_commands_copy(slot->commands, slot->staging, (uint64_t)(unit->to.tiles - base), to,
                         dv_unit_tiles_at(unit), unit->tile_bytes);
        if (unit->scale_bytes)
            dv_commands_copy(slot->commands, slot->staging, (uint64_t)(unit->to.scales - base), to,
                             dv_unit_scales_at(unit), unit->scale_bytes);
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

static dsvk_status check_reads(const struct packing *p, const struct dv_batch *batch)
{
    for (uint32_t i = 0; i < batch->n; i++) {
        const struct dv_unit *unit = &batch->units[i];
        char                  name[256];
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

static dsvk_status pack_batch(struct packing *p, struct dv_batch *batch, struct slot *slot)
{
    dsvk_status status = DSVK_OK;
    struct work work   = { p, batch };
    if (p->staged) /* the copies of two batches ago */
        TRY(dv_stream_wait(p->l->stream, slot->value, 0));
    if (p->l->w->placement.source.checkpoint)
        TRY(make_room(p, batch->read_bytes));
    set_places(p, batch, slot);
    dv_parallel(0, batch->n, pack_unit, &work);
    TRY(check_reads(p, batch));
    return p->staged ? submit_copies(p, batch, slot) : status;
}

/* ---- all batches ---- */

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
    uint64_t room = dv_cutter_room(&p->cutter);
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
    for (dv_cutter_next(&p->cutter, p->batches[0]); p->batches[k]->n > 0; k = !k) {
        dv_cutter_next(&p->cutter, p->batches[!k]);
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
    struct packing p = { .l = l, .cutter = dv_cutter(&l->w->placement, l->batch_bytes) };
    status           = prepare(&p);
    p.release        = fills_memory(&p);
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
