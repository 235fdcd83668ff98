/* SPDX-License-Identifier: MIT */
#include "stops.h"

#include <stdint.h>
#include <string.h>

size_t stop_find(const char *text, const char *const *stops, size_t n_stops)
{
    size_t found = SIZE_MAX, end = SIZE_MAX;
    for (size_t i = 0; i < n_stops; i++) {
        const char *at = strstr(text, stops[i]);
        size_t      n  = strlen(stops[i]);
        if (at && (size_t)(at - text) + n < end) {
            found = (size_t)(at - text);
            end   = found + n;
        }
    }
    return found;
}

size_t stop_may_begin(const char *text, size_t n, const char *const *stops, size_t n_stops)
{
    size_t most = 0;
    for (size_t i = 0; i < n_stops; i++) {
        size_t k = strlen(stops[i]) - 1;
        for (k = k < n ? k : n; k > most; k--)
            if (memcmp(text + n - k, stops[i], k) == 0)
                most = k;
    }
    return most;
}
