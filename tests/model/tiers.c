/* SPDX-License-Identifier: MIT */
/* Where experts lie changes no bit: all on the device, three quarters, half, a quarter and the
 * fewest that work, with the rest in host memory, on the disk or in both; for every way of dividing
 * tokens into passes. */
#include "model/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "experts/experts.h"

#define N 70
#define CONTEXT 128
#define GENERATED 32

static const uint32_t chunks[] = { 64, 7, 2, 1 };
#define N_CHUNKS (sizeof chunks / sizeof *chunks)

struct base {
    struct subject subject;
    bool           no_fuse, unmapped;
    dsvk_math      math;
    uint32_t       tokens[N];
    float         *rows;           /* [N, vocab] */
    float         *last[N_CHUNKS]; /* after prompt_tokens() in such passes */
    uint32_t       generated[GENERATED];
    uint64_t       slot; /* bytes of an expert */
    uint32_t       n_experts, top_k;
};

/* Percentages of all experts; device 0: as many as one token needs. `copied`: as where the device
 * cannot read host memory. */
struct placement {
    uint32_t device, host;
    bool     copied;
};

static const struct placement placements[] = {
    { 75, 0, false }, { 75, 25, true },  { 50, 0, false },  { 50, 25, false }, { 25, 75, true },
    { 25, 30, true }, { 25, 75, false }, { 0, 100, false }, { 0, 100, true },  { 0, 0, false },
};

static void load_tiers(dsvk_model *model, const struct dv_expert_budget *budget, bool no_fuse)
{
    dsvk_device            *device = device_under_test();
    struct dv_graph        *g;
    struct dv_graph_size    size   = { .tokens = 1, .context = 1024, .split = 1024, .tile = 16 };
    struct dv_weight_source source = { .checkpoint = model->checkpoint, .config = &model->config };
    struct dv_load_params   load   = {
            .source = &source, .graphs = &g, .n_graphs = 1, .budget = budget
    };
    assert_int_equal(dv_engine_graph(&g, &model->ctx, &model->config, &size, no_fuse), DSVK_OK);
    assert_int_equal(dv_weights_load(&model->weights, device->dev, device->stream, &load), DSVK_OK);
    dv_graph_free(g);
    atomic_fetch_add(&device->users, 1);
    atomic_store(&model->loaded, true);
    model->device = device;
    model->run    = (dsvk_run){ .no_fuse = no_fuse };
}

static dsvk_model *open_tiers(const struct base *b, const struct placement *p)
{
    dsvk_model             *model;
    uint32_t                n      = b->n_experts * p->device / 100;
    struct dv_expert_budget budget = { .device_bytes = (n > b->top_k ? n : b->top_k) * b->slot,
                                       .host_bytes =
                                           (b->n_experts * p->host + 99) / 100 * b->slot };
    assert_int_equal(
        dsvk_model_open(&model, &(dsvk_model_params){ .folder = b->subject.folder.path }), DSVK_OK);
    load_tiers(model, &budget, b->no_fuse);
    model->run.math      = b->math;
    struct dv_experts *x = dv_weights_experts(model->weights);
    assert_non_null(x);
    assert_int_equal(x->slot_bytes, b->slot);
    if (model->device->dev->caps.is_software)
        assert_int_equal(x->in_place, p->host > 0);
    x->in_place = x->in_place && !p->copied;
    return model;
}

/* What an expert takes, by a budget for which there are too many. */
static void measure(struct base *b)
{
    struct dv_expert_budget budget = { .device_bytes = (uint64_t)1 << 24 };
    for (b->slot = 0; b->slot == 0; budget.device_bytes -= budget.device_bytes / 4) {
        dsvk_model *model;
        assert_int_equal(
            dsvk_model_open(&model, &(dsvk_model_params){ .folder = b->subject.folder.path }),
            DSVK_OK);
        load_tiers(model, &budget, b->no_fuse);
        struct dv_experts *x = dv_weights_experts(model->weights);
        if (x) {
            b->slot      = x->slot_bytes;
            b->top_k     = x->top_k;
            b->n_experts = x->n_layers * x->n_experts;
        }
        dsvk_model_close(model);
    }
}

struct taker {
    uint32_t *tokens, n;
};

static bool take(void *user, uint32_t token)
{
    struct taker *t   = user;
    t->tokens[t->n++] = token;
    return true;
}

static void generate(dsvk_session *s, uint32_t *tokens)
{
    struct taker taker = { tokens, 0 };
    assert_int_equal(generate_ids(s, GENERATED, NULL, take, &taker), DSVK_OK);
    assert_int_equal(taker.n, GENERATED);
}

static size_t prompt_tokens(size_t i)
{
    return i < 2 ? N : N / 4;
}

static void expect_row(const struct base *b, dsvk_session *s, const char *what, size_t i)
{
    float *row = logits(s, b->subject.vocab);
    if (memcmp(row, b->last[i], b->subject.vocab * sizeof *row) != 0)
        fail_msg("%s: %s, %s: chunks of %u: position %zu differs", b->subject.name, what,
                 b->math == DSVK_MATH_F16 ? "f16" : "f32", chunks[i], prompt_tokens(i) - 1);
    free(row);
}

/* With f32 products passes of any size give the same bits; with f16 few tokens may have kernels of
 * their own. */
static void find_last_rows(struct base *b, dsvk_model *model)
{
    for (size_t i = 0; i < N_CHUNKS; i++) {
        size_t        at = prompt_tokens(i) - 1;
        dsvk_session *s  = session(model, CONTEXT, chunks[i], DSVK_CACHE_BF16);
        choose_form(s, UINT32_MAX);
        sync(s, b->tokens, at + 1);
        b->last[i] = logits(s, b->subject.vocab);
        dsvk_session_free(s);
        if (b->math == DSVK_MATH_F32)
            assert_memory_equal(b->last[i], b->rows + at * b->subject.vocab,
                                b->subject.vocab * sizeof *b->rows);
    }
}

static void expect_stats(const struct base *b, dsvk_model *model, const struct placement *p)
{
    const struct dv_experts *x = dv_weights_experts(model->weights);
    assert_true(x->stats.hits > 0 || p->device == 0);
    assert_true(x->stats.from_host > 0 || p->host == 0);
    /* Device and host together hold as many as they have room for, so that nothing is read twice.
     */
    if (p->device + p->host >= 100)
        assert_int_equal(x->stats.from_disk, 0);
    else
        assert_true(x->stats.from_disk > 0);
    assert_true(dv_experts_slots(x) < b->n_experts);
}

static void check_placement(const struct base *b, const struct placement *p)
{
    uint32_t    generated[GENERATED];
    char        what[64];
    dsvk_model *model = open_tiers(b, p);
    snprintf(what, sizeof what, "%u %% on the device, %u %% on the host%s", p->device, p->host,
             p->copied ? ", copied" : "");
    for (size_t i = 0; i < N_CHUNKS; i++) {
        dsvk_session *s = session(model, CONTEXT, chunks[i], DSVK_CACHE_BF16);
        choose_form(s, UINT32_MAX);
        sync(s, b->tokens, prompt_tokens(i));
        expect_row(b, s, what, i);
        if (i == 0) {
            generate(s, generated);
            assert_memory_equal(generated, b->generated, sizeof generated);
            float *rows = score(s, b->tokens, N, b->subject.vocab);
            assert_memory_equal(rows, b->rows, N * b->subject.vocab * sizeof *rows);
            free(rows);
        }
        dsvk_session_free(s);
    }
    expect_stats(b, model, p);
    dsvk_model_close(model);
}

/* Every `step`th placement. */
static void check(struct base *b, size_t step)
{
    dsvk_model   *model = load(&b->subject, b->math, b->no_fuse);
    dsvk_session *s     = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    choose_form(s, UINT32_MAX);
    b->rows = score(s, b->tokens, N, b->subject.vocab);
    sync(s, b->tokens, N);
    generate(s, b->generated);
    dsvk_session_free(s);
    find_last_rows(b, model);
    dsvk_model_close(model);
    device_under_test()->dev->unmapped = b->unmapped;
    measure(b);
    for (size_t i = 0; i < sizeof placements / sizeof *placements; i += step)
        check_placement(b, &placements[i]);
    device_under_test()->dev->unmapped = false;
    free(b->rows);
    for (size_t i = 0; i < N_CHUNKS; i++)
        free(b->last[i]);
}

static void placement_changes_no_bit(void **state)
{
    struct base b = { .math = DSVK_MATH_F32 };
    subject_init(&b.subject, *state);
    make_tokens(b.tokens, N, b.subject.vocab, 7);
    bool v3 = strcmp(b.subject.name, "v3") == 0;
    check(&b, v3 ? 1 : 3);
    if (v3) {
        b.unmapped = true; /* through staging memory */
        check(&b, 3);
        b.unmapped = false;
        b.math     = DSVK_MATH_F16;
        check(&b, 7);
    }
    if (strcmp(b.subject.name, "v2lite") == 0) {
        b.no_fuse = true;
        check(&b, 3);
    }
    subject_done(&b.subject);
}

/* Writes a file in place: its identity stays. */
static void overwrite(const char *path, const char *mode, const char *data, size_t bytes)
{
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

/* A read that fails in the middle of a run is a status and a line, and no signal although the map
 * of the file has no pages any more; with the file back the session goes on. */
static void a_shortened_file_is_a_failure(void **state)
{
    struct base      b     = { .math = DSVK_MATH_F32 };
    struct placement least = { .device = 0 };
    char             path[128];
    size_t           bytes;
    subject_init(&b.subject, *state);
    make_tokens(b.tokens, N, b.subject.vocab, 7);
    snprintf(path, sizeof path, "%s/model.safetensors", b.subject.folder.path);
    measure(&b);
    dsvk_model   *model = open_tiers(&b, &least);
    dsvk_session *s     = session(model, CONTEXT, 64, DSVK_CACHE_BF16);
    sync(s, b.tokens, N);
    float *expected = logits(s, b.subject.vocab);
    char  *data     = dv_folder_read(&b.subject.folder, "model.safetensors", &bytes);
    overwrite(path, "wb", data, 1000);
    expect_lines();
    assert_int_equal(dsvk_session_sync(s, b.tokens + 1, N - 1, NULL), DSVK_BAD_FILE);
    assert_int_equal(expected_lines(), 1);
    assert_int_equal(dsvk_session_tokens(s), 0);
    overwrite(path, "r+b", data, bytes);
    sync(s, b.tokens, N);
    float *again = logits(s, b.subject.vocab);
    assert_memory_equal(again, expected, b.subject.vocab * sizeof *again);
    free(data);
    free(again);
    free(expected);
    dsvk_session_free(s);
    dsvk_model_close(model);
    subject_done(&b.subject);
}

static void all_of_it(void **state)
{
    if (strcmp(*state, "v3") == 0)
        a_shortened_file_is_a_failure(state);
    placement_changes_no_bit(state);
}

int main(int argc, char **argv)
{
    return for_each_checkpoint(argc, argv, "placement_changes_no_bit", all_of_it);
}
