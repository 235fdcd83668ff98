/* SPDX-License-Identifier: MIT */
/* A look at a JSON text before it is parsed: what would stop the parser although nobody may ever
 * read it is written so that it cannot, and depth is bounded before anything recurses. */
#ifndef DV_JSON_JSON_SCAN_H
#define DV_JSON_JSON_SCAN_H

#include <jansson.h>

#include "base/context.h"

/* Lists within lists; real files have 7. */
#define DV_JSON_DEPTH 64u

struct dv_json_scan {
    size_t depth;   /* the deepest, counted up to one more than DV_JSON_DEPTH */
    size_t changes; /* signs that need other words */
    size_t room;    /* bytes of the text with these changed */
};

void dv_json_scan(struct dv_json_scan *scan, const char *text, size_t bytes);
/* The text into `to`, of scan->room bytes: an integer beyond 64 bits becomes a real number, a real
 * number without value, NaN and Infinity become texts of themselves, U+0000 within a text becomes
 * U+FFFD, a byte order mark goes. All others stay as they are, integers above all. */
size_t dv_json_rewrite(char *to, const char *text, size_t bytes);

/* Parses a whole text; duplicate keys, invalid UTF-8, text after the value and more than 64 lists
 * within lists are refused. Numbers without a value here are left to those who ask for their key
 * (json_scan.h). `module` and `where` begin the message. The caller ends *root with
 * json_decref(). */
dsvk_status dv_json_load(json_t **root, const struct dv_context *ctx, const char *module,
                         const char *where, const char *text, size_t bytes);

#endif
