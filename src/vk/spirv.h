/* SPDX-License-Identifier: MIT */
/* SPIR-V modules that are built into the library, and a reader of the few facts about them
 * that the host needs, so that no table on the host repeats what a shader says. */
#ifndef DV_VK_SPIRV_H
#define DV_VK_SPIRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a device must offer beyond the baseline: the names in shaders/kernels.txt. */
enum dv_need {
    DV_NEED_INT8               = 1 << 0,
    DV_NEED_INT16              = 1 << 1,
    DV_NEED_INT64              = 1 << 2,
    DV_NEED_FLOAT16            = 1 << 3,
    DV_NEED_INTEGER_DOT        = 1 << 4,
    DV_NEED_BFLOAT16           = 1 << 5, /* as an element of cooperative matrices, too */
    DV_NEED_FLOAT8             = 1 << 6, /* likewise */
    DV_NEED_COOPERATIVE_MATRIX = 1 << 7,
    DV_NEED_PACKED_INT16       = 1 << 8, /* that it pays: a module does not declare it */
    DV_NEED_SCALAR_LOADS       = 1 << 9, /* likewise */
};

struct dv_spirv {
    const char     *name;
    const char     *base;  /* the kernel that it is a variant of */
    uint32_t        needs; /* DV_NEED_* */
    const uint32_t *words;
    size_t          n_words;
};

/* All kernels, ended by a NULL name; of variants of one kernel the preferred one first. Defined in
 * the generated kernels.gen.c. */
extern const struct dv_spirv dv_kernel_spirv[];

/* Of the variants of `base` that a device with `offers` (DV_NEED_*) can run the rank-th, 0 being
 * the preferred one, or the last where there are fewer. NULL where there is none. */
const struct dv_spirv *dv_spirv_choose(const char *base, uint32_t offers, uint32_t rank);

#define DV_SPIRV_MAX_SPEC 32

struct dv_spirv_facts {
    uint32_t push_bytes; /* size of the push constant block, 0 = none */
    uint32_t n_spec;
    uint32_t spec_ids[DV_SPIRV_MAX_SPEC];
    uint32_t needs; /* DV_NEED_*, by the capabilities that it declares */
};

/* False when the words are not a module that this reader understands. */
bool dv_spirv_read(struct dv_spirv_facts *facts, const uint32_t *words, size_t n_words);

#endif
