/* SPDX-License-Identifier: MIT */
/* What is in a store: which beginnings, how large they are, and which one goes first. */
#ifndef SERVE_STORE_INDEX_H
#define SERVE_STORE_INDEX_H

#include "store_files.h"

struct store_entry {
    char      stem[STORE_STEM + 1];
    uint32_t *ids;
    size_t    n;     /* 0: of another model or way to compute, or not whole; it only takes room */
    uint64_t  bytes; /* of its files */
    int64_t   used;
    bool      session, listed; /* that file is there; that of its ids */
    bool      damaged;         /* that of its ids is */
};

struct store_index {
    const char         *folder;
    uint64_t            key; /* of what sessions compute with */
    struct store_entry *entries;
    size_t              n, room;
};

uint64_t store_hash(uint64_t seed, const void *bytes, size_t n);
/* Of these ids with this key; as a name of files. */
void store_stem(char stem[STORE_STEM + 1], uint64_t key, const uint32_t *ids, size_t n);
bool store_file_path(char path[STORE_PATH], const struct store_index *index, const char *stem,
                     const char *ending);

/* Reads the folder. What is damaged, or was left behind by a process that ended in the middle of
 * writing, is removed; `say` is told of the former. */
void store_index_read(struct store_index *index, void (*say)(void *user, const char *stem),
                      void               *user);
/* The entry with the longest beginning in common with ids, and how long that is; NULL: none has
 * any. */
struct store_entry *store_index_find(struct store_index *index, const uint32_t *ids, size_t n,
                                     size_t *same);
struct store_entry *store_index_get(struct store_index *index, const char *stem);
/* Writes the ids of a session that is there, and takes it up; false: errno. */
bool store_index_add(struct store_index *index, const char *stem, const uint32_t *ids, size_t n,
                     uint64_t bytes);
/* With its files. */
void     store_index_remove(struct store_index *index, struct store_entry *entry);
uint64_t store_index_bytes(const struct store_index *index);
/* Removes what was not used for the longest time, until no more than that is left. */
void store_index_shrink(struct store_index *index, uint64_t bytes);
void store_index_done(struct store_index *index);

#endif
