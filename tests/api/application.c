/* SPDX-License-Identifier: MIT */
/* Vulkan by hand, as an application has it. */
#define _POSIX_C_SOURCE 200809L
#include "application.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"

static const VkPhysicalDeviceVulkan12Features needed12 = {
    .sType               = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
    .bufferDeviceAddress = VK_TRUE,
    .timelineSemaphore   = VK_TRUE,
    .scalarBlockLayout   = VK_TRUE,
};
const VkPhysicalDeviceFeatures2 application_needed = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
    .pNext = (void *)(uintptr_t)&needed12,
};

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT        types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                 void                                       *user)
{
    struct application *app = user;
    (void)severity;
    (void)types;
    fprintf(stderr, "  validation: %s\n", data->pMessage);
    app->complaints++;
    return VK_FALSE;
}

static bool validates(void)
{
    const char *wanted = getenv("DSVK_TEST_VALIDATE");
    return wanted && strcmp(wanted, "1") == 0;
}

static void make_instance(struct application *app)
{
    const char *layer = "VK_LAYER_KHRONOS_validation", *utils = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    VkDebugUtilsMessengerCreateInfoEXT listening = {
        .sType           = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType     = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData       = app,
    };
    VkApplicationInfo    about = { .sType      = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                   .apiVersion = VK_API_VERSION_1_3 };
    VkInstanceCreateInfo info  = { .sType            = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                   .pApplicationInfo = &about };
    if (validates()) {
        info.pNext                   = &listening;
        info.enabledLayerCount       = 1;
        info.ppEnabledLayerNames     = &layer;
        info.enabledExtensionCount   = 1;
        info.ppEnabledExtensionNames = &utils;
    }
    PFN_vkCreateInstance create = (PFN_vkCreateInstance)app->get(NULL, "vkCreateInstance");
    assert_int_equal(create(&info, NULL, &app->instance), VK_SUCCESS);
#define F(name) app->name = (PFN_vk##name)app->get(app->instance, "vk" #name);
    APPLICATION_FUNCTIONS(F)
#undef F
    PFN_vkCreateDebugUtilsMessengerEXT listen = (PFN_vkCreateDebugUtilsMessengerEXT)app->get(
        app->instance, "vkCreateDebugUtilsMessengerEXT");
    if (validates())
        assert_int_equal(listen(app->instance, &listening, NULL, &app->messenger), VK_SUCCESS);
}

/* The one that the library would take, found by its name. */
static void find_device(struct application *app)
{
    VkPhysicalDevice  found[16];
    uint32_t          n = 16, n_list;
    dsvk_device_info *list;
    const char       *index  = getenv("DSVK_TEST_DEVICE");
    uint32_t          wanted = index ? (uint32_t)atoi(index) : 0;
    assert_int_equal(dsvk_device_list(&list, &n_list, NULL, NULL), DSVK_OK);
    assert_true(wanted < n_list);
    assert_true(app->EnumeratePhysicalDevices(app->instance, &n, found) >= 0);
    for (uint32_t i = 0; i < n && !app->physical; i++) {
        VkPhysicalDeviceProperties is;
        app->GetPhysicalDeviceProperties(found[i], &is);
        if (strncmp(is.deviceName, list[wanted].name, strlen(list[wanted].name)) == 0)
            app->physical = found[i];
    }
    assert_non_null(app->physical);
    dsvk_device_list_free(list, NULL);
}

static void find_family(struct application *app)
{
    VkQueueFamilyProperties families[16];
    uint32_t                n = 16;
    app->GetPhysicalDeviceQueueFamilyProperties(app->physical, &n, families);
    while (app->family < n && !(families[app->family].queueFlags & VK_QUEUE_COMPUTE_BIT))
        app->family++;
    assert_true(app->family < n);
}

void application_begin(struct application *app)
{
    *app          = (struct application){ 0 };
    void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    assert_non_null(library);
    *(void **)&app->get = dlsym(library, "vkGetInstanceProcAddr");
    assert_non_null(app->get);
    assert_int_equal(pthread_mutex_init(&app->lock, NULL), 0);
    make_instance(app);
    find_device(app);
    find_family(app);
}

static void make_frame(struct application *app)
{
    VkCommandPoolCreateInfo pool = { .sType            = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                     .queueFamilyIndex = app->family };
    assert_int_equal(app->CreateCommandPool(app->device, &pool, NULL, &app->pool), VK_SUCCESS);
    VkCommandBufferAllocateInfo one = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool        = app->pool,
                                        .commandBufferCount = 1 };
    assert_int_equal(app->AllocateCommandBuffers(app->device, &one, &app->commands), VK_SUCCESS);
    VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
    assert_int_equal(app->BeginCommandBuffer(app->commands, &begin), VK_SUCCESS);
    assert_int_equal(app->EndCommandBuffer(app->commands), VK_SUCCESS);
    VkFenceCreateInfo fence = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
    assert_int_equal(app->CreateFence(app->device, &fence, NULL, &app->fence), VK_SUCCESS);
}

void application_make(struct application *app, const VkPhysicalDeviceFeatures2 *features,
                      const char *const *extensions, uint32_t n_extensions)
{
    float                   priority = 1;
    VkDeviceQueueCreateInfo queue    = { .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                         .queueFamilyIndex = app->family,
                                         .queueCount       = 1,
                                         .pQueuePriorities = &priority };
    VkDeviceCreateInfo      info     = {
                 .sType                   = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                 .pNext                   = features,
                 .queueCreateInfoCount    = 1,
                 .pQueueCreateInfos       = &queue,
                 .enabledExtensionCount   = n_extensions,
                 .ppEnabledExtensionNames = extensions,
    };
    assert_int_equal(app->CreateDevice(app->physical, &info, NULL, &app->device), VK_SUCCESS);
#define F(name) app->name = (PFN_vk##name)app->GetDeviceProcAddr(app->device, "vk" #name);
    APPLICATION_DEVICE_FUNCTIONS(F)
#undef F
    app->GetDeviceQueue(app->device, app->family, 0, &app->queue);
    make_frame(app);
}

uint64_t application_frame(struct application *app)
{
    VkSubmitInfo    info = { .sType              = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                             .commandBufferCount = 1,
                             .pCommandBuffers    = &app->commands };
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    pthread_mutex_lock(&app->lock);
    assert_int_equal(app->QueueSubmit(app->queue, 1, &info, app->fence), VK_SUCCESS);
    pthread_mutex_unlock(&app->lock);
    assert_int_equal(app->WaitForFences(app->device, 1, &app->fence, VK_TRUE, 600000000000u),
                     VK_SUCCESS);
    assert_int_equal(app->ResetFences(app->device, 1, &app->fence), VK_SUCCESS);
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (uint64_t)((b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000);
}

void application_unmake(struct application *app)
{
    app->DeviceWaitIdle(app->device);
    app->DestroyFence(app->device, app->fence, NULL);
    app->DestroyCommandPool(app->device, app->pool, NULL);
    app->DestroyDevice(app->device, NULL);
    app->device = VK_NULL_HANDLE;
}

void application_end(struct application *app)
{
    if (app->device)
        application_unmake(app);
    PFN_vkDestroyDebugUtilsMessengerEXT deafen = (PFN_vkDestroyDebugUtilsMessengerEXT)app->get(
        app->instance, "vkDestroyDebugUtilsMessengerEXT");
    if (app->messenger)
        deafen(app->instance, app->messenger, NULL);
    app->DestroyInstance(app->instance, NULL);
    pthread_mutex_destroy(&app->lock);
    assert_int_equal(app->complaints, 0);
}

void application_lock(void *user)
{
    struct application *app = user;
    pthread_mutex_lock(&app->lock);
    app->locks++;
    app->held++;
}

void application_unlock(void *user)
{
    struct application *app = user;
    app->held--;
    pthread_mutex_unlock(&app->lock);
}

dsvk_vulkan_import application_lend(struct application *app)
{
    return (dsvk_vulkan_import){ .get          = app->get,
                                 .instance     = app->instance,
                                 .api_version  = VK_API_VERSION_1_3,
                                 .physical     = app->physical,
                                 .device       = app->device,
                                 .queue        = app->queue,
                                 .queue_family = app->family,
                                 .lock         = application_lock,
                                 .unlock       = application_unlock,
                                 .user         = app };
}

dsvk_model *application_model(dsvk_device *device, struct demo_log *log)
{
    dsvk_model       *model;
    dsvk_model_params params  = { .folder = DSVK_DEMO, .log = demo_log_sink(log) };
    dsvk_load_params  loading = { .run.math = DSVK_MATH_AUTO };
    assert_int_equal(dsvk_model_open(&model, &params), DSVK_OK);
    assert_int_equal(dsvk_model_load(model, device, &loading), DSVK_OK);
    return model;
}

void application_asks(dsvk_session *session, uint32_t from, uint32_t to)
{
    uint32_t token;
    for (uint32_t i = from; i < to; i++) {
        uint32_t tokens[N_QUESTION + N_ANSWER];
        memcpy(tokens, question, sizeof question);
        memcpy(tokens + N_QUESTION, answer, i * sizeof *answer);
        assert_int_equal(dsvk_session_sync(session, tokens, N_QUESTION + i, NULL), DSVK_OK);
        assert_int_equal(dsvk_session_argmax(session, &token), DSVK_OK);
        assert_int_equal(token, answer[i]);
    }
}
