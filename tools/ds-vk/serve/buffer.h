/* SPDX-License-Identifier: MIT */
/* Bytes that grow. Where memory ends, `failed` says so and what was there stays: it is looked at
 * once, when all is written. */
#ifndef SERVE_BUFFER_H
#define SERVE_BUFFER_H

#include "../host.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char  *data; /* with a zero behind its end, once there is something */
    size_t n, room;
    bool   failed;
};

void buffer_add(struct buffer *buffer, const void *bytes, size_t n);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_print(struct buffer *buffer, const char *format, ...) HOST_PRINTF(2, 3);
/* Consumes the document; NULL: it could not be made, which is a failure. */
void buffer_json(struct buffer *buffer, json_t *document);
void buffer_done(struct buffer *buffer);

#endif
