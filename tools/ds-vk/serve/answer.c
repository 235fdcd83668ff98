/* SPDX-License-Identifier: MIT */
/* Jobs write, the connection reads, and either may end the other: answer.lock is between them. */
#include "answer.h"

#include "pieces.h"
#include "routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_OUT ((size_t)256 << 10) /* bytes that wait for a client */
#define HEAD_SECONDS 5              /* a failure before that has a status of its own */
#define NOTHING_SECONDS 15

/* ---- what the jobs say, in their threads ---- */

static void wait_a_moment(struct answer *a)
{
    system_moment(&a->changed, &a->lock);
}

static void begin_once(struct answer *a)
{
    if (!a->begun && a->ask->stream)
        a->dialect->begin(a);
    a->begun = true;
}

static bool take(struct job *job, uint32_t token, const char *text, size_t bytes)
{
    struct choice *choice = (struct choice *)job;
    struct answer *a      = choice->answer;
    pthread_mutex_lock(&a->lock);
    begin_once(a);
    bool go_on = pieces_take(choice, token, text, bytes);
    while (a->out.n - a->taken > MAX_OUT && !dsvk_stop_is_set(a->stop))
        wait_a_moment(a);
    go_on = go_on && !a->out.failed;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return go_on;
}

static void say_why(struct answer *a, const struct job *job)
{
    static const struct {
        dsvk_status status;
        int         http;
    } known[] = { { DSVK_BAD_ARGUMENT, 400 }, { DSVK_UNSUPPORTED, 400 }, { DSVK_DEVICE_LOST, 503 },
                  { DSVK_NO_VRAM, 503 },      { DSVK_NO_MEMORY, 503 },   { DSVK_CANCELLED, 503 } };
    int http  = 500;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (job->status == known[i].status)
            http = known[i].http;
    a->why.retry_after = http == 503 ? 2 : 0;
    a->why.code        = job->status == DSVK_DEVICE_LOST ? "device_lost" : NULL;
    refuse(&a->why, http, NULL, "%s",
           job->status == DSVK_CANCELLED ? "the server is stopping" : job->why);
}

static void done(struct job *job)
{
    struct choice *choice = (struct choice *)job;
    struct answer *a      = choice->answer;
    pthread_mutex_lock(&a->lock);
    choice->out_of_time = a->late && job->status == DSVK_CANCELLED;
    bool failed         = job->status != DSVK_OK && !choice->out_of_time;
    if (failed && !a->why.status)
        say_why(a, job);
    if ((a->out.failed || choice->text.failed) && !a->why.status)
        refuse(&a->why, 503, NULL, "no memory for the answer");
    if (!failed && !a->why.status) {
        begin_once(a);
        pieces_end(choice);
        if (a->ask->stream)
            a->dialect->end(choice);
    }
    a->over = ++a->ended == a->ask->n;
    if (a->over && a->ask->stream && a->begun) {
        if (a->why.status)
            a->dialect->fail(a, &a->why);
        else
            a->dialect->close(a);
    }
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock); /* it may be freed from here on */
}

/* ---- the client's side, in the thread of its connection ---- */

/* Without the lock: ends what nobody waits for. */
static void look(struct answer *a)
{
    bool gone = http_gone(a->x), late = host_seconds() > a->deadline;
    if (!gone && !late && !atomic_load(&a->server->cancelling))
        return;
    pthread_mutex_lock(&a->lock);
    a->gone |= gone;
    a->late |= late;
    pthread_mutex_unlock(&a->lock);
    engine_cancel(&a->ask->served->engine, a->stop);
}

/* Until it is over, or `enough` has come: bytes or a begun answer. */
static void wait_for(struct answer *a, bool (*enough)(const struct answer *a))
{
    while (!a->over && !(enough && enough(a))) {
        wait_a_moment(a);
        if (a->over)
            break;
        pthread_mutex_unlock(&a->lock);
        look(a);
        pthread_mutex_lock(&a->lock);
    }
}

static bool has_begun(const struct answer *a)
{
    return a->begun || host_seconds() > a->told + HEAD_SECONDS;
}

static bool has_bytes(const struct answer *a)
{
    return a->gone || a->taken < a->out.n || host_seconds() > a->told + NOTHING_SECONDS;
}

static ssize_t read_answer(void *user, char *out, size_t room)
{
    struct answer *a = user;
    pthread_mutex_lock(&a->lock);
    wait_for(a, has_bytes);
    if (!a->over && a->taken == a->out.n && a->dialect->nothing)
        buffer_text(&a->out, a->dialect->nothing);
    size_t n = a->out.n - a->taken;
    n        = n < room ? n : room;
    if (n > 0)
        memcpy(out, a->out.data + a->taken, n);
    a->taken += n;
    a->told = host_seconds();
    if (a->taken == a->out.n)
        a->taken = a->out.n = 0;
    ssize_t result = a->gone || a->out.failed ? -2 : n > 0 ? (ssize_t)n : a->over ? -1 : 0;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return result;
}

/* ---- life ---- */

static void answer_free(struct answer *a)
{
    for (uint32_t i = 0; a->choices && i < a->ask->n; i++)
        pieces_done(&a->choices[i]);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    buffer_done(&a->out);
    dsvk_stop_free(a->stop);
    free(a->choices);
    ask_free(a->ask);
    free(a);
}

/* Whatever came of the reply: the jobs end first. */
static void leave(void *user)
{
    struct answer *a = user;
    pthread_mutex_lock(&a->lock);
    bool over = a->over;
    pthread_mutex_unlock(&a->lock);
    if (!over)
        engine_cancel(&a->ask->served->engine, a->stop);
    pthread_mutex_lock(&a->lock);
    while (!a->over)
        wait_a_moment(a);
    pthread_mutex_unlock(&a->lock);
    answer_free(a);
}

static bool fill_choice(struct answer *a, uint32_t i, struct refusal *why)
{
    const struct ask *ask    = a->ask;
    struct choice    *choice = &a->choices[i];
    struct job       *job    = &choice->job;
    choice->answer           = a;
    choice->index            = i;
    *job =
        (struct job){ .ids = ask->ids, .n_ids = ask->n_ids, .limit = ask->limit, .stop = a->stop };
    job->take            = take;
    job->done            = done;
    job->params.sampling = ask->sampling;
    job->params.sampling.seed += i;
    if (!ask->is_talk) {
        job->params.stop_texts   = ask->stops;
        job->params.n_stop_texts = ask->n_stops;
    }
    return pieces_init(choice, why);
}

static struct answer *answer_new(struct exchange *x, struct ask *ask, const struct dialect *dialect,
                                 struct refusal *why)
{
    struct answer *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    *a = (struct answer){ .server   = x->server,
                          .x        = x,
                          .dialect  = dialect,
                          .ask      = ask,
                          .created  = (int64_t)time(NULL),
                          .told     = host_seconds(),
                          .deadline = host_seconds() + x->server->time_limit };
    snprintf(a->id, sizeof a->id, "%s%016llx", dialect->id_prefix,
             (unsigned long long)host_random());
    pthread_mutex_init(&a->lock, NULL);
    system_moment_init(&a->changed);
    a->choices = calloc(ask->n, sizeof *a->choices);
    if (a->choices && dsvk_stop_new(&a->stop, NULL) == DSVK_OK) {
        bool good = true;
        for (uint32_t i = 0; i < ask->n && good; i++)
            good = fill_choice(a, i, why);
        if (good)
            return a;
    }
    refuse(why, 503, NULL, "no memory for the answer");
    answer_free(a);
    return NULL;
}

static bool submit(struct answer *a, struct refusal *why)
{
    struct job *jobs[MAX_CHOICES];
    for (uint32_t i = 0; i < a->ask->n; i++)
        jobs[i] = &a->choices[i].job;
    enum engine_answer answer = engine_submit(&a->ask->served->engine, jobs, a->ask->n);
    if (answer == ENGINE_TAKEN)
        return true;
    why->retry_after = 5;
    if (answer == ENGINE_FULL)
        return refuse(why, 429, NULL, "too many requests wait already; try again");
    return ask_ready(a->server, why) &&
           refuse(why, 503, NULL, "the device was lost and is not usable again yet");
}

static enum MHD_Result reply(struct exchange *x, struct answer *a)
{
    struct http_stream stream = {
        .content_type = a->dialect->content_type, .read = read_answer, .done = leave, .user = a
    };
    pthread_mutex_lock(&a->lock);
    wait_for(a, a->ask->stream ? has_begun : NULL);
    bool failed = a->over && a->why.status && (!a->begun || !a->ask->stream);
    if (!failed)
        begin_once(a);
    pthread_mutex_unlock(&a->lock);
    if (a->ask->stream && !failed)
        return http_stream(x, &stream);
    enum MHD_Result result =
        failed ? http_refuse(x, &a->why) : http_json(x, 200, a->dialect->whole(a));
    leave(a);
    return result;
}

enum MHD_Result answer_serve(struct exchange *x, struct ask *ask, const struct dialect *dialect)
{
    struct refusal why = { 0 };
    struct answer *a   = answer_new(x, ask, dialect, &why);
    if (!a)
        return http_refuse(x, &why);
    if (submit(a, &why))
        return reply(x, a);
    answer_free(a);
    return http_refuse(x, &why);
}

/* ---- for the dialects ---- */

const char *choice_reason(const struct choice *choice)
{
    dsvk_end end = choice->job.end;
    bool     own = end == DSVK_END_TOKEN || end == DSVK_END_STOP_TEXT || choice->stopped;
    return own && !choice->out_of_time ? "stop" : "length";
}

bool choice_calls(const struct choice *choice)
{
    return json_array_size(choice->calls) > 0 && strcmp(choice_reason(choice), "stop") == 0;
}

json_t *buffer_string(const struct buffer *buffer)
{
    return json_stringn(buffer->n ? buffer->data : "", buffer->n);
}

struct answer_usage answer_usage(const struct answer *answer)
{
    struct answer_usage usage = { .prompt = answer->ask->n_ids,
                                  .cached = answer->choices[0].job.cached };
    for (uint32_t i = 0; i < answer->ask->n; i++)
        usage.generated += answer->choices[i].job.generated;
    for (uint32_t i = 0; i < answer->ask->n; i++)
        usage.thought += answer->choices[i].thought;
    return usage;
}

void answer_event(struct answer *answer, json_t *document)
{
    buffer_text(&answer->out, "data: ");
    buffer_json(&answer->out, document);
    buffer_text(&answer->out, "\n\n");
}

void answer_named_event(struct answer *answer, json_t *document)
{
    const char *type = json_string_value(json_object_get(document, "type"));
    buffer_text(&answer->out, "event: ");
    buffer_text(&answer->out, type ? type : "error");
    buffer_text(&answer->out, "\n");
    answer_event(answer, document);
}
