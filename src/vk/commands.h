/* SPDX-License-Identifier: MIT */
/* Commands that are recorded once and submitted many times.
 *
 * Threads: those of the device; nobody records while the device still runs these commands. */
#ifndef DV_VK_COMMANDS_H
#define DV_VK_COMMANDS_H

#include "vk/memory.h"
#include "vk/pipeline.h"

struct dv_commands {
    struct dv_device *dev;
    VkCommandPool     pool;
    VkCommandBuffer   handle;
    uint32_t          n_dispatches, n_barriers;
    VkQueryPool       queries; /* made by the first timestamp */
    uint32_t          n_queries;
    bool              queries_reset; /* in this recording */
};

dsvk_status dv_commands_new(struct dv_commands **out, struct dv_device *dev);
void        dv_commands_free(struct dv_commands *commands);
/* Begins anew (the last submission must have been waited for) / ends recording. */
dsvk_status dv_commands_begin(struct dv_commands *commands);
dsvk_status dv_commands_end(struct dv_commands *commands);
void        dv_commands_dispatch(struct dv_commands *commands, const struct dv_pipeline *pipeline,
                                 const void *push, uint32_t x, uint32_t y, uint32_t z);
/* Group counts from a VkDispatchIndirectCommand in a buffer, at a multiple of 4. */
void dv_commands_dispatch_indirect(struct dv_commands *commands, const struct dv_pipeline *pipeline,
                                   const void *push, const struct dv_buffer *buffer,
                                   uint64_t offset);
/* The one barrier kind between stages: compute writes -> compute reads and writes, of storage alone
 * where the device can say so. Not -> indirect commands, for which a GPU may wait 2 us longer:
 * dv_commands_begin() has a barrier for them, and group counts change at the end of a recording
 * only. */
void dv_commands_barrier(struct dv_commands *commands);
/* Compute and transfer writes -> everything, the host included: before the end of a recording
 * whose results the host reads, and around copies. */
void dv_commands_barrier_all(struct dv_commands *commands);
void dv_commands_copy(struct dv_commands *commands, const struct dv_buffer *from,
                      uint64_t from_offset, const struct dv_buffer *to, uint64_t to_offset,
                      uint64_t bytes);
/* Writes a timestamp after all earlier work into slot i of the commands' query pool (made on first
 * use with `slots` slots). Nothing where the device has none. */
dsvk_status dv_commands_timestamp(struct dv_commands *commands, uint32_t slots, uint32_t i);
dsvk_status dv_commands_read_timestamps(struct dv_commands *commands, uint32_t n, uint64_t *ns);

#endif
