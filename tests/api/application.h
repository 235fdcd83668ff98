/* SPDX-License-Identifier: MIT */
/* A program with Vulkan objects of its own, which it lends to the library. */
#ifndef TESTS_API_APPLICATION_H
#define TESTS_API_APPLICATION_H

#include <stdbool.h>
#include <stdint.h>

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <dsvk/vulkan.h>

#include <pthread.h>

#include "demo.h"

#define APPLICATION_FUNCTIONS(F)                                                                   \
    F(CreateDevice)                                                                                \
    F(DestroyInstance)                                                                             \
    F(EnumeratePhysicalDevices)                                                                    \
    F(GetPhysicalDeviceQueueFamilyProperties)                                                      \
    F(GetPhysicalDeviceProperties)                                                                 \
    F(GetDeviceProcAddr)
#define APPLICATION_DEVICE_FUNCTIONS(F)                                                            \
    F(GetDeviceQueue)                                                                              \
    F(DestroyDevice)                                                                               \
    F(DeviceWaitIdle)                                                                              \
    F(CreateCommandPool)                                                                           \
    F(DestroyCommandPool)                                                                          \
    F(AllocateCommandBuffers)                                                                      \
    F(BeginCommandBuffer)                                                                          \
    F(EndCommandBuffer)                                                                            \
    F(CreateFence)                                                                                 \
    F(DestroyFence)                                                                                \
    F(ResetFences)                                                                                 \
    F(WaitForFences)                                                                               \
    F(QueueSubmit)

struct application {
    PFN_vkGetInstanceProcAddr get;
    VkInstance                instance;
    VkPhysicalDevice          physical;
    VkDevice                  device;
    VkQueue                   queue;
    uint32_t                  family;
    VkDebugUtilsMessengerEXT  messenger;  /* with DSVK_TEST_VALIDATE=1 */
    unsigned                  complaints; /* of the validation layer */
    VkCommandPool             pool;
    VkCommandBuffer           commands; /* a frame: nothing at all */
    VkFence                   fence;
    pthread_mutex_t           lock;
    unsigned                  locks, held;
#define F(name) PFN_vk##name name;
    APPLICATION_FUNCTIONS(F)
    APPLICATION_DEVICE_FUNCTIONS(F)
#undef F
};

/* Vulkan and a device that can be used, the first or the one that DSVK_TEST_DEVICE names by its
 * index; no VkDevice yet. */
void application_begin(struct application *app);
/* What ds-vk needs and no more. */
extern const VkPhysicalDeviceFeatures2 application_needed;
void application_make(struct application *app, const VkPhysicalDeviceFeatures2 *features,
                      const char *const *extensions, uint32_t n_extensions);
/* Submits a frame under the lock and waits for it: microseconds. */
uint64_t application_frame(struct application *app);
/* The VkDevice alone. */
void application_unmake(struct application *app);
void application_end(struct application *app);

/* The lock, as dsvk_vulkan_import wants it. */
void application_lock(void *app);
void application_unlock(void *app);
/* The objects, with the lock. */
dsvk_vulkan_import application_lend(struct application *app);

/* The demonstration model on a device; and tokens from .. to-1 of its answer, one by one. */
dsvk_model *application_model(dsvk_device *device, struct demo_log *log);
void        application_asks(dsvk_session *session, uint32_t from, uint32_t to);

#endif
