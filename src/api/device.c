/* SPDX-License-Identifier: MIT */
/* The public device functions: they list, open and describe, and pass everything else to vk. */
#include <stdio.h>
#include <string.h>

#include "api/handles.h"

static void describe(dsvk_device_info *info, const struct dv_caps *caps)
{
    const uint8_t *u = caps->uuid;
    *info            = (dsvk_device_info){ .usable             = caps->usable,
                                           .software           = caps->is_software,
                                           .integrated         = caps->is_integrated,
                                           .unified_memory     = caps->unified_memory,
                                           .memory_total       = caps->memory_total,
                                           .memory_free        = caps->memory_free,
                                           .subgroup           = caps->subgroup,
                                           .subgroup_min       = caps->subgroup_min,
                                           .subgroup_max       = caps->subgroup_max,
                                           .max_workgroup      = caps->max_workgroup,
                                           .shared_bytes       = caps->max_shared_bytes,
                                           .cooperative_matrix = caps->cooperative_matrix,
                                           .bfloat16           = caps->bfloat16,
                                           .float8             = caps->float8,
                                           .float16            = caps->float16,
                                           .int64              = caps->int64,
                                           .integer_dot        = caps->integer_dot,
                                           .host_import        = caps->host_import,
                                           .slow               = caps->slow };
    snprintf(info->name, sizeof info->name, "%s", caps->name);
    snprintf(info->vendor, sizeof info->vendor, "%s", caps->vendor);
    snprintf(info->driver, sizeof info->driver, "%.511s", caps->driver);
    snprintf(info->why_not, sizeof info->why_not, "%s", caps->why_not);
    snprintf(info->uuid, sizeof info->uuid,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
             u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
             u[15]);
    snprintf(info->api, sizeof info->api, "%u.%u.%u", caps->api_version >> 22 & 127u,
             caps->api_version >> 12 & 1023u, caps->api_version & 4095u);
}

dsvk_status dsvk_device_list(dsvk_device_info **list, uint32_t *n, const dsvk_log *log,
                             const dsvk_allocator *allocator)
{
    dsvk_status         status;
    struct dv_context   ctx;
    struct dv_instance *instance;
    *list = NULL;
    *n    = 0;
    dv_context_init(&ctx, log, allocator);
    TRY(dv_instance_new(&instance, &ctx, false));
    if (instance->n_physical > 0) {
        *list = dv_zalloc_array(&ctx, instance->n_physical, sizeof **list);
        if (!*list)
            status = dv_fail(&ctx, DSVK_NO_MEMORY, "devices: no memory for a list of %u",
                             instance->n_physical);
    }
    for (uint32_t i = 0; *list && i < instance->n_physical; i++)
        describe(&(*list)[(*n)++], &instance->caps[i]);
    dv_instance_free(instance);
    return status;
}

void dsvk_device_list_free(dsvk_device_info *list, const dsvk_allocator *allocator)
{
    struct dv_context ctx;
    dv_context_init(&ctx, NULL, allocator);
    dv_free(&ctx, list);
}

dsvk_status dv_handle_device(dsvk_device **out, const dsvk_log *log,
                             const dsvk_allocator *allocator)
{
    dsvk_status       status;
    struct dv_context ctx;
    *out = NULL;
    dv_context_init(&ctx, log, allocator);
    dsvk_device *device = dv_zalloc(&ctx, sizeof *device);
    if (!device)
        return dv_fail(&ctx, DSVK_NO_MEMORY, "device: no memory for it");
    device->ctx     = ctx;
    device->ctx.why = &device->why;
    atomic_init(&device->users, 1);
    TRY_OR(fail, dv_turn_new(&device->turn, &device->ctx));
    TRY_OR(fail, dv_pace_new(&device->pace, &device->ctx, device->turn));
    *out = device;
    return DSVK_OK;
fail:
    dsvk_device_close(device);
    return status;
}

dsvk_status dv_handle_begin(dsvk_device *device, const char *pipeline_cache, uint64_t memory_limit,
                            uint32_t slice_us)
{
    dsvk_status           status;
    const struct dv_caps *caps = &device->dev->caps;
    if (pipeline_cache)
        TRY(dv_device_keep_pipelines(device->dev, pipeline_cache));
    TRY(dv_stream_new(&device->stream, device->dev));
    device->dev->bytes_budget = caps->heaps[caps->device_heap].free;
    device->dev->bytes_limit  = memory_limit ? memory_limit : device->dev->bytes_budget;
    device->slice_ns          = (slice_us ? slice_us : DV_USUAL_SLICE_US) * UINT64_C(1000);
    describe(&device->info, caps);
    dv_report_device(device);
    return DSVK_OK;
}

static dsvk_status open_device(dsvk_device **out, const dsvk_device_params *params, bool background)
{
    static const dsvk_device_params usual = { 0 };
    dsvk_status                     status;
    dsvk_device                    *device;
    uint32_t                        index;
    *out   = NULL;
    params = params ? params : &usual;
    TRY(dv_handle_device(&device, &params->log, &params->allocator));
    TRY_OR(fail, dv_monitor_new(&device->queue_lock, &device->ctx));
    TRY_OR(fail, dv_instance_new(&device->instance, &device->ctx, params->validate));
    TRY_OR(fail, dv_instance_find(&index, device->instance, params->which));
    TRY_OR(fail, dv_device_new_beside(&device->dev, device->instance, index, background));
    dv_handle_lock(device);
    TRY_OR(fail,
           dv_handle_begin(device, params->pipeline_cache, params->memory_limit, params->slice_us));
    *out = device;
    return DSVK_OK;
fail:
    dsvk_device_close(device);
    return status;
}

dsvk_status dsvk_device_open(dsvk_device **out, const dsvk_device_params *params)
{
    return open_device(out, params, false);
}

dsvk_status dsvk_device_open_background(dsvk_device **out, const dsvk_device_params *params)
{
    return open_device(out, params, true);
}

void dsvk_device_close(dsvk_device *device)
{
    if (!device || atomic_fetch_sub(&device->users, 1) > 1)
        return;
    struct dv_context ctx = device->ctx;
    dv_stream_free(device->stream);
    dv_device_free(device->dev);
    dv_instance_free(device->instance);
    dv_monitor_free(device->queue_lock);
    dv_pace_free(device->pace);
    dv_turn_free(device->turn);
    dv_free(&ctx, device);
}

const dsvk_device_info *dsvk_device_describe(const dsvk_device *device)
{
    return &device->info;
}

dsvk_status dsvk_device_set_pace(dsvk_device *device, const dsvk_pace *pace)
{
    if (!device)
        return DSVK_BAD_ARGUMENT;
    if (pace && !(pace->share >= 0 && pace->share <= 1))
        return dv_fail(&device->ctx, DSVK_BAD_ARGUMENT,
                       "device: a share of its time is above 0 and at most 1, or 0 for all");
    dv_pace_set(device->pace, pace);
    return DSVK_OK;
}

dsvk_status dsvk_device_next_frame(dsvk_device *device, uint64_t us)
{
    if (!device)
        return DSVK_BAD_ARGUMENT;
    dv_pace_frame(device->pace, us);
    return DSVK_OK;
}

uint64_t dsvk_device_bytes(const dsvk_device *device)
{
    bool     mine  = dv_turn_take(device->turn);
    uint64_t bytes = device->dev->bytes_used;
    if (mine)
        dv_turn_give(device->turn);
    return bytes;
}
