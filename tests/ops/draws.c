/* SPDX-License-Identifier: MIT */
/* The device chooses the token that the host chooses: by chance, and from logits that biases,
 * penalties and masks change; it counts the token as the host does, and tells of it and of the best
 * ones what the host's log-probabilities are made of. */
#include "ops/draws.h"

#include <math.h>

#include "tensor/choose.h"

bool op_all_draws;

#define CONTEXT 256
#define SCALARS (DV_EXTRAS_BYTES / 4)
#define TOLD (DV_STEP_RING * DV_TOLD_BYTES / 4)

/* Extras of a setting. Many rows have no bias or no mask, so that each is tried alone. */
struct changes {
    float    repetition, presence, frequency;
    uint32_t last, answer;        /* as in dv_extras */
    bool     biases, masks, none; /* none: the first row's mask leaves no token */
    bool     told;                /* that alone: logits stay as they are */
};

/* Settings of draws, and logits to draw from: some far above the rest, all alike, all equal. */
static const struct draw {
    const char *name;
    uint32_t    cols, draws; /* with --all-draws, else few */
    float       spread;      /* few logits are far from 0, none further than four times this */
    float       temperature;
    uint32_t    top_k;
    float       top_p, min_p;

    const struct changes *changes; /* NULL: none */
} draws[] = {
    { "plain", 1536, 10000, 3, 1.0f, 0, 0, 0, NULL },
    { "top-p", 1536, 10000, 3, 0.6f, 0, 0.95f, 0, NULL },
    { "top-k and top-p", 1536, 10000, 3, 0.8f, 40, 0.9f, 0, NULL },
    { "min-p", 1536, 100, 3, 1.5f, 0, 0, 0.05f, NULL },
    { "top-k alone, peaked", 1003, 100, 9, 0.3f, 5, 0, 0, NULL },
    { "top-k of equal ones", 200, 100, 0, 1.0f, 17, 0, 0, NULL },
    { "top-p of equal ones", 1003, 100, 0, 1.0f, 0, 0.31f, 0, NULL },
    { "all cuts", 997, 100, 2, 2.0f, 300, 0.8f, 0.1f, NULL },
    { "more than there are", 37, 100, 1, 1.0f, 64, 0.999f, 0, NULL },
    { "one column", 1, 3, 1, 1.0f, 2, 0.5f, 0, NULL },
    { "cold", 1536, 20, 3, 1e-6f, 0, 0.9f, 0, NULL },
    { "hot", 1536, 20, 3, 1e6f, 0, 0.5f, 0, NULL },
    { "tiny logits", 500, 50, 1e-38f, 1.0f, 0, 0.5f, 0, NULL },
    { "huge logits", 500, 50, 1e37f, 1e36f, 20, 0.9f, 0, NULL },
    { "a vocabulary, plain", 163840, 300, 3, 1.0f, 0, 0, 0, NULL },
    { "a vocabulary, top-p", 163840, 300, 3, 0.6f, 0, 0.95f, 0, NULL },
    { "a vocabulary, top-k and top-p", 163840, 300, 3, 0.8f, 40, 0.9f, 0, NULL },
    { "greedy, repetition", 1003, 2000, 3, 0, 0, 0, 0, &(struct changes){ .repetition = 1.3f } },
    { "greedy, of equal ones", 203, 200, 0, 0, 0, 0, 0,
      &(struct changes){ .repetition = 0.5f, .presence = 0.25f, .last = 64 } },
    { "greedy, all", 1536, 2000, 3, 0, 0, 0, 0,
      &(struct changes){ 1.2f, 0.7f, -0.3f, 40, 100, true, true, true, false } },
    { "penalties", 1536, 10000, 3, 0.8f, 0, 0.95f, 0,
      &(struct changes){ .repetition = 1.2f, .presence = -1.5f, .frequency = 0.4f, .answer = 70 } },
    { "penalties of a window", 300, 10000, 3, 0.9f, 40, 0, 0.01f,
      &(struct changes){ .frequency = 2, .presence = 2, .last = 17, .answer = 9 } },
    { "biases", 1003, 2000, 3, 1.0f, 0, 0, 0, &(struct changes){ .biases = true } },
    { "masks", 1003, 2000, 3, 1.0f, 20, 0.9f, 0, &(struct changes){ .masks = true, .none = true } },
    { "hot, all", 997, 500, 3, 1000, 300, 0.9f, 0,
      &(struct changes){ 1.5f, 1, 0.5f, 255, 0, true, true, false, false } },
    { "huge logits, all", 500, 500, 1e37f, 1, 20, 0.9f, 0,
      &(struct changes){ 100, -2, -2, 12, 50, true, true, false, false } },
    { "equal ones, told", 1003, 200, 0, 0, 0, 0, 0, &(struct changes){ .told = true } },
    { "few, told", 7, 64, 9, 1, 0, 0, 0, &(struct changes){ .told = true } },
    { "huge logits, told", 500, 50, 1e37f, 1, 0, 0, 0, &(struct changes){ .told = true } },
    { "a vocabulary, told", 163840, 30, 3, 0.8f, 40, 0, 0, &(struct changes){ .told = true } },
    { "a vocabulary, all", 163840, 300, 3, 0.8f, 0, 0.95f, 0,
      &(struct changes){ 1.1f, 0.5f, 0.5f, 0, 128, true, true, false, false } },
};

/* ---- rules and extras ---- */

/* What changes a row, on the host and, from `buffer` on, on the device: a dv_extras, then in whole
 * groups of four words biases, counts, the mask, the window, and what is told. */
struct changed_row {
    struct dv_choose_extras extras;
    uint32_t               *words, n_words;
    int32_t                *bias;
    uint32_t               *counts, *mask, *window, *told;
    struct dv_buffer       *buffer;
};

struct pass {
    const struct draw    *draw;
    uint32_t              number, rows, live;
    uint64_t              random;
    uint32_t              positions[DV_MOST_ROWS], timeline[DV_MOST_ROWS][CONTEXT + 1];
    struct dv_choose_rule rules[DV_MOST_ROWS];
    struct dv_choice      choices[DV_MOST_ROWS];
    struct changed_row    changed[DV_MOST_ROWS];
    uint64_t              addresses[DV_MOST_ROWS];
};

static uint32_t below(struct pass *p, uint32_t n)
{
    p->random = p->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((p->random >> 33) % n);
}

/* Each row has a seed of its own, every other one another temperature. */
static void make_rule(struct pass *p, uint32_t r)
{
    const struct draw     *d    = p->draw;
    struct dv_choose_rule *rule = &p->rules[r];
    uint64_t               seed = 1234567890123u + p->number + ((uint64_t)r << 30);
    float                  t    = r % 2 ? d->temperature * 1.5f : d->temperature;
    if (t > 0)
        dv_choose_rule_make(rule, t, d->top_k, d->top_p, d->min_p, seed);
    else
        dv_choose_rule_greedy(rule);
    p->choices[r] = (struct dv_choice){ rule->factor,   rule->exponent,        rule->reach,
                                        rule->top_k,    rule->top_p,           rule->min_weight,
                                        (uint32_t)seed, (uint32_t)(seed >> 32) };
}

/* As the choice at `position` sees the timeline. */
static void count(const struct pass *p, uint32_t r, uint32_t *counts, uint32_t position)
{
    const struct changes *x = p->draw->changes;
    memset(counts, 0, p->draw->cols * sizeof *counts);
    for (uint32_t i = x->last && position > x->last ? position - x->last : 0; i < position; i++)
        counts[p->timeline[r][i]] += 1 + (i >= x->answer ? DV_COUNT_ANSWER : 0);
}

static void fill(struct pass *p, uint32_t r)
{
    const struct changes  *x    = p->draw->changes;
    struct changed_row    *c    = &p->changed[r];
    struct dv_choose_rule *rule = &p->rules[r];
    for (uint32_t i = 0; i < p->draw->cols; i++) {
        uint32_t any  = below(p, 64);
        float    bias = (float)below(p, 2001) / 100 - 10;
        c->bias[i]    = any < 56 ? 0 : dv_choose_bias(rule, any > 58 ? bias : -INFINITY);
    }
    for (uint32_t i = 0; i < (p->draw->cols + 31) / 32; i++)
        c->mask[i] = below(p, 0x7FFFFFFF) << 1 ^ below(p, 0x7FFFFFFF);
    if (x->none && r == 0)
        memset(c->mask, 0, (p->draw->cols + 31) / 32 * sizeof *c->mask);
    for (uint32_t i = 0; i <= p->positions[r]; i++) {
        p->timeline[r][i] = below(p, i % 3 || p->draw->cols < 10 ? p->draw->cols : 10);
        if (x->last)
            c->window[i % x->last] = p->timeline[r][i];
    }
    count(p, r, c->counts, p->positions[r] + 1);
    if (x->told)
        return;
    dv_choose_extras_make(&c->extras, rule, x->repetition, x->presence, x->frequency);
    c->extras.bias   = x->biases && r % 4 != 1 ? c->bias : NULL;
    c->extras.counts = c->counts;
    c->extras.mask   = x->masks && r % 4 != 2 ? c->mask : NULL;
    rule->extras     = &c->extras;
}

/* Of a row's batch some ask for none, some for the most. */
static uint32_t n_best(uint32_t r)
{
    return r * 7 % (DV_MOST_TOLD + 1);
}

/* By the host's functions; `chosen` is a token. */
static void tell(const struct pass *p, uint32_t r, struct dv_chooser *chooser, const float *logits,
                 uint32_t chosen)
{
    uint32_t  best[DV_MOST_TOLD], n = p->draw->cols;
    uint32_t  slot    = (p->positions[r] + 1) % DV_STEP_RING;
    uint32_t *told    = p->changed[r].told + slot * DV_TOLD_BYTES / 4;
    uint64_t  weights = dv_choose_sum(chooser, logits, n);
    dv_choose_best(best, 1, logits, n);
    memcpy(&told[DV_TOLD_GREATEST / 4], &logits[best[0]], sizeof *told);
    memcpy(&told[DV_TOLD_CHOSEN / 4], &logits[chosen], sizeof *told);
    memcpy(&told[DV_TOLD_SUM / 4], &weights, sizeof weights);
    uint32_t most = n_best(r) < n ? n_best(r) : n;
    dv_choose_best(best, most, logits, n);
    for (uint32_t i = 0; i < most; i++) {
        told[DV_TOLD_BEST / 4 + 2 * i] = best[i];
        memcpy(&told[DV_TOLD_BEST / 4 + 2 * i + 1], &logits[best[i]], sizeof *told);
    }
}

static struct dv_address address_of(const struct changed_row *c, const void *array)
{
    uint64_t at = array ? (uint64_t)((const unsigned char *)array - (unsigned char *)c->words) : 0;
    return dv_address_of(array ? c->buffer->address + at : 0);
}

static void make_changed(struct pass *p, uint32_t r)
{
    const struct changes          *x = p->draw->changes;
    struct changed_row            *c = &p->changed[r];
    uint32_t                       n = (p->draw->cols + 3) / 4 * 4, n_mask = (n + 127) / 128 * 4;
    const struct dv_choose_extras *e = &c->extras;
    c->n_words                       = SCALARS + 2 * n + n_mask + CONTEXT + TOLD;
    c->words                         = calloc(c->n_words, sizeof *c->words);
    assert_non_null(c->words);
    c->bias   = (int32_t *)c->words + SCALARS;
    c->counts = c->words + SCALARS + n;
    c->mask   = c->counts + n;
    c->window = c->mask + n_mask;
    c->told   = c->window + CONTEXT;
    fill(p, r);
    assert_int_equal(dv_buffer_new(&c->buffer, op_device.dev, c->n_words * sizeof *c->words,
                                   DV_MEMORY_DEVICE, "extras"),
                     DSVK_OK);
    struct dv_extras on_device = { .up        = e->up,
                                   .down      = e->down,
                                   .presence  = e->presence,
                                   .frequency = e->frequency,
                                   .bias      = address_of(c, e->bias),
                                   .counts    = address_of(c, e->counts),
                                   .mask      = address_of(c, e->mask),
                                   .window    = address_of(c, x->last ? c->window : NULL),
                                   .last      = x->last,
                                   .answer    = x->answer,
                                   .told      = address_of(c, r % 3 || x->told ? c->told : NULL),
                                   .n_best    = n_best(r),
                                   .changes   = !x->told };
    memcpy(c->words, &on_device, sizeof on_device);
    assert_int_equal(
        dv_stream_upload(op_device.stream, c->buffer, 0, c->words, c->n_words * sizeof *c->words),
        DSVK_OK);
    p->addresses[r] = c->buffer->address;
}

/* All but the count of the token, the window, and what is told, is as before. */
static void check_extras(struct pass *p, uint32_t r, uint32_t token)
{
    const struct changes *x   = p->draw->changes;
    struct changed_row   *c   = &p->changed[r];
    size_t                n   = c->n_words * sizeof *c->words;
    uint32_t             *got = calloc(1, n), position = p->positions[r] + 1;
    assert_non_null(got);
    assert_int_equal(dv_stream_download(op_device.stream, got, c->buffer, 0, n), DSVK_OK);
    if (token < p->draw->cols && !x->told) {
        p->timeline[r][position] = token;
        count(p, r, c->counts, position + 1);
        if (x->last)
            c->window[position % x->last] = token;
    }
    for (uint32_t i = 0; i < c->n_words; i++)
        if (got[i] != c->words[i])
            fail_msg("%s, pass %u, row %u: word %u of the extras is %x, not %x", p->draw->name,
                     p->number, r, i, got[i], c->words[i]);
    free(got);
}

/* ---- a pass ---- */

static void fill_logits(struct op_bench *b, dv_tensor x, const struct draw *d)
{
    for (uint32_t r = 0; r < b->p.tokens; r++)
        for (uint32_t k = 0; k < d->cols; k++) {
            float *v = &op_row(b, x, r)[k];
            *v       = d->spread == 0 ? 2.5f : d->spread * *v * fabsf(*v) * 4;
        }
}

static uint32_t expected(struct pass *p, struct op_bench *b, struct dv_chooser *chooser,
                         dv_tensor x, uint32_t r)
{
    uint32_t token, n = p->draw->cols;
    if (p->draw->changes && p->draw->changes->told && p->rules[r].factor == 0) {
        dv_choose_best(&token, 1, op_row(b, x, r), n);
        return token;
    }
    if (dv_choose(chooser, &token, op_row(b, x, r), n, &p->rules[r], p->positions[r] + 1))
        return token;
    assert_int_equal(token, n);
    return DV_NONE_LEFT;
}

static void check_rows(struct pass *p, struct op_bench *b, struct dv_chooser *chooser, dv_tensor x,
                       dv_tensor y)
{
    for (uint32_t r = 0; r < p->rows; r++) {
        uint32_t of = r < p->live ? r : 0, token = expected(p, b, chooser, x, of);
        uint32_t got = op_got_words(b, y, r)[0];
        if (got != token)
            fail_msg("%s, pass %u, row %u: token %u, the host chooses %u", p->draw->name, p->number,
                     r, got, token);
    }
    for (uint32_t r = 0; p->draw->changes && r < p->live; r++) {
        uint32_t token = op_got_words(b, y, r)[0];
        if (token < p->draw->cols && (r % 3 || p->draw->changes->told))
            tell(p, r, chooser, op_row(b, x, r), token);
        check_extras(p, r, token);
    }
}

/* The rows of a batch, each chosen for its own position, against the same choice on the host. */
static void check_pass(struct pass *p, struct dv_chooser *chooser)
{
    const struct draw *d = p->draw;
    struct op_bench    b;
    p->random = p->number + 77;
    for (uint32_t r = 0; r < p->rows; r++)
        p->positions[r] = r < p->live ? (p->number * 5 + r * 157) % CONTEXT : p->positions[0];
    for (uint32_t r = 0; r < p->live; r++)
        make_rule(p, r);
    op_begin(&b, &(struct op_params){ .name      = d->name,
                                      .tokens    = p->rows,
                                      .batch     = true,
                                      .positions = p->positions,
                                      .seed      = p->number + 1,
                                      .live      = p->live,
                                      .choices   = p->choices,
                                      .extras    = d->changes ? p->addresses : NULL });
    for (uint32_t r = 0; d->changes && r < p->live; r++)
        make_changed(p, r);
    dv_tensor x = op_input(&b, p->rows, d->cols);
    fill_logits(&b, x, d);
    dv_tensor y = dv_argmax(b.graph, x);
    op_run(&b);
    check_rows(p, &b, chooser, x, y);
    op_end(&b);
    for (uint32_t r = 0; d->changes && r < p->live; r++) {
        dv_buffer_free(p->changed[r].buffer);
        free(p->changed[r].words);
    }
}

/* Of the last pass some rows repeat the first. */
static void check_draws(const struct draw *d)
{
    struct dv_chooser *chooser;
    struct pass       *p = calloc(1, sizeof *p);
    assert_non_null(p);
    assert_int_equal(dv_chooser_new(&chooser, op_device.dev->ctx, d->cols), DSVK_OK);
    uint32_t few = d->cols > 10000 ? 2 : 20;
    uint32_t n   = d->draws > few && !op_all_draws ? few : d->draws;
    p->draw      = d;
    for (uint32_t done = 0; done < n; done += p->live) {
        p->live = n - done < DV_MOST_ROWS ? n - done : DV_MOST_ROWS;
        p->rows = p->live < 3 ? p->live + 1 : p->live < 24 ? 24 : p->live;
        check_pass(p, chooser);
        p->number++;
    }
    dv_chooser_free(chooser);
    free(p);
}

void op_check_draws(void)
{
    for (size_t i = 0; i < sizeof draws / sizeof *draws; i++)
        check_draws(&draws[i]);
}
