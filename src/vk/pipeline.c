/* SPDX-License-Identifier: MIT */
/* Compute pipelines: the variant of a kernel that a device can run, with its specialisation
 * constants, checked against the device's limits before the driver sees it. Equal parameters give
 * the same pipeline. */
#include "vk/pipeline_parts.h"

#include <stdio.h>
#include <string.h>

#define DOING_BYTES 160

uint32_t dv_caps_offers(const struct dv_caps *caps)
{
    return (caps->int8 ? DV_NEED_INT8 : 0u) | (caps->int16 ? DV_NEED_INT16 : 0u) |
           (caps->int64 ? DV_NEED_INT64 : 0u) | (caps->float16 ? DV_NEED_FLOAT16 : 0u) |
           (caps->integer_dot ? DV_NEED_INTEGER_DOT : 0u) |
           (caps->bfloat16 ? DV_NEED_BFLOAT16 : 0u) | (caps->float8 ? DV_NEED_FLOAT8 : 0u) |
           (caps->cooperative_matrix ? DV_NEED_COOPERATIVE_MATRIX : 0u) |
           (caps->packed_int16 ? DV_NEED_PACKED_INT16 : 0u) |
           (caps->scalar_loads ? DV_NEED_SCALAR_LOADS : 0u);
}

static dsvk_status find_module(struct dv_pipeline_params *params, struct dv_device *dev)
{
    if (params->module)
        return DSVK_OK;
    if (!params->kernel)
        return dv_fail(dev->ctx, DSVK_BAD_ARGUMENT, "pipeline: no kernel is named");
    params->module = dv_spirv_choose(params->kernel, dv_caps_offers(&dev->caps), dev->variant);
    if (!params->module)
        return dv_fail(dev->ctx, DSVK_UNSUPPORTED,
                       "pipeline: there is no kernel %s for what the device offers",
                       params->kernel);
    return DSVK_OK;
}

static dsvk_status check_subgroup(struct dv_device *dev, const struct dv_pipeline_params *params)
{
    const struct dv_caps *caps = &dev->caps;
    uint32_t              size = params->subgroup;
    if (size == 0 || size == caps->subgroup)
        return DSVK_OK;
    if (caps->subgroup_size_control && size >= caps->subgroup_min && size <= caps->subgroup_max &&
        (size & (size - 1)) == 0)
        return DSVK_OK;
    return dv_fail(dev->ctx, DSVK_UNSUPPORTED,
                   "pipeline: %s: subgroups of %u, the device has %u to %u", params->kernel, size,
                   caps->subgroup_min, caps->subgroup_max);
}

static bool has_constant(const struct dv_spirv_facts *facts, uint32_t id)
{
    for (uint32_t i = 0; i < facts->n_spec; i++)
        if (facts->spec_ids[i] == id)
            return true;
    return false;
}

/* A number for a constant that the module has not would be lost without a word. */
static dsvk_status check_constants(struct dv_device *dev, const struct dv_pipeline_params *params,
                                   const struct dv_spirv_facts *facts)
{
    for (uint32_t id = 0; id < DV_MAX_SPEC; id++)
        if (params->spec[id] != 0 && !has_constant(facts, id))
            return dv_fail(dev->ctx, DSVK_BAD_ARGUMENT,
                           "pipeline: %s: constant %u is %u, its module has none of this id",
                           params->kernel, id, params->spec[id]);
    return DSVK_OK;
}

static dsvk_status check_limits(struct dv_device *dev, const struct dv_pipeline_params *params,
                                const struct dv_spirv_facts *facts)
{
    const struct dv_context *ctx = dev->ctx;
    if (params->push_bytes != facts->push_bytes)
        return dv_fail(ctx, DSVK_UNSUPPORTED,
                       "pipeline: %s: %u bytes of push constants, its module declares %u",
                       params->kernel, params->push_bytes, facts->push_bytes);
    /* The shared layout has 128 bytes, what every device offers. */
    if (params->push_bytes > 128)
        return dv_fail(ctx, DSVK_UNSUPPORTED,
                       "pipeline: %s: %u bytes of push constants, at most 128", params->kernel,
                       params->push_bytes);
    if (params->spec[0] == 0)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "pipeline: %s: a workgroup of 0 invocations",
                       params->kernel);
    if (params->spec[0] > dev->caps.max_workgroup)
        return dv_fail(ctx, DSVK_UNSUPPORTED,
                       "pipeline: %s: a workgroup of %u invocations, the device allows %u",
                       params->kernel, params->spec[0], dev->caps.max_workgroup);
    uint32_t lacking = facts->needs & ~dv_caps_offers(&dev->caps);
    if (lacking)
        return dv_fail(ctx, DSVK_UNSUPPORTED,
                       "pipeline: %s: it needs what the device has not (DV_NEED_* %#x)",
                       params->kernel, lacking);
    return DSVK_OK;
}

dsvk_status dv_pipeline_resolve(struct dv_pipeline_params *resolved, struct dv_spirv_facts *facts,
                                struct dv_device *dev, const struct dv_pipeline_params *params)
{
    dsvk_status status;
    *resolved = *params;
    TRY(find_module(resolved, dev));
    resolved->kernel = resolved->module->name; /* the caller's may not live on */
    if (!dv_spirv_read(facts, resolved->module->words, resolved->module->n_words))
        return dv_fail(dev->ctx, DSVK_UNSUPPORTED, "pipeline: %s: its SPIR-V is not understood",
                       resolved->kernel);
    TRY(check_constants(dev, resolved, facts));
    TRY(check_limits(dev, resolved, facts));
    return check_subgroup(dev, resolved);
}

/* Entries for all constants that the module has. Some drivers mishandle entries for constants that
 * do not exist, and validation layers take the i-th entry for constant i where cooperative matrices
 * ask for it: in order. */
static uint32_t map_constants(VkSpecializationMapEntry     entries[DV_MAX_SPEC],
                              const struct dv_spirv_facts *facts)
{
    uint32_t n = 0;
    for (uint32_t id = 0; id < DV_MAX_SPEC; id++)
        if (has_constant(facts, id))
            entries[n++] =
                (VkSpecializationMapEntry){ id, id * (uint32_t)sizeof(uint32_t), sizeof(uint32_t) };
    return n;
}

static VkResult create_module(VkShaderModule *out, struct dv_device *dev,
                              const struct dv_spirv *module)
{
    VkShaderModuleCreateInfo info = {
        .sType    = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = module->n_words * sizeof(uint32_t),
        .pCode    = module->words,
    };
    return dev->vk.vkCreateShaderModule(dev->handle, &info, NULL, out);
}

static void choose_subgroups(VkPipelineShaderStageCreateInfo                     *stage,
                             VkPipelineShaderStageRequiredSubgroupSizeCreateInfo *required,
                             const struct dv_device *dev, const struct dv_spirv_facts *facts)
{
    /* Cooperative matrices want whole subgroups; the workgroup is a multiple. */
    if (dev->caps.full_subgroups && (facts->needs & DV_NEED_COOPERATIVE_MATRIX))
        stage->flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT;
    if (dev->caps.subgroup_size_control && required->requiredSubgroupSize)
        stage->pNext = required;
    else if (dev->caps.subgroup_size_control)
        stage->flags |= VK_PIPELINE_SHADER_STAGE_CREATE_ALLOW_VARYING_SUBGROUP_SIZE_BIT;
}

VkResult dv_pipeline_compile(VkPipeline *out, struct dv_device *dev,
                             const struct dv_pipeline_params *params,
                             const struct dv_spirv_facts *facts, VkPipelineCreateFlags flags)
{
    VkShaderModule           module;
    VkSpecializationMapEntry entries[DV_MAX_SPEC];
    uint32_t                 n_entries = map_constants(entries, facts);
    *out                               = VK_NULL_HANDLE;
    VkResult result                    = create_module(&module, dev, params->module);
    if (result != VK_SUCCESS)
        return result;

    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo required = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
        .requiredSubgroupSize = params->subgroup,
    };
    VkSpecializationInfo constants = {
        .mapEntryCount = n_entries,
        .pMapEntries   = entries,
        .dataSize      = sizeof params->spec,
        .pData         = params->spec,
    };
    VkComputePipelineCreateInfo info = {
        .sType  = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags  = flags,
        .layout = dev->layout,
        .stage  = { .sType               = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                    .stage               = VK_SHADER_STAGE_COMPUTE_BIT,
                    .module              = module,
                    .pName               = "main",
                    .pSpecializationInfo = &constants },
    };
    choose_subgroups(&info.stage, &required, dev, facts);
    result = dev->vk.vkCreateComputePipelines(dev->handle, dev->cache, 1, &info, NULL, out);
    dev->vk.vkDestroyShaderModule(dev->handle, module, NULL);
    if (result != VK_SUCCESS)
        *out = VK_NULL_HANDLE;
    return result;
}

dsvk_status dv_pipeline_create(VkPipeline *out, struct dv_device *dev,
                               const struct dv_pipeline_params *params,
                               const struct dv_spirv_facts *facts, VkPipelineCreateFlags flags)
{
    char doing[DOING_BYTES];
    snprintf(doing, sizeof doing, "compiling %s", params->kernel);
    return dv_device_result(dev, dv_pipeline_compile(out, dev, params, facts, flags), doing);
}

bool dv_pipeline_is_same(const struct dv_pipeline_params *a, const struct dv_pipeline_params *b)
{
    return a->module == b->module && a->push_bytes == b->push_bytes && a->subgroup == b->subgroup &&
           memcmp(a->spec, b->spec, sizeof a->spec) == 0;
}

struct dv_pipeline *dv_pipeline_find(const struct dv_device          *dev,
                                     const struct dv_pipeline_params *resolved)
{
    struct dv_pipeline *p = dev->pipelines;
    while (p && !dv_pipeline_is_same(&p->params, resolved))
        p = p->next;
    return p;
}

dsvk_status dv_pipeline_get(struct dv_pipeline **out, struct dv_device *dev,
                            const struct dv_pipeline_params *params)
{
    dsvk_status               status;
    struct dv_pipeline_params resolved;
    struct dv_spirv_facts     facts;
    *out = NULL;
    TRY(dv_device_check(dev, "making a pipeline"));
    TRY(dv_pipeline_resolve(&resolved, &facts, dev, params));
    *out = dv_pipeline_find(dev, &resolved);
    if (*out)
        return DSVK_OK;
    struct dv_pipeline *pipeline = dv_zalloc(dev->ctx, sizeof *pipeline);
    if (!pipeline)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "pipeline: %s: no room for its header",
                       resolved.kernel);
    pipeline->params = resolved;
    status           = dv_pipeline_create(&pipeline->handle, dev, &resolved, &facts, 0);
    if (status != DSVK_OK) {
        dv_free(dev->ctx, pipeline);
        return status;
    }
    pipeline->next = dev->pipelines;
    dev->pipelines = pipeline;
    *out           = pipeline;
    return DSVK_OK;
}
