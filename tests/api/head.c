/* SPDX-License-Identifier: MIT */
/* What head and embedding in FP8 change of the demonstration model: the mean NLL of its questions
 * with their answers, and of stories that it writes, each by itself. `api_head QUESTIONS STORIES`
 * takes more of them (153 and 12 are what docs/numerics.md has). */
#include "demo.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXTS 512
#define MAX_TOKENS 400
#define STORY 120
#define MOST 0.015 /* of the mean NLL; a few texts differ by more than many */

struct texts {
    uint32_t *tokens[MAX_TEXTS];
    size_t    n[MAX_TEXTS], count;
};

static struct texts questions, stories;
static size_t       n_questions = 40, n_stories = 2;

/* ---- texts ---- */

static void keep(struct texts *texts, const uint32_t *tokens, size_t n)
{
    size_t at = texts->count++;
    assert_true(at < MAX_TEXTS && n > 1 && n <= MAX_TOKENS);
    texts->tokens[at] = malloc(n * sizeof *tokens);
    assert_non_null(texts->tokens[at]);
    memcpy(texts->tokens[at], tokens, n * sizeof *tokens);
    texts->n[at] = n;
}

static void read_question(const struct demo *demo, const char *line)
{
    uint32_t    *ids, tokens[MAX_TOKENS];
    size_t       n, more;
    json_t      *entry  = json_loads(line, 0, NULL);
    const char  *answer = json_string_value(json_object_get(entry, "a"));
    dsvk_message asked = { .role = "user", .text = json_string_value(json_object_get(entry, "q")) };
    assert_non_null(answer);
    assert_int_equal(dsvk_model_chat(demo->model, &asked, 1, NULL, &ids, &n), DSVK_OK);
    assert_true(n < MAX_TOKENS);
    memcpy(tokens, ids, n * sizeof *ids);
    dsvk_model_free_memory(demo->model, ids);
    assert_int_equal(
        dsvk_model_tokenize(demo->model, answer, strlen(answer), false, false, &ids, &more),
        DSVK_OK);
    assert_true(n + more <= MAX_TOKENS);
    memcpy(tokens + n, ids, more * sizeof *ids);
    dsvk_model_free_memory(demo->model, ids);
    keep(&questions, tokens, n + more);
    json_decref(entry);
}

static void read_questions(const struct demo *demo)
{
    char  line[4096];
    FILE *file = fopen(DSVK_QUESTIONS, "r");
    assert_non_null(file);
    while (questions.count < n_questions && fgets(line, sizeof line, file))
        read_question(demo, line);
    fclose(file);
    assert_int_equal(questions.count, n_questions);
}

static void write_stories(const struct demo *demo, dsvk_session *session)
{
    static const char begin[] = "Once upon a time there was a";
    uint32_t         *ids, tokens[STORY];
    size_t            first;
    assert_int_equal(
        dsvk_model_tokenize(demo->model, begin, strlen(begin), false, true, &ids, &first), DSVK_OK);
    assert_true(first < STORY);
    memcpy(tokens, ids, first * sizeof *ids);
    dsvk_model_free_memory(demo->model, ids);
    for (size_t i = 0; i < n_stories; i++) {
        dsvk_sampling sampling = { .temperature = 1, .top_p = 1, .seed = i };
        size_t        n        = first;
        for (; n < STORY; n++) {
            assert_int_equal(dsvk_session_sync(session, tokens, n, NULL), DSVK_OK);
            assert_int_equal(dsvk_session_sample(session, &sampling, &tokens[n]), DSVK_OK);
            if (dsvk_model_token_is_end(demo->model, tokens[n]))
                break;
        }
        keep(&stories, tokens, n);
    }
}

/* ---- scores ---- */

struct scoring {
    const uint32_t *tokens;
    size_t          n;
    uint32_t        vocab;
    double          sum;
};

static void take_row(void *user, size_t position, const float *row)
{
    struct scoring *s    = user;
    double          most = row[0], sum = 0;
    if (position + 1 >= s->n)
        return;
    for (uint32_t i = 0; i < s->vocab; i++)
        most = fmax(most, row[i]);
    for (uint32_t i = 0; i < s->vocab; i++)
        sum += exp(row[i] - most);
    s->sum += most + log(sum) - row[s->tokens[position + 1]];
}

static double mean_nll(const struct demo *demo, dsvk_session *session, const struct texts *texts)
{
    double         sum = 0;
    size_t         n   = 0;
    struct scoring s   = { .vocab = dsvk_model_describe(demo->model)->vocab };
    for (size_t i = 0; i < texts->count; i++) {
        s.tokens             = texts->tokens[i];
        s.n                  = texts->n[i];
        s.sum                = 0;
        dsvk_score_rows rows = { .logits = take_row, .user = &s };
        assert_int_equal(dsvk_session_score(session, s.tokens, s.n, &rows, NULL), DSVK_OK);
        sum += s.sum;
        n += s.n - 1;
    }
    return n ? sum / (double)n : 0;
}

struct result {
    uint64_t bytes;
    double   questions, stories;
};

/* With the texts, which the first run makes. */
static struct result run(dsvk_weights weights, dsvk_head head)
{
    struct demo_log     log     = { 0 };
    struct demo         demo    = demo_open(&log, false);
    dsvk_device_params  device  = { .log = demo_log_sink(&log) };
    dsvk_load_params    load    = { .run = { .weights = weights, .head = head } };
    dsvk_session_params params  = { .context = MAX_TOKENS, .cache = DSVK_CACHE_F32 };
    struct result       results = { 0 };
    dsvk_session       *session;
    load.run.math  = DSVK_MATH_F32;
    load.run.cache = params.cache;
    assert_int_equal(dsvk_device_open(&demo.device, &device), DSVK_OK);
    assert_int_equal(dsvk_model_load(demo.model, demo.device, &load), DSVK_OK);
    assert_int_equal(dsvk_session_new(&session, demo.model, &params), DSVK_OK);
    if (questions.count == 0) {
        read_questions(&demo);
        write_stories(&demo, session);
    }
    results.bytes     = dsvk_model_weight_bytes(demo.model);
    results.questions = mean_nll(&demo, session, &questions);
    results.stories   = mean_nll(&demo, session, &stories);
    fprintf(stderr, "  weights %d, head %d: %llu bytes, mean NLL of questions %.6f, stories %.6f\n",
            (int)weights, (int)head, (unsigned long long)results.bytes, results.questions,
            results.stories);
    assert_int_equal(log.errors, 0);
    dsvk_session_free(session);
    demo_close(&demo);
    return results;
}

static void expect_near(const char *what, double nll, double before)
{
    fprintf(stderr, "  %s: %+.3f %%\n", what, 100 * (nll / before - 1));
    if (!(fabs(nll / before - 1) <= MOST))
        fail_msg("%s: a mean NLL of %.6f, %.6f before", what, nll, before);
}

static void a_head_in_fp8_changes_little(void **state)
{
    (void)state;
    struct result kept = run(DSVK_WEIGHTS_FP8, DSVK_HEAD_KEEP);
    struct result fp8  = run(DSVK_WEIGHTS_FP8, DSVK_HEAD_AUTO);
    assert_true(fp8.bytes < kept.bytes);
    expect_near("questions", fp8.questions, kept.questions);
    expect_near("stories", fp8.stories, kept.stories);
    for (size_t i = 0; i < questions.count; i++)
        free(questions.tokens[i]);
    for (size_t i = 0; i < stories.count; i++)
        free(stories.tokens[i]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_head_in_fp8_changes_little) };
    if (argc > 2) {
        n_questions = strtoul(argv[1], NULL, 10);
        n_stories   = strtoul(argv[2], NULL, 10);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
