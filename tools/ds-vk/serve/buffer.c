/* SPDX-License-Identifier: MIT */
/* Bytes that grow. */
#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool grow(struct buffer *buffer, size_t more)
{
    if (!buffer->failed && more >= buffer->room - buffer->n) {
        size_t room  = buffer->room * 2 + more + 256;
        char  *grown = realloc(buffer->data, room);
        if (grown) {
            buffer->data = grown;
            buffer->room = room;
        }
        buffer->failed = !grown;
    }
    return !buffer->failed;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t n)
{
    if (n == 0 || !grow(buffer, n))
        return;
    memcpy(buffer->data + buffer->n, bytes, n);
    buffer->n += n;
    buffer->data[buffer->n] = 0;
}

void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_print(struct buffer *buffer, const char *format, ...)
{
    char    line[512];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= sizeof line)
        buffer->failed = true;
    else
        buffer_add(buffer, line, (size_t)n);
}

static int put(const char *bytes, size_t n, void *user)
{
    struct buffer *buffer = user;
    buffer_add(buffer, bytes, n);
    return buffer->failed ? -1 : 0;
}

void buffer_json(struct buffer *buffer, json_t *document)
{
    if (!document ||
        json_dump_callback(document, put, buffer, JSON_COMPACT | JSON_REAL_PRECISION(9)))
        buffer->failed = true;
    json_decref(document);
}

void buffer_done(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){ 0 };
}
