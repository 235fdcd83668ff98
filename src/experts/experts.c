/* SPDX-License-Identifier: MIT */
/* Brings the experts of a pass to where kernels read them. */
#include "experts/experts.h"

#include <string.h>

static uint32_t layer_index(const struct dv_experts *x, uint32_t layer)
{
    uint32_t i = 0;
    while (i + 1 < x->n_layers && x->layers[i].layer != layer)
        i++;
    return i;
}

uint32_t dv_experts_slots(const struct dv_experts *x)
{
    return x->residency.n_slots[DV_TIER_DEVICE];
}

uint64_t dv_experts_device_bytes(const struct dv_experts *x)
{
    return (x->tables ? x->tables->bytes : 0) + dv_experts_slots(x) * x->slot_bytes;
}

uint64_t dv_experts_host_bytes(const struct dv_experts *x)
{
    return x->residency.n_slots[DV_TIER_HOST] * x->slot_bytes;
}

/* ---- slots ---- */

static struct dv_buffer *buffer_of(const struct dv_experts *x, uint32_t slot, uint64_t *offset)
{
    *offset = slot % x->per_buffer * x->slot_bytes;
    return x->buffers[slot / x->per_buffer];
}

unsigned char *dv_experts_mapped(const struct dv_experts *x, uint32_t slot)
{
    uint64_t          offset;
    struct dv_buffer *buffer = buffer_of(x, slot, &offset);
    return (unsigned char *)buffer->mapped + offset;
}

dsvk_status dv_experts_upload(struct dv_experts *x, uint32_t slot, const unsigned char *from)
{
    uint64_t          offset;
    struct dv_buffer *buffer = buffer_of(x, slot, &offset);
    return dv_stream_upload(x->stream, buffer, offset, from, x->slot_bytes);
}

static dsvk_status download(struct dv_experts *x, uint32_t slot, unsigned char *to)
{
    uint64_t          offset;
    struct dv_buffer *buffer = buffer_of(x, slot, &offset);
    return dv_stream_download(x->stream, to, buffer, offset, x->slot_bytes);
}

void dv_experts_publish(struct dv_experts *x, uint32_t expert)
{
    const struct dv_expert_layer *layer = &x->layers[expert / x->n_experts];
    const struct dv_resident     *e     = &x->residency.experts[expert];
    uint32_t                      id    = expert % x->n_experts;
    uint64_t                      base, offset;
    if (e->slot[DV_TIER_DEVICE] != DV_NOWHERE)
        base = buffer_of(x, e->slot[DV_TIER_DEVICE], &offset)->address + offset;
    else
        base = x->host[e->slot[DV_TIER_HOST]].address;
    for (uint32_t k = 0; k < layer->n_parts; k++) {
        uint64_t address = base + layer->parts[k].offset;
        memcpy((unsigned char *)x->tables->mapped + layer->parts[k].table + id * 8, &address, 8);
    }
}

/* ---- one expert ---- */

static void arrived(struct dv_experts *x, uint32_t slot, uint32_t expert)
{
    dv_residency_place(&x->residency, DV_TIER_DEVICE, slot, expert);
    x->residency.slots[DV_TIER_DEVICE][slot].pinned = true;
    dv_experts_publish(x, expert);
}

/* Exchanges an expert of the host's for the one in `slot`, if there is one. */
static dsvk_status swap_in(struct dv_experts *x, uint32_t slot, uint32_t expert)
{
    dsvk_status          status;
    struct dv_residency *r    = &x->residency;
    uint32_t             from = r->experts[expert].slot[DV_TIER_HOST];
    uint32_t             old  = r->slots[DV_TIER_DEVICE][slot].expert;
    if (old != DV_NOWHERE)
        TRY(download(x, slot, x->spare[0].data));
    dv_residency_empty(r, DV_TIER_DEVICE, slot);
    TRY(dv_experts_upload(x, slot, x->host[from].data));
    dv_residency_empty(r, DV_TIER_HOST, from);
    if (old != DV_NOWHERE) {
        struct dv_expert_piece piece = x->host[from];
        x->host[from]                = x->spare[0];
        x->spare[0]                  = piece;
        dv_residency_place(r, DV_TIER_HOST, from, old);
    }
    arrived(x, slot, expert);
    return DSVK_OK;
}

/* Empties a slot; its expert goes to the host where there is room, or one that is wanted later. */
static dsvk_status make_room(struct dv_experts *x, uint32_t slot, uint32_t layer)
{
    dsvk_status          status;
    struct dv_residency *r   = &x->residency;
    uint32_t             old = r->slots[DV_TIER_DEVICE][slot].expert;
    uint32_t             to  = dv_residency_victim(r, DV_TIER_HOST, layer);
    if (old != DV_NOWHERE && to != DV_NOWHERE) {
        uint32_t other = r->slots[DV_TIER_HOST][to].expert;
        if (other == DV_NOWHERE ||
            dv_residency_wait(r, other, layer) > dv_residency_wait(r, old, layer)) {
            dv_residency_empty(r, DV_TIER_HOST, to);
            TRY(download(x, slot, x->host[to].data));
            dv_residency_place(r, DV_TIER_HOST, to, old);
        }
    }
    dv_residency_empty(r, DV_TIER_DEVICE, slot);
    return DSVK_OK;
}

/* ---- several ---- */

/* Experts that are read at a time. */
struct batch {
    struct dv_expert_read reads[DV_EXPERT_READS];
    uint32_t              slots[DV_EXPERT_READS], experts[DV_EXPERT_READS], n;
};

static dsvk_status read_batch(struct dv_experts *x, struct batch *b)
{
    dsvk_status status = DSVK_OK;
    if (b->n > 0)
        status = dv_expert_store_read(&x->store, b->reads, b->n);
    for (uint32_t i = 0; i < b->n; i++) {
        /* Its slot was only held for it. */
        x->residency.slots[DV_TIER_DEVICE][b->slots[i]].pinned = false;
        if (status == DSVK_OK && !x->mapped)
            status = dv_experts_upload(x, b->slots[i], b->reads[i].to);
        if (status != DSVK_OK)
            continue;
        arrived(x, b->slots[i], b->experts[i]);
        x->stats.from_disk++;
        x->stats.disk_bytes += dv_expert_stored_bytes(b->reads[i].layer, b->reads[i].expert);
    }
    b->n = 0;
    return status;
}

static dsvk_status add_read(struct dv_experts *x, struct batch *b, uint32_t slot, uint32_t expert)
{
    dsvk_status status;
    TRY(make_room(x, slot, expert / x->n_experts));
    x->residency.slots[DV_TIER_DEVICE][slot].pinned = true;
    b->slots[b->n]                                  = slot;
    b->experts[b->n]                                = expert;
    struct dv_expert_read *read                     = &b->reads[b->n];
    read->layer                                     = &x->layers[expert / x->n_experts];
    read->expert                                    = expert % x->n_experts;
    read->to = x->mapped ? dv_experts_mapped(x, slot) : x->spare[b->n].data;
    b->n++;
    return b->n == x->store.n_raw ? read_batch(x, b) : DSVK_OK;
}

static dsvk_status bring_missing(struct dv_experts *x, struct batch *b, uint32_t expert, bool few)
{
    dsvk_status          status;
    struct dv_residency *r    = &x->residency;
    uint32_t             slot = dv_residency_victim(r, DV_TIER_DEVICE, expert / x->n_experts);
    if (slot == DV_NOWHERE)
        return dv_fail(x->ctx, DSVK_NO_VRAM, "experts: all %u slots are in use",
                       dv_experts_slots(x));
    if (r->experts[expert].slot[DV_TIER_HOST] == DV_NOWHERE)
        return add_read(x, b, slot, expert);
    x->stats.from_host++;
    x->stats.host_bytes += x->slot_bytes;
    if (few && x->in_place && !dv_residency_pays(r, expert, slot)) {
        dv_experts_publish(x, expert);
        return DSVK_OK;
    }
    TRY(read_batch(x, b)); /* the spare pieces are in use */
    return swap_in(x, slot, expert);
}

void dv_experts_want(struct dv_experts *x, uint32_t layer, const uint32_t *ids, uint32_t n)
{
    uint32_t l = layer_index(x, layer);
    dv_residency_count(&x->residency, l, ids, n);
    for (uint32_t i = 0; i < n; i++)
        x->stats.hits += dv_experts_tier(x, layer, ids[i]) == DV_TIER_DEVICE;
}

enum dv_tier dv_experts_tier(const struct dv_experts *x, uint32_t layer, uint32_t id)
{
    const struct dv_resident *e = &x->residency.experts[layer_index(x, layer) * x->n_experts + id];
    return e->slot[DV_TIER_DEVICE] != DV_NOWHERE ? DV_TIER_DEVICE
           : e->slot[DV_TIER_HOST] != DV_NOWHERE ? DV_TIER_HOST
                                                 : DV_TIER_DISK;
}

/* Announces those of ids[*next .. end-1] that are on the disk. */
static void announce(struct dv_experts *x, uint32_t layer, const uint32_t *ids, uint32_t *next,
                     uint32_t end)
{
    for (; *next < end; ++*next)
        if (dv_experts_tier(x, layer, ids[*next]) == DV_TIER_DISK)
            dv_expert_store_announce(&x->store, &x->layers[layer_index(x, layer)], ids[*next]);
}

dsvk_status dv_experts_bring(struct dv_experts *x, uint32_t layer, const uint32_t *ids, uint32_t n,
                             bool few)
{
    dsvk_status          status;
    struct dv_residency *r     = &x->residency;
    uint32_t             first = layer_index(x, layer) * x->n_experts, missing = 0, next = 0;
    struct batch         batch = { .n = 0 };
    uint64_t             start = dv_time_ns();
    dv_residency_unpin(r);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t slot = r->experts[first + ids[i]].slot[DV_TIER_DEVICE];
        uint32_t host = r->experts[first + ids[i]].slot[DV_TIER_HOST];
        if (slot != DV_NOWHERE)
            r->slots[DV_TIER_DEVICE][slot].pinned = true;
        else
            missing++;
        if (host != DV_NOWHERE)
            r->slots[DV_TIER_HOST][host].pinned = true;
    }
    if (missing == 0)
        return DSVK_OK;
    TRY(dv_stream_wait(x->stream, x->stream->submitted, 0));
    for (uint32_t i = 0; i < n && status == DSVK_OK; i++) {
        uint32_t ahead = i + 2 * x->store.n_raw; /* those that are read, and as many again */
        announce(x, layer, ids, &next, ahead < n ? ahead : n);
        if (r->experts[first + ids[i]].slot[DV_TIER_DEVICE] == DV_NOWHERE)
            status = bring_missing(x, &batch, first + ids[i], few);
    }
    if (status == DSVK_OK)
        status = read_batch(x, &batch);
    x->stats.seconds += (double)(dv_time_ns() - start) * 1e-9;
    return status;
}
