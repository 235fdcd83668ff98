/* SPDX-License-Identifier: MIT */
/* Vulkan devices: which there are, what they offer, opening one. */
#ifndef DSVK_DEVICE_H
#define DSVK_DEVICE_H

#include "dsvk/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    char     name[256];
    char     vendor[32];
    char     driver[512];  /* name and version */
    char     uuid[37];     /* 8-4-4-4-12 hexadecimal digits, stable between runs */
    char     api[16];      /* Vulkan version, "1.3.230" */
    bool     usable;       /* ds-vk can run on it */
    char     why_not[160]; /* one clause when not */
    bool     software, integrated, unified_memory;
    uint64_t memory_total, memory_free;            /* bytes, device-local heaps */
    uint32_t subgroup, subgroup_min, subgroup_max; /* invocations */
    uint32_t max_workgroup;                        /* invocations */
    uint32_t shared_bytes;                         /* shared memory of a workgroup */
    bool     cooperative_matrix, bfloat16, float8, float16, int64, integer_dot, host_import;
    bool slow; /* the driver is known for it: lavapipe of Mesa 22, a tenth of what Mesa 26 does */
} dsvk_device_info;

/* Lists every Vulkan device, best first, in the order of the indices that dsvk_device_open() takes.
 * One odd device never fails the call. NO_DEVICE when there is no Vulkan loader or driver. The
 * caller frees *list with dsvk_device_list_free() and the same allocator. log and allocator may be
 * NULL. */
DSVK_API dsvk_status dsvk_device_list(dsvk_device_info **list, uint32_t *n, const dsvk_log *log,
                                      const dsvk_allocator *allocator);
DSVK_API void        dsvk_device_list_free(dsvk_device_info *list, const dsvk_allocator *allocator);

typedef struct dsvk_device dsvk_device;

typedef struct {
    const char *which;        /* index, UUID or part of the name; NULL = the best */
    uint64_t    memory_limit; /* device bytes that may be used; 0 = what the driver reports free
                               * of the heap that they come from, the largest of the device: now,
                               * and again at each plan and each load */
    bool        validate;     /* Vulkan validation layer; messages go to the log */
    /* A folder in which compiled pipelines are kept between runs, one file for each device and
     * driver, made when it is needed; NULL: they are not kept. It may be shared by processes and
     * deleted at any time. Where it cannot be used, the log says so and all else works. */
    const char *pipeline_cache;
    /* Microseconds that a submission takes about at most, so that others get the device in between
     * and calls end soon after a stop: longer passes are cut into as many as it takes, by the time
     * that earlier passes took. Attention is cut too, other single operations never. 0 =
     * 100000. */
    uint32_t       slice_us;
    dsvk_log       log;
    dsvk_allocator allocator;
} dsvk_device_params;

/* NO_DEVICE when nothing matches or nothing usable is there. */
DSVK_API dsvk_status dsvk_device_open(dsvk_device **out, const dsvk_device_params *params);
/* The same for a device that others use, an application of its own device for one: in the
 * background, as far as the driver offers it. Its queue has a low priority among all programs'
 * (VK_KHR_global_priority), and its memory is moved out before that of others where they need more
 * than there is (VK_EXT_memory_priority, VK_EXT_pageable_device_local_memory). The log says at
 * DSVK_LOG_DEBUG what of it there is. On any device a warning says that memory is being moved out,
 * by the driver's budget. */
DSVK_API dsvk_status dsvk_device_open_background(dsvk_device             **out,
                                                 const dsvk_device_params *params);
/* As dsvk_model_why(): of what failed on the device, whichever model or session it was for. */
DSVK_API size_t dsvk_device_why(const dsvk_device *device, char *why, size_t room);
DSVK_API void   dsvk_device_close(dsvk_device *device);
/* Valid as long as the device. */
DSVK_API const dsvk_device_info *dsvk_device_describe(const dsvk_device *device);
/* Device bytes allocated through this device now. */
DSVK_API uint64_t dsvk_device_bytes(const dsvk_device *device);

/* ---- a device that others use, too ---- */

/* What is about to be submitted. */
typedef struct {
    bool prompt; /* a slice of a prompt's pass; else tokens of those who decode */
} dsvk_submission;

#define DSVK_PACE_END UINT64_MAX

typedef struct {
    /* Of the device's time that calls take at most, above 0: behind a submission that took t
     * nothing is submitted for t (1 / share - 1). 0 = 1: all of it. */
    double share;
    /* Called before each submission of a pass, when the share allows it: microseconds to wait,
     * after which it is called again; 0: go on; DSVK_PACE_END: the call ends with CANCELLED, as by
     * a stop. It comes from the thread that computes, inside of its turn: it should return soon,
     * and what it calls on the same device answers BUSY, but for dsvk_device_set_pace() and
     * dsvk_device_next_frame(). NULL: nobody is asked. */
    uint64_t (*before)(void *user, const dsvk_submission *what);
    void *user;
} dsvk_pace;

/* From now on passes on this device go at this pace; NULL: as fast as they can, as at first. The
 * struct is copied. While there is a pace, nothing is queued ahead: a submission begins when the
 * one before has ended. Who waits lets others use the device where it can, and sees its stop.
 * Loading and copies do not wait. From any thread, also while calls run, which then go at the new
 * pace at once. On return the callback before does not run and is not called any more, except where
 * this is called from that callback. BAD_ARGUMENT for a share below 0, above 1 or not a number. */
DSVK_API dsvk_status dsvk_device_set_pace(dsvk_device *device, const dsvk_pace *pace);

/* For an application that draws on the same device: its next frame will be submitted in about `us`
 * microseconds. It says so each time that it has submitted one. Until then submissions of passes
 * begin where they will have ended by then, as far as the last two of their kind (of a prompt, or
 * of tokens) tell; one begins in any case, so that calls go on where a single operation takes
 * longer than a frame: a frame waits for at most that one. When the time is over they wait until
 * this is called again, at most for `us` once more: an application that stops drawing need not say
 * so. 0: there are no more frames.
 *
 * Beside frames a pace holds as well; without one nothing is queued ahead here either. Never waits,
 * from any thread. BAD_ARGUMENT for NULL. */
DSVK_API dsvk_status dsvk_device_next_frame(dsvk_device *device, uint64_t us);

/* What dsvk_device_trim() gives back. */
typedef enum {
    DSVK_TRIM_SCRATCH, /* what passes work in, recorded passes, and latents that no session has */
    DSVK_TRIM_CACHES,  /* and the latents of sessions */
} dsvk_trim;

/* Gives back device memory that no call needs now, so that others have it. Sessions with a call
 * that has not returned keep theirs, and so do those that share activations with them; weights and
 * compiled pipelines stay, and pages of latents of which a neighbour in the same buffer is in use.
 * The next call on a session makes again what it needs (NO_VRAM where there is no room any more,
 * and its timeline stays). That takes as long as recording passes; after DSVK_TRIM_CACHES also as
 * computing the timeline, with the bits that dsvk_device_recover() speaks of.
 *
 * *freed (NULL: not wanted): by how much dsvk_device_bytes() went down; host memory for copies goes
 * as well and is not counted. Waits for the calls of others as they do, so for a pass of each at
 * most. BAD_ARGUMENT for another `how`; BUSY from a callback that has the device and while it is
 * recovered; DEVICE_LOST. From any thread. */
DSVK_API dsvk_status dsvk_device_trim(dsvk_device *device, dsvk_trim how, uint64_t *freed);

/* ---- a device that was lost ---- */

/* Whether the device is lost: calls on it, its models and their sessions answer DEVICE_LOST. It
 * stays so until dsvk_device_recover() has ended well. Never waits. */
DSVK_API bool dsvk_device_is_lost(const dsvk_device *device);

typedef struct {
    dsvk_progress progress; /* bytes of all weights; not at all where no model is loaded */
} dsvk_recover_params;

/* Makes a lost device usable again: looks for it by its UUID, opens it anew, and loads the weights
 * of every model that was loaded on it as they were. All handles stay valid. Sessions keep their
 * timelines: the next sync, generate, argmax, logits or sample computes again what it needs, and
 * gives what it would have given without the loss, with products in f32 to the bit
 * (docs/numerics.md says when other chunks give other bits). Pipelines are compiled again when
 * they are needed.
 *
 * OK at once where the device is not lost. BUSY while a call on it, its models or their sessions
 * has not returned, also where it waits in a callback; they answer BUSY while this goes on.
 * NO_DEVICE, with a sentence, when it is not there any more; CANCELLED; NO_VRAM and whatever else
 * opening and loading may answer. After a failure the device is lost as before; recovering may be
 * tried again, and everything may be freed. What a driver that hangs does not give back is left
 * behind. No wait is without an end. `params` may be NULL. */
DSVK_API dsvk_status dsvk_device_recover(dsvk_device *device, const dsvk_recover_params *params);

#ifdef __cplusplus
}
#endif
#endif
