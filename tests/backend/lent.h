/* SPDX-License-Identifier: MIT */
/* Another engine: Vulkan objects of its own, a device of ours on them, buffers and a timeline. */
#ifndef TESTS_BACKEND_LENT_H
#define TESTS_BACKEND_LENT_H

#include "api/application.h"
#include <dsvk/graph.h>

#define LENT_FUNCTIONS(F)                                                                          \
    F(CreateBuffer)                                                                                \
    F(DestroyBuffer)                                                                               \
    F(GetBufferMemoryRequirements)                                                                 \
    F(AllocateMemory)                                                                              \
    F(FreeMemory)                                                                                  \
    F(BindBufferMemory)                                                                            \
    F(MapMemory)                                                                                   \
    F(GetBufferDeviceAddress)                                                                      \
    F(CreateSemaphore)                                                                             \
    F(DestroySemaphore)                                                                            \
    F(WaitSemaphores)                                                                              \
    F(SignalSemaphore)                                                                             \
    F(CmdCopyBuffer)                                                                               \
    F(CmdPipelineBarrier)

struct lent {
    struct application app;
    dsvk_device       *device;
    VkSemaphore        timeline;
    uint32_t           mapped_types; /* of memory, that the host sees: bits */
    char               line[512];    /* the last error */
    unsigned           errors;
#define F(name) PFN_vk##name name;
    LENT_FUNCTIONS(F)
#undef F
};

/* With all that is wished for; `allocator` may be NULL. */
void lent_open(struct lent *l, const dsvk_allocator *allocator);
/* Closes the device first, where it is still open. */
void lent_close(struct lent *l);

/* The engine's memory, which the host sees: f32, all of it NaN at first. */
struct lent_buffer {
    VkBuffer        handle;
    VkDeviceMemory  memory;
    VkDeviceAddress address;
    uint64_t        bytes;
    float          *mapped;
};
struct lent_buffer lent_buffer(struct lent *l, uint64_t bytes);
void               lent_buffer_free(struct lent *l, struct lent_buffer *b);

/* Submits copies of the engine's own between values of the timeline, under its lock. */
struct lent_copy {
    const struct lent_buffer *from, *to;
    uint64_t                  bytes;
    uint64_t                  wait, signal; /* of the timeline */
    VkCommandPool             pool;
};
void lent_copy(struct lent *l, struct lent_copy *copy);
void lent_copy_free(struct lent *l, struct lent_copy *copy); /* when it has ended */
void lent_wait(struct lent *l, uint64_t value);

/* The one line that was an error since the last look has these words; NULL: there was none. */
void lent_expect(struct lent *l, const char *words);

#endif
