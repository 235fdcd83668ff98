/* SPDX-License-Identifier: MIT */
/* Brings experts that are in no memory from the checkpoint's files: reads on all cores, then
 * packs. Files are read, never mapped, so that no page stays and a shortened file is a failure. */
#include "experts/store.h"

#include <inttypes.h>

/* For what is read at a time: more would take memory that experts can use. */
#define MOST_RAW_BYTES (UINT64_C(256) << 20)
#define ALIGN 64u /* of a tensor among raw bytes */

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* With room between the tensors, or as they are stored. */
static uint64_t bytes_of(const struct dv_expert_layer *layer, uint32_t expert, bool room)
{
    uint64_t bytes = 0;
    for (uint32_t k = 0; k < layer->n_parts; k++) {
        const struct dv_load_item *item = &layer->parts[k].items[expert];
        for (uint32_t p = 0; p < layer->parts[k].info->n_parts; p++) {
            const struct dv_layout_source *part   = &item->parts[p];
            uint64_t                       values = dv_layout_value_bytes(part, part->rows);
            uint64_t                       scales = dv_layout_scale_bytes(part, part->rows);
            bytes += room ? aligned(values) + aligned(scales) : values + scales;
        }
    }
    return bytes;
}

uint64_t dv_expert_stored_bytes(const struct dv_expert_layer *layer, uint32_t expert)
{
    return bytes_of(layer, expert, false);
}

/* ---- making ---- */

static dsvk_status make_room(struct dv_expert_store *s)
{
    uint32_t n = 2 * dv_processor_count();
    if (n > DV_EXPERT_READS)
        n = DV_EXPERT_READS;
    while (n > 1 && n * s->raw_bytes > MOST_RAW_BYTES)
        n--;
    s->raw = dv_zalloc_array(s->ctx, n, sizeof *s->raw);
    for (; s->raw && s->n_raw < n; s->n_raw++) {
        s->raw[s->n_raw] = dv_alloc(s->ctx, s->raw_bytes);
        if (!s->raw[s->n_raw])
            break;
    }
    if (!s->raw || s->n_raw < n)
        return dv_fail(s->ctx, DSVK_NO_MEMORY,
                       "experts: no memory for reading %u of %" PRIu64 " bytes", n, s->raw_bytes);
    return DSVK_OK;
}

dsvk_status dv_expert_store_init(struct dv_expert_store       *store,
                                 const struct dv_expert_layer *layers, uint32_t n_layers)
{
    const struct dv_checkpoint *checkpoint = store->source.checkpoint;
    store->raw_bytes                       = ALIGN;
    atomic_init(&store->nan, 0);
    for (uint32_t i = 0; checkpoint && i < n_layers; i++)
        for (uint32_t e = 0; e < layers[i].parts[0].info->experts; e++) {
            uint64_t bytes = bytes_of(&layers[i], e, true);
            if (bytes > store->raw_bytes)
                store->raw_bytes = bytes;
        }
    return make_room(store);
}

void dv_expert_store_done(struct dv_expert_store *store)
{
    for (uint32_t i = 0; i < store->n_raw; i++)
        dv_free(store->ctx, store->raw[i]);
    dv_free(store->ctx, store->raw);
}

/* ---- reading ---- */

/* What went wrong, told by the thread that started all: those that read say nothing. */
struct trouble {
    bool     any;
    uint32_t shard;
    uint64_t offset, wanted, got;
    uint64_t bad_scales; /* of INT4 and FP4 */
};

struct reading {
    struct dv_expert_store      *store;
    const struct dv_expert_read *reads;
    struct trouble               trouble[DV_EXPERT_READS * DV_EXPERT_PARTS];
};

/* Reads what lies at `data` of a map to `to`; where it now is. */
static const unsigned char *fetch(const struct dv_expert_store *s, struct trouble *trouble,
                                  const unsigned char *data, uint64_t bytes, unsigned char *to)
{
    uint64_t got = dv_checkpoint_read(s->source.checkpoint, to, data, bytes);
    if (got < bytes && !trouble->any) {
        *trouble = (struct trouble){ .any = true, .wanted = bytes, .got = got };
        dv_checkpoint_locate(s->source.checkpoint, data, &trouble->shard, &trouble->offset);
    }
    return to;
}

void dv_expert_store_announce(const struct dv_expert_store *store,
                              const struct dv_expert_layer *layer, uint32_t expert)
{
    for (uint32_t k = 0; store->source.checkpoint && k < layer->n_parts; k++) {
        const struct dv_load_item *item = &layer->parts[k].items[expert];
        for (uint32_t p = 0; p < layer->parts[k].info->n_parts; p++) {
            const struct dv_layout_source *part = &item->parts[p];
            dv_memory_will_need(part->data, dv_layout_value_bytes(part, part->rows));
            if (part->scale)
                dv_memory_will_need(part->scale, dv_layout_scale_bytes(part, part->rows));
        }
    }
}

/* Where the parts of matrix k begin among the raw bytes of an expert. */
static unsigned char *raw_of(const struct reading *r, uint32_t i, uint32_t k)
{
    const struct dv_expert_layer *layer  = r->reads[i].layer;
    struct dv_expert_layer        before = *layer;
    before.n_parts                       = k;
    return r->store->raw[i] + bytes_of(&before, r->reads[i].expert, true);
}

/* Work i: matrix i % DV_EXPERT_PARTS of an expert. */
static void read_matrix(void *user, uint32_t i)
{
    struct reading               *r     = user;
    struct dv_expert_store       *s     = r->store;
    const struct dv_expert_read  *read  = &r->reads[i / DV_EXPERT_PARTS];
    uint32_t                      k     = i % DV_EXPERT_PARTS;
    const struct dv_expert_layer *layer = read->layer;
    struct dv_layout_source       parts[DV_MAX_PARTS];
    if (k >= layer->n_parts)
        return;
    const struct dv_weight_info *info = layer->parts[k].info;
    const struct dv_load_item   *item = &layer->parts[k].items[read->expert];
    unsigned char               *to   = read->to + layer->parts[k].offset;
    unsigned char               *raw  = raw_of(r, i / DV_EXPERT_PARTS, k);
    if (!s->source.checkpoint) {
        struct dv_groups all = { 0, dv_layout_groups(&item->layout, info) };
        dv_layout_random(dv_layout_at(to, &item->layout, 0), &item->layout, info,
                         dv_source_seed(info, read->expert), all);
        return;
    }
    for (uint32_t p = 0; p < info->n_parts; p++) {
        const struct dv_layout_source *part   = &item->parts[p];
        uint64_t                       values = dv_layout_value_bytes(part, part->rows);
        uint64_t                       scales = dv_layout_scale_bytes(part, part->rows);
        parts[p]                              = *part;
        parts[p].data                         = fetch(s, &r->trouble[i], part->data, values, raw);
        raw += aligned(values);
        if (part->scale)
            parts[p].scale = fetch(s, &r->trouble[i], part->scale, scales, raw);
        raw += aligned(scales);
    }
    if (r->trouble[i].any)
        return;
    for (uint32_t p = 0; p < info->n_parts; p++)
        r->trouble[i].bad_scales += dv_layout_count_bad_scales(&parts[p], 0, parts[p].rows);
    for (uint32_t p = 0; s->count_nan && p < info->n_parts; p++)
        atomic_fetch_add(&s->nan, dv_layout_count_nan(&parts[p]));
    dv_layout_pack(to, &item->layout, info, parts);
}

dsvk_status dv_expert_store_read(struct dv_expert_store *store, const struct dv_expert_read *reads,
                                 uint32_t n)
{
    struct reading r = { .store = store, .reads = reads };
    dv_parallel(0, n * DV_EXPERT_PARTS, read_matrix, &r);
    for (uint32_t i = 0; i < n * DV_EXPERT_PARTS; i++) {
        const struct trouble *t = &r.trouble[i];
        if (t->any)
            return dv_fail(store->ctx, DSVK_BAD_FILE,
                           "experts: %s/%s: read ended after %" PRIu64 " of %" PRIu64
                           " bytes at %" PRIu64 ", for expert %u of layer %u",
                           dv_checkpoint_folder(store->source.checkpoint),
                           dv_checkpoint_shard(store->source.checkpoint, t->shard), t->got,
                           t->wanted, t->offset, reads[i / DV_EXPERT_PARTS].expert,
                           reads[i / DV_EXPERT_PARTS].layer->layer);
        if (t->bad_scales)
            return dv_fail(store->ctx, DSVK_BAD_FILE,
                           "experts: %" PRIu64 " scales of expert %u of layer %u are negative, "
                           "infinite or not numbers",
                           t->bad_scales, reads[i / DV_EXPERT_PARTS].expert,
                           reads[i / DV_EXPERT_PARTS].layer->layer);
    }
    return DSVK_OK;
}
