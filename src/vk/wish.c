/* SPDX-License-Identifier: MIT */
#include "vk/wish.h"

static dsvk_status fill(struct dv_device_wish *wish, struct dv_instance *instance,
                        struct dv_caps *caps, const struct dv_lent *lent)
{
    dsvk_status      status;
    struct dv_probe *p = &wish->probe;
    TRY(dv_instance_table_load(&instance->vk, wish->ctx, lent->instance, lent->get));
    TRY(dv_probe_read(p, instance, lent->physical));
    uint32_t *version = &p->properties.properties.apiVersion;
    if (*version > lent->api_version)
        *version = lent->api_version;
    p->has.executable = false; /* statistics are of no use to an application */
    dv_caps_read(caps, p);
    if (!caps->usable)
        return dv_fail(wish->ctx, DSVK_UNSUPPORTED, "import: \"%s\": %s", caps->name,
                       caps->why_not);
    wish->queue_family = caps->queue_family;
    wish->n_extensions = dv_extensions_choose(wish->extensions, p, caps);
    dv_features_choose(p, caps);
    return DSVK_OK;
}

dsvk_status dv_device_wish_new(struct dv_device_wish **out, const struct dv_context *ctx,
                               const struct dv_lent *lent)
{
    dsvk_status            status   = DSVK_NO_MEMORY;
    struct dv_device_wish *wish     = dv_zalloc(ctx, sizeof *wish);
    struct dv_instance    *instance = dv_zalloc(ctx, sizeof *instance);
    struct dv_caps        *caps     = dv_zalloc(ctx, sizeof *caps);
    *out                            = NULL;
    if (wish && instance && caps) {
        wish->ctx     = ctx;
        instance->ctx = ctx;
        status        = fill(wish, instance, caps, lent);
    } else {
        dv_fail(ctx, status, "import: no memory for what the device answers");
    }
    dv_free(ctx, instance);
    dv_free(ctx, caps);
    if (status == DSVK_OK)
        *out = wish;
    else
        dv_free(ctx, wish);
    return status;
}
