/* SPDX-License-Identifier: MIT */
/* Copies between host memory and buffers. */
#include "vk/stream.h"

#include <inttypes.h>
#include <string.h>

#include "base/size.h"

#define MIN_STAGING ((uint64_t)64 << 10)
#define MAX_STAGING ((uint64_t)16 << 20)

static dsvk_status check_range(const struct dv_stream *stream, const struct dv_buffer *buffer,
                               uint64_t offset, uint64_t bytes, const char *verb)
{
    if (offset <= buffer->bytes && bytes <= buffer->bytes - offset)
        return DSVK_OK;
    return dv_fail(stream->dev->ctx, DSVK_BAD_ARGUMENT,
                   "stream: %s %" PRIu64 " bytes at %" PRIu64 " of a buffer of %" PRIu64, verb,
                   bytes, offset, buffer->bytes);
}

/* Makes staging memory of at least min(bytes, most), keeping what is large enough. */
static dsvk_status reserve(struct dv_buffer **out, struct dv_stream *stream, enum dv_memory kind,
                           uint64_t bytes, uint64_t most)
{
    dsvk_status        status;
    struct dv_buffer **staging = &stream->staging[kind == DV_MEMORY_READBACK];
    uint64_t           want    = MIN_STAGING;
    while (want < bytes && want < most)
        want *= 2;
    if (!stream->staging_commands)
        TRY(dv_commands_new(&stream->staging_commands, stream->dev));
    if (!*staging || (*staging)->bytes < want) {
        dv_buffer_free(*staging);
        *staging = NULL;
        TRY(dv_buffer_new(staging, stream->dev, want, kind, "staging"));
    }
    *out = *staging;
    return DSVK_OK;
}

static dsvk_status copy_and_wait(struct dv_stream *stream, const struct dv_buffer *from,
                                 uint64_t from_offset, const struct dv_buffer *to,
                                 uint64_t to_offset, uint64_t bytes)
{
    struct dv_commands *commands = stream->staging_commands;
    dsvk_status         status;
    uint64_t            value;
    TRY(dv_commands_begin(commands));
    dv_commands_copy(commands, from, from_offset, to, to_offset, bytes);
    dv_commands_barrier_all(commands);
    TRY(dv_commands_end(commands));
    TRY(dv_stream_submit(stream, commands, &value));
    return dv_stream_wait(stream, value, 0);
}

dsvk_status dv_stream_upload(struct dv_stream *stream, struct dv_buffer *buffer, uint64_t offset,
                             const void *data, uint64_t bytes)
{
    const unsigned char *from = data;
    struct dv_buffer    *staging;
    dsvk_status          status;
    TRY(check_range(stream, buffer, offset, bytes, "uploading"));
    TRY(dv_stream_wait(stream, stream->submitted, 0));
    if (bytes == 0)
        return DSVK_OK;
    if (buffer->mapped) {
        memcpy((unsigned char *)buffer->mapped + offset, from, (size_t)bytes);
        return DSVK_OK;
    }
    TRY(reserve(&staging, stream, DV_MEMORY_UPLOAD, bytes, MAX_STAGING));
    for (uint64_t done = 0; done < bytes;) {
        uint64_t n = dv_min(bytes - done, staging->bytes);
        memcpy(staging->mapped, from + done, (size_t)n);
        TRY(copy_and_wait(stream, staging, 0, buffer, offset + done, n));
        done += n;
    }
    return DSVK_OK;
}

dsvk_status dv_stream_download(struct dv_stream *stream, void *data, struct dv_buffer *buffer,
                               uint64_t offset, uint64_t bytes)
{
    unsigned char    *to = data;
    struct dv_buffer *staging;
    dsvk_status       status;
    TRY(check_range(stream, buffer, offset, bytes, "downloading"));
    TRY(dv_stream_wait(stream, stream->submitted, 0));
    if (bytes == 0)
        return DSVK_OK;
    /* Reading mapped memory that is not cached takes longer than copying it first. */
    if (buffer->mapped && buffer->cached) {
        memcpy(to, (const unsigned char *)buffer->mapped + offset, (size_t)bytes);
        return DSVK_OK;
    }
    TRY(reserve(&staging, stream, DV_MEMORY_READBACK, bytes, MAX_STAGING));
    for (uint64_t done = 0; done < bytes;) {
        uint64_t n = dv_min(bytes - done, staging->bytes);
        TRY(copy_and_wait(stream, buffer, offset + done, staging, 0, n));
        memcpy(to + done, staging->mapped, (size_t)n);
        done += n;
    }
    return DSVK_OK;
}

dsvk_status dv_stream_see(const void **data, struct dv_stream *stream, struct dv_buffer *buffer,
                          uint64_t offset, uint64_t bytes)
{
    struct dv_buffer *staging;
    dsvk_status       status;
    TRY(check_range(stream, buffer, offset, bytes, "reading"));
    TRY(dv_stream_wait(stream, stream->submitted, 0));
    if (buffer->mapped && buffer->cached) {
        *data = (const unsigned char *)buffer->mapped + offset;
        return DSVK_OK;
    }
    TRY(reserve(&staging, stream, DV_MEMORY_READBACK, bytes, UINT64_MAX / 2));
    *data = staging->mapped;
    return bytes ? copy_and_wait(stream, buffer, offset, staging, 0, bytes) : DSVK_OK;
}

dsvk_status dv_stream_copy(struct dv_stream *stream, const struct dv_span *from,
                           const struct dv_span *to, uint64_t bytes)
{
    dsvk_status status;
    TRY(check_range(stream, from->buffer, from->offset, bytes, "copying"));
    TRY(check_range(stream, to->buffer, to->offset, bytes, "copying to"));
    TRY(dv_stream_wait(stream, stream->submitted, 0));
    if (bytes == 0)
        return DSVK_OK;
    if (!stream->staging_commands)
        TRY(dv_commands_new(&stream->staging_commands, stream->dev));
    return copy_and_wait(stream, from->buffer, from->offset, to->buffer, to->offset, bytes);
}
