/* SPDX-License-Identifier: MIT */
/* The library's side: a thread of its own asks, and what it is handed becomes text for the window.
 * Where the device is lost it waits until the window has made another, and goes on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desktop.h"

enum { CONTEXT = 2048 };

struct talk {
    struct device      *device;
    struct talk_options options;
    SDL_Thread         *thread;
    dsvk_stop          *stop;
    dsvk_device        *engine;
    dsvk_model         *model;
    dsvk_session       *session;
    uint32_t            prompts; /* so that no two begin alike */
    struct text         text;

    SDL_mutex *lock; /* of the rest */
    SDL_cond  *changed;
    char       question[1024];
    bool       asked, remade, busy, failed, quits, shares; /* there is an engine */
    unsigned   answers;
};

/* ---- what the window sees ---- */

static void say(struct talk *t, const char *text)
{
    text_add(&t->text, text, strlen(text));
}

void talk_read(struct talk *t, char *text, size_t room)
{
    text_read(&t->text, text, room);
}

static void set(struct talk *t, bool *flag, bool value)
{
    SDL_LockMutex(t->lock);
    *flag = value;
    SDL_CondBroadcast(t->changed);
    SDL_UnlockMutex(t->lock);
}

static bool get(struct talk *t, const bool *flag)
{
    SDL_LockMutex(t->lock);
    bool value = *flag;
    SDL_UnlockMutex(t->lock);
    return value;
}

bool talk_is_busy(struct talk *t)
{
    return get(t, &t->busy);
}

bool talk_has_failed(struct talk *t)
{
    return get(t, &t->failed);
}

unsigned talk_answers(struct talk *t)
{
    SDL_LockMutex(t->lock);
    unsigned n = t->answers;
    SDL_UnlockMutex(t->lock);
    return n;
}

void talk_next_frame(struct talk *t, uint64_t us)
{
    SDL_LockMutex(t->lock);
    if (t->shares && t->options.pace == PACE_FRAME)
        dsvk_device_next_frame(t->engine, us);
    SDL_UnlockMutex(t->lock);
}

void talk_go_on(struct talk *t)
{
    set(t, &t->remade, true);
}

void talk_ask(struct talk *t, const char *question)
{
    SDL_LockMutex(t->lock);
    snprintf(t->question, sizeof t->question, "%s", question);
    t->asked = true;
    SDL_CondBroadcast(t->changed);
    SDL_UnlockMutex(t->lock);
}

enum event { WINDOW_CLOSES, DEVICE_REMADE, QUESTION_ASKED };

/* The next event; questions wait where only a device is waited for. */
static enum event wait_for(struct talk *t, enum event most)
{
    enum event event = WINDOW_CLOSES;
    SDL_LockMutex(t->lock);
    while (!t->quits && !t->remade && !(t->asked && most == QUESTION_ASKED))
        SDL_CondWait(t->changed, t->lock);
    if (!t->quits)
        event = t->remade ? DEVICE_REMADE : QUESTION_ASKED;
    t->remade = t->remade && event != DEVICE_REMADE;
    t->asked  = t->asked && event != QUESTION_ASKED;
    SDL_UnlockMutex(t->lock);
    return event;
}

/* ---- asking ---- */

static bool take(void *user, uint32_t token, const char *text, size_t bytes)
{
    struct talk *t = user;
    (void)token;
    text_add(&t->text, text, bytes);
    set(t, &t->busy, true);
    return true;
}

/* After a loss, with the device that the window has made. The session has all that it had. */
static dsvk_status recover(struct talk *t)
{
    dsvk_vulkan_import again  = device_lend(t->device);
    dsvk_status        status = dsvk_device_recover_imported(t->engine, &again, NULL);
    if (status == DSVK_OK)
        device_drop_old(t->device);
    return status;
}

static dsvk_status sync_and_generate(struct talk *t, const uint32_t *ids, size_t n,
                                     const dsvk_generate_params *params)
{
    dsvk_progress progress = { .stop = t->stop };
    bool          synced   = false;
    for (;;) {
        dsvk_status status = DSVK_OK;
        if (!synced)
            status = dsvk_session_sync(t->session, ids, n, &progress);
        synced = synced || status == DSVK_OK;
        if (status == DSVK_OK && params)
            status = dsvk_session_generate(t->session, params, NULL);
        if (status != DSVK_DEVICE_LOST)
            return status;
        if (wait_for(t, DEVICE_REMADE) == WINDOW_CLOSES)
            return DSVK_CANCELLED;
        status = recover(t);
        if (status != DSVK_OK)
            return status;
    }
}

/* The timeline and the user's next turn. */
static dsvk_status make_prompt(struct talk *t, const char *question, uint32_t **ids, size_t *n)
{
    dsvk_message message = { .role = "user", .text = question };
    size_t       before  = dsvk_session_tokens(t->session);
    uint32_t    *made    = NULL;
    dsvk_status  status  = before == 0 ? dsvk_model_chat(t->model, &message, 1, NULL, &made, n)
                                       : dsvk_model_chat_next(t->model, question, NULL, &made, n);
    if (status == DSVK_OK && before + *n + 64 > CONTEXT) { /* begins anew */
        dsvk_model_free_memory(t->model, made);
        before = 0;
        status = dsvk_model_chat(t->model, &message, 1, NULL, &made, n);
    }
    *ids = status == DSVK_OK ? malloc((before + *n) * sizeof **ids) : NULL;
    if (*ids) {
        if (before > 0)
            dsvk_session_ids(t->session, *ids, before, NULL);
        memcpy(*ids + before, made, *n * sizeof **ids);
        *n += before;
    } else if (status == DSVK_OK) {
        status = DSVK_NO_MEMORY;
    }
    dsvk_model_free_memory(t->model, made);
    return status;
}

static dsvk_status answer(struct talk *t, const char *question, bool past_end)
{
    dsvk_generate_params params = {
        .take = take, .user = t, .stop = t->stop, .past_end = past_end
    };
    uint32_t *ids;
    size_t    n;
    say(t, "> ");
    say(t, question);
    say(t, "\n");
    dsvk_status status = make_prompt(t, question, &ids, &n);
    if (status == DSVK_OK)
        status = sync_and_generate(t, ids, n, &params);
    free(ids);
    say(t, "\n");
    SDL_LockMutex(t->lock);
    t->answers++;
    SDL_UnlockMutex(t->lock);
    return status;
}

/* A prompt of so many tokens, which begins as none before. */
static dsvk_status compute_prompt(struct talk *t)
{
    uint32_t    n = t->options.tokens, *ids = malloc(n * sizeof *ids);
    dsvk_status status = DSVK_NO_MEMORY;
    for (uint32_t i = 0; ids && i < n; i++)
        ids[i] = 300 + (i * 7 + t->prompts * (i == 0)) % 1000;
    if (ids)
        status = sync_and_generate(t, ids, n, NULL);
    free(ids);
    t->prompts++;
    return status;
}

/* The device was lost while nothing was computed, and the library does not know it yet: the last
 * token is computed again, on the old device, which fails, and on the new one. */
static dsvk_status find_out(struct talk *t)
{
    uint32_t ids[CONTEXT] = { 0 };
    size_t   n            = 0;
    dsvk_session_ids(t->session, ids, CONTEXT, &n);
    set(t, &t->remade, true); /* for sync_and_generate() */
    dsvk_status status = sync_and_generate(t, ids, n > 0 ? n : 1, NULL);
    if (status == DSVK_OK) { /* also where it was lent the new one from the beginning */
        set(t, &t->remade, false);
        device_drop_old(t->device);
    }
    return status;
}

/* ---- the thread ---- */

static dsvk_status set_pace(struct talk *t)
{
    const dsvk_pace share = { .share = t->options.share };
    if (t->options.pace == PACE_SLICES || t->options.pace == PACE_FRAME)
        return DSVK_OK; /* as the library begins on a queue that others use */
    return dsvk_device_set_pace(t->engine, t->options.pace == PACE_SHARE ? &share : NULL);
}

static dsvk_status prepare(struct talk *t)
{
    dsvk_vulkan_import  lent    = device_lend(t->device);
    dsvk_model_params   model   = { .folder = t->options.folder, .log = lent.log };
    dsvk_load_params    load    = { .run.context = CONTEXT, .progress.stop = t->stop };
    dsvk_session_params session = { .context        = CONTEXT,
                                    .chunk          = t->options.chunk,
                                    .compiling.stop = t->stop };
    if (t->options.pace == PACE_NONE)
        lent.slice_us = 100000;
    dsvk_status status = dsvk_device_import(&t->engine, &lent);
    if (status == DSVK_OK)
        status = set_pace(t);
    set(t, &t->shares, status == DSVK_OK);
    if (status == DSVK_OK)
        status = dsvk_model_open(&t->model, &model);
    if (status == DSVK_OK)
        status = dsvk_model_load(t->model, t->engine, &load);
    if (status == DSVK_OK)
        status = dsvk_session_new(&t->session, t->model, &session);
    return status;
}

static dsvk_status work_once(struct talk *t)
{
    char        question[sizeof t->question];
    dsvk_status status;
    if (t->options.work == WORK_DECODE)
        return answer(t, "What is MLA?", true);
    if (t->options.work == WORK_PROMPT) {
        status = compute_prompt(t); /* the first one compiles kernels, too */
        set(t, &t->busy, true);
        return status;
    }
    switch (wait_for(t, QUESTION_ASKED)) {
    case DEVICE_REMADE:
        return find_out(t);
    case QUESTION_ASKED:
        SDL_LockMutex(t->lock);
        memcpy(question, t->question, sizeof question);
        SDL_UnlockMutex(t->lock);
        return answer(t, question, false);
    default:
        return DSVK_CANCELLED;
    }
}

static int work(void *user)
{
    struct talk *t      = user;
    dsvk_status  status = prepare(t);
    while (status == DSVK_OK)
        status = work_once(t);
    if (status != DSVK_CANCELLED) {
        say(t, dsvk_status_text(status));
        set(t, &t->failed, true);
    }
    set(t, &t->shares, false);
    dsvk_session_free(t->session);
    dsvk_model_close(t->model);
    dsvk_device_close(t->engine);
    return 0;
}

struct talk *talk_begin(struct device *device, const struct talk_options *options)
{
    struct talk *t = calloc(1, sizeof *t);
    if (!t || dsvk_stop_new(&t->stop, NULL) != DSVK_OK)
        return NULL;
    t->device  = device;
    t->options = *options;
    text_begin(&t->text);
    t->lock    = SDL_CreateMutex();
    t->changed = SDL_CreateCond();
    t->busy    = options->work == WORK_NONE;
    if (options->work != WORK_NONE)
        t->thread = SDL_CreateThread(work, "talk", t);
    return t;
}

void talk_end(struct talk *t)
{
    if (!t)
        return;
    dsvk_stop_set(t->stop, true);
    set(t, &t->quits, true);
    SDL_WaitThread(t->thread, NULL);
    dsvk_stop_free(t->stop);
    SDL_DestroyCond(t->changed);
    SDL_DestroyMutex(t->lock);
    text_end(&t->text);
    free(t);
}
