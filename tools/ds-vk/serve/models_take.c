/* SPDX-License-Identifier: MIT */
/* Who has which model; which one goes so that another one can come. */
#include "models.h"

#include "serve.h"

/* The lock is held, but not while it works. */
static void put_away(struct models *models, struct served *served)
{
    served->state = MODEL_MOVES;
    pthread_mutex_unlock(&models->lock);
    served_put_away(served);
    struct engine_counts counts = served->engine.counts;
    pthread_mutex_lock(&models->lock);
    counts.active = counts.waiting = counts.sessions = 0;
    models_add_counts(&models->past, &counts);
    served->engine = (struct engine){ 0 };
    served->state  = MODEL_AWAY;
    for (size_t i = 0; i < models->n; i++)
        if (models->list[i].state == MODEL_HERE)
            engine_has_room(&models->list[i].engine);
}

/* The one that was not asked for the longest time, of those that nobody has; *others: whether there
 * are any. */
static struct served *idle(struct models *models, const struct served *but, bool *others)
{
    struct served *best = NULL;
    *others             = false;
    for (size_t i = 0; i < models->n; i++) {
        struct served *s = &models->list[i];
        if (s == but || s->state != MODEL_HERE)
            continue;
        *others = true;
        if (s->users == 0 && (!best || s->used_at < best->used_at))
            best = s;
    }
    return best;
}

/* A moment, with the lock; false: nobody waits for it any more. */
static bool wait_on(struct models *models, struct exchange *x, double until, struct refusal *why)
{
    system_moment(&models->changed, &models->lock);
    why->retry_after = 5;
    if (models->stopping)
        return refuse(why, 503, NULL, "the server is stopping");
    if (http_gone(x) || host_seconds() > until)
        return refuse(why, 503, NULL, "the model's turn to be loaded did not come in time");
    why->retry_after = 0;
    return true;
}

/* Those that nobody has go until there is room for all of it, or nothing is left but it. */
static bool make_room(struct models *models, struct served *served, struct exchange *x,
                      double until, struct refusal *why)
{
    bool others = false, good = true;
    models->awaited = served;
    while (good) {
        idle(models, served, &others);
        pthread_mutex_unlock(&models->lock);
        bool fits = !others || served_fits(served);
        pthread_mutex_lock(&models->lock);
        if (fits)
            break;
        struct served *victim = idle(models, served, &others);
        if (victim)
            put_away(models, victim);
        else if (others)
            good = wait_on(models, x, until, why);
    }
    models->awaited = NULL;
    return good;
}

/* The lock is held, but not while it works. */
static bool bring(struct models *models, struct served *served, struct exchange *x, double until,
                  struct refusal *why)
{
    served->state     = MODEL_MOVES;
    dsvk_model *model = served->model;
    pthread_mutex_unlock(&models->lock);
    if (!model) /* its folder may be whole now */
        model = served_open(served);
    pthread_mutex_lock(&models->lock);
    served->model = model;
    why->code     = model ? NULL : "model_load_failed";
    bool good     = model ? make_room(models, served, x, until, why)
                          : refuse(why, 500, "model", "the model '%.100s' cannot be loaded: %s",
                                   served->name, served->why);
    pthread_mutex_unlock(&models->lock);
    good = good && served_bring(served, why);
    pthread_mutex_lock(&models->lock);
    served->state = good ? MODEL_HERE : MODEL_AWAY;
    return good;
}

/* Under the lock. */
static bool take(struct models *models, struct served *served, struct exchange *x,
                 struct refusal *why)
{
    double until = host_seconds() + x->server->time_limit;
    for (bool good = true; good;) {
        if (models->stopping)
            return refuse(why, 503, NULL, "the server is stopping");
        if (served->state == MODEL_HERE && !models->awaited)
            break;
        if (models->moving) {
            good = wait_on(models, x, until, why);
            continue;
        }
        models->moving = true;
        good           = bring(models, served, x, until, why);
        models->moving = false;
        pthread_cond_broadcast(&models->changed);
    }
    if (why->status)
        return false;
    served->users++;
    models->last = served;
    return true;
}

struct served *models_take(struct exchange *x, const char *name, struct refusal *why)
{
    struct models *models = &x->server->models;
    struct served *served = models_find(x->server, name, why);
    if (!served)
        return NULL;
    pthread_mutex_lock(&models->lock);
    bool good = take(models, served, x, why);
    pthread_mutex_unlock(&models->lock);
    return good ? served : NULL;
}

void models_release(struct served *served)
{
    struct models *models = &served->server->models;
    pthread_mutex_lock(&models->lock);
    served->users--;
    served->used_at = host_seconds();
    pthread_cond_broadcast(&models->changed);
    pthread_mutex_unlock(&models->lock);
}

void models_tidy(struct server *server)
{
    struct models *models = &server->models;
    if (!models->many || models->keep <= 0)
        return;
    pthread_mutex_lock(&models->lock);
    for (size_t i = 0; i < models->n && !models->moving; i++) {
        struct served *served = &models->list[i];
        if (served->state != MODEL_HERE || served->users > 0 ||
            host_seconds() < served->used_at + models->keep)
            continue;
        models->moving = true;
        put_away(models, served);
        models->moving = false;
        pthread_cond_broadcast(&models->changed);
    }
    pthread_mutex_unlock(&models->lock);
}

void models_stop(struct server *server)
{
    struct models *models = &server->models;
    pthread_mutex_lock(&models->lock);
    models->stopping = true;
    for (size_t i = 0; i < models->n; i++)
        if (models->list[i].state == MODEL_HERE)
            engine_stop(&models->list[i].engine);
    dsvk_stop_set(models->stop, true);
    pthread_cond_broadcast(&models->changed);
    pthread_mutex_unlock(&models->lock);
}
