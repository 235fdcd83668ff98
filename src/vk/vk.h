/* SPDX-License-Identifier: MIT */
/* Vulkan, one noun a section: instance, device, capabilities, buffer, pipeline, commands,
 * stream. Knows nothing of tensors or models. Every Vulkan call goes through the tables
 * `dv_instance.vk` and `dv_device.vk`, which tests replace by failing ones.
 *
 * Threads: a device and what was made with it belong to one thread at a time. */
#ifndef DV_VK_VK_H
#define DV_VK_VK_H

#include "base/context.h"
#include "vk/loader.h" /* struct dv_instance_table, struct VolkDeviceTable */
#include "vk/spirv.h"

/* ---- instance ---- */

struct dv_instance {
    const struct dv_context *ctx;
    VkInstance               handle;
    struct dv_instance_table vk;
    uint32_t                 n_physical;
    VkPhysicalDevice        *physical;  /* in the order that dv_instance_rank gives */
    struct dv_caps          *caps;      /* n_physical of them */
    VkDebugUtilsMessengerEXT messenger; /* only with validate */
    bool                     hung;      /* a device of it was: see dv_device */
};

/* Elements of the factors A and B of cooperative matrices whose sums are f32. */
enum dv_coop_type { DV_COOP_F16, DV_COOP_BF16, DV_COOP_E4M3, DV_N_COOP_TYPES };

struct dv_coop_shape {
    uint32_t m, n, k; /* powers of two up to 16, 16 and 32; m = 0: none */
};

struct dv_heap {
    uint64_t size, free;     /* free: what the driver's budget leaves, the size where it has none */
    bool     local, visible; /* of the device; some of its types are mapped by the host */
};

/* What a device is and offers; filled for every physical device, also for unusable ones. Read
 * in vk/caps.c, the only file that may look at vendors and drivers. */
struct dv_caps {
    char     name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
    char     driver[VK_MAX_DRIVER_NAME_SIZE + VK_MAX_DRIVER_INFO_SIZE + 2]; /* "radv Mesa 26.1" */
    char     vendor[32];
    uint8_t  uuid[VK_UUID_SIZE]; /* device UUID */
    uint32_t api_version;
    bool     usable;
    char     why_not[160]; /* one clause, when !usable */
    bool     is_software, is_integrated, unified_memory;
    uint64_t memory_total, memory_free; /* of the device-local heaps; free as the driver says */
    struct dv_heap heaps[VK_MAX_MEMORY_HEAPS];
    uint32_t       n_heaps;
    uint32_t       device_heap, host_heap; /* of DV_MEMORY_DEVICE and _UPLOAD; may be the same */
    bool           device_mapped;          /* the host sees all of DV_MEMORY_DEVICE */
    uint32_t       subgroup, subgroup_min, subgroup_max;
    bool           subgroup_size_control, subgroup_arithmetic;
    bool           full_subgroups; /* can be asked for */
    uint32_t       max_workgroup;  /* invocations */
    uint32_t       max_shared_bytes;
    uint32_t       max_groups[3];
    uint32_t       max_push_bytes;
    uint64_t       max_allocation, max_buffer;
    bool           int64, float16, int16, int8; /* shader arithmetic */
    bool           cooperative_matrix, bfloat16, float8, integer_dot, host_import, memory_budget;
    struct dv_coop_shape coop[DV_N_COOP_TYPES]; /* the largest that a subgroup multiplies */
    /* What no feature tells: a CPU driver makes one load of an address that all lanes share; two
     * 16-bit integers are shifted by one instruction. */
    bool     scalar_loads, packed_int16;
    bool     slow;                  /* a driver that others of the same kind outdo by far */
    bool     compiles_late;         /* kernels are compiled when they are first dispatched */
    bool     executable_statistics; /* VK_KHR_pipeline_executable_properties */
    float    timestamp_ns;          /* length of a tick, 0 = no timestamps */
    uint32_t queue_family;          /* the one for compute */
};

/* Finds the loader and its devices. NO_DEVICE when there is no loader or no driver at all. An
 * odd device is listed as unusable, never a failure. validate: core validation layer, messages
 * to the log as warnings and errors; UNSUPPORTED when the layer is not installed. */
dsvk_status dv_instance_new(struct dv_instance **out, const struct dv_context *ctx, bool validate);
void        dv_instance_free(struct dv_instance *instance);

/* The same with a Vulkan entry point of the caller's: of an application that has its own
 * loader, or of a test. */
dsvk_status dv_instance_new_with(struct dv_instance **out, const struct dv_context *ctx,
                                 bool validate, PFN_vkGetInstanceProcAddr get);

/* The device that `which` names: NULL or "" = the best (real before software, discrete before
 * integrated, then memory), else an index, a UUID or a part of the name. NO_DEVICE says which
 * there are. */
dsvk_status dv_instance_find(uint32_t *index, const struct dv_instance *instance,
                             const char *which);

/* ---- device ---- */

/* Whose pipeline cache data a driver takes back. */
struct dv_pipeline_key {
    uint32_t vendor, device, driver, driver_version;
    uint8_t  uuid[VK_UUID_SIZE]; /* pipelineCacheUUID */
};

struct dv_device {
    const struct dv_context         *ctx;
    struct dv_instance              *instance; /* borrowed */
    VkPhysicalDevice                 physical;
    VkDevice                         handle;
    VkQueue                          queue;
    uint32_t                         queue_family;
    struct VolkDeviceTable           vk;
    struct dv_caps                   caps;
    VkPhysicalDeviceMemoryProperties memory;
    struct dv_pipeline_key           key;
    VkPipelineCache                  cache;
    struct dv_cache_file            *cache_file; /* NULL: the cache ends with the device */
    VkPipelineLayout                 layout;     /* push constants only: max(128, nothing else) */
    bool                             lost;       /* sticky: every later call answers DEVICE_LOST */
    bool                             hung; /* lost, and work may still run: nothing is destroyed */
    bool                unmapped; /* tests play a device whose memory the host cannot see */
    uint64_t            bytes_used, bytes_limit; /* DV_MEMORY_DEVICE; 0 = the driver's limit */
    uint64_t            bytes_budget; /* what the driver left last; followed while the limit */
    uint64_t            n_submits;
    struct dv_stream   *streams;   /* all that are open, so that the device can be waited for */
    uint64_t            wait_ns;   /* how long dv_stream_wait waits unless told */
    struct dv_pipeline *pipelines; /* every pipeline made, so that none is made twice */
    uint32_t            variant;   /* for tests: rank in dv_spirv_choose() */
};

dsvk_status dv_device_new(struct dv_device **out, struct dv_instance *instance, uint32_t index);
/* Reads again what the driver's budget leaves, which other programs change: caps.heaps[].free, and
 * bytes_limit where it is the budget and not a caller's; unless it may `shrink` that only rises.
 * Nothing where the driver has no budget. */
void dv_device_read_budget(struct dv_device *dev, bool shrink);
void dv_device_free(struct dv_device *dev);

/* Keeps compiled pipelines in a file of `folder` (vk/cache_file.c): what an earlier run left there
 * is handed to the driver, and when new pipelines were made, dv_device_free replaces the file.
 * Right after dv_device_new. Whatever goes wrong with the file costs a line of the log and the time
 * of compiling, nothing else; only a full host memory or a lost device is a failure. */
dsvk_status dv_device_keep_pipelines(struct dv_device *dev, const char *folder);

/* OK, or DEVICE_LOST with a line: the first thing that every fallible call asks. */
dsvk_status dv_device_check(struct dv_device *dev, const char *doing);

/* Turns a VkResult into a status with a sentence ("doing": "allocating 64 MiB for weights"). A
 * lost device becomes sticky. */
dsvk_status dv_device_result(struct dv_device *dev, VkResult result, const char *doing);

/* ---- buffers: the only place that allocates device memory (vk/memory.c) ---- */

enum dv_memory {
    DV_MEMORY_DEVICE,   /* device-local; mapped too where that heap is and while the driver can */
    DV_MEMORY_UPLOAD,   /* host-visible, coherent: the host writes, the device reads */
    DV_MEMORY_READBACK, /* host-visible, coherent, cached where there is such: the reverse */
    DV_MEMORY_RAW,      /* as DEVICE but never zeroed: all that is read of it is written before */
    DV_MEMORY_HOST,     /* as READBACK but never zeroed: host memory that kernels read in place */
};

#define DV_NO_TYPE UINT32_MAX

/* The largest device-local heap, so never a window of 256 MiB; DV_NO_TYPE: there is none. */
uint32_t dv_memory_heap(const VkPhysicalDeviceMemoryProperties *memory);
/* The memory type, among those of the bits `allowed`, that buffers of a kind get, or DV_NO_TYPE. */
uint32_t dv_memory_type(const VkPhysicalDeviceMemoryProperties *memory, uint32_t allowed,
                        enum dv_memory kind);
/* The same for device memory that the host does not see. */
uint32_t dv_memory_type_hidden(const VkPhysicalDeviceMemoryProperties *memory, uint32_t allowed);

struct dv_buffer {
    struct dv_device *dev;
    VkBuffer          handle;
    VkDeviceMemory    memory;
    uint64_t          address; /* multiple of 256 */
    uint64_t          bytes;
    void             *mapped;  /* NULL when the host cannot see it */
    bool              cached;  /* mapped, and fast to read for the host */
    bool              counted; /* in dev->bytes_used */
};

/* One allocation, one buffer: storage, indirect, transfer source and target, device address.
 * Zeroed where the host can see it; otherwise the caller clears it with
 * dv_commands_fill. NO_VRAM with the numbers when bytes_limit or the driver says no. `what`
 * names it in messages. Fails with BAD_ARGUMENT for 0 bytes. For HOST, without which there is
 * another way, NO_VRAM comes without a line when the driver has no such memory. */
dsvk_status dv_buffer_new(struct dv_buffer **out, struct dv_device *dev, uint64_t bytes,
                          enum dv_memory memory, const char *what);
void        dv_buffer_free(struct dv_buffer *buffer);

/* ---- pipelines ---- */

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

/* What the device offers to modules: DV_NEED_*. */
uint32_t dv_caps_offers(const struct dv_caps *caps);
/* Bytes of one buffer of many things on such a device: 1 GiB, or what it allows. */
uint64_t dv_caps_buffer_bytes(const struct dv_caps *caps);

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

/* ---- commands: recorded once, submitted many times ---- */

struct dv_commands {
    struct dv_device *dev;
    VkCommandPool     pool;
    VkCommandBuffer   handle;
    uint32_t          n_dispatches, n_barriers;
    VkQueryPool       queries; /* made by the first timestamp */
    uint32_t          n_queries;
    bool              queries_reset; /* in this recording */
};

dsvk_status dv_commands_new(struct dv_commands **out, struct dv_device *dev);
void        dv_commands_free(struct dv_commands *commands);
/* Begins anew (the last submission must have been waited for) / ends recording. */
dsvk_status dv_commands_begin(struct dv_commands *commands);
dsvk_status dv_commands_end(struct dv_commands *commands);
void        dv_commands_dispatch(struct dv_commands *commands, const struct dv_pipeline *pipeline,
                                 const void *push, uint32_t x, uint32_t y, uint32_t z);
/* Group counts from a VkDispatchIndirectCommand in a buffer, at a multiple of 4. */
void dv_commands_dispatch_indirect(struct dv_commands *commands, const struct dv_pipeline *pipeline,
                                   const void *push, const struct dv_buffer *buffer,
                                   uint64_t offset);
/* The one barrier kind between stages: compute writes -> compute reads and writes. Not -> indirect
 * commands, for which a GPU may wait 2 us longer: dv_commands_begin() has a barrier for them,
 * and group counts change at the end of a recording only. */
void dv_commands_barrier(struct dv_commands *commands);
/* Compute and transfer writes -> everything, the host included: before the end of a recording
 * whose results the host reads, and around copies. */
void dv_commands_barrier_all(struct dv_commands *commands);
void dv_commands_copy(struct dv_commands *commands, const struct dv_buffer *from,
                      uint64_t from_offset, const struct dv_buffer *to, uint64_t to_offset,
                      uint64_t bytes);
void dv_commands_fill(struct dv_commands *commands, const struct dv_buffer *buffer, uint64_t offset,
                      uint64_t bytes, uint32_t word);
/* Writes a timestamp after all earlier work into slot i of the commands' query pool (made on first
 * use with `slots` slots). Nothing where the device has none. */
dsvk_status dv_commands_timestamp(struct dv_commands *commands, uint32_t slots, uint32_t i);
dsvk_status dv_commands_read_timestamps(struct dv_commands *commands, uint32_t n, uint64_t *ns);

/* ---- stream: one queue, one timeline semaphore ---- */

struct dv_stream {
    struct dv_device   *dev;
    struct dv_stream   *next; /* of the device's */
    VkSemaphore         timeline;
    uint64_t            submitted, completed;
    struct dv_buffer   *staging[2]; /* DV_MEMORY_UPLOAD, DV_MEMORY_READBACK; made when needed */
    struct dv_commands *staging_commands;
};

/* Submissions run in order, and each sees what earlier ones wrote. */
dsvk_status dv_stream_new(struct dv_stream **out, struct dv_device *dev);
void        dv_stream_free(struct dv_stream *stream); /* waits for what was submitted */
/* Queues recorded commands; *value (may be NULL) is reached when they are done. */
dsvk_status dv_stream_submit(struct dv_stream *stream, struct dv_commands *commands,
                             uint64_t *value);
/* DEVICE_LOST with a sentence when the value is not reached in timeout_ns (0 = 60 s, on software
 * devices 600 s, also where tests play hardware). As the work may then still run, what is freed
 * afterwards is not destroyed but given up, unless dv_stream_free sees the work end. */
dsvk_status dv_stream_wait(struct dv_stream *stream, uint64_t value, uint64_t timeout_ns);

/* Waits at most timeout_ns, after which *done may still be false. */
dsvk_status dv_stream_poll(bool *done, struct dv_stream *stream, uint64_t value,
                           uint64_t timeout_ns);

/* After a failure: returns when nothing of what was submitted runs any more, also on a lost device,
 * so that what it uses may be freed or used again. A device that never ends is given up. */
void dv_stream_settle(struct dv_stream *stream);
/* The same for all streams of the device. */
void dv_device_settle(struct dv_device *dev);

/* Copies host memory to a buffer and back: directly where the host sees it well, else through
 * staging memory of at most 16 MiB. Waits for everything submitted before; complete on return. */
dsvk_status dv_stream_upload(struct dv_stream *stream, struct dv_buffer *buffer, uint64_t offset,
                             const void *data, uint64_t bytes);
dsvk_status dv_stream_download(struct dv_stream *stream, void *data, struct dv_buffer *buffer,
                               uint64_t offset, uint64_t bytes);
/* The same bytes where they are, or one copy of them in staging memory as large as they, without
 * another in the caller's. Valid until the next call on the stream. */
dsvk_status dv_stream_see(const void **data, struct dv_stream *stream, struct dv_buffer *buffer,
                          uint64_t offset, uint64_t bytes);

#endif
