/* SPDX-License-Identifier: MIT */
/* Places in the file system: what can be known of one before anything is written there. */
#ifndef DV_OS_PLACE_H
#define DV_OS_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for any path; a longer one is refused. */
#define DV_PATH_BYTES 4096u

/* The path of a name in a folder; false, and `path` cut, where it is longer than that. */
bool dv_place_join(char path[DV_PATH_BYTES], const char *folder, const char *name);

enum dv_place_kind { DV_PLACE_NONE, DV_PLACE_FILE, DV_PLACE_FOLDER, DV_PLACE_OTHER };

/* What a path leads to, through links; NONE also where a link leads nowhere. `bytes` of a file, may
 * be NULL. */
enum dv_place_kind dv_place_kind(const char *path, uint64_t *bytes);
/* Whether the name itself is taken, by a link that leads nowhere too. */
bool dv_place_taken(const char *path);
/* The path without links, dots and slashes that mean nothing; false when it does not lead anywhere
 * or is too long. */
bool dv_place_real(char *out, size_t bytes, const char *path);
/* The length of a path without the slashes at its end, and that of the folder in which its last
 * part lies then; 0: the current one. What a slash is depends on the system. */
size_t dv_place_length(const char *path);
size_t dv_place_parent(const char *path, size_t length);
/* Whether names can be added to a folder. */
bool dv_place_writable(const char *folder);
/* Bytes that this user may still write there; false where the file system does not say. */
bool dv_place_free(uint64_t *bytes, const char *folder);

#endif
