/* SPDX-License-Identifier: MIT */
/* What is wrong with a request, and the typed reading of JSON fields. A field that is absent or
 * null leaves the value as it is; a wrong one is refused with its name and what it takes. */
#ifndef SERVE_FIELDS_H
#define SERVE_FIELDS_H

#include "../host.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct refusal {
    int         status;      /* of HTTP; 0: nothing is wrong */
    const char *code;        /* for programs, static: "context_length_exceeded"; NULL: none */
    unsigned    retry_after; /* seconds; 0: not said */
    char        param[64];   /* the field concerned; "": none */
    char        message[640];
};

/* Answers false, so that `return refuse(...)` ends a check. The first refusal stays. */
bool refuse(struct refusal *why, int status, const char *param, const char *format, ...)
    HOST_PRINTF(4, 5);

/* NULL for an absent field and for null. */
const json_t *field(const json_t *object, const char *name);
bool field_real(struct refusal *why, const json_t *object, const char *name, const double range[2],
                double *value);
bool field_count(struct refusal *why, const json_t *object, const char *name,
                 const int64_t range[2], int64_t *value);
bool field_flag(struct refusal *why, const json_t *object, const char *name, bool *value);
/* Valid as long as the object. */
bool field_text(struct refusal *why, const json_t *object, const char *name, const char **value);
/* Refuses a field that asks for something: anything but null, false, 0, "", [] and {}. */
bool field_absent(struct refusal *why, const json_t *object, const char *name);

/* An object out of n bytes; nesting and the number of values have limits. */
json_t *fields_read(struct refusal *why, const char *bytes, size_t n);

#endif
