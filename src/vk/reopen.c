/* SPDX-License-Identifier: MIT */
/* A lost device is opened again in place: the struct, its streams and its limits stay, all that the
 * driver made is new. */
#include "vk/device_parts.h"

#include <string.h>

#include "vk/cache_file.h"
#include "vk/stream.h"

void dv_device_shut(struct dv_device *dev)
{
    dv_device_settle(dev);
    for (struct dv_stream *stream = dev->streams; stream; stream = stream->next)
        dv_stream_shut(stream);
    dv_device_destroy(dev);
    dev->lost = true;
    dev->hung = false; /* what hung is not ours any more */
}

/* Drivers may list one device twice, and a new version of a driver calls it otherwise: the same
 * driver's is preferred. */
static dsvk_status find_again(uint32_t *index, const struct dv_device *dev)
{
    const struct dv_instance *instance = dev->instance;
    const struct dv_caps     *was      = &dev->caps;
    uint32_t                  found    = instance->n_physical;
    for (uint32_t i = instance->n_physical; i-- > 0;) {
        const struct dv_caps *is = &instance->caps[i];
        if (memcmp(is->uuid, was->uuid, sizeof is->uuid) != 0 || !is->usable)
            continue;
        if (found == instance->n_physical || strcmp(is->driver, was->driver) == 0)
            found = i;
    }
    *index = found;
    if (found < instance->n_physical)
        return DSVK_OK;
    return dv_fail(dev->ctx, DSVK_NO_DEVICE,
                   "device: \"%s\" was lost and is not among the %u devices that are there now",
                   was->name, instance->n_physical);
}

static dsvk_status open_again(struct dv_device *dev)
{
    dsvk_status status;
    uint32_t    index;
    TRY(dv_instance_list(dev->instance));
    TRY(find_again(&index, dev));
    const struct dv_caps *caps = &dev->instance->caps[index];
    dev->physical              = dev->instance->physical[index];
    TRY(dv_device_create(dev, caps));
    if (dev->cache_file)
        TRY(dv_cache_file_read(dev));
    for (struct dv_stream *stream = dev->streams; stream; stream = stream->next)
        TRY(dv_stream_reopen(stream));
    bool follows      = dev->bytes_limit == dev->bytes_budget;
    dev->bytes_budget = dev->bytes_budget ? caps->heaps[caps->device_heap].free : 0;
    dev->bytes_limit  = follows ? dev->bytes_budget : dev->bytes_limit;
    return DSVK_OK;
}

dsvk_status dv_device_reopen(struct dv_device *dev)
{
    dev->lost          = false;
    dsvk_status status = open_again(dev);
    if (status != DSVK_OK)
        dv_device_shut(dev);
    return status;
}
