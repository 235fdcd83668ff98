/* SPDX-License-Identifier: MIT */
/* The latent cache of a bench: pages in shuffled order, full of random records. The codec here is
 * written from the description in shaders/lib/cache.glsl and shares nothing with the kernels. */
#include "ops/harness_parts.h"

#include <math.h>

#include "base/number.h"
#include "planner/pages.h"

#define BETWEEN 256u /* bytes before and after every page */

static void put_bf16(unsigned char *out, const float *values, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint16_t bits = dv_bf16_encode(values[i]);
        memcpy(out + 2 * i, &bits, sizeof bits);
    }
}

static void get_bf16(float *values, const unsigned char *in, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint16_t bits;
        memcpy(&bits, in + 2 * i, sizeof bits);
        values[i] = dv_bf16_decode(bits);
    }
}

static void encode(const struct op_bench *b, unsigned char *out, const float *values)
{
    uint32_t kv = b->p.kv, rope = b->p.rope, block = DV_CACHE_BLOCK(kv),
             scales = (kv + block - 1) / block;
    switch (b->p.cache_format) {
    case DV_CACHE_F32:
        memcpy(out, values, (kv + rope) * sizeof *values);
        break;
    case DV_CACHE_BF16:
        put_bf16(out, values, kv + rope);
        break;
    case DV_CACHE_FP8:
        for (uint32_t s = 0; s < scales; s++) {
            float scale = 2.0f / 31.0f * 4096.0f; /* fits values up to 2 */
            memcpy(out + kv + s * 4, &scale, sizeof scale);
        }
        for (uint32_t k = 0; k < kv; k++)
            out[k] = dv_e3m4_encode(values[k] * 15.5f);
        put_bf16(out + kv + scales * 4, values + kv, rope);
        break;
    }
}

static void decode(const struct op_bench *b, float *values, const unsigned char *in)
{
    uint32_t kv = b->p.kv, rope = b->p.rope, block = DV_CACHE_BLOCK(kv),
             scales = (kv + block - 1) / block;
    switch (b->p.cache_format) {
    case DV_CACHE_F32:
        memcpy(values, in, (kv + rope) * sizeof *values);
        break;
    case DV_CACHE_BF16:
        get_bf16(values, in, kv + rope);
        break;
    case DV_CACHE_FP8:
        for (uint32_t k = 0; k < kv; k++) {
            float scale;
            memcpy(&scale, in + kv + k / block * 4, sizeof scale);
            values[k] = dv_e3m4_decode(in[k]) * (scale / 4096.0f);
        }
        get_bf16(values + kv, in + kv + scales * 4, rope);
        break;
    }
}

static uint32_t page_count(const struct op_bench *b)
{
    return (b->p.context + DV_PAGE - 1) / DV_PAGE;
}

static uint32_t timelines(const struct op_bench *b)
{
    return b->p.batch ? b->p.tokens : 1;
}

uint64_t op_table_at(const struct op_bench *b, uint32_t timeline)
{
    return (uint64_t)timeline * page_count(b) * sizeof *b->page_addresses;
}

/* The state of the layer's latents. */
static dv_state latents(const struct op_bench *b, uint32_t layer)
{
    for (dv_state s = 1; s <= b->graph->n_states; s++)
        if (b->graph->states[s].layer == layer && b->graph->states[s].values)
            return s;
    fail_msg("%s: layer %u keeps no latents", b->p.name, layer);
    return 0;
}

/* Byte of a record in the buffer of pages. */
static size_t record_at(const struct op_bench *b, uint32_t layer, uint32_t timeline,
                        uint32_t position)
{
    const struct dv_state_place *place = &b->state_places[latents(b, layer)];
    uint64_t address = b->page_addresses[timeline * page_count(b) + position / DV_PAGE];
    size_t   page    = (size_t)(address - b->pages->address);
    return page + place->offset + (size_t)(position % DV_PAGE) * place->record;
}

static size_t pages_size(const struct op_bench *b)
{
    return (size_t)timelines(b) * page_count(b) * (b->page_bytes + BETWEEN) + BETWEEN;
}

static void shuffle_pages(struct op_bench *b)
{
    uint32_t n        = timelines(b) * page_count(b);
    b->page_addresses = op_alloc(b, n, sizeof *b->page_addresses);
    for (uint32_t i = 0; i < n; i++)
        b->page_addresses[i] = b->pages->address + BETWEEN + i * (b->page_bytes + BETWEEN);
    for (uint32_t i = n; i > 1; i--) {
        uint32_t k               = op_random_below(b, i);
        uint64_t other           = b->page_addresses[k];
        b->page_addresses[k]     = b->page_addresses[i - 1];
        b->page_addresses[i - 1] = other;
    }
}

void op_declare_states(struct op_bench *b)
{
    for (uint32_t layer = 0; b->p.kv + b->p.rope && layer < b->p.layers; layer++) {
        struct dv_state_info info  = dv_state_cached("cache", layer, b->p.kv, b->p.rope);
        struct dv_state_info other = { .name = "other", .layer = layer, .bytes = { 48, 80, 16 } };
        if (layer % 2)
            dv_state_new(b->graph, &other);
        dv_state_new(b->graph, &info);
    }
}

dv_state op_state(const struct op_bench *b)
{
    return latents(b, b->graph->layer);
}

/* Random records of a timeline; equal ones for equal seeds and numbers. */
static void fill_timeline(struct op_bench *b, uint32_t layer, uint32_t timeline)
{
    size_t width = b->p.kv + b->p.rope, first = (size_t)timeline * b->p.context;
    float *decoded = b->ref.states[latents(b, layer)] + first * width;
    float *values  = op_alloc(b, width, sizeof *values);
    b->random      = b->p.seed + layer + (b->p.timeline + timeline) * UINT64_C(0xD6E8FEB86659FD93);
    for (uint32_t position = 0; position < b->p.context; position++, decoded += width) {
        unsigned char *record = b->pages_before + record_at(b, layer, timeline, position);
        for (size_t k = 0; k < width; k++)
            values[k] = op_random(b);
        encode(b, record, values);
        decode(b, decoded, record);
    }
}

void op_place_cache(struct op_bench *b)
{
    size_t width = b->p.kv + b->p.rope;
    if (width == 0)
        return;
    uint32_t n      = b->graph->n_states + 1;
    b->state_places = op_alloc(b, n, sizeof *b->state_places);
    b->page_bytes   = dv_pages_of_graph(b->state_places, b->graph, b->p.cache_format);
    b->pages_before = op_alloc(b, pages_size(b), 1);
    memset(b->pages_before, 0xFF, pages_size(b)); /* NaN */
    b->pages = op_upload(b, b->pages_before, pages_size(b), "pages");
    shuffle_pages(b);
    b->ref.states = op_alloc(b, n, sizeof *b->ref.states);
    for (uint32_t layer = 0; layer < b->p.layers; layer++) {
        b->ref.states[latents(b, layer)] =
            op_alloc(b, timelines(b) * b->p.context * width, sizeof(float));
        for (uint32_t t = 0; t < timelines(b); t++)
            fill_timeline(b, layer, t);
    }
    op_need(b, dv_stream_upload(op_device.stream, b->pages, 0, b->pages_before, pages_size(b)),
            "pages");
    b->page_table = op_upload(b, b->page_addresses, op_table_at(b, timelines(b)), "page tables");
}

static unsigned char *download_pages(struct op_bench *b)
{
    unsigned char *after = op_alloc(b, pages_size(b), 1);
    op_need(b, dv_stream_download(op_device.stream, after, b->pages, 0, pages_size(b)), "pages");
    return after;
}

void op_check_pages(struct op_bench *b)
{
    if (!b->pages)
        return;
    unsigned char *after = download_pages(b), *before = op_alloc(b, pages_size(b), 1);
    memcpy(before, b->pages_before, pages_size(b));
    for (uint32_t layer = 0; layer < b->p.layers; layer++)
        for (uint32_t t = 0; t < b->p.tokens; t++) {
            size_t at = record_at(b, layer, b->rows[t].timeline, b->rows[t].position);
            memcpy(before + at, after + at, b->state_places[latents(b, layer)].record);
        }
    if (memcmp(before, after, pages_size(b)) != 0)
        fail_msg("%s: the cache was written outside of the records of the pass", b->p.name);
    b->pages_after = after;
}

void op_expect_cache(const struct op_bench *b, double tolerance)
{
    uint32_t width   = b->p.kv + b->p.rope;
    float   *decoded = calloc(width, sizeof *decoded);
    assert_non_null(decoded);
    for (uint32_t layer = 0; layer < b->p.layers; layer++) {
        const float *expected = b->ref.states[latents(b, layer)];
        uint32_t     n        = timelines(b) * b->p.context;
        for (uint32_t i = 0; i < n; i++, expected += width) {
            uint32_t timeline = i / b->p.context, position = i % b->p.context;
            decode(b, decoded, b->pages_after + record_at(b, layer, timeline, position));
            for (uint32_t k = 0; k < width; k++)
                if (!(fabs((double)decoded[k] - expected[k]) <= tolerance * fabs(expected[k])) &&
                    !(isnan(decoded[k]) && isnan(expected[k])))
                    fail_msg("%s: layer %u position %u value %u: %.9g, expected %.9g", b->p.name,
                             layer, position, k, decoded[k], expected[k]);
        }
    }
    free(decoded);
}
