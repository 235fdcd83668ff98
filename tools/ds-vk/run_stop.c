/* SPDX-License-Identifier: MIT */
#include "run_stop.h"

#include <string.h>

/* Whether what is held, from a byte on, is the whole or the beginning of a text. */
static bool may_be(const struct run_stop *stop, size_t from, bool whole)
{
    size_t length = stop->n_held - from;
    for (size_t i = 0; i < stop->n; i++)
        if (strncmp(stop->texts[i], stop->held + from, length) == 0 &&
            (!whole || stop->texts[i][length] == 0))
            return true;
    return false;
}

/* Lets go what is before a byte. */
static bool release(struct run_stop *stop, size_t from)
{
    bool taken = from == 0 || stop->write(stop->user, stop->held, from);
    stop->n_held -= from;
    memmove(stop->held, stop->held + from, stop->n_held);
    return taken;
}

/* The text that ends first counts, of those that end here the longest. */
static bool put_byte(struct run_stop *stop, char byte)
{
    size_t from                = 0;
    stop->held[stop->n_held++] = byte;
    for (size_t i = 0; i < stop->n_held && !stop->met; i++)
        if (may_be(stop, i, true)) {
            stop->met = true;
            from      = i;
        }
    if (stop->met) {
        bool taken   = release(stop, from);
        stop->n_held = 0;
        return taken;
    }
    while (from < stop->n_held && !may_be(stop, from, false))
        from++;
    return release(stop, from);
}

bool stop_put(struct run_stop *stop, const char *bytes, size_t n)
{
    if (stop->n == 0)
        return stop->write(stop->user, bytes, n);
    for (size_t i = 0; i < n && !stop->met; i++)
        if (!put_byte(stop, bytes[i]))
            return false;
    return true;
}

bool stop_end(struct run_stop *stop)
{
    return release(stop, stop->n_held);
}
