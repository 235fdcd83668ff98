/* SPDX-License-Identifier: MIT */
/* What a driver's compiler says about a pipeline. */
#include "vk/pipeline_parts.h"

#include <stdio.h>
#include <string.h>

#define MAX_EXECUTABLES 8u
#define MAX_STATISTICS 64u /* of one executable; the most seen is 25 */

static uint64_t value_of(const VkPipelineExecutableStatisticKHR *s)
{
    switch (s->format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
        return s->value.b32 != 0;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR:
        return s->value.i64 > 0 ? (uint64_t)s->value.i64 : 0;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR:
        return s->value.f64 > 0 && s->value.f64 < 1e18 ? (uint64_t)(s->value.f64 + 0.5) : 0;
    default:
        return s->value.u64;
    }
}

static void append(struct dv_statistic *list, uint32_t *n, const char *prefix, const char *name,
                   uint64_t value)
{
    struct dv_statistic *statistic = &list[(*n)++];
    snprintf(statistic->name, sizeof statistic->name, "%.24s%s%.36s", prefix, prefix[0] ? ": " : "",
             name);
    statistic->value = value;
}

/* Appends the statistics of executable i, named "executable: statistic" where there are many. */
static dsvk_status read_executable(struct dv_statistic *list, uint32_t *n, struct dv_device *dev,
                                   VkPipeline pipeline, uint32_t i, const char *prefix)
{
    uint32_t                          n_values = MAX_STATISTICS;
    VkPipelineExecutableStatisticKHR *values =
        dv_zalloc_array(dev->ctx, MAX_STATISTICS, sizeof *values);
    if (!values)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "statistics: no room for %u of them",
                       MAX_STATISTICS);
    for (uint32_t k = 0; k < MAX_STATISTICS; k++)
        values[k].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
    VkResult result = dev->vk.vkGetPipelineExecutableStatisticsKHR(
        dev->handle,
        &(VkPipelineExecutableInfoKHR){
            .sType           = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
            .pipeline        = pipeline,
            .executableIndex = i,
        },
        &n_values, values);
    if (result == VK_INCOMPLETE)
        result = VK_SUCCESS;
    for (uint32_t k = 0; result == VK_SUCCESS && k < n_values; k++)
        append(list, n, prefix, values[k].name, value_of(&values[k]));
    dv_free(dev->ctx, values);
    return dv_device_result(dev, result, "reading compiler statistics");
}

static dsvk_status read_all(struct dv_statistic **list, uint32_t *n, struct dv_device *dev,
                            VkPipeline pipeline)
{
    dsvk_status                       status;
    VkPipelineExecutablePropertiesKHR properties[MAX_EXECUTABLES];
    uint32_t                          n_executables = MAX_EXECUTABLES;
    memset(properties, 0, sizeof properties);
    for (uint32_t i = 0; i < MAX_EXECUTABLES; i++)
        properties[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR;
    VkResult result = dev->vk.vkGetPipelineExecutablePropertiesKHR(
        dev->handle,
        &(VkPipelineInfoKHR){ .sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline },
        &n_executables, properties);
    if (result != VK_SUCCESS && result != VK_INCOMPLETE)
        return dv_device_result(dev, result, "listing executables");
    *list =
        dv_zalloc_array(dev->ctx, (size_t)n_executables * (MAX_STATISTICS + 1) + 1, sizeof **list);
    if (!*list)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "statistics: no room for those of %u programs",
                       n_executables);
    for (uint32_t i = 0; i < n_executables; i++) {
        const char *prefix = n_executables > 1 ? properties[i].name : "";
        append(*list, n, prefix, "Subgroup size", properties[i].subgroupSize);
        TRY(read_executable(*list, n, dev, pipeline, i, prefix));
    }
    return DSVK_OK;
}

dsvk_status dv_pipeline_statistics(struct dv_statistic **list, uint32_t *n, struct dv_device *dev,
                                   const struct dv_pipeline_params *params)
{
    dsvk_status               status;
    struct dv_pipeline_params resolved;
    struct dv_spirv_facts     facts;
    VkPipeline                pipeline;
    *list = NULL;
    *n    = 0;
    TRY(dv_device_check(dev, "reading compiler statistics"));
    TRY(dv_pipeline_resolve(&resolved, &facts, dev, params));
    if (!dev->caps.executable_statistics || !dev->vk.vkGetPipelineExecutablePropertiesKHR ||
        !dev->vk.vkGetPipelineExecutableStatisticsKHR)
        return DSVK_OK;
    TRY(dv_pipeline_create(&pipeline, dev, &resolved, &facts,
                           VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR));
    status = read_all(list, n, dev, pipeline);
    dev->vk.vkDestroyPipeline(dev->handle, pipeline, NULL);
    if (status != DSVK_OK) {
        dv_free(dev->ctx, *list);
        *list = NULL;
        *n    = 0;
    }
    return status;
}
