/* SPDX-License-Identifier: MIT */
/* Which session answers a job, and what to do when the device is lost. */
#include "engine.h"

#include "../cli.h"

#include <stdlib.h>

#define RETRY_SECONDS 5

/* How many ids the timeline has in common with a prompt; *tokens is what it has. A session that is
 * free has no call, so this is quick. */
static size_t common(const struct engine_slot *slot, const uint32_t *ids, size_t n, size_t *tokens)
{
    size_t    same = 0;
    uint32_t *have = malloc(n * sizeof *have);
    *tokens        = 0;
    if (have && dsvk_session_ids(slot->session, have, n, tokens) == DSVK_OK)
        while (same < n && same < *tokens && have[same] == ids[same])
            same++;
    free(have);
    return same;
}

struct engine_slot *engine_choose(struct engine *engine, const uint32_t *ids, size_t n)
{
    struct engine_slot *best = NULL, *none = NULL;
    size_t              most = 0, lost = 0; /* tokens that the best one would lose */
    for (uint32_t i = 0; i < engine->parallel; i++) {
        struct engine_slot *slot = &engine->slots[i];
        size_t              tokens, same;
        if (slot->busy)
            continue;
        if (!slot->session) {
            none = none ? none : slot;
            continue;
        }
        same = common(slot, ids, n, &tokens);
        if (!best || same > most || (same == most && slot->used < best->used)) {
            best = slot;
            most = same;
            lost = tokens - same;
        }
    }
    bool costs = !best || (lost > 0 && 2 * most < n);
    return none && costs && !engine->full ? none : best;
}

void engine_nap(void)
{
    host_rest(0.02);
}

/* Calls of others may not have returned yet, or another engine recovers it. */
static dsvk_status recover(struct engine *engine)
{
    dsvk_recover_params params = { .progress = { .stop = engine->stop } };
    dsvk_status         status = DSVK_BUSY;
    for (int i = 0; i < BUSY_TRIES && status == DSVK_BUSY && !dsvk_stop_is_set(engine->stop); i++) {
        if (i > 0)
            engine_nap();
        status = dsvk_device_recover(engine->cli->device, &params);
    }
    return status;
}

void engine_recover(struct engine *engine)
{
    char        why[512]   = "";
    struct cli *cli        = engine->cli;
    engine->recovering     = true;
    engine->wants_recovery = false;
    pthread_mutex_unlock(&engine->lock);
    log_note(&cli->log, "the device was lost; making it usable again");
    dsvk_status status = recover(engine);
    if (status)
        dsvk_device_why(cli->device, why, sizeof why);
    log_note(&cli->log, "%s%s", status ? "the device stays lost: " : "the device is usable again",
             status ? why : "");
    pthread_mutex_lock(&engine->lock);
    engine->recovering = false;
    engine->recover_at = host_seconds() + RETRY_SECONDS;
    engine->counts.recoveries += status == DSVK_OK;
    if (status)
        engine_fail_waiting(engine, status, why);
    else if (engine->state == ENGINE_LOST)
        engine->state = ENGINE_READY;
}
