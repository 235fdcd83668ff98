/* SPDX-License-Identifier: MIT */
/* A JSON text becomes a tree of jansson's. The text is read here and not by jansson, whose reader
 * drops bytes of a long word in silence when memory ends within it, and stops at numbers that
 * nobody may ever ask for. Only the nodes are jansson's, and those it makes with malloc: its hooks
 * are global and belong to the application. */
#ifndef DV_JSON_LOAD_H
#define DV_JSON_LOAD_H

#include <jansson.h>

#include "base/context.h"

/* Lists within lists; real files have 7. */
#define DV_JSON_DEPTH 64u

/* Reads a whole text, which is an object or a list. BAD_FILE for what is no JSON, for duplicate
 * keys, for text after the value and for more than DV_JSON_DEPTH lists within lists; NO_MEMORY.
 * What savers write although it is no JSON is left to those who ask for its key: an integer beyond
 * 64 bits becomes a real number, a real number without value, NaN and Infinity become texts of
 * themselves, U+0000 within a text becomes U+FFFD, a byte order mark goes. `module` and `where`
 * begin the message. The caller ends *root with json_decref(). */
dsvk_status dv_json_load(json_t **root, const struct dv_context *ctx, const char *module,
                         const char *where, const char *text, size_t bytes);

#endif
