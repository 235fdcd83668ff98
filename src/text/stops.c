/* SPDX-License-Identifier: MIT */
/* The search of Knuth, Morris and Pratt, of all texts at once: the time of a byte does not depend
 * on how long they are, and what is held back is the beginning of one of them. */
#include "text/stops.h"

#include <string.h>

/* How many bytes of the text the last ones are, once `byte` has followed `matched` of them. */
static size_t follow(const struct dv_stop_text *t, size_t matched, char byte)
{
    if (matched == t->length)
        matched = t->borders[matched - 1];
    while (matched > 0 && t->text[matched] != byte)
        matched = t->borders[matched - 1];
    return matched + (t->text[matched] == byte);
}

static dsvk_status init_text(struct dv_stops *stops, const char *text)
{
    const struct dv_context *ctx = stops->ctx;
    struct dv_stop_text     *t   = &stops->texts[stops->n];
    if (!text || !text[0])
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "generate: stop text %zu is empty", stops->n);
    t->text    = text;
    t->length  = strlen(text);
    t->borders = dv_zalloc_array(ctx, t->length, sizeof *t->borders);
    if (!t->borders)
        return dv_fail(ctx, DSVK_NO_MEMORY, "generate: no memory for a stop text of %zu bytes",
                       t->length);
    for (size_t i = 1; i < t->length; i++)
        t->borders[i] = follow(t, t->borders[i - 1], text[i]);
    stops->longest = t->length > stops->longest ? t->length : stops->longest;
    stops->n++;
    return DSVK_OK;
}

dsvk_status dv_stops_init(struct dv_stops *stops, const struct dv_context *ctx,
                          const char *const *texts, size_t n)
{
    dsvk_status status = DSVK_OK;
    *stops             = (struct dv_stops){ .ctx = ctx };
    if (n == 0)
        return DSVK_OK;
    if (!texts)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "generate: no stop texts, but %zu of them", n);
    stops->texts = dv_zalloc_array(ctx, n, sizeof *stops->texts);
    if (!stops->texts)
        return dv_fail(ctx, DSVK_NO_MEMORY, "generate: no memory for %zu stop texts", n);
    for (size_t i = 0; i < n && status == DSVK_OK; i++)
        status = init_text(stops, texts[i]);
    if (status != DSVK_OK)
        dv_stops_done(stops);
    return status;
}

void dv_stops_done(struct dv_stops *stops)
{
    for (size_t i = 0; i < stops->n; i++)
        dv_free(stops->ctx, stops->texts[i].borders);
    dv_free(stops->ctx, stops->texts);
    *stops = (struct dv_stops){ .ctx = stops->ctx };
}

/* What is held is the beginning of the text of which the most was there. */
static const char *held_bytes(const struct dv_stops *stops)
{
    for (size_t i = 0; i < stops->n; i++)
        if (stops->texts[i].matched == stops->held)
            return stops->texts[i].text;
    return NULL;
}

static size_t put_byte(struct dv_stops *stops, char *out, char byte)
{
    const char *held = held_bytes(stops);
    size_t      had = stops->held, keep = 0, ended = 0;
    for (size_t i = 0; i < stops->n; i++) {
        struct dv_stop_text *t = &stops->texts[i];
        t->matched             = follow(t, t->matched, byte);
        keep                   = t->matched > keep ? t->matched : keep;
        if (t->matched == t->length && t->length > ended)
            ended = t->length;
    }
    stops->met  = ended > 0;
    size_t give = had + 1 - (stops->met ? ended : keep);
    stops->held = stops->met ? 0 : keep;
    if (give > 0 && had > 0)
        memcpy(out, held, give < had ? give : had);
    if (give > had)
        out[had] = byte;
    return give;
}

size_t dv_stops_put(struct dv_stops *stops, char *out, const char *bytes, size_t n)
{
    size_t made = 0;
    if (stops->n == 0 && n > 0) {
        memcpy(out, bytes, n);
        return n;
    }
    for (size_t i = 0; i < n && !stops->met; i++)
        made += put_byte(stops, out + made, bytes[i]);
    return made;
}

size_t dv_stops_end(struct dv_stops *stops, char *out)
{
    size_t n = stops->held;
    if (n > 0)
        memcpy(out, held_bytes(stops), n);
    for (size_t i = 0; i < stops->n; i++)
        stops->texts[i].matched = 0;
    stops->held = 0;
    return n;
}
