/* SPDX-License-Identifier: MIT */
/* Attention over latents in the engine's pages: records are written by passes of ours, then a pass
 * writes its own and attends to all: prompts of one timeline, batches of several, in each
 * format. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "graph/build.h"
#include "tensor/formats.h"

#define CONTEXT 256
#define TIMELINES 3
#define PAGES (CONTEXT / DSVK_PAGE)
#define STEP 10 /* positions that a pass writes of those before */

static const struct shape {
    dsvk_cache format;
    unsigned   reference; /* enum dv_cache_format */
    uint32_t   tokens, heads, latent, rope;
    bool       batch;
    uint32_t   written[TIMELINES]; /* before: times STEP; of a prompt the first */
} shapes[] = {
    { DSVK_CACHE_F32, DV_CACHE_F32, 1, 5, 72, 20, false, { 130 } },
    { DSVK_CACHE_BF16, DV_CACHE_BF16, 3, 16, 64, 16, false, { 60 } },
    { DSVK_CACHE_FP8, DV_CACHE_FP8, 9, 4, 64, 16, false, { 120 } },
    { DSVK_CACHE_BF16, DV_CACHE_BF16, 3, 5, 72, 20, true, { 190, 0, 60 } },
    { DSVK_CACHE_F32, DV_CACHE_F32, 9, 4, 64, 16, false, { 0 } },
};

struct bench {
    struct lent        *l;
    const struct shape *s;
    struct lent_buffer  pages, table;
    dsvk_latents        latents;
    uint32_t            record, width;
    struct reference    r;
    float              *states[2]; /* of the references, by state */
    struct dv_ref_row   rows[16];
};

/* Pages in a mixed order, each with the records of another layer before ours. */
static void begin(struct bench *b, struct lent *l, const struct shape *s)
{
    *b         = (struct bench){ .l = l, .s = s, .width = s->latent + s->rope };
    b->latents = (dsvk_latents){ s->format, s->latent, s->rope, 0 };
    b->record  = dsvk_latents_bytes(&b->latents);
    assert_true(b->record > 0 && b->record % 16 == 0);
    b->latents.offset      = DSVK_PAGE * b->record;
    uint64_t page_bytes    = 2ull * DSVK_PAGE * b->record;
    b->pages               = lent_buffer(l, TIMELINES * PAGES * page_bytes);
    b->table               = lent_buffer(l, TIMELINES * PAGES * 8);
    VkDeviceAddress *table = (VkDeviceAddress *)(void *)b->table.mapped;
    for (uint32_t i = 0; i < TIMELINES * PAGES; i++)
        table[i] = b->pages.address + (i * 5 + 3) % (TIMELINES * PAGES) * page_bytes;
    reference_begin(&b->r, s->tokens);
    b->r.g->size.context = CONTEXT;
    b->r.g->size.split   = 64;
    b->states[1]         = calloc((size_t)TIMELINES * CONTEXT * b->width, sizeof(float));
    assert_non_null(b->states[1]);
    b->r.site.states       = b->states;
    b->r.site.rows         = b->rows;
    b->r.site.cache_format = s->reference;
}

static void end(struct bench *b)
{
    free(b->states[1]);
    reference_end(&b->r);
    lent_buffer_free(b->l, &b->pages);
    lent_buffer_free(b->l, &b->table);
}

static dsvk_row row_of(const struct bench *b, uint32_t timeline, uint32_t position)
{
    return (dsvk_row){ .position = position,
                       .pages    = b->table.address + (uint64_t)timeline * PAGES * 8 };
}

static dsvk_graph *graph_of(const struct bench *b, uint32_t tokens, bool batch)
{
    dsvk_graph *g;
    dsvk_pass   pass = { tokens, DSVK_MATH_F32, batch, CONTEXT };
    assert_int_equal(dsvk_graph_new(&g, b->l->device, &pass), DSVK_OK);
    return g;
}

/* Records first .. first+STEP-1 as the cache would have them. */
static void write_reference(const struct bench *b, uint32_t timeline, uint32_t first,
                            const float *latent, const float *rope)
{
    for (uint32_t t = 0; t < STEP; t++) {
        float *record = b->states[1] + ((size_t)timeline * CONTEXT + first + t) * b->width;
        memcpy(record, latent + (size_t)t * b->s->latent, b->s->latent * sizeof(float));
        memcpy(record + b->s->latent, rope + (size_t)t * b->s->rope, b->s->rope * sizeof(float));
        dv_ref_cache_round(&b->r.site, record, b->s->latent, b->s->rope);
    }
}

/* One program for all of it: rows alone differ, and what is in the inputs. */
static void write_before(const struct bench *b)
{
    float        *latent = calloc(STEP * b->s->latent, 4), *rope = calloc(STEP * b->s->rope, 4);
    dsvk_program *program;
    dsvk_graph   *g = graph_of(b, STEP, false);
    dsvk_tensor   x = dsvk_graph_input(g, STEP, b->s->latent);
    dsvk_tensor   k = dsvk_graph_input(g, STEP, b->s->rope), rows = dsvk_graph_rows(g);
    dsvk_graph_latents_write(g, &b->latents, x, k);
    assert_int_equal(dsvk_graph_compile(&program, g, NULL, 0), DSVK_OK);
    for (uint32_t i = 0; i < TIMELINES; i++)
        for (uint32_t p = 0; p < b->s->written[i]; p += STEP) {
            dsvk_row where[STEP];
            for (uint32_t t = 0; t < STEP; t++)
                where[t] = row_of(b, i, p + t);
            random_values(latent, STEP * b->s->latent);
            random_values(rope, STEP * b->s->rope);
            write_reference(b, i, p, latent, rope);
            assert_int_equal(dsvk_program_set(program, x, latent), DSVK_OK);
            assert_int_equal(dsvk_program_set(program, k, rope), DSVK_OK);
            assert_int_equal(dsvk_program_set(program, rows, where), DSVK_OK);
            assert_int_equal(dsvk_program_submit(program, NULL), DSVK_OK);
        }
    dsvk_program_free(program);
    free(latent);
    free(rope);
}

/* The pass's inputs, by the order of the graph's. */
enum { LATENT, ROPE, Q_LATENT, Q_ROPE, N_INPUTS };

static uint32_t width_of(const struct shape *s, int input)
{
    uint32_t widths[N_INPUTS] = { s->latent, s->rope, s->heads * s->latent, s->heads * s->rope };
    return widths[input];
}

static void attend(struct bench *b, float *values[N_INPUTS], float *y)
{
    const struct shape *s = b->s;
    dsvk_graph         *g = graph_of(b, s->tokens, s->batch);
    dsvk_row            where[16];
    dsvk_tensor         x[N_INPUTS];
    dsvk_program       *program;
    float               scale = 1 / sqrtf((float)b->width);
    for (int i = 0; i < N_INPUTS; i++)
        x[i] = dsvk_graph_input(g, s->tokens, width_of(s, i));
    dsvk_graph_latents_write(g, &b->latents, x[LATENT], x[ROPE]);
    dsvk_tensor out  = dsvk_graph_attend(g, &b->latents, x[Q_LATENT], x[Q_ROPE], s->heads, scale);
    dsvk_tensor rows = dsvk_graph_rows(g);
    assert_int_equal(dsvk_graph_compile(&program, g, &out, 1), DSVK_OK);
    for (uint32_t t = 0; t < s->tokens; t++) {
        uint32_t timeline = s->batch ? t : 0, position = s->written[timeline] + (s->batch ? 0 : t);
        b->rows[t] = (struct dv_ref_row){ 0, position, timeline };
        where[t]   = row_of(b, timeline, position);
    }
    for (int i = 0; i < N_INPUTS; i++)
        assert_int_equal(dsvk_program_set(program, x[i], values[i]), DSVK_OK);
    assert_int_equal(dsvk_program_set(program, rows, where), DSVK_OK);
    assert_int_equal(dsvk_program_submit(program, NULL), DSVK_OK);
    assert_int_equal(dsvk_program_get(program, out, y), DSVK_OK);
    dsvk_program_free(program);
}

static void compare(struct bench *b, float *values[N_INPUTS], const float *y)
{
    const struct shape    *s     = b->s;
    struct dv_graph       *g     = b->r.g;
    struct dv_attend_shape shape = { s->heads, s->latent, s->rope, 1 / sqrtf((float)b->width) };
    struct dv_state_info   info  = dv_state_cached("latents", 0, s->latent, s->rope);
    dv_state               state = dv_state_new(g, &info);
    dv_tensor              x[N_INPUTS];
    for (int i = 0; i < N_INPUTS; i++)
        x[i] = reference_input(&b->r, s->tokens, width_of(s, i), values[i]);
    dv_tensor written = dv_cache_write(g, state, x[LATENT], x[ROPE]);
    dv_tensor out = dv_combine(g, dv_attend(g, x[Q_LATENT], x[Q_ROPE], written, &shape), &shape);
    reference_run(&b->r);
    double n = sqrt(b->width) + sqrt(CONTEXT);
    expect_close(&b->r, out, y, s->heads * s->latent, tolerance_of((uint32_t)(n * n)));
}

/* The other layer's records, and pages that no timeline has come to. */
static void expect_untouched(const struct bench *b)
{
    uint32_t page = 2 * DSVK_PAGE * b->record / 4, used = 0;
    for (uint32_t i = 0; i < TIMELINES * PAGES; i++) {
        const float *words = b->pages.mapped + (size_t)i * page;
        for (uint32_t k = 0; k < page / 2; k++)
            assert_true(isnan(words[k]));
        used += !isnan(words[page / 2]);
    }
    uint32_t expected = 0;
    for (uint32_t i = 0; i < TIMELINES; i++) {
        uint32_t last = b->s->written[i] + (b->s->batch ? 1 : i == 0 ? b->s->tokens : 0);
        expected += (last + DSVK_PAGE - 1) / DSVK_PAGE;
    }
    assert_int_equal(used, expected);
}

static void check(struct lent *l, const struct shape *s)
{
    struct bench b;
    float       *values[N_INPUTS], *y = calloc((size_t)s->tokens * s->heads * s->latent, 4);
    begin(&b, l, s);
    write_before(&b);
    for (int i = 0; i < N_INPUTS; i++) {
        values[i] = calloc((size_t)s->tokens * width_of(s, i), 4);
        random_values(values[i], (size_t)s->tokens * width_of(s, i));
    }
    attend(&b, values, y);
    compare(&b, values, y);
    expect_untouched(&b);
    lent_expect(l, NULL);
    for (int i = 0; i < N_INPUTS; i++)
        free(values[i]);
    free(y);
    end(&b);
}

void attention_is_right(void **state)
{
    struct lent *l = *state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check(l, &shapes[i]);
    assert_int_equal(dsvk_device_bytes(l->device), 0);
    assert_int_equal(dsvk_latents_bytes(NULL), 0);
    assert_int_equal(dsvk_latents_bytes(&(dsvk_latents){ DSVK_CACHE_FP8, 512, 64, 0 }), 656);
    assert_int_equal(dsvk_latents_bytes(&(dsvk_latents){ DSVK_CACHE_FP8, 510, 64, 0 }), 0);
}
