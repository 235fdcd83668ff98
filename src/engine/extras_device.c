/* SPDX-License-Identifier: MIT */
/* Biases, penalties and masks where the device chooses, and what it tells for log-probabilities.
 * What argmax reads lies in two buffers of the session: a block that the host writes in place, and
 * tables over all tokens. The tables are written when the session begins to decode; from then on
 * argmax counts the tokens that it finds, so that passes queue ahead. */
#include "engine/session.h"

#include <string.h>

#include "base/size.h"

#define GROUP 4u /* words; kernels read whole ones */

/* Byte offsets of the tables. */
struct places {
    uint64_t counts, window, end;
};

static struct places places_of(const struct dv_session *s)
{
    uint64_t      each = dv_ceil_div(s->setup.choices, GROUP) * GROUP * sizeof(uint32_t);
    struct places p    = { each, 2 * each, 0 };
    p.end              = p.window + s->setup.context * sizeof(uint32_t);
    return p;
}

static uint64_t mask_bytes(const struct dv_session *s)
{
    return dv_ceil_div(s->setup.choices, 32) * sizeof(uint32_t);
}

static dsvk_status make_buffers(struct dv_session *s, const dsvk_sampling *sampling)
{
    dsvk_status              status;
    struct dv_device_extras *x = &s->on_device;
    if (!x->block)
        TRY(dv_buffer_new(&x->block, s->engine.dev, DV_EXTRAS_BYTES + mask_bytes(s),
                          DV_MEMORY_UPLOAD, "mask of tokens"));
    if (sampling->logprobs)
        TRY(dv_session_make_told(s));
    if (sampling->logprobs && !x->told)
        TRY(dv_buffer_new(&x->told, s->engine.dev, DV_STEP_RING * DV_TOLD_BYTES, DV_MEMORY_READBACK,
                          "log-probabilities"));
    if (dv_session_changes(sampling) && !x->tables)
        TRY(dv_buffer_new(&x->tables, s->engine.dev, places_of(s).end, DV_MEMORY_DEVICE,
                          "biases and penalties"));
    return DSVK_OK;
}

void dv_session_drop_extras(struct dv_session *s)
{
    dv_buffer_free(s->on_device.block);
    dv_buffer_free(s->on_device.tables);
    dv_buffer_free(s->on_device.told);
    s->on_device = (struct dv_device_extras){ NULL };
}

/* A window as long as the context is none. */
static uint32_t window_of(const struct dv_session *s, const dsvk_sampling *sampling)
{
    return sampling->penalty_last < s->setup.context ? sampling->penalty_last : 0;
}

/* The last `last` of n tokens, by position modulo `last`. */
static dsvk_status load_window(struct dv_session *s, uint32_t n, uint32_t last)
{
    dsvk_status status;
    uint64_t    at = places_of(s).window;
    for (uint32_t i = n > last ? n - last : 0; i < n;) {
        uint32_t slot = i % last, many = (uint32_t)dv_min(n - i, last - slot);
        TRY(dv_stream_upload(s->engine.stream, s->on_device.tables, at + slot * sizeof *s->tokens,
                             s->tokens + i, many * sizeof *s->tokens));
        i += many;
    }
    return DSVK_OK;
}

static dsvk_status load_tables(struct dv_session *s, const struct dv_choose_extras *extras,
                               const struct dv_wish *wish)
{
    dsvk_status       status;
    struct dv_buffer *tables = s->on_device.tables;
    uint32_t          last   = window_of(s, wish->sampling);
    uint64_t          bytes  = s->setup.choices * sizeof(uint32_t);
    if (extras->bias)
        TRY(dv_stream_upload(s->engine.stream, tables, 0, extras->bias, bytes));
    if (extras->counts)
        TRY(dv_stream_upload(s->engine.stream, tables, places_of(s).counts, extras->counts, bytes));
    return extras->counts && last ? load_window(s, wish->n, last) : DSVK_OK;
}

static dv_address address_if(bool there, const struct dv_buffer *buffer, uint64_t offset)
{
    return dv_address_of(there ? buffer->address + offset : 0);
}

static void write_block(struct dv_session *s, const struct dv_choose_extras *extras,
                        const struct dv_wish *wish)
{
    const dsvk_sampling    *sampling = wish->sampling;
    struct places           p        = places_of(s);
    const struct dv_buffer *tables   = s->on_device.tables;
    const struct dv_buffer *told     = s->on_device.told;
    uint32_t                last     = extras->counts ? window_of(s, sampling) : 0;
    dv_extras               block    = { .up        = extras->up,
                                         .down      = extras->down,
                                         .presence  = extras->presence,
                                         .frequency = extras->frequency,
                                         .bias      = address_if(extras->bias, tables, 0),
                                         .counts    = address_if(extras->counts, tables, p.counts),
                                         .window    = address_if(last, tables, p.window),
                                         .last      = last,
                                         .answer    = sampling->prompt_tokens,
                                         .told      = address_if(sampling->logprobs, told, 0),
                                         .n_best    = sampling->n_logprobs,
                                         .changes   = dv_session_changes(sampling) };
    memcpy(s->on_device.block->mapped, &block, sizeof block);
}

dsvk_status dv_session_load_extras(struct dv_session *s, const struct dv_wish *wish)
{
    dsvk_status             status;
    struct dv_choose_extras extras = { 0 };
    TRY(make_buffers(s, wish->sampling));
    if (!dv_session_changes(wish->sampling)) {
        write_block(s, &extras, wish);
        return DSVK_OK;
    }
    TRY(dv_session_extras(&extras, s, wish));
    status = load_tables(s, &extras, wish);
    if (status == DSVK_OK)
        write_block(s, &extras, wish);
    dv_session_extras_done(s, wish);
    return status;
}

void dv_session_load_mask(struct dv_session *s, const uint32_t *mask)
{
    const struct dv_buffer *buffer = s->on_device.block;
    dv_extras              *block  = buffer->mapped;
    if (mask)
        memcpy((unsigned char *)buffer->mapped + DV_EXTRAS_BYTES, mask, mask_bytes(s));
    block->mask = address_if(mask, buffer, DV_EXTRAS_BYTES);
}
