/* SPDX-License-Identifier: MIT */
/* Vulkan objects that an application and the library share: its device for us, or ours for it. Not
 * part of dsvk.h, since it needs Vulkan's header. docs/embedding.md has an example. */
#ifndef DSVK_VULKAN_H
#define DSVK_VULKAN_H

#include "dsvk/device.h"

#include <vulkan/vulkan_core.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the application's device for us ---- */

typedef struct {
    PFN_vkGetInstanceProcAddr get; /* NULL: the system's loader */
    VkInstance                instance;
    uint32_t         api_version; /* VkApplicationInfo.apiVersion of the instance; 0 = 1.2 */
    VkPhysicalDevice physical;
    VkDevice         device;
    VkQueue          queue; /* of a family that computes; one family is all that is used */
    uint32_t         queue_family;
    /* What the device was made with: nothing else is used. NULL: bufferDeviceAddress,
     * timelineSemaphore and scalarBlockLayout, without which nothing works. Features may stand in
     * structures of their own or in those of versions; unknown structures are passed over. */
    const VkPhysicalDeviceFeatures2 *features;
    const char *const               *extensions; /* of the device */
    uint32_t                         n_extensions;
    /* Who else submits to the queue: one of these is needed. Nobody, ever; or anybody, since the
     * queue locks itself (VK_KHR_internally_synchronized_queues); or whoever holds the
     * application's own lock, which is then taken around each submission, from any thread that
     * calls the library, and for nothing longer. */
    bool queue_is_ours, queue_locks_itself;
    void (*lock)(void *user);
    void (*unlock)(void *user);
    void          *user;
    uint32_t       slice_us; /* as in dsvk_device_params; 0 = 4000, or 100000 if queue_is_ours */
    uint64_t       memory_limit;   /* as in dsvk_device_params */
    const char    *pipeline_cache; /* likewise */
    dsvk_log       log;
    dsvk_allocator allocator;
} dsvk_vulkan_import;

/* A device on the application's objects, which must live until it is closed; closing destroys none
 * of them. All is copied, `features` and `extensions` too. On a queue that others use one
 * submission is under way at a time, of a slice at most, so that their frames come between: it
 * begins with the pace { .share = 1 } (dsvk_device_set_pace).
 *
 * UNSUPPORTED, with the name, where a feature is missing that is needed; BAD_ARGUMENT for handles
 * that are NULL and where nothing is said about who submits. */
DSVK_API dsvk_status dsvk_device_import(dsvk_device **out, const dsvk_vulkan_import *params);

/* dsvk_device_recover() for an imported device, which the application has made anew: `again` is of
 * the same physical device, with the same features; its slice, limit, cache, log and allocator are
 * not looked at. The old VkDevice must live until this returns: what is ours on it is destroyed.
 * BAD_ARGUMENT for a device that was not imported, as from dsvk_device_recover() for one that
 * was. */
DSVK_API dsvk_status dsvk_device_recover_imported(dsvk_device               *device,
                                                  const dsvk_vulkan_import  *again,
                                                  const dsvk_recover_params *params);

/* What to make a VkDevice with, so that all kernels can be used. */
typedef struct {
    /* For VkDeviceCreateInfo.pNext as it is; an application with features of its own sets those
     * that are VK_TRUE here in its own structures as well. */
    const VkPhysicalDeviceFeatures2 *features;
    const char *const               *extensions;
    uint32_t                         n_extensions;
    uint32_t queue_family; /* that the library would take: one for compute alone where there is */
} dsvk_vulkan_wishes;

/* Of `params` get, instance, api_version, physical, log and allocator count. UNSUPPORTED, with a
 * clause, for a device that cannot be used. Freed with dsvk_vulkan_wishes_free(). */
DSVK_API dsvk_status dsvk_vulkan_wishes_new(dsvk_vulkan_wishes      **out,
                                            const dsvk_vulkan_import *params);
DSVK_API void        dsvk_vulkan_wishes_free(dsvk_vulkan_wishes *wishes);

/* ---- our device for the application ---- */

typedef struct {
    PFN_vkGetInstanceProcAddr get;
    VkInstance                instance;
    VkPhysicalDevice          physical;
    VkDevice                  device;
    VkQueue                   queue;
    uint32_t                  queue_family;
} dsvk_vulkan_handles;

/* The objects of an open device, valid until it is closed or recovered. It has only features that
 * kernels use, and one queue. */
DSVK_API void dsvk_device_vulkan(const dsvk_device *device, dsvk_vulkan_handles *handles);
/* Around each submission of the application's to that queue; calls do not nest, and nothing of the
 * library is called in between. They wait for submissions, not for what was submitted. On an
 * imported device they are the application's own lock. */
DSVK_API void dsvk_device_lock_queue(const dsvk_device *device);
DSVK_API void dsvk_device_unlock_queue(const dsvk_device *device);

#ifdef __cplusplus
}
#endif
#endif
