/* SPDX-License-Identifier: MIT */
/* What a server calls besides: stops, reasons, timelines, a device that was lost. */
#define _POSIX_C_SOURCE 200809L
#include "fake.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text/utf8.h"

struct dsvk_stop {
    atomic_bool on;
};

dsvk_status dsvk_stop_new(dsvk_stop **out, const dsvk_allocator *allocator)
{
    (void)allocator;
    *out = calloc(1, sizeof **out);
    return *out ? DSVK_OK : DSVK_NO_MEMORY;
}

void dsvk_stop_set(dsvk_stop *stop, bool on)
{
    atomic_store(&stop->on, on);
}

bool dsvk_stop_is_set(const dsvk_stop *stop)
{
    return atomic_load(&stop->on);
}

void dsvk_stop_free(dsvk_stop *stop)
{
    free(stop);
}

static size_t reason(char *why, size_t room)
{
    snprintf(why, room, "%s", last_failure);
    return strlen(last_failure);
}

size_t dsvk_model_why(const dsvk_model *model, char *why, size_t room)
{
    (void)model;
    return reason(why, room);
}

size_t dsvk_device_why(const dsvk_device *device, char *why, size_t room)
{
    (void)device;
    return reason(why, room);
}

const char *dsvk_session_why(const dsvk_session *session)
{
    (void)session;
    return last_failure;
}

uint64_t dsvk_device_bytes(const dsvk_device *device)
{
    (void)device;
    return 4096;
}

bool dsvk_device_is_lost(const dsvk_device *device)
{
    return device->lost;
}

dsvk_status dsvk_device_recover(dsvk_device *device, const dsvk_recover_params *params)
{
    while (device->heal[0] && access(device->heal, F_OK) != 0) {
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
        if (!goes_on(&params->progress, 0, 1))
            return DSVK_CANCELLED;
    }
    device->lost = false;
    return DSVK_OK;
}

dsvk_status dsvk_session_ids(dsvk_session *session, uint32_t *ids, size_t room, size_t *n)
{
    *n = session->n;
    for (size_t i = 0; i < room && i < session->n; i++)
        ids[i] = session->ids[i];
    return DSVK_OK;
}

size_t dsvk_model_text(const dsvk_model *model, dsvk_text *text, uint32_t id, char *out,
                       size_t room)
{
    size_t         n;
    struct dv_utf8 state = { 0 };
    (void)room;
    memcpy(&state, text, sizeof state); /* they are alike */
    const char *bytes = dsvk_model_token(model, id, &n);
    n                 = id == DSVK_TEXT_END ? dv_utf8_end(&state, out)
                                            : dv_utf8_put(&state, out, bytes, id < 2 ? 0 : n);
    memcpy(text, &state, sizeof state);
    return n;
}
