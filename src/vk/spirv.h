/* SPDX-License-Identifier: MIT */
/* SPIR-V modules that are built into the library, and a reader of the few facts about them
 * that the host needs, so that no table on the host repeats what a shader says. */
#ifndef DV_VK_SPIRV_H
#define DV_VK_SPIRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dv_spirv {
    const char     *name;
    const uint32_t *words;
    size_t          n_words;
};

/* All kernels, ended by a NULL name. Defined in the generated kernels.gen.c. */
extern const struct dv_spirv dv_kernel_spirv[];

/* The module called `name`, or NULL. */
const struct dv_spirv *dv_spirv_find(const char *name);

#define DV_SPIRV_MAX_SPEC 32

struct dv_spirv_facts {
    uint32_t push_bytes; /* size of the push constant block, 0 = none */
    uint32_t n_spec;
    uint32_t spec_ids[DV_SPIRV_MAX_SPEC];
    bool     int64; /* declares the Int64 capability */
};

/* False when the words are not a module that this reader understands. */
bool dv_spirv_read(struct dv_spirv_facts *facts, const uint32_t *words, size_t n_words);

#endif
