/* SPDX-License-Identifier: MIT */
#include "cache_driver.h"

#include <string.h>

struct cache_driver cache_driver = { .n = 300, .version = 1 };

static PFN_vkCreatePipelineCache real_create;
static struct dv_pipeline_key    key;

static void driver_data(unsigned char *data)
{
    memset(data, cache_driver.version, cache_driver.n);
    memset(data, 0, 16);
    data[0] = 32;
    data[4] = VK_PIPELINE_CACHE_HEADER_VERSION_ONE;
    for (int i = 0; i < 4; i++) {
        data[8 + i]  = (unsigned char)(key.vendor >> 8 * i);
        data[12 + i] = (unsigned char)(key.device >> 8 * i);
    }
    memcpy(data + 16, key.uuid, 16);
}

static VKAPI_ATTR VkResult VKAPI_CALL driver_get(VkDevice d, VkPipelineCache c, size_t *n, void *o)
{
    (void)d;
    (void)c;
    *n = cache_driver.n;
    if (o)
        driver_data(o);
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL driver_create(VkDevice d, const VkPipelineCacheCreateInfo *i,
                                                    const VkAllocationCallbacks *a,
                                                    VkPipelineCache             *o)
{
    VkPipelineCacheCreateInfo empty = { .sType = i->sType };
    cache_driver.handed             = i->initialDataSize;
    cache_driver.first              = 0;
    if (cache_driver.handed > 32)
        cache_driver.first = ((const unsigned char *)i->pInitialData)[32];
    return real_create(d, &empty, a, o);
}

void cache_driver_play(struct dv_device *dev)
{
    key                            = dev->key;
    real_create                    = dev->vk.vkCreatePipelineCache;
    dev->vk.vkCreatePipelineCache  = driver_create;
    dev->vk.vkGetPipelineCacheData = driver_get;
    cache_driver.handed            = 0;
}
