/* SPDX-License-Identifier: MIT */
/* Reading untrusted JSON. A reader remembers its first failure, which is logged once; reads after
 * it return their fallback in silence, so that a parser looks at `status` once, at its end. An
 * absent key and null are the same everywhere. */
#ifndef DV_JSON_JSON_H
#define DV_JSON_JSON_H

#include <jansson.h>

#include "json/load.h"

struct dv_json {
    const struct dv_context *ctx;
    const char              *module, *where; /* "MODULE: WHERE: ..." */
    json_t                  *object;         /* borrowed */
    dsvk_status              status;
};

/* The value of a key of an object; NULL when absent or null, and where `object` is none. */
json_t *dv_json_member(const json_t *object, const char *key);
/* The same of a reader's object; NULL after a failure, too. */
json_t *dv_json_get(const struct dv_json *json, const char *key);
/* Records that a key must be there, or must hold `expected` ("an integer from 1 to 9"). */
void dv_json_missing(struct dv_json *json, const char *key);
void dv_json_refuse(struct dv_json *json, const char *key, const char *expected);
/* As dv_json_refuse, with status UNSUPPORTED and the text that the key holds. */
void dv_json_unsupported(struct dv_json *json, const char *key, const char *value);

/* Required key; 0 after a failure. */
uint32_t dv_json_u32(struct dv_json *json, const char *key, uint32_t min, uint32_t max);
/* Keys with a default. A required number has no default: NAN. */
uint32_t    dv_json_u32_or(struct dv_json *json, const char *key, uint32_t fallback, uint32_t min,
                           uint32_t max);
double      dv_json_number_or(struct dv_json *json, const char *key, double fallback, double min,
                              double max);
bool        dv_json_bool_or(struct dv_json *json, const char *key, bool fallback);
const char *dv_json_text_or(struct dv_json *json, const char *key, const char *fallback);
/* A reader for the object below `key`, with object == NULL where there is none. */
struct dv_json dv_json_child(struct dv_json *json, const char *key);

/* ---- writing ---- */

/* Puts a new value into an object, or at the end of a list where `key` is NULL. That it was not
 * made, or that there is no room for it, leaves *failed true. */
void dv_json_put(bool *failed, json_t *place, const char *key, json_t *value);

#endif
