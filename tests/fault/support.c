/* SPDX-License-Identifier: MIT */
/* One engine and the phases of its life, for the sweeps that let each call fail in turn. Every
 * phase answers a status and leaves what it made in the engine, so that closing works after any
 * of them. */
#include "fault/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/finite.h"
#include "support/make_checkpoint.h"
#include "support/test_context.h"

struct engine engine;

static void take_line(void *user, dsvk_log_level level, const char *line)
{
    struct engine *e = user;
    e->errors += level == DSVK_LOG_ERROR;
    snprintf(e->line, sizeof e->line, "%s", line);
    if (level == DSVK_LOG_WARN || getenv("DSVK_TEST_VERBOSE"))
        print_message("%s\n", line);
}

/* Passes are whole: a sweep counts calls, which must not depend on time. */
dsvk_status open_device(struct engine *e)
{
    return dsvk_device_open(&e->device, &(dsvk_device_params){ .which = getenv("DSVK_TEST_DEVICE"),
                                                               .log   = e->log,
                                                               .slice_us  = UINT32_MAX,
                                                               .allocator = e->allocator });
}

dsvk_status open_model(struct engine *e)
{
    return dsvk_model_open(&e->model,
                           &(dsvk_model_params){ .folder    = e->given ? e->given : e->folder.path,
                                                 .log       = e->log,
                                                 .allocator = e->allocator });
}

dsvk_status plan_model(struct engine *e)
{
    dsvk_status      status;
    dsvk_plan        plan;
    dsvk_plan_params params = { .run.host_memory = 1 };
    TRY(dsvk_model_plan(&plan, e->model, e->device, &params));
    params.memory_limit = plan.least_bytes;
    TRY(dsvk_model_plan(&plan, e->model, NULL, &params));
    params.memory_limit = 1;
    return dsvk_model_plan(&plan, e->model, NULL, &params);
}

dsvk_status load_model(struct engine *e)
{
    dsvk_load_params params = { .run = { .context = CONTEXT, .host_memory = e->host_memory } };
    if (e->limit)
        e->device->dev->bytes_limit = e->limit;
    return dsvk_model_load(e->model, e->device, &params);
}

dsvk_status new_session(struct engine *e)
{
    return dsvk_session_new(
        &e->session, e->model,
        &(dsvk_session_params){ .context = CONTEXT, .chunk = 3, .profile = e->profile });
}

dsvk_status sync_tokens(struct engine *e)
{
    return dsvk_session_sync(e->session, e->tokens, N_TOKENS, NULL);
}

dsvk_status fork_session(struct engine *e)
{
    uint32_t      token;
    dsvk_session *copy;
    dsvk_status   status = dsvk_session_fork(&copy, e->session);
    assert_int_equal(copy == NULL, status != DSVK_OK);
    if (status == DSVK_OK) {
        assert_int_equal(dsvk_session_tokens(copy), N_TOKENS);
        assert_int_equal(dsvk_session_argmax(copy, &token), DSVK_OK);
        assert_int_equal(token, e->token);
    }
    dsvk_session_free(copy);
    return status;
}

dsvk_status save_session(struct engine *e)
{
    return dsvk_session_save(e->session, dv_folder_path(&e->folder, "kept"), NULL);
}

dsvk_status restore_session(struct engine *e)
{
    uint32_t    token;
    const char *path   = dv_folder_path(&e->folder, "kept");
    dsvk_status status = dsvk_session_load(e->session, path, NULL, 0, NULL);
    assert_int_equal(dsvk_session_tokens(e->session), N_TOKENS);
    if (status == DSVK_OK) {
        assert_int_equal(dsvk_session_argmax(e->session, &token), DSVK_OK);
        assert_int_equal(token, e->token);
    }
    return status;
}

dsvk_status sample_token(struct engine *e)
{
    uint32_t    token;
    dsvk_status status = dsvk_session_sample(
        e->session, &(dsvk_sampling){ .temperature = 1, .top_p = 0.9f, .seed = 7 }, &token);
    if (status == DSVK_OK && e->logits)
        assert_int_equal(token, e->drawn);
    else if (status == DSVK_OK)
        e->drawn = token;
    return status;
}

dsvk_status read_results(struct engine *e)
{
    dsvk_status status;
    uint32_t    token;
    float      *logits = calloc(e->vocab, sizeof *logits);
    assert_non_null(logits);
    status = dsvk_session_argmax(e->session, &token);
    if (status == DSVK_OK)
        status = dsvk_session_logits(e->session, logits);
    if (status == DSVK_OK)
        status = sample_token(e);
    if (status == DSVK_OK && e->logits) {
        assert_int_equal(token, e->token);
        assert_memory_equal(logits, e->logits, e->vocab * sizeof *logits);
    } else if (status == DSVK_OK) {
        e->token  = token;
        e->logits = logits;
        return DSVK_OK;
    }
    free(logits);
    return status;
}

struct taker {
    struct engine *engine;
    uint32_t       taken;
};

/* Stops before all that are queued have been handed out. */
static bool take_token(void *user, uint32_t token)
{
    struct taker  *t = user;
    struct engine *e = t->engine;
    if (t->taken == N_GENERATED)
        return false;
    if (t->taken < e->n_generated)
        assert_int_equal(token, e->generated[t->taken]);
    e->generated[t->taken++] = token;
    return true;
}

dsvk_status generate_tokens(struct engine *e)
{
    dsvk_status  status               = sync_tokens(e);
    struct taker taker                = { e, 0 };
    e->session->session->params.ahead = 3;
    if (status == DSVK_OK)
        status = generate_ids(e->session, 2 * N_GENERATED, NULL, take_token, &taker);
    if (status != DSVK_OK)
        return status;
    assert_int_equal(taker.taken, N_GENERATED);
    assert_int_equal(dsvk_session_tokens(e->session), N_TOKENS + N_GENERATED);
    e->n_generated = N_GENERATED;
    return DSVK_OK;
}

dsvk_status blame_layers(struct engine *e)
{
    dsvk_status status = sync_tokens(e);
    if (status == DSVK_OK)
        status = dv_session_not_finite(e->session->session, N_TOKENS - 1);
    if (status != DSVK_NOT_FINITE)
        return status;
    e->errors--;
    assert_int_equal(dsvk_session_tokens(e->session), N_TOKENS);
    return DSVK_OK;
}

struct rows {
    const struct engine *engine;
    size_t               n;
};

static void take_row(void *user, size_t position, const float *row)
{
    struct rows         *rows = user;
    const struct engine *e    = rows->engine;
    assert_int_equal(position, rows->n++);
    if (position == N_TOKENS - 1)
        assert_memory_equal(row, e->logits, e->vocab * sizeof *row);
}

dsvk_status score_tokens(struct engine *e)
{
    struct rows     rows = { e, 0 };
    dsvk_score_rows take = { .logits = take_row, .user = &rows };
    dsvk_status     status;
    TRY(dsvk_session_score(e->session, e->tokens, N_TOKENS, &take, NULL));
    assert_int_equal(rows.n, N_TOKENS);
    return DSVK_OK;
}

dsvk_status read_profile(struct engine *e)
{
    dsvk_profile_row *rows;
    uint32_t          n;
    dsvk_status       status = dsvk_session_profile(e->session, &rows, &n);
    assert_true((rows != NULL) == (status == DSVK_OK) && (n > 0) == (status == DSVK_OK));
    dsvk_model_free_memory(e->model, rows);
    return status;
}

dsvk_status list_devices(struct engine *e)
{
    dsvk_device_info *list;
    uint32_t          n;
    dsvk_status       status = dsvk_device_list(&list, &n, &e->log, &e->allocator);
    assert_true((list != NULL) == (status == DSVK_OK) && (n > 0) == (status == DSVK_OK));
    dsvk_device_list_free(list, &e->allocator);
    return status;
}

static void count_text(void *user, const char *text, size_t bytes)
{
    (void)text;
    *(size_t *)user += bytes;
}

/* Both prints, of a pass of one token and of more. */
dsvk_status print_graph(struct engine *e)
{
    dsvk_status status;
    for (uint32_t i = 0; i < 2; i++) {
        size_t            bytes  = 0;
        dsvk_graph_params params = {
            .stage = DSVK_STAGE_PLANNED, .tokens = 1 + 3 * i, .write = count_text, .user = &bytes
        };
        TRY(dsvk_model_graph(e->model, &params));
        assert_true(bytes > 100);
    }
    return DSVK_OK;
}

void close_session(struct engine *e)
{
    dsvk_session_free(e->session);
    e->session = NULL;
}

void close_model(struct engine *e)
{
    dsvk_model_close(e->model);
    e->model = NULL;
}

void close_device(struct engine *e)
{
    dsvk_device_close(e->device);
    e->device = NULL;
}

void expect_why(const struct engine *e)
{
    char line[sizeof e->line];
    assert_true(e->line[0]);
    if (e->session && e->model->weights) /* else it was the model that failed */
        snprintf(line, sizeof line, "%s", dsvk_session_why(e->session));
    else
        dsvk_model_why(e->model, line, sizeof line);
    assert_string_equal(line, e->line);
}

void engine_init(struct engine *e, const char *folder)
{
    struct dv_test_context test;
    *e           = (struct engine){ .log    = { take_line, e, DSVK_LOG_WARN },
                                    .faults = &allocator_faults,
                                    .step   = 1 };
    e->allocator = fault_allocator(&e->memory, 0);
    dv_test_context_init(&test);
    dv_folder_init(&e->folder);
    if (folder)
        e->given = folder;
    else
        assert_int_equal(dv_make_checkpoint(&test.ctx, "moonlight", 1, e->folder.path), DSVK_OK);
    for (uint32_t i = 0; i < N_TOKENS; i++)
        e->tokens[i] = 7 + 31 * i;
    assert_int_equal(open_device(e), DSVK_OK);
    assert_int_equal(open_model(e), DSVK_OK);
    e->vocab = dsvk_model_describe(e->model)->vocab;
    assert_int_equal(load_model(e), DSVK_OK);
    assert_int_equal(new_session(e), DSVK_OK);
    assert_int_equal(sync_tokens(e), DSVK_OK);
    assert_int_equal(read_results(e), DSVK_OK);
    assert_int_equal(generate_tokens(e), DSVK_OK);
    close_session(e);
    close_model(e);
    close_device(e);
    assert_int_equal(e->memory.live, 0);
    assert_int_equal(e->errors, 0);
}

void engine_in_tiers(struct engine *e, bool on)
{
    dsvk_session_stats stats;
    e->limit = e->host_memory = 0;
    if (!on)
        return;
    assert_int_equal(open_device(e), DSVK_OK);
    assert_int_equal(open_model(e), DSVK_OK);
    assert_int_equal(load_model(e), DSVK_OK);
    assert_int_equal(new_session(e), DSVK_OK);
    dsvk_session_stats_get(e->session, &stats);
    /* What sessions leave free is more than this test's take. */
    e->limit       = stats.weight_bytes * 9 / 10 + (stats.device_bytes - stats.weight_bytes);
    e->host_memory = stats.weight_bytes / 20;
    close_session(e);
    close_model(e);
    assert_int_equal(open_model(e), DSVK_OK);
    assert_int_equal(load_model(e), DSVK_OK);
    assert_int_equal(new_session(e), DSVK_OK);
    assert_int_equal(sync_tokens(e), DSVK_OK);
    assert_int_equal(read_results(e), DSVK_OK);
    dsvk_session_stats_get(e->session, &stats);
    print_message("  experts: %u, %u on the device, %u on the host\n", stats.experts,
                  stats.expert_slots, stats.host_experts);
    assert_true(stats.host_experts > 0 && stats.expert_from_disk > 0);
    close_session(e);
    close_model(e);
    close_device(e);
}

void engine_done(struct engine *e)
{
    free(e->logits);
    dv_folder_done(&e->folder);
}
