/* SPDX-License-Identifier: MIT */
/* Jobs come in at one end of a queue; threads take them from the other. */
#include "engine.h"

#include "../cli.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool engine_init(struct engine *engine, struct cli *cli, uint32_t parallel, uint32_t max_waiting)
{
    *engine       = (struct engine){ .cli = cli, .parallel = parallel, .max_waiting = max_waiting };
    engine->last  = &engine->first;
    engine->slots = calloc(parallel, sizeof *engine->slots);
    engine->thread = calloc(parallel, sizeof *engine->thread);
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->changed, NULL);
    return engine->slots && engine->thread && dsvk_stop_new(&engine->stop, NULL) == DSVK_OK;
}

/* ---- what waits ---- */

static void finish(struct engine *engine, struct job *job, dsvk_status status, const char *why)
{
    job->status   = status;
    job->phase    = JOB_DONE;
    job->ended_at = host_seconds();
    snprintf(job->why, sizeof job->why, "%s", why);
    engine->counts.jobs++;
    engine->counts.failed += status != DSVK_OK && status != DSVK_CANCELLED;
    engine->counts.cancelled += status == DSVK_CANCELLED;
    job->done(job);
}

void engine_fail_waiting(struct engine *engine, dsvk_status status, const char *why)
{
    for (struct job *job; (job = engine->first) != NULL;) {
        engine->first = job->next;
        engine->counts.waiting--;
        finish(engine, job, status, why);
    }
    engine->last = &engine->first;
}

static void put_first(struct engine *engine, struct job *job)
{
    job->phase = JOB_WAITS;
    job->next  = engine->first;
    if (!engine->first)
        engine->last = &job->next;
    engine->first = job;
    engine->counts.waiting++;
}

static struct job *take_first(struct engine *engine)
{
    struct job *job = engine->first;
    engine->first   = job->next;
    if (!engine->first)
        engine->last = &engine->first;
    engine->counts.waiting--;
    return job;
}

enum engine_answer engine_submit(struct engine *engine, struct job *const *jobs, uint32_t n)
{
    enum engine_answer answer = ENGINE_TAKEN;
    double             now    = host_seconds();
    pthread_mutex_lock(&engine->lock);
    bool again = engine->state == ENGINE_LOST && !engine->recovering && now >= engine->recover_at;
    uint32_t working = engine->counts.active + engine->counts.waiting;
    if (engine->state != ENGINE_READY && !again && !engine->recovering)
        answer = ENGINE_NOT_READY;
    else if (working + n > engine->parallel + engine->max_waiting)
        answer = ENGINE_FULL;
    engine->wants_recovery |= again && answer == ENGINE_TAKEN;
    for (uint32_t i = 0; i < n && answer == ENGINE_TAKEN; i++) {
        jobs[i]->phase    = JOB_WAITS;
        jobs[i]->asked_at = now;
        jobs[i]->next     = NULL;
        *engine->last     = jobs[i];
        engine->last      = &jobs[i]->next;
        engine->counts.waiting++;
    }
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
    return answer;
}

void engine_cancel(struct engine *engine, dsvk_stop *stop)
{
    dsvk_stop_set(stop, true);
    pthread_mutex_lock(&engine->lock);
    for (struct job **at = &engine->first; *at;) {
        struct job *job = *at;
        if (job->stop != stop) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        engine->counts.waiting--;
        finish(engine, job, DSVK_CANCELLED, "cancelled while it waited");
    }
    engine->last = &engine->first;
    while (*engine->last)
        engine->last = &(*engine->last)->next;
    pthread_mutex_unlock(&engine->lock);
}

/* ---- a job ---- */

static bool take(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct job *job = user;
    bool        one = token != DSVK_TEXT_END;
    bool        go_on;
    if (one && job->generated++ == 0) {
        job->first_at = host_seconds();
        job->phase    = JOB_ANSWERS;
    }
    go_on = job->take(job, token, text, bytes);
    /* The last token of a limit is not taken: nobody waits for what would follow it. */
    return go_on && job->generated < job->limit && !dsvk_stop_is_set(job->stop);
}

static dsvk_status answer(struct engine_slot *slot, struct job *job)
{
    dsvk_session_stats before, after;
    dsvk_progress      progress = { .stop = job->stop };
    dsvk_session_stats_get(slot->session, &before);
    dsvk_status status = dsvk_session_sync(slot->session, job->ids, job->n_ids, &progress);
    dsvk_session_stats_get(slot->session, &after);
    uint64_t computed =
        after.prefill_tokens - before.prefill_tokens + after.decode_tokens - before.decode_tokens;
    job->cached = computed < job->n_ids ? job->n_ids - computed : 0;
    if (status)
        return status;
    dsvk_generate_params params   = job->params;
    params.sampling.prompt_tokens = (uint32_t)job->n_ids;
    params.take                   = take;
    params.user                   = job;
    params.stop                   = job->stop;
    return dsvk_session_generate(slot->session, &params, &job->end);
}

static void count(struct engine_counts *counts, const struct job *job)
{
    double first = job->generated ? job->first_at : host_seconds();
    counts->prompt_tokens += job->n_ids;
    counts->cached_tokens += job->cached;
    counts->generated_tokens += job->generated;
    counts->prompt_seconds += first - job->begun_at;
    counts->answer_seconds += host_seconds() - first;
}

/* Others may be recovering the device of all models. */
static dsvk_status answer_in_turn(struct engine_slot *slot, struct job *job)
{
    dsvk_status status = answer(slot, job);
    while (status == DSVK_BUSY && job->generated == 0 && !dsvk_stop_is_set(job->stop)) {
        engine_nap();
        status = answer(slot, job);
    }
    return status;
}

/* Without the lock. False: there is no memory for its session, and it waits on. */
static bool work(struct engine *engine, struct engine_slot *slot, struct job *job)
{
    char        why[sizeof job->why];
    dsvk_status status = DSVK_OK;
    job->begun_at      = host_seconds();
    job->phase         = JOB_PROMPT;
    if (!slot->session)
        status = dsvk_session_new(&slot->session, engine->model, &engine->session_params);
    bool made = slot->session != NULL;
    if (made)
        store_swap(engine->store, slot->session, job->ids, job->n_ids, job->stop);
    if (!made)
        dsvk_model_why(engine->model, why, sizeof why);
    else if ((status = answer_in_turn(slot, job)) != DSVK_OK)
        snprintf(why, sizeof why, "%s", dsvk_session_why(slot->session));
    if (status == DSVK_OK || !why[0])
        snprintf(why, sizeof why, "%s", dsvk_status_text(status));
    if (dsvk_stop_is_set(job->stop) && status == DSVK_OK && job->end == DSVK_END_TAKER &&
        job->generated < job->limit)
        status = DSVK_CANCELLED;

    pthread_mutex_lock(&engine->lock);
    engine->counts.sessions += made && slot->used == 0;
    slot->used = made ? ++engine->clock : 0;
    slot->busy = false;
    engine->counts.active--;
    if (!made && status == DSVK_NO_VRAM) {
        engine->full = true;
        put_first(engine, job);
        return false;
    }
    if (status == DSVK_DEVICE_LOST && engine->state == ENGINE_READY) {
        engine->state          = ENGINE_LOST;
        engine->wants_recovery = true;
    }
    count(&engine->counts, job);
    finish(engine, job, status, why);
    return true;
}

/* ---- the threads ---- */

static void *run(void *user)
{
    struct engine *engine = user;
    pthread_mutex_lock(&engine->lock);
    for (;;) {
        struct engine_slot *slot = NULL;
        if (engine->state == ENGINE_STOPPING && !engine->first)
            break;
        if (engine->wants_recovery && engine->counts.active == 0 && !engine->recovering)
            engine_recover(engine);
        bool ready = engine->state == ENGINE_READY || engine->state == ENGINE_STOPPING;
        if (ready && engine->first)
            slot = engine_choose(engine, engine->first->ids, engine->first->n_ids);
        if (!slot) {
            pthread_cond_wait(&engine->changed, &engine->lock);
            continue;
        }
        struct job *job = take_first(engine);
        slot->busy      = true;
        engine->counts.active++;
        pthread_mutex_unlock(&engine->lock);
        work(engine, slot, job); /* takes the lock */
        pthread_cond_broadcast(&engine->changed);
    }
    pthread_mutex_unlock(&engine->lock);
    return NULL;
}

dsvk_status engine_start(struct engine *engine, dsvk_model *model, const char *folder)
{
    struct cli          *cli    = engine->cli;
    dsvk_session_params *params = &engine->session_params;
    engine->model               = model;
    *params            = cli_session_params(cli, (uint32_t)cli->options.values[OPT_CTX].count);
    params->compiling  = (dsvk_progress){ 0 }; /* a bar is one thread's */
    dsvk_status status = dsvk_session_new(&engine->slots[0].session, model, params);
    if (status)
        return status;
    if (!store_open(&engine->store, cli, model, folder))
        return DSVK_NO_MEMORY;
    params->context         = dsvk_session_context(engine->slots[0].session);
    engine->context         = params->context;
    engine->slots[0].used   = 1;
    engine->clock           = 1;
    engine->counts.sessions = 1;
    while (engine->threads < engine->parallel) {
        if (pthread_create(&engine->thread[engine->threads], NULL, run, engine))
            break;
        engine->threads++;
    }
    pthread_mutex_lock(&engine->lock);
    bool good     = engine->threads == engine->parallel;
    engine->state = good ? ENGINE_READY : ENGINE_STOPPING;
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
    return good ? DSVK_OK : DSVK_NO_MEMORY;
}

void engine_has_room(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    engine->full = false;
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
}

void engine_stop(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    engine->state = ENGINE_STOPPING;
    dsvk_stop_set(engine->stop, true);
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
}

void engine_done(struct engine *engine)
{
    if (!engine->cli)
        return;
    for (uint32_t i = 0; i < engine->threads; i++)
        pthread_join(engine->thread[i], NULL);
    bool keeps = engine->store && !dsvk_device_is_lost(engine->cli->device);
    for (uint32_t i = 0; engine->slots && i < engine->parallel; i++) {
        if (keeps)
            store_keep(engine->store, engine->slots[i].session);
        dsvk_session_free(engine->slots[i].session);
    }
    store_close(engine->store);
    pthread_cond_destroy(&engine->changed);
    pthread_mutex_destroy(&engine->lock);
    dsvk_stop_free(engine->stop);
    free(engine->slots);
    free(engine->thread);
    *engine = (struct engine){ .counts = engine->counts };
}

enum engine_state engine_state(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    enum engine_state state = engine->state;
    pthread_mutex_unlock(&engine->lock);
    return state;
}

struct engine_counts engine_counts(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    struct engine_counts counts = engine->counts;
    pthread_mutex_unlock(&engine->lock);
    return counts;
}
