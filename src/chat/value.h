/* SPDX-License-Identifier: MIT */
/* JSON as Python's json module reads and writes it: what the formats' own encoders, which are
 * Python, print of tools and arguments. Keys keep their order, of two equal ones the last value
 * counts at the place of the first; integers of any length stay; real numbers are written shortest;
 * NaN and Infinity are values. */
#ifndef DV_CHAT_VALUE_H
#define DV_CHAT_VALUE_H

#include "base/arena.h"

#define DV_VALUE_DEPTH 200u
#define DV_VALUE_DIGITS 4300u /* of an integer; Python refuses more */

enum dv_value_kind {
    DV_VALUE_NULL,
    DV_VALUE_FALSE,
    DV_VALUE_TRUE,
    DV_VALUE_INTEGER,
    DV_VALUE_REAL,
    DV_VALUE_TEXT,
    DV_VALUE_LIST,
    DV_VALUE_OBJECT
};

struct dv_value {
    enum dv_value_kind kind;
    const char        *text; /* of TEXT as UTF-8; INTEGER as written */
    size_t             bytes;
    double             real;
    const char        *key; /* in an object */
    size_t             key_bytes;
    struct dv_value   *first, *next; /* of LIST and OBJECT; the next in the same */
    size_t             n, at;        /* how many it has; its place among them */
};

/* Text that grows; ends with dv_free(). The first failure stays. */
struct dv_bytes {
    const struct dv_context *ctx;
    char                    *data;
    size_t                   n, capacity;
    dsvk_status              status;
};

void dv_bytes_put(struct dv_bytes *bytes, const char *data, size_t n);
/* A copy in the arena with a 0 behind it; NULL when memory is exhausted. */
char *dv_bytes_keep(const struct dv_bytes *bytes, struct dv_arena *arena);

/* BAD_ARGUMENT, with the reason in why[], for what is no JSON; too deep is UNSUPPORTED. Says
 * nothing to the log but for NO_MEMORY. The text must stay as long as the value. */
#define DV_VALUE_WHY 128
dsvk_status dv_value_read(struct dv_value **out, struct dv_arena *arena, const char *text,
                          size_t bytes, char why[DV_VALUE_WHY]);
/* Of equal keys the last value stays, at the place of the first. NO_MEMORY. */
dsvk_status dv_value_drop_duplicates(struct dv_value *object, struct dv_arena *arena);
/* json.dumps(value, ensure_ascii=False). */
void dv_value_write(struct dv_bytes *out, const struct dv_value *value);

/* A member; NULL where it is absent or null, or where `object` is none. */
const struct dv_value *dv_value_get(const struct dv_value *object, const char *key);
bool                   dv_value_is(const struct dv_value *value, const char *text);
/* What Python's `if value` asks. */
bool dv_value_truth(const struct dv_value *value);

#endif
