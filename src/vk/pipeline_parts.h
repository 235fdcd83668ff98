/* SPDX-License-Identifier: MIT */
/* Between pipeline.c, pipeline_batch.c and statistics.c. */
#ifndef DV_VK_PIPELINE_PARTS_H
#define DV_VK_PIPELINE_PARTS_H

#include "vk/pipeline.h"

/* Finds the module and checks the parameters against it and the device. */
dsvk_status dv_pipeline_resolve(struct dv_pipeline_params *resolved, struct dv_spirv_facts *facts,
                                struct dv_device *dev, const struct dv_pipeline_params *params);
/* `params` and `facts` from dv_pipeline_resolve. The caller destroys the handle. */
dsvk_status dv_pipeline_create(VkPipeline *out, struct dv_device *dev,
                               const struct dv_pipeline_params *params,
                               const struct dv_spirv_facts *facts, VkPipelineCreateFlags flags);
/* The same without a line in the log; may run on several threads at once. */
VkResult dv_pipeline_compile(VkPipeline *out, struct dv_device *dev,
                             const struct dv_pipeline_params *params,
                             const struct dv_spirv_facts *facts, VkPipelineCreateFlags flags);
bool dv_pipeline_is_same(const struct dv_pipeline_params *a, const struct dv_pipeline_params *b);
/* Among those that the device has; NULL when it is not there. */
struct dv_pipeline *dv_pipeline_find(const struct dv_device          *dev,
                                     const struct dv_pipeline_params *resolved);

#endif
