/* SPDX-License-Identifier: MIT */
/* The memory of the tiers: slots on the device, pieces on the host. */
#include "experts/experts.h"

#define MIB(bytes) ((double)(bytes) / (1024.0 * 1024.0))

/* Buffers for n slots or pieces, as few as the limit allows; one slot may be more than that. */
static dsvk_status make_buffers(struct dv_buffer ***buffers, uint32_t *n_buffers,
                                struct dv_experts *x, uint32_t n, enum dv_memory kind)
{
    dsvk_status status;
    uint64_t    most = dv_caps_buffer_bytes(&x->dev->caps);
    x->per_buffer    = most > x->slot_bytes ? (uint32_t)(most / x->slot_bytes) : 1;
    *buffers         = dv_zalloc_array(x->ctx, n / x->per_buffer + 1, sizeof **buffers);
    if (!*buffers)
        return dv_fail(x->ctx, DSVK_NO_MEMORY, "experts: no memory for their buffers");
    for (uint32_t done = 0; done < n; done += x->per_buffer) {
        uint32_t here = n - done < x->per_buffer ? n - done : x->per_buffer;
        TRY(dv_buffer_new(&(*buffers)[*n_buffers], x->dev, here * x->slot_bytes, kind, "experts"));
        ++*n_buffers;
    }
    return DSVK_OK;
}

static void free_buffers(struct dv_experts *x, struct dv_buffer ***buffers, uint32_t *n_buffers)
{
    for (uint32_t i = 0; i < *n_buffers; i++)
        dv_buffer_free((*buffers)[i]);
    dv_free(x->ctx, *buffers);
    *n_buffers = 0;
    *buffers   = NULL;
}

static dsvk_status make_slots(struct dv_experts *x)
{
    dsvk_status status;
    TRY(make_buffers(&x->buffers, &x->n_buffers, x, dv_experts_slots(x), DV_MEMORY_RAW));
    x->mapped = true;
    for (uint32_t i = 0; i < x->n_buffers; i++)
        x->mapped &= x->buffers[i]->mapped != NULL;
    return DSVK_OK;
}

static dsvk_status no_pieces(const struct dv_experts *x, uint32_t n)
{
    return dv_fail(x->ctx, DSVK_NO_MEMORY, "experts: no %.0f MiB of host memory for %u experts",
                   MIB(n * x->slot_bytes), n);
}

/* Pieces that the device can read: those of the host, and one more to exchange experts. Not where
 * they would take most of the heap: drivers need some of it. */
static dsvk_status make_shared_pieces(struct dv_experts *x, uint32_t n)
{
    dsvk_status status = DSVK_NO_VRAM;
    uint64_t    heap   = x->dev->memory.memoryHeaps[x->dev->caps.host_heap].size;
    uint64_t    bytes  = (n + 1) * x->slot_bytes;
    if (bytes <= heap - heap / 8)
        status = make_buffers(&x->host_buffers, &x->n_host_buffers, x, n + 1, DV_MEMORY_HOST);
    x->in_place = status == DSVK_OK;
    for (uint32_t i = 0; x->in_place && i <= n; i++) {
        const struct dv_buffer *buffer = x->host_buffers[i / x->per_buffer];
        uint64_t                offset = i % x->per_buffer * x->slot_bytes;
        *(i < n ? &x->host[i] : &x->spare[0]) =
            (struct dv_expert_piece){ .data    = (unsigned char *)buffer->mapped + offset,
                                      .address = buffer->address + offset };
    }
    if (status != DSVK_NO_VRAM)
        return status;
    free_buffers(x, &x->host_buffers, &x->n_host_buffers);
    dv_log(x->ctx, DSVK_LOG_INFO,
           "experts: the device cannot read %.0f MiB of host memory: those in it are copied when "
           "they are used",
           MIB(bytes));
    return DSVK_OK;
}

static dsvk_status make_pieces(struct dv_experts *x)
{
    dsvk_status status;
    uint32_t    n_host = x->residency.n_slots[DV_TIER_HOST], n_spare = x->store.n_raw;
    x->host  = dv_zalloc_array(x->ctx, n_host + 1, sizeof *x->host);
    x->spare = dv_zalloc_array(x->ctx, n_spare, sizeof *x->spare);
    if (!x->host || !x->spare)
        return dv_fail(x->ctx, DSVK_NO_MEMORY, "experts: no memory for a list of %u", n_host);
    if (x->mapped) /* one to exchange experts */
        n_spare = n_host > 0;
    if (n_host > 0)
        TRY(make_shared_pieces(x, n_host));
    for (uint32_t i = x->in_place; i < n_spare; i++)
        if (!(x->spare[i].data = dv_alloc(x->ctx, x->slot_bytes)))
            return no_pieces(x, n_host);
    for (uint32_t i = 0; i < n_host && !x->in_place; i++)
        if (!(x->host[i].data = dv_alloc(x->ctx, x->slot_bytes)))
            return no_pieces(x, n_host);
    return DSVK_OK;
}

dsvk_status dv_experts_make_memory(struct dv_experts *x)
{
    dsvk_status status;
    TRY(make_slots(x));
    return make_pieces(x);
}

void dv_experts_free_memory(struct dv_experts *x)
{
    for (uint32_t i = 0; x->host && i < x->residency.n_slots[DV_TIER_HOST]; i++)
        if (!x->host[i].address)
            dv_free(x->ctx, x->host[i].data);
    for (uint32_t i = 0; x->spare && i < x->store.n_raw; i++)
        if (!x->spare[i].address)
            dv_free(x->ctx, x->spare[i].data);
    free_buffers(x, &x->buffers, &x->n_buffers);
    free_buffers(x, &x->host_buffers, &x->n_host_buffers);
    dv_free(x->ctx, x->host);
    dv_free(x->ctx, x->spare);
}
