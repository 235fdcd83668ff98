/* SPDX-License-Identifier: MIT */
/* cmocka with what it wants included first. */
#ifndef DV_TESTS_VK_TEST_H
#define DV_TESTS_VK_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vk/stream.h"

/* Everything that an engine does with a device, once. Returns the first failure. */
dsvk_status use_device(struct dv_device *dev);

/* Writes a word to all of a part of a buffer. */
static inline void fill(struct dv_commands *commands, const struct dv_buffer *buffer,
                        uint64_t offset, uint64_t bytes, uint32_t word)
{
    commands->dev->vk.vkCmdFillBuffer(commands->handle, buffer->handle, offset, bytes, word);
}

/* The module called `name`, or NULL. */
static inline const struct dv_spirv *find_module(const char *name)
{
    for (const struct dv_spirv *module = dv_kernel_spirv; module->name; module++)
        if (strcmp(module->name, name) == 0)
            return module;
    return NULL;
}

#endif
