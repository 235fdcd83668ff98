/* SPDX-License-Identifier: MIT */
/* Compiled kernels, each made once and owned by its device.
 *
 * Threads: those of the device; making many starts threads of its own and waits for them. */
#ifndef DV_VK_PIPELINE_H
#define DV_VK_PIPELINE_H

#include "vk/device.h"
#include "vk/spirv.h"

struct dv_stream;

#define DV_MAX_SPEC 24

struct dv_pipeline_params {
    const char            *kernel;            /* base in dv_kernel_spirv */
    uint32_t               spec[DV_MAX_SPEC]; /* by constant id; id 0 is the workgroup size */
    uint32_t               push_bytes;        /* must equal what the module declares */
    uint32_t               subgroup;          /* wanted subgroup size; 0 = any, it may even vary */
    const struct dv_spirv *module; /* taken instead of `kernel` when not NULL; outlives dev */
};

struct dv_pipeline {
    struct dv_pipeline       *next;
    struct dv_pipeline_params params;
    VkPipeline                handle;
    bool                      warm; /* of drivers that compile late: it was dispatched */
};

/* The pipeline with these parameters, made on first use and owned by the device. Takes the first
 * variant of the kernel whose needs the device meets. UNSUPPORTED when there is none, when
 * push_bytes differs from the module's or the device's limits are exceeded; BAD_ARGUMENT when a
 * constant is not 0 that the module has not. */
dsvk_status dv_pipeline_get(struct dv_pipeline **out, struct dv_device *dev,
                            const struct dv_pipeline_params *params);

/* Makes those of n pipelines that are not there yet, on all cores; `first` and each next one are
 * `stride` bytes apart. Afterwards dv_pipeline_get finds them. `progress` (may be NULL) is told how
 * many of them are done; after CANCELLED those that were made stay. */
dsvk_status dv_pipeline_make_all(struct dv_device *dev, const struct dv_pipeline_params *first,
                                 size_t stride, uint32_t n, const dsvk_progress *progress);
/* The same afterwards for drivers that compile at the first dispatch (vk/pipeline_warm.c); without
 * `progress` this is left to the first dispatch. */
dsvk_status dv_pipeline_warm_all(struct dv_stream *stream, const struct dv_pipeline_params *first,
                                 size_t stride, uint32_t n, const dsvk_progress *progress);

struct dv_statistic {
    char     name[64];
    uint64_t value;
};

/* Compiler statistics (registers, spills, instructions, and "Subgroup size") of a pipeline of this
 * kind; makes a throw-away pipeline. *n = 0 where the driver has none. The caller frees *list. */
dsvk_status dv_pipeline_statistics(struct dv_statistic **list, uint32_t *n, struct dv_device *dev,
                                   const struct dv_pipeline_params *params);

#endif
