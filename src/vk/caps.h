/* SPDX-License-Identifier: MIT */
/* What a device is and offers. Plain data: once it is filled, any thread may read it. */
#ifndef DV_VK_CAPS_H
#define DV_VK_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "vk/loader.h"

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
    bool           storage_barriers; /* synchronization2: a barrier may name storage alone */
    bool           cooperative_matrix, bfloat16, float8, integer_dot, host_import, memory_budget;
    struct dv_coop_shape coop[DV_N_COOP_TYPES]; /* the largest that a subgroup multiplies */
    /* What no feature tells: a CPU driver makes one load of an address that all lanes share; two
     * 16-bit integers are shifted by one instruction. */
    bool     scalar_loads, packed_int16;
    bool     few_registers;         /* lanes have half of what others' have, 128 at most */
    bool     slow;                  /* a driver that others of the same kind outdo by far */
    bool     compiles_late;         /* kernels are compiled when they are first dispatched */
    bool     executable_statistics; /* VK_KHR_pipeline_executable_properties */
    float    timestamp_ns;          /* length of a tick, 0 = no timestamps */
    uint32_t queue_family;          /* the one for compute */
};

/* What the device offers to modules: DV_NEED_*. */
uint32_t dv_caps_offers(const struct dv_caps *caps);
/* Bytes of one buffer of many things on such a device: 1 GiB, or what it allows. */
uint64_t dv_caps_buffer_bytes(const struct dv_caps *caps);

#endif
