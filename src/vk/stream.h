/* SPDX-License-Identifier: MIT */
/* One queue and its timeline semaphore: submitting, waiting, and copies to and from buffers.
 *
 * Threads: those of the device, waiting included. */
#ifndef DV_VK_STREAM_H
#define DV_VK_STREAM_H

#include "vk/commands.h"

struct dv_stream {
    struct dv_device   *dev;
    struct dv_stream   *next; /* of the device's */
    VkSemaphore         timeline;
    uint64_t            submitted, completed;
    struct dv_buffer   *staging[2]; /* DV_MEMORY_UPLOAD, DV_MEMORY_READBACK; made when needed */
    struct dv_commands *staging_commands;
};

/* Submissions run in order, and each sees what earlier ones wrote. */
dsvk_status dv_stream_new(struct dv_stream **out, struct dv_device *dev);
void        dv_stream_free(struct dv_stream *stream); /* waits for what was submitted */
/* Queues recorded commands; *value (may be NULL) is reached when they are done. */
dsvk_status dv_stream_submit(struct dv_stream *stream, struct dv_commands *commands,
                             uint64_t *value);
/* The same between semaphores of others: it begins when all of `waits` have their values, and gives
 * those of `signals` theirs when it is done. At most DV_MOST_SIGNALS of each. */
#define DV_MOST_SIGNALS 16u
struct dv_signals {
    const VkSemaphore *semaphores;
    const uint64_t    *values; /* of timelines */
    uint32_t           n;
};
dsvk_status dv_stream_submit_between(struct dv_stream *stream, struct dv_commands *commands,
                                     const struct dv_signals *waits,
                                     const struct dv_signals *signals, uint64_t *value);
/* DEVICE_LOST with a sentence when the value is not reached in timeout_ns (0 = 60 s, on software
 * devices 600 s, also where tests play hardware). As the work may then still run, what is freed
 * afterwards is not destroyed but given up, unless dv_stream_free sees the work end. */
dsvk_status dv_stream_wait(struct dv_stream *stream, uint64_t value, uint64_t timeout_ns);

/* Waits at most timeout_ns, after which *done may still be false. */
dsvk_status dv_stream_poll(bool *done, struct dv_stream *stream, uint64_t value,
                           uint64_t timeout_ns);

/* After a failure: returns when nothing of what was submitted runs any more, also on a lost device,
 * so that what it uses may be freed or used again. A device that never ends is given up. */
void dv_stream_settle(struct dv_stream *stream);
/* The same for all streams of the device. */
void dv_device_settle(struct dv_device *dev);

/* Copies host memory to a buffer and back: directly where the host sees it well, else through
 * staging memory of at most 16 MiB. Waits for everything submitted before; complete on return. */
dsvk_status dv_stream_upload(struct dv_stream *stream, struct dv_buffer *buffer, uint64_t offset,
                             const void *data, uint64_t bytes);
dsvk_status dv_stream_download(struct dv_stream *stream, void *data, struct dv_buffer *buffer,
                               uint64_t offset, uint64_t bytes);
/* The same bytes where they are, or one copy of them in staging memory as large as they, without
 * another in the caller's. Valid until the next call on the stream. */
dsvk_status dv_stream_see(const void **data, struct dv_stream *stream, struct dv_buffer *buffer,
                          uint64_t offset, uint64_t bytes);
/* A place in a buffer. */
struct dv_span {
    struct dv_buffer *buffer;
    uint64_t          offset;
};
/* On the device; what is read and what is written do not meet. Waits as the copies above. */
dsvk_status dv_stream_copy(struct dv_stream *stream, const struct dv_span *from,
                           const struct dv_span *to, uint64_t bytes);

/* Frees staging memory; what is copied next makes it again. */
void dv_stream_trim(struct dv_stream *stream);

/* ---- inside vk/ ---- */

/* With the VkDevice, which ends: the stream stays, and dv_stream_reopen() makes it usable with the
 * next one. Nothing runs any more, or the device hangs. */
void        dv_stream_shut(struct dv_stream *stream);
dsvk_status dv_stream_reopen(struct dv_stream *stream);

#endif
