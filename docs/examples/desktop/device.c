/* SPDX-License-Identifier: MIT */
/* The application's Vulkan: an instance, a device with all that the library wishes for and a
 * swapchain, one queue for both, and a lock. */
#include <stdio.h>
#include <string.h>

#include <SDL_vulkan.h>

#include "desktop.h"

bool device_check(VkResult result, const char *doing)
{
    if (result < 0)
        fprintf(stderr, "desktop: %s: VkResult %d\n", doing, (int)result);
    return result >= 0;
}

/* ---- the instance ---- */

static VKAPI_ATTR VkBool32 VKAPI_CALL complain(VkDebugUtilsMessageSeverityFlagBitsEXT      severity,
                                               VkDebugUtilsMessageTypeFlagsEXT             types,
                                               const VkDebugUtilsMessengerCallbackDataEXT *data,
                                               void                                       *user)
{
    struct device *d = user;
    (void)severity;
    (void)types;
    fprintf(stderr, "validation: %s\n", data->pMessage);
    SDL_AtomicAdd(&d->complaints, 1);
    return VK_FALSE;
}

static bool listen(struct device *d, const VkDebugUtilsMessengerCreateInfoEXT *listening)
{
    PFN_vkCreateDebugUtilsMessengerEXT create =
        (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(d->instance,
                                                                  "vkCreateDebugUtilsMessengerEXT");
    return device_check(create(d->instance, listening, NULL, &d->messenger),
                        "listening to validation");
}

static bool make_instance(struct device *d, bool validate)
{
    const char                        *names[32], *layer = "VK_LAYER_KHRONOS_validation";
    unsigned                           n         = 31;
    VkDebugUtilsMessengerCreateInfoEXT listening = {
        .sType           = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType     = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = complain,
        .pUserData       = d,
    };
    VkValidationFeatureEnableEXT synchronisation =
        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
    VkValidationFeaturesEXT more  = { .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                      .pNext = &listening,
                                      .enabledValidationFeatureCount = 1,
                                      .pEnabledValidationFeatures    = &synchronisation };
    VkApplicationInfo       about = { .sType            = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                      .pApplicationName = "desktop",
                                      .apiVersion       = VK_API_VERSION_1_2 };
    VkInstanceCreateInfo    info  = { .sType            = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                      .pApplicationInfo = &about,
                                      .ppEnabledExtensionNames = names };
    if (!SDL_Vulkan_GetInstanceExtensions(d->window, &n, names)) {
        fprintf(stderr, "desktop: %s\n", SDL_GetError());
        return false;
    }
    if (validate) {
        names[n++]               = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
        info.pNext               = &more;
        info.enabledLayerCount   = 1;
        info.ppEnabledLayerNames = &layer;
    }
    info.enabledExtensionCount = n;
    return device_check(vkCreateInstance(&info, NULL, &d->instance), "making an instance") &&
           (!validate || listen(d, &listening));
}
/* ---- the device ---- */

/* A family that computes and shows, or UINT32_MAX. */
static uint32_t find_family(const struct device *d)
{
    VkQueueFamilyProperties families[16];
    uint32_t                n = 16;
    vkGetPhysicalDeviceQueueFamilyProperties(d->physical, &n, families);
    for (uint32_t i = 0; i < n; i++) {
        VkBool32 shows = VK_FALSE;
        vkGetPhysicalDeviceSurfaceSupportKHR(d->physical, i, d->surface, &shows);
        if (shows && (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT))
            return i;
    }
    return UINT32_MAX;
}

static void log_line(void *user, dsvk_log_level level, const char *line)
{
    (void)user;
    (void)level;
    fprintf(stderr, "%s\n", line);
}

static const dsvk_log to_stderr = { .write = log_line, .level = DSVK_LOG_WARN };

/* The first device that shows and that the library can use, and what it wishes for there. */
static bool find_device(struct device *d)
{
    VkPhysicalDevice           found[16];
    VkPhysicalDeviceProperties is;
    uint32_t                   n = 16;
    if (!device_check(vkEnumeratePhysicalDevices(d->instance, &n, found), "looking for devices"))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        dsvk_vulkan_import about = { .get         = vkGetInstanceProcAddr,
                                     .instance    = d->instance,
                                     .api_version = VK_API_VERSION_1_2,
                                     .physical    = found[i] };
        d->physical              = found[i];
        d->family                = find_family(d);
        if (d->family != UINT32_MAX && dsvk_vulkan_wishes_new(&d->wishes, &about) == DSVK_OK) {
            vkGetPhysicalDeviceProperties(d->physical, &is);
            memcpy(d->name, is.deviceName, sizeof d->name);
            return true;
        }
    }
    fprintf(stderr, "desktop: no device both shows and computes\n");
    return false;
}

bool device_begin(struct device *d, SDL_Window *window, bool validate)
{
    *d        = (struct device){ .window = window };
    d->lock   = SDL_CreateMutex();
    bool fine = d->lock && make_instance(d, validate) &&
                SDL_Vulkan_CreateSurface(window, d->instance, &d->surface) && find_device(d);
    for (uint32_t i = 0; fine && i < d->wishes->n_extensions && i < 63; i++)
        d->extensions[d->n_extensions++] = d->wishes->extensions[i];
    d->extensions[d->n_extensions++] = VK_KHR_SWAPCHAIN_EXTENSION_NAME;
    return fine && device_make(d);
}

bool device_make(struct device *d)
{
    const float             most  = 1;
    VkDeviceQueueCreateInfo queue = { .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                      .queueFamilyIndex = d->family,
                                      .queueCount       = 1,
                                      .pQueuePriorities = &most };
    VkDeviceCreateInfo      info  = { .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO };
    VkDevice                made;
    info.pNext                   = d->wishes->features;
    info.queueCreateInfoCount    = 1;
    info.pQueueCreateInfos       = &queue;
    info.enabledExtensionCount   = d->n_extensions;
    info.ppEnabledExtensionNames = d->extensions;
    if (!device_check(vkCreateDevice(d->physical, &info, NULL, &made), "making a device"))
        return false;
    SDL_LockMutex(d->lock); /* others may lend it just now */
    d->old    = d->handle;
    d->handle = made;
    vkGetDeviceQueue(d->handle, d->family, 0, &d->queue);
    SDL_UnlockMutex(d->lock);
    return true;
}

/* ---- a loss ---- */

static SDL_atomic_t lost_queue_set;
static VkQueue      lost_queue;

static VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue queue, uint32_t n, const VkSubmitInfo *infos,
                                             VkFence fence)
{
    if (SDL_AtomicGet(&lost_queue_set) && queue == lost_queue)
        return VK_ERROR_DEVICE_LOST;
    return vkQueueSubmit(queue, n, infos, fence);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_get(VkDevice device, const char *name)
{
    if (strcmp(name, "vkQueueSubmit") == 0)
        return (PFN_vkVoidFunction)submit;
    return vkGetDeviceProcAddr(device, name);
}

/* An application that plays nothing lends vkGetInstanceProcAddr itself. */
static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_get(VkInstance instance, const char *name)
{
    if (strcmp(name, "vkGetDeviceProcAddr") == 0)
        return (PFN_vkVoidFunction)device_get;
    return vkGetInstanceProcAddr(instance, name);
}

void device_play_loss(struct device *d)
{
    lost_queue = d->queue;
    SDL_AtomicSet(&lost_queue_set, 1);
    SDL_AtomicSet(&d->lost, 1);
}

void device_drop_old(struct device *d)
{
    SDL_LockMutex(d->lock);
    if (d->old) {
        SDL_AtomicSet(&lost_queue_set, 0); /* another queue may have its address */
        vkDestroyDevice(d->old, NULL);
    }
    d->old = VK_NULL_HANDLE;
    SDL_UnlockMutex(d->lock);
}

bool device_has_old(struct device *d)
{
    SDL_LockMutex(d->lock);
    bool has = d->old != VK_NULL_HANDLE;
    SDL_UnlockMutex(d->lock);
    return has;
}

/* ---- lending ---- */

static void lock(void *user)
{
    SDL_LockMutex(((struct device *)user)->lock);
}

static void unlock(void *user)
{
    SDL_UnlockMutex(((struct device *)user)->lock);
}

dsvk_vulkan_import device_lend(struct device *d)
{
    dsvk_vulkan_import lent = { .get          = instance_get,
                                .instance     = d->instance,
                                .api_version  = VK_API_VERSION_1_2,
                                .physical     = d->physical,
                                .queue_family = d->family,
                                .features     = d->wishes->features,
                                .extensions   = d->extensions,
                                .n_extensions = d->n_extensions,
                                .lock         = lock,
                                .unlock       = unlock,
                                .user         = d,
                                .log          = to_stderr };
    SDL_LockMutex(d->lock);
    lent.device = d->handle;
    lent.queue  = d->queue;
    SDL_UnlockMutex(d->lock);
    return lent;
}

void device_end(struct device *d)
{
    device_drop_old(d);
    dsvk_vulkan_wishes_free(d->wishes);
    if (d->handle)
        vkDestroyDevice(d->handle, NULL);
    if (d->surface)
        vkDestroySurfaceKHR(d->instance, d->surface, NULL);
    if (d->messenger) {
        PFN_vkDestroyDebugUtilsMessengerEXT deafen =
            (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(
                d->instance, "vkDestroyDebugUtilsMessengerEXT");
        deafen(d->instance, d->messenger, NULL);
    }
    if (d->instance)
        vkDestroyInstance(d->instance, NULL);
    SDL_DestroyMutex(d->lock);
}
