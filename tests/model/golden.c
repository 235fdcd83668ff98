/* SPDX-License-Identifier: MIT */
/* The engine against kept results of an independent float32 implementation (golden/README.md): the
 * logits, the greedy continuations, the routers' choices, the likelihood of a text. */
#include "model/support.h"

#include "golden_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT 640
#define N_GREEDY 32
#define MARGIN 1e-4f /* of a router's choice: nearer ones may fall either way */

struct run {
    struct subject subject;
    struct golden  golden;
};

/* ---- with float32 throughout ---- */

static double relative_error(const float *a, const float *expected, uint32_t n)
{
    double most = 0, error = 0;
    for (uint32_t i = 0; i < n; i++) {
        most  = fmax(most, fabs(expected[i]));
        error = fmax(error, fabs((double)a[i] - expected[i]));
    }
    return error / most;
}

static double check_prompt(struct run *run, dsvk_session *s, const json_t *prompt)
{
    char      name[64];
    size_t    n, n_greedy;
    uint32_t *ids    = golden_ids(json_object_get(prompt, "ids"), &n);
    uint32_t *greedy = golden_ids(json_object_get(prompt, "greedy_ids"), &n_greedy);
    assert_int_equal(n_greedy, N_GREEDY);
    snprintf(name, sizeof name, "p%zu.logits", n);
    const float *expected = golden_words(&run->golden, name, run->subject.vocab);
    assert_non_null(expected);
    sync(s, ids, n);
    float *row   = logits(s, run->subject.vocab);
    double error = relative_error(row, expected, run->subject.vocab);
    free(row);

    ids = realloc(ids, (n + N_GREEDY) * sizeof *ids);
    assert_non_null(ids);
    for (size_t i = 0; i < N_GREEDY; i++) {
        assert_int_equal(dsvk_session_argmax(s, &ids[n + i]), DSVK_OK);
        if (ids[n + i] != greedy[i])
            fail_msg("prompt of %zu: token %zu is %u, not %u", n, i, ids[n + i], greedy[i]);
        if (i + 1 < N_GREEDY)
            sync(s, ids, n + i + 1);
    }
    free(ids);
    free(greedy);
    return error;
}

static double check_prompts(struct run *run, dsvk_model *model)
{
    const json_t *prompts = json_object_get(run->golden.json, "prompts");
    dsvk_session *s       = session(model, CONTEXT, 0, DSVK_CACHE_F32);
    double        error   = 0;
    for (size_t i = 0; i < json_array_size(prompts); i++)
        error = fmax(error, check_prompt(run, s, json_array_get(prompts, i)));
    dsvk_session_free(s);
    return error;
}

/* ---- the routers ---- */

struct routes {
    struct run *run;
    uint32_t    top_k;
    size_t      n;     /* positions */
    unsigned    close; /* choices that were not compared */
    double      error; /* of the weights, relative to a token's largest */
    double      logits_error;
};

static float margin_of(const struct routes *r, uint32_t layer, size_t position)
{
    char name[64];
    snprintf(name, sizeof name, "r.L%u.emargin", layer);
    const float *experts = golden_words(&r->run->golden, name, r->n);
    snprintf(name, sizeof name, "r.L%u.gmargin", layer);
    const float *groups = golden_words(&r->run->golden, name, r->n);
    assert_non_null(experts);
    return groups && groups[position] < experts[position] ? groups[position] : experts[position];
}

static void take_route(void *user, uint32_t layer, size_t position, const uint32_t *experts,
                       const float *weights)
{
    struct routes *r = user;
    char           name[64];
    snprintf(name, sizeof name, "r.L%u.idx", layer);
    const uint32_t *ids = golden_words(&r->run->golden, name, r->n * r->top_k);
    snprintf(name, sizeof name, "r.L%u.w", layer);
    const float *expected = golden_words(&r->run->golden, name, r->n * r->top_k);
    assert_true(ids && expected);
    ids += position * r->top_k;
    expected += position * r->top_k;
    if (memcmp(ids, experts, r->top_k * sizeof *ids) == 0)
        r->error = fmax(r->error, relative_error(weights, expected, r->top_k));
    else if (margin_of(r, layer, position) > MARGIN)
        fail_msg("layer %u, position %zu: other experts, though the margin is %g", layer, position,
                 (double)margin_of(r, layer, position));
    else
        r->close++;
}

static void take_logits(void *user, size_t position, const float *row)
{
    struct routes *r     = user;
    uint32_t       vocab = r->run->subject.vocab;
    const float   *all   = golden_words(&r->run->golden, "r.logits_all", r->n * vocab);
    assert_non_null(all);
    r->logits_error = fmax(r->logits_error, relative_error(row, all + position * vocab, vocab));
}

static struct routes check_routes(struct run *run, dsvk_model *model)
{
    struct routes   r    = { .run = run, .top_k = dsvk_model_describe(model)->top_k };
    dsvk_score_rows rows = { take_logits, take_route, &r };
    uint32_t       *ids  = golden_ids(json_object_get(run->golden.json, "router_prompt"), &r.n);
    dsvk_session   *s    = session(model, CONTEXT, 0, DSVK_CACHE_F32);
    assert_int_equal(dsvk_session_score(s, ids, r.n, &rows, NULL), DSVK_OK);
    dsvk_session_free(s);
    free(ids);
    return r;
}

/* ---- the likelihood of a text ---- */

static double negative_log(const float *row, uint32_t n, uint32_t id)
{
    double most = row[0], sum = 0;
    for (uint32_t i = 1; i < n; i++)
        most = fmax(most, row[i]);
    for (uint32_t i = 0; i < n; i++)
        sum += exp(row[i] - most);
    return most + log(sum) - row[id];
}

/* The error of the mean, relative to the kept one; chunk 0: passes as long as the device takes. */
static double text_error(struct run *run, dsvk_model *model, dsvk_cache cache, uint32_t chunk)
{
    size_t        n;
    const json_t *kept  = json_object_get(run->golden.json, "nll");
    uint32_t     *ids   = golden_ids(json_object_get(kept, "ids"), &n);
    uint32_t      vocab = run->subject.vocab;
    dsvk_session *s     = session(model, CONTEXT, chunk, cache);
    float        *rows  = score(s, ids, n, vocab);
    double        sum = 0, mean = json_real_value(json_object_get(kept, "mean"));
    for (size_t i = 0; i + 1 < n; i++)
        sum += negative_log(rows + i * vocab, vocab, ids[i + 1]);
    dsvk_session_free(s);
    free(rows);
    free(ids);
    return fabs(sum / (double)(n - 1) - mean) / mean;
}

/* ---- a checkpoint ---- */

static void below(const char *what, double error, double limit)
{
    if (!(error <= limit))
        fail_msg("%s: %.2e is more than %.0e", what, error, limit);
}

static void results_are_the_kept_ones(void **state)
{
    struct run run;
    subject_init(&run.subject, *state);
    golden_open(&run.golden, *state);

    dsvk_model   *model  = load(&run.subject, DSVK_MATH_F32, false);
    double        last   = check_prompts(&run, model);
    struct routes routes = check_routes(&run, model);
    double        f32    = text_error(&run, model, DSVK_CACHE_F32, 0);
    double        bf16   = text_error(&run, model, DSVK_CACHE_BF16, 0);
    double        fp8    = text_error(&run, model, DSVK_CACHE_FP8, 0);
    dsvk_model_close(model);
    model        = load(&run.subject, DSVK_MATH_F16, false);
    double f16   = text_error(&run, model, DSVK_CACHE_BF16, 0);
    double units = 0; /* where there are some */
    device_as_hardware(true);
    if (device_has_matrix_units())
        units = text_error(&run, model, DSVK_CACHE_BF16, 128); /* both forms of attention */
    device_as_hardware(false);
    dsvk_model_close(model);
    print_message(
        "%s: logits %.1e, all rows %.1e, route weights %.1e (%u close), mean NLL f32 %.1e, "
        "bf16 %.1e, fp8 %.1e, f16 %.1e, f16 in matrix units %.1e\n",
        run.subject.name, last, routes.logits_error, routes.error, routes.close, f32, bf16, fp8,
        f16, units);
    below("logits", last, 1e-4);
    below("logits of all rows", routes.logits_error, 1e-4);
    below("weights of the experts", routes.error, 1e-4);
    below("mean NLL, float32", f32, 1e-4);
    below("mean NLL, bf16 cache", bf16, 5e-3);
    below("mean NLL, fp8 cache", fp8, 2e-2);
    below("mean NLL, f16 products", f16, 5e-3);
    below("mean NLL, f16 in matrix units", units, 5e-3);
    golden_close(&run.golden);
    subject_done(&run.subject);
}

int main(int argc, char **argv)
{
    return for_each_checkpoint(argc, argv, "results_are_the_kept_ones", results_are_the_kept_ones);
}
