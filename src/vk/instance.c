/* SPDX-License-Identifier: MIT */
/* The Vulkan instance and its devices, best first. Function tables belong to an instance, so that
 * several live side by side; validation messages go to the log. */
#include "vk/probe.h"

#include <string.h>

#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"

/* The functions that exist before an instance. */
struct entry {
    PFN_vkGetInstanceProcAddr                  get;
    PFN_vkCreateInstance                       create;
    PFN_vkEnumerateInstanceVersion             version; /* NULL in Vulkan 1.0 */
    PFN_vkEnumerateInstanceLayerProperties     layers;
    PFN_vkEnumerateInstanceExtensionProperties extensions;
};

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT        types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                 void                                       *user)
{
    (void)types;
    dv_log(user,
           severity >= VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT ? DSVK_LOG_ERROR
                                                                     : DSVK_LOG_WARN,
           "validation: %s", data->pMessage);
    return VK_FALSE;
}

/* The status and line of a failure before there is a device. */
static dsvk_status failed(const struct dv_context *ctx, VkResult result, const char *doing)
{
    dsvk_status status = result == VK_ERROR_OUT_OF_HOST_MEMORY     ? DSVK_NO_MEMORY
                         : result == VK_ERROR_OUT_OF_DEVICE_MEMORY ? DSVK_NO_VRAM
                                                                   : DSVK_NO_DEVICE;
    if (status == DSVK_NO_MEMORY)
        return dv_fail(ctx, status, "instance: %s: the driver is out of host memory", doing);
    return dv_fail(ctx, status, "instance: %s failed (VkResult %d)", doing, (int)result);
}

/* Of a list that holds what may be missing: only memory is worth a failure. */
static dsvk_status list_status(const struct dv_context *ctx, VkResult result, const char *doing)
{
    bool memory = result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return memory ? failed(ctx, result, doing) : DSVK_OK;
}

static dsvk_status no_room(const struct dv_context *ctx, uint32_t n, const char *what)
{
    return dv_fail(ctx, DSVK_NO_MEMORY, "instance: no room for the names of %u %s", n, what);
}

static dsvk_status find_layer(bool *found, const struct entry *entry, const struct dv_context *ctx,
                              const char *name)
{
    uint32_t n = 0;
    *found     = false;
    if (!entry->layers)
        return DSVK_OK;
    VkResult           result = entry->layers(&n, NULL);
    VkLayerProperties *list   = NULL;
    if (result == VK_SUCCESS) {
        list = dv_zalloc_array(ctx, n + 1, sizeof *list);
        if (!list)
            return no_room(ctx, n, "layers");
        result = entry->layers(&n, list);
    }
    for (uint32_t i = 0; result == VK_SUCCESS && i < n; i++)
        *found |= strcmp(list[i].layerName, name) == 0;
    dv_free(ctx, list);
    return list_status(ctx, result, "listing layers");
}

static dsvk_status find_extension(bool *found, const struct entry *entry,
                                  const struct dv_context *ctx, const char *layer, const char *name)
{
    uint32_t n = 0;
    if (!entry->extensions)
        return DSVK_OK;
    VkResult               result = entry->extensions(layer, &n, NULL);
    VkExtensionProperties *list   = NULL;
    if (result == VK_SUCCESS) {
        list = dv_zalloc_array(ctx, n + 1, sizeof *list);
        if (!list)
            return no_room(ctx, n, "extensions");
        result = entry->extensions(layer, &n, list);
    }
    for (uint32_t i = 0; result == VK_SUCCESS && i < n; i++)
        *found |= strcmp(list[i].extensionName, name) == 0;
    dv_free(ctx, list);
    return list_status(ctx, result, "listing extensions");
}

static dsvk_status entry_load(struct entry *entry, const struct dv_context *ctx,
                              PFN_vkGetInstanceProcAddr get)
{
    *entry = (struct entry){
        .get     = get,
        .create  = (PFN_vkCreateInstance)get(NULL, "vkCreateInstance"),
        .version = (PFN_vkEnumerateInstanceVersion)get(NULL, "vkEnumerateInstanceVersion"),
        .layers =
            (PFN_vkEnumerateInstanceLayerProperties)get(NULL, "vkEnumerateInstanceLayerProperties"),
        .extensions = (PFN_vkEnumerateInstanceExtensionProperties)get(
            NULL, "vkEnumerateInstanceExtensionProperties"),
    };
    uint32_t version = 0;
    if (!entry->create || !entry->version)
        return dv_fail(ctx, DSVK_NO_DEVICE, "instance: the Vulkan loader is too old (1.0)");
    VkResult result = entry->version(&version);
    return result == VK_SUCCESS ? DSVK_OK : failed(ctx, result, "asking for its version");
}

static dsvk_status creation_status(const struct dv_context *ctx, VkResult result)
{
    if (result == VK_SUCCESS)
        return DSVK_OK;
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        return dv_fail(ctx, DSVK_NO_DEVICE,
                       "instance: no Vulkan driver is installed (the loader found none that it "
                       "can use)");
    return failed(ctx, result, "vkCreateInstance");
}

/* The layer and the extension that its messages come through. */
static dsvk_status find_validation(const struct entry *entry, const struct dv_context *ctx)
{
    static const char *const utils = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    dsvk_status              status;
    bool                     layer, extension = false;
    TRY(find_layer(&layer, entry, ctx, VALIDATION_LAYER));
    if (!layer)
        return dv_fail(ctx, DSVK_UNSUPPORTED, "instance: the validation layer %s is not installed",
                       VALIDATION_LAYER);
    TRY(find_extension(&extension, entry, ctx, NULL, utils));
    if (!extension)
        TRY(find_extension(&extension, entry, ctx, VALIDATION_LAYER, utils));
    return extension ? DSVK_OK
                     : dv_fail(ctx, DSVK_UNSUPPORTED, "instance: validation needs %s", utils);
}

static dsvk_status create(struct dv_instance *instance, const struct entry *entry, bool validate)
{
    const struct dv_context *ctx = instance->ctx;
    const char              *layers[1], *extensions[2];
    uint32_t                 n_layers = 0, n_extensions = 0;
    VkInstanceCreateFlags    flags       = 0;
    bool                     portability = false;
    dsvk_status              status;

    if (validate) {
        TRY(find_validation(entry, ctx));
        layers[n_layers++]         = VALIDATION_LAYER;
        extensions[n_extensions++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    }
    TRY(find_extension(&portability, entry, ctx, NULL,
                       VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME));
    if (portability) {
        extensions[n_extensions++] = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
        flags |= VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
    }
    VkApplicationInfo application = {
        .sType       = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pEngineName = "ds-vk",
        .apiVersion  = VK_API_VERSION_1_3, /* the newest that we know, not a minimum */
    };
    VkInstanceCreateInfo info = {
        .sType                   = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .flags                   = flags,
        .pApplicationInfo        = &application,
        .enabledLayerCount       = n_layers,
        .ppEnabledLayerNames     = layers,
        .enabledExtensionCount   = n_extensions,
        .ppEnabledExtensionNames = extensions,
    };
    VkResult result = entry->create(&info, NULL, &instance->handle);
    if (result != VK_SUCCESS)
        instance->handle = VK_NULL_HANDLE;
    return creation_status(ctx, result);
}

static dsvk_status listen(struct dv_instance *instance)
{
    VkResult                           result = VK_ERROR_EXTENSION_NOT_PRESENT;
    VkDebugUtilsMessengerCreateInfoEXT info   = {
          .sType           = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
          .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                             VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
          .messageType     = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
          .pfnUserCallback = on_message,
          .pUserData       = (void *)instance->ctx,
    };
    if (instance->vk.vkCreateDebugUtilsMessengerEXT)
        result = instance->vk.vkCreateDebugUtilsMessengerEXT(instance->handle, &info, NULL,
                                                             &instance->messenger);
    if (result == VK_SUCCESS)
        return DSVK_OK;
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY)
        return failed(instance->ctx, result, "listening to the validation layer");
    return dv_fail(instance->ctx, DSVK_UNSUPPORTED,
                   "instance: no messages from the validation layer (VkResult %d)", (int)result);
}

/* Whether a ranks before b. */
static bool is_better(const struct dv_caps *a, const struct dv_caps *b)
{
    if (a->usable != b->usable)
        return a->usable;
    if (a->is_software != b->is_software)
        return b->is_software;
    if (a->is_integrated != b->is_integrated)
        return b->is_integrated;
    return a->memory_total > b->memory_total;
}

/* Sorts by insertion: equal devices keep the driver's order. */
static void rank_devices(struct dv_instance *instance)
{
    for (uint32_t i = 1; i < instance->n_physical; i++)
        for (uint32_t j = i; j > 0 && is_better(&instance->caps[j], &instance->caps[j - 1]); j--) {
            struct dv_caps   caps     = instance->caps[j];
            VkPhysicalDevice physical = instance->physical[j];
            instance->caps[j]         = instance->caps[j - 1];
            instance->physical[j]     = instance->physical[j - 1];
            instance->caps[j - 1]     = caps;
            instance->physical[j - 1] = physical;
        }
}

/* Into the lists of `found`, which has room for n. */
static dsvk_status read_devices(struct dv_instance *found, uint32_t n)
{
    const struct dv_context *ctx    = found->ctx;
    dsvk_status              status = DSVK_OK;
    struct dv_probe         *probe  = dv_zalloc(ctx, sizeof *probe);
    if (!probe)
        return dv_fail(ctx, DSVK_NO_MEMORY, "instance: no room for %u devices", n);
    VkResult result = found->vk.vkEnumeratePhysicalDevices(found->handle, &n, found->physical);
    if (result != VK_SUCCESS && result != VK_INCOMPLETE)
        status = failed(ctx, result, "listing devices");
    for (uint32_t i = 0; i < n && status == DSVK_OK; i++) {
        status = dv_probe_read(probe, found, found->physical[i]);
        dv_caps_read(&found->caps[i], probe);
        found->n_physical = i + 1;
    }
    dv_free(ctx, probe);
    rank_devices(found);
    return status;
}

dsvk_status dv_instance_list(struct dv_instance *instance)
{
    const struct dv_context *ctx = instance->ctx;
    dsvk_status              status;
    uint32_t                 n = 0;
    VkResult result = instance->vk.vkEnumeratePhysicalDevices(instance->handle, &n, NULL);
    if (result != VK_SUCCESS)
        return failed(ctx, result, "listing devices");
    if (n == 0)
        return dv_fail(ctx, DSVK_NO_DEVICE,
                       "instance: the installed Vulkan drivers found no device");
    struct dv_instance old = *instance, found = *instance;
    found.n_physical = 0;
    found.physical   = dv_zalloc_array(ctx, n, sizeof *found.physical);
    found.caps       = dv_zalloc_array(ctx, n, sizeof *found.caps);
    if (found.physical && found.caps)
        status = read_devices(&found, n);
    else
        status = dv_fail(ctx, DSVK_NO_MEMORY, "instance: no room for %u devices", n);
    *instance                  = status == DSVK_OK ? found : old;
    struct dv_instance *unused = status == DSVK_OK ? &old : &found;
    dv_free(ctx, unused->physical);
    dv_free(ctx, unused->caps);
    return status;
}

dsvk_status dv_instance_new_with(struct dv_instance **out, const struct dv_context *ctx,
                                 bool validate, PFN_vkGetInstanceProcAddr get)
{
    dsvk_status  status;
    struct entry entry;
    *out = NULL;
    TRY(entry_load(&entry, ctx, get));
    struct dv_instance *instance = dv_zalloc(ctx, sizeof *instance);
    if (!instance)
        return dv_fail(ctx, DSVK_NO_MEMORY, "instance: no room for its header");
    instance->ctx = ctx;
    TRY_OR(fail, create(instance, &entry, validate));
    TRY_OR(fail, dv_instance_table_load(&instance->vk, ctx, instance->handle, get));
    if (validate)
        TRY_OR(fail, listen(instance));
    TRY_OR(fail, dv_instance_list(instance));
    *out = instance;
    return DSVK_OK;
fail:
    dv_instance_free(instance);
    return status;
}

dsvk_status dv_instance_new(struct dv_instance **out, const struct dv_context *ctx, bool validate)
{
    dsvk_status               status;
    PFN_vkGetInstanceProcAddr get;
    *out = NULL;
    TRY(dv_loader_open(&get, ctx));
    return dv_instance_new_with(out, ctx, validate, get);
}

void dv_instance_free(struct dv_instance *instance)
{
    if (!instance)
        return;
    if (instance->messenger && instance->vk.vkDestroyDebugUtilsMessengerEXT)
        instance->vk.vkDestroyDebugUtilsMessengerEXT(instance->handle, instance->messenger, NULL);
    if (instance->handle && instance->vk.vkDestroyInstance && !instance->hung && !instance->lent)
        instance->vk.vkDestroyInstance(instance->handle, NULL);
    dv_free(instance->ctx, instance->physical);
    dv_free(instance->ctx, instance->caps);
    dv_free(instance->ctx, instance);
}
