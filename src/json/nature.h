/* SPDX-License-Identifier: MIT */
/* What a file is that is not what its name says, by its first bytes. */
#ifndef DV_JSON_NATURE_H
#define DV_JSON_NATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many bytes are enough for dv_file_nature(). */
#define DV_NATURE_BYTES 512u

/* The rest of a sentence that begins with a path: "is ..., and what to do"; NULL: nothing known.
 * `n` bytes of `bytes` are there. */
const char *dv_file_nature(const void *first, size_t n, uint64_t bytes);

#endif
