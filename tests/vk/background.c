/* SPDX-License-Identifier: MIT */
/* A device in the background, on a played driver that offers all of it, some of it, or refuses. */
#include <limits.h>

#include "test.h"

#include "modules.h"
#include "support/device.h"
#include "vk/background.h"

static struct {
    PFN_vkEnumerateDeviceExtensionProperties  list;
    PFN_vkCreateDevice                        create;
    PFN_vkAllocateMemory                      allocate;
    uint32_t                                  offered; /* the first so many names */
    bool                                      refuses;
    unsigned                                  creations, priorities;
    VkQueueGlobalPriorityKHR                  queue; /* asked for at last; 0: none */
    bool                                      memory, pageable;
    float                                     priority;
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget;
} played;

static const char *const names[] = { VK_KHR_GLOBAL_PRIORITY_EXTENSION_NAME,
                                     VK_EXT_MEMORY_PRIORITY_EXTENSION_NAME,
                                     VK_EXT_PAGEABLE_DEVICE_LOCAL_MEMORY_EXTENSION_NAME };

static bool is_played(const char *name)
{
    for (uint32_t i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* What the driver has, and behind it what it plays. */
static VKAPI_ATTR VkResult VKAPI_CALL list(VkPhysicalDevice physical, const char *layer,
                                           uint32_t *n, VkExtensionProperties *out)
{
    VkExtensionProperties all[512];
    uint32_t              n_real = 512, n_kept = 0;
    assert_int_equal(played.list(physical, layer, &n_real, all), VK_SUCCESS);
    for (uint32_t i = 0; i < n_real; i++)
        if (!is_played(all[i].extensionName))
            all[n_kept++] = all[i];
    for (uint32_t i = 0; i < played.offered; i++)
        snprintf(all[n_kept++].extensionName, VK_MAX_EXTENSION_NAME_SIZE, "%s", names[i]);
    if (out)
        memcpy(out, all, (*n < n_kept ? *n : n_kept) * sizeof *all);
    *n = n_kept;
    return VK_SUCCESS;
}

/* Takes out of the chain what the real driver does not have. */
static void note_features(VkPhysicalDeviceFeatures2 *features)
{
    for (VkBaseOutStructure *before = (void *)features; before->pNext;) {
        VkBaseOutStructure *s = before->pNext;
        bool ours = s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PRIORITY_FEATURES_EXT;
        if (ours)
            played.memory = ((VkPhysicalDeviceMemoryPriorityFeaturesEXT *)s)->memoryPriority;
        if (s->sType ==
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PAGEABLE_DEVICE_LOCAL_MEMORY_FEATURES_EXT) {
            ours            = true;
            played.pageable = ((VkPhysicalDevicePageableDeviceLocalMemoryFeaturesEXT *)s)
                                  ->pageableDeviceLocalMemory;
        }
        if (ours)
            before->pNext = s->pNext;
        else
            before = s;
    }
}

static VKAPI_ATTR VkResult VKAPI_CALL create(VkPhysicalDevice             physical,
                                             const VkDeviceCreateInfo    *info,
                                             const VkAllocationCallbacks *a, VkDevice *out)
{
    const char             *kept[DV_MOST_EXTENSIONS];
    VkDeviceCreateInfo      real  = *info;
    VkDeviceQueueCreateInfo queue = *info->pQueueCreateInfos;
    real.enabledExtensionCount    = 0;
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++)
        if (!is_played(info->ppEnabledExtensionNames[i]))
            kept[real.enabledExtensionCount++] = info->ppEnabledExtensionNames[i];
    played.priorities = info->enabledExtensionCount - real.enabledExtensionCount;
    played.creations++;
    const VkDeviceQueueGlobalPriorityCreateInfoKHR *asked = queue.pNext;
    played.queue = asked ? asked->globalPriority : (VkQueueGlobalPriorityKHR)0;
    if (asked && played.refuses)
        return VK_ERROR_NOT_PERMITTED_KHR;
    queue.pNext                  = NULL;
    real.pQueueCreateInfos       = &queue;
    real.ppEnabledExtensionNames = kept;
    note_features((VkPhysicalDeviceFeatures2 *)(uintptr_t)info->pNext);
    return played.create(physical, &real, a, out);
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate(VkDevice device, const VkMemoryAllocateInfo *info,
                                               const VkAllocationCallbacks *a, VkDeviceMemory *out)
{
    VkMemoryAllocateFlagsInfo              flags = *(const VkMemoryAllocateFlagsInfo *)info->pNext;
    VkMemoryAllocateInfo                   real  = *info;
    const VkMemoryPriorityAllocateInfoEXT *asked = flags.pNext;
    played.priority                              = asked ? asked->priority : 0;
    flags.pNext                                  = NULL;
    real.pNext                                   = &flags;
    return played.allocate(device, &real, a, out);
}

/* Opened on a driver that offers the first so many of the three. */
static struct dv_device *open_beside(struct test_device *t, uint32_t offered, bool refuses)
{
    struct dv_device         *dev;
    struct dv_instance_table *vk = &t->instance->vk;
    memset(&played, 0, sizeof played);
    played.list    = vk->vkEnumerateDeviceExtensionProperties;
    played.create  = vk->vkCreateDevice;
    played.offered = offered;
    played.refuses = refuses;

    vk->vkEnumerateDeviceExtensionProperties = list;
    vk->vkCreateDevice                       = create;
    assert_int_equal(dv_device_new_beside(&dev, t->instance, 0, true), DSVK_OK);
    vk->vkEnumerateDeviceExtensionProperties = played.list;
    vk->vkCreateDevice                       = played.create;
    played.allocate                          = dev->vk.vkAllocateMemory;
    dev->vk.vkAllocateMemory                 = allocate;
    return dev;
}

static void what_is_offered_is_asked_for(void **state)
{
    (void)state;
    for (uint32_t offered = 0; offered <= 3; offered++) {
        struct test_device t;
        struct dv_buffer  *x;
        assert_true(test_device_open_instance(&t));
        struct dv_device *dev = open_beside(&t, offered, false);
        assert_int_equal(played.creations, 1);
        assert_int_equal(played.priorities, offered);
        assert_int_equal(played.queue, offered > 0 ? VK_QUEUE_GLOBAL_PRIORITY_LOW_KHR : 0);
        assert_true(played.memory == (offered > 1) && played.pageable == (offered > 2));
        assert_int_equal(dv_buffer_new(&x, dev, 64, DV_MEMORY_DEVICE, "x"), DSVK_OK);
        assert_true(offered > 1 ? played.priority > 0 && played.priority < 0.5f
                                : played.priority == 0);
        dv_buffer_free(x);
        assert_int_equal(use_device(dev), DSVK_OK);
        dv_device_free(dev);
        assert_true(test_device_close(&t));
    }
}

static void a_refused_priority_is_done_without(void **state)
{
    struct test_device t;
    (void)state;
    assert_true(test_device_open_instance(&t));
    struct dv_device *dev = open_beside(&t, 3, true);
    assert_int_equal(played.creations, 2);
    assert_int_equal(played.queue, 0);
    assert_true(played.memory && played.pageable);
    assert_int_equal(use_device(dev), DSVK_OK);
    dv_device_free(dev);
    assert_true(test_device_close(&t));
}

/* ---- the budget ---- */

static VKAPI_ATTR void VKAPI_CALL play_budget(VkPhysicalDevice                   physical,
                                              VkPhysicalDeviceMemoryProperties2 *memory)
{
    VkPhysicalDeviceMemoryBudgetPropertiesEXT *budget = memory->pNext;
    (void)physical;
    memcpy(budget->heapBudget, played.budget.heapBudget, sizeof budget->heapBudget);
    memcpy(budget->heapUsage, played.budget.heapUsage, sizeof budget->heapUsage);
    played.creations++;
}

static unsigned warnings(struct test_device *t, uint64_t now, uint64_t used)
{
    unsigned before                                    = t->warnings;
    played.budget.heapUsage[t->dev->caps.device_heap]  = used;
    played.budget.heapBudget[t->dev->caps.device_heap] = UINT64_C(3) << 30;
    dv_device_watch_budget(t->dev, now);
    return t->warnings - before;
}

static void memory_that_is_moved_out_is_said_once(void **state)
{
    const uint64_t     second = UINT64_C(1000000000), gib = UINT64_C(1) << 30;
    struct test_device t;
    struct dv_buffer  *x;
    (void)state;
    assert_true(test_device_open(&t));
    struct dv_instance_table real                       = t.instance->vk;
    played.creations                                    = 0;
    t.dev->caps.memory_budget                           = true;
    t.dev->budget_next                                  = 0;
    t.instance->vk.vkGetPhysicalDeviceMemoryProperties2 = play_budget;
    assert_int_equal(dv_buffer_new(&x, t.dev, 64, DV_MEMORY_DEVICE, "x"), DSVK_OK);
    test_device_expect(&t);
    assert_int_equal(warnings(&t, 1 * second, 2 * gib), 0);
    assert_int_equal(warnings(&t, 2 * second - 1, 4 * gib), 0); /* not looked at */
    assert_int_equal(played.creations, 1);
    assert_int_equal(warnings(&t, 2 * second, 4 * gib), 1);
    assert_non_null(strstr(t.line, "this process has 4"));
    assert_non_null(strstr(t.line, "which leaves it 3"));
    assert_int_equal(warnings(&t, 3 * second, 5 * gib), 0);
    assert_int_equal(warnings(&t, 4 * second, 1 * gib), 0);
    assert_int_equal(warnings(&t, 5 * second, 4 * gib), 1);
    dv_buffer_free(x);
    assert_int_equal(warnings(&t, 6 * second, 1 * gib), 0);
    assert_int_equal(warnings(&t, 7 * second, 4 * gib), 0); /* none of it is ours */
    assert_int_equal(test_device_expected(&t), UINT_MAX);
    t.instance->vk = real;
    assert_true(test_device_close(&t));
}

int test_background(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_offered_is_asked_for),
        cmocka_unit_test(a_refused_priority_is_done_without),
        cmocka_unit_test(memory_that_is_moved_out_is_said_once),
    };
    return cmocka_run_group_tests_name("background", tests, NULL, NULL);
}
