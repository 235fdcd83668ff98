/* SPDX-License-Identifier: MIT */
/* An instance and a device around handles that an application lends. */
#include "vk/adopt.h"

#include <string.h>

#include "vk/cache_file.h"
#include "vk/device_parts.h"
#include "vk/stream.h"

static dsvk_status read_caps(struct dv_caps *caps, const struct dv_instance *instance,
                             const struct dv_lent *lent)
{
    const struct dv_context *ctx = instance->ctx;
    dsvk_status              status;
    struct dv_probe         *probe = dv_zalloc(ctx, sizeof *probe);
    if (!probe)
        return dv_fail(ctx, DSVK_NO_MEMORY, "import: no memory for what the device answers");
    TRY_OR(done, dv_probe_read(probe, instance, lent->physical));
    TRY_OR(done, dv_probe_narrow(probe, ctx, lent));
    dv_caps_read(caps, probe);
    if (!caps->usable)
        status = dv_fail(ctx, DSVK_UNSUPPORTED, "import: \"%s\": %s", caps->name, caps->why_not);
done:
    dv_free(ctx, probe);
    return status;
}

dsvk_status dv_instance_adopt(struct dv_instance **out, const struct dv_context *ctx,
                              const struct dv_lent *lent)
{
    dsvk_status status;
    *out                         = NULL;
    struct dv_instance *instance = dv_zalloc(ctx, sizeof *instance);
    if (!instance)
        return dv_fail(ctx, DSVK_NO_MEMORY, "import: no memory for its instance");
    instance->ctx      = ctx;
    instance->lent     = true;
    instance->handle   = lent->instance;
    instance->physical = dv_zalloc_array(ctx, 1, sizeof *instance->physical);
    instance->caps     = dv_zalloc_array(ctx, 1, sizeof *instance->caps);
    if (instance->physical && instance->caps)
        status = dv_instance_table_load(&instance->vk, ctx, lent->instance, lent->get);
    else
        status = dv_fail(ctx, DSVK_NO_MEMORY, "import: no memory for its device");
    if (status == DSVK_OK)
        status = read_caps(&instance->caps[0], instance, lent);
    if (status != DSVK_OK) {
        dv_instance_free(instance);
        return status;
    }
    instance->physical[0] = lent->physical;
    instance->n_physical  = 1;
    *out                  = instance;
    return DSVK_OK;
}

/* With the instance's only device. */
static dsvk_status take(struct dv_device *dev, const struct dv_lent *lent)
{
    const struct dv_instance *instance = dev->instance;
    dsvk_status               status;
    struct dv_probe          *probe = dv_zalloc(dev->ctx, sizeof *probe);
    if (!probe)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "import: no memory for what the device answers");
    dev->lent     = true;
    dev->physical = instance->physical[0];
    TRY_OR(done, dv_device_meet(dev, probe, &instance->caps[0]));
    TRY_OR(done, dv_device_table_load(&dev->vk, dev->ctx, lent->device,
                                      instance->vk.vkGetDeviceProcAddr));
    dev->handle = lent->device;
    dev->queue  = lent->queue;
    status      = dv_device_make_shared(dev);
done:
    dv_free(dev->ctx, probe);
    return status;
}

dsvk_status dv_device_adopt(struct dv_device **out, struct dv_instance *instance,
                            const struct dv_lent *lent)
{
    *out                  = NULL;
    struct dv_device *dev = dv_zalloc(instance->ctx, sizeof *dev);
    if (!dev)
        return dv_fail(instance->ctx, DSVK_NO_MEMORY, "import: no memory for its device");
    dev->ctx           = instance->ctx;
    dev->instance      = instance;
    dsvk_status status = take(dev, lent);
    if (status == DSVK_OK)
        *out = dev;
    else
        dv_device_free(dev);
    return status;
}

/* ---- after a loss ---- */

/* What weights and plans rest on. */
static bool offers_the_same(const struct dv_caps *a, const struct dv_caps *b)
{
    return memcmp(a->uuid, b->uuid, sizeof a->uuid) == 0 &&
           dv_caps_offers(a) == dv_caps_offers(b) &&
           a->cooperative_matrix == b->cooperative_matrix &&
           a->subgroup_size_control == b->subgroup_size_control && a->subgroup == b->subgroup &&
           a->integer_dot == b->integer_dot;
}

static dsvk_status go_on_with(struct dv_device *dev, struct dv_instance *found,
                              const struct dv_lent *lent)
{
    dsvk_status         status;
    struct dv_instance *instance = dev->instance;
    if (!offers_the_same(&found->caps[0], &dev->caps))
        return dv_fail(dev->ctx, DSVK_BAD_ARGUMENT,
                       "import: the device given anew is not \"%s\" with the features of before",
                       dev->caps.name);
    instance->handle      = found->handle;
    instance->vk          = found->vk;
    instance->physical[0] = found->physical[0];
    instance->caps[0]     = found->caps[0];
    dev->lost             = false;
    TRY(take(dev, lent));
    if (dev->cache_file)
        TRY(dv_cache_file_read(dev));
    for (struct dv_stream *stream = dev->streams; stream; stream = stream->next)
        TRY(dv_stream_reopen(stream));
    dv_device_read_budget(dev, true);
    return DSVK_OK;
}

dsvk_status dv_device_adopt_again(struct dv_device *dev, const struct dv_lent *lent)
{
    dsvk_status         status;
    struct dv_instance *found;
    TRY(dv_instance_adopt(&found, dev->ctx, lent));
    status = go_on_with(dev, found, lent);
    dv_instance_free(found);
    if (status != DSVK_OK)
        dv_device_shut(dev);
    return status;
}
