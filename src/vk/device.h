/* SPDX-License-Identifier: MIT */
/* An open device. Every call goes through the table `dv_device.vk`, which tests replace by a
 * failing one.
 *
 * Threads: a device and all that was made with it belong to one thread at a time. */
#ifndef DV_VK_DEVICE_H
#define DV_VK_DEVICE_H

#include <stdatomic.h>

#include "vk/instance.h"

/* Whose pipeline cache data a driver takes back. */
struct dv_pipeline_key {
    uint32_t vendor, device, driver, driver_version;
    uint8_t  uuid[VK_UUID_SIZE]; /* pipelineCacheUUID */
};

struct dv_device {
    const struct dv_context         *ctx;
    struct dv_instance              *instance; /* borrowed */
    VkPhysicalDevice                 physical;
    VkDevice                         handle;
    VkQueue                          queue;
    uint32_t                         queue_family;
    struct VolkDeviceTable           vk;
    struct dv_caps                   caps;
    VkPhysicalDeviceMemoryProperties memory;
    struct dv_pipeline_key           key;
    VkPipelineCache                  cache;
    struct dv_cache_file            *cache_file; /* NULL: the cache ends with the device */
    VkPipelineLayout                 layout;     /* 128 bytes of push constants, no descriptors */
    atomic_bool lost;     /* sticky: every later call answers DEVICE_LOST; any thread may read it */
    bool        hung;     /* lost, and work may still run: nothing is destroyed */
    bool        lent;     /* by an application, which destroys it (vk/adopt.h) */
    bool        unmapped; /* tests play a device whose memory the host cannot see */
    uint64_t    bytes_used, bytes_limit; /* DV_MEMORY_DEVICE; 0 = the driver's limit */
    uint64_t    bytes_budget;            /* what the driver left last; followed while the limit */
    bool        background;              /* gives way to others (vk/background.h) */
    float       memory_priority;         /* of allocations; 0: as the driver has it */
    bool        over_budget;             /* as was said last */
    uint64_t    budget_next;             /* ns: it is looked at again */
    uint64_t    n_submits;
    double      pass_rate; /* modelled bytes a nanosecond of the last passes; 0: none yet */
    /* Around each submission, where others submit to the queue as well; NULL: they do not. */
    void (*lock)(void *user);
    void (*unlock)(void *user);
    void               *lock_user;
    struct dv_stream   *streams;   /* all that are open, so that the device can be waited for */
    uint64_t            wait_ns;   /* how long dv_stream_wait waits unless told */
    struct dv_pipeline *pipelines; /* every pipeline made, so that none is made twice */
    uint32_t            variant;   /* for tests: rank in dv_spirv_choose() */
};

dsvk_status dv_device_new(struct dv_device **out, struct dv_instance *instance, uint32_t index);
/* The same in the background, or not. */
dsvk_status dv_device_new_beside(struct dv_device **out, struct dv_instance *instance,
                                 uint32_t index, bool background);
/* Reads again what the driver's budget leaves, which other programs change: caps.heaps[].free, and
 * bytes_limit where it is the budget and not a caller's; unless it may `shrink` that only rises.
 * Nothing where the driver has no budget. */
void dv_device_read_budget(struct dv_device *dev, bool shrink);
void dv_device_free(struct dv_device *dev);

/* A lost device's way back, in two steps, so that pointers to it and to its streams stay (vk/
 * reopen.c). First all that was made with it but pipelines and streams is freed. Shutting waits for
 * what runs, but never for long, then frees pipelines, what streams have and the VkDevice; what
 * hangs is given up. It stays lost. Reopening then looks for the same physical device and makes a
 * new VkDevice, with what the file of pipelines holds. After a failure it is shut and lost as
 * before, and may be reopened again. NO_DEVICE when it is not there any more. */
void        dv_device_shut(struct dv_device *dev);
dsvk_status dv_device_reopen(struct dv_device *dev);

/* Keeps compiled pipelines in a file of `folder` (vk/cache_file.c): what an earlier run left there
 * is handed to the driver, and when new pipelines were made, dv_device_free replaces the file.
 * Right after dv_device_new. Whatever goes wrong with the file costs a line of the log and the time
 * of compiling, nothing else; only a full host memory or a lost device is a failure. */
dsvk_status dv_device_keep_pipelines(struct dv_device *dev, const char *folder);

/* OK, or DEVICE_LOST with a line: the first thing that every fallible call asks. */
dsvk_status dv_device_check(struct dv_device *dev, const char *doing);

/* Turns a VkResult into a status with a sentence ("doing": "allocating 64 MiB for weights"). A
 * lost device becomes sticky. */
dsvk_status dv_device_result(struct dv_device *dev, VkResult result, const char *doing);

#endif
