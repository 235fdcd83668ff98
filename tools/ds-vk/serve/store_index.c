/* SPDX-License-Identifier: MIT */
/* The index of a store lives in memory and is made anew from the files of ids at each start. Such a
 * file is 8 bytes of name, the key, how many ids there are, the ids, and a sum of all that, in the
 * order of this machine: another one does not know its key. */
#include "store_index.h"

#include "../host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "dsvkids1"
#define HEAD (sizeof MAGIC - 1 + 2 * sizeof(uint64_t))
#define MOST_BYTES (256u << 20)
#define YOUNG INT64_C(600000000000) /* ns: another server may just be writing it */

/* ---- names ---- */

uint64_t store_hash(uint64_t seed, const void *bytes, size_t n)
{
    const unsigned char *b    = bytes;
    uint64_t             hash = seed ^ 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ b[i]) * 0x100000001b3u;
    return hash;
}

void store_stem(char stem[STORE_STEM + 1], uint64_t key, const uint32_t *ids, size_t n)
{
    snprintf(stem, STORE_STEM + 1, "dsvk-%016llx",
             (unsigned long long)store_hash(key, ids, n * sizeof *ids));
}

bool store_file_path(char path[STORE_PATH], const struct store_index *index, const char *stem,
                     const char *ending)
{
    int n = snprintf(path, STORE_PATH, "%s/%.*s%s", index->folder, STORE_STEM, stem, ending);
    return n > 0 && n < STORE_PATH;
}

static void remove_file(const struct store_index *index, const char *stem, const char *ending)
{
    char path[STORE_PATH];
    if (store_file_path(path, index, stem, ending))
        host_remove(path);
}

/* ---- entries ---- */

struct store_entry *store_index_get(struct store_index *index, const char *stem)
{
    for (size_t i = 0; i < index->n; i++)
        if (memcmp(index->entries[i].stem, stem, STORE_STEM) == 0)
            return &index->entries[i];
    return NULL;
}

static struct store_entry *get_or_add(struct store_index *index, const char *stem)
{
    struct store_entry *entry = store_index_get(index, stem);
    if (entry)
        return entry;
    if (index->n == index->room) {
        size_t              room  = 2 * index->room + 16;
        struct store_entry *grown = realloc(index->entries, room * sizeof *grown);
        if (!grown)
            return NULL;
        index->entries = grown;
        index->room    = room;
    }
    entry  = &index->entries[index->n++];
    *entry = (struct store_entry){ .n = 0 };
    memcpy(entry->stem, stem, STORE_STEM);
    return entry;
}

/* The ids first: without them there is no entry, whatever happens then. */
void store_index_remove(struct store_index *index, struct store_entry *entry)
{
    remove_file(index, entry->stem, ".ids");
    remove_file(index, entry->stem, ".session");
    free(entry->ids);
    *entry = index->entries[--index->n];
}

void store_index_done(struct store_index *index)
{
    for (size_t i = 0; i < index->n; i++)
        free(index->entries[i].ids);
    free(index->entries);
    *index = (struct store_index){ 0 };
}

/* ---- reading ---- */

static void read_ids(const struct store_index *index, struct store_entry *entry)
{
    char     path[STORE_PATH];
    size_t   bytes, tail = sizeof(uint64_t);
    uint64_t key, n, sum;
    char    *data = NULL;
    if (store_file_path(path, index, entry->stem, ".ids"))
        data = store_read(path, MOST_BYTES, &bytes);
    entry->damaged = true;
    if (data && bytes >= HEAD + tail && memcmp(data, MAGIC, sizeof MAGIC - 1) == 0) {
        memcpy(&key, data + HEAD - 2 * sizeof key, sizeof key);
        memcpy(&n, data + HEAD - sizeof n, sizeof n);
        memcpy(&sum, data + bytes - tail, sizeof sum);
        entry->damaged = n == 0 || n != (bytes - HEAD - tail) / sizeof(uint32_t) ||
                         (bytes - HEAD - tail) % sizeof(uint32_t) != 0 ||
                         sum != store_hash(0, data, bytes - tail);
        entry->listed = !entry->damaged;
        if (entry->listed && key == index->key && (entry->ids = malloc(n * sizeof(uint32_t)))) {
            memcpy(entry->ids, data + HEAD, n * sizeof(uint32_t));
            entry->n = n;
        }
    }
    free(data);
}

static void on_file(void *user, const struct store_file *file)
{
    struct store_index *index   = user;
    const char         *ending  = file->name + STORE_STEM;
    bool                ids     = strcmp(ending, ".ids") == 0;
    bool                session = strcmp(ending, ".session") == 0;
    if (!ids && !session) {
        if (file->used < store_now() - YOUNG)
            remove_file(index, file->name, ending);
        return;
    }
    struct store_entry *entry = get_or_add(index, file->name);
    if (!entry)
        return;
    entry->bytes += file->bytes;
    entry->used = file->used > entry->used ? file->used : entry->used;
    entry->session |= session;
    if (ids)
        read_ids(index, entry);
}

void store_index_read(struct store_index *index, void (*say)(void *user, const char *stem),
                      void               *user)
{
    int64_t old = store_now() - YOUNG;
    store_each(index->folder, on_file, index);
    for (size_t i = 0; i < index->n;) {
        struct store_entry *entry = &index->entries[i];
        bool                whole = entry->session && entry->listed;
        if (entry->damaged)
            say(user, entry->stem);
        if (entry->damaged || (!whole && entry->used < old)) {
            store_index_remove(index, entry);
            continue;
        }
        if (!whole)
            entry->n = 0;
        i++;
    }
}

/* ---- using ---- */

struct store_entry *store_index_find(struct store_index *index, const uint32_t *ids, size_t n,
                                     size_t *same)
{
    struct store_entry *best = NULL;
    *same                    = 0;
    for (size_t i = 0; i < index->n; i++) {
        const struct store_entry *entry = &index->entries[i];
        size_t                    k     = 0;
        while (k < n && k < entry->n && entry->ids[k] == ids[k])
            k++;
        if (k > *same) {
            best  = &index->entries[i];
            *same = k;
        }
    }
    return best;
}

static bool write_ids(const struct store_index *index, const char *stem, const uint32_t *ids,
                      uint64_t n)
{
    char     path[STORE_PATH];
    size_t   bytes = HEAD + n * sizeof *ids + sizeof(uint64_t);
    char    *data  = malloc(bytes);
    uint64_t sum;
    if (!data || !store_file_path(path, index, stem, ".ids")) {
        free(data);
        errno = data ? ENAMETOOLONG : ENOMEM;
        return false;
    }
    memcpy(data, MAGIC, sizeof MAGIC - 1);
    memcpy(data + HEAD - 2 * sizeof n, &index->key, sizeof n);
    memcpy(data + HEAD - sizeof n, &n, sizeof n);
    memcpy(data + HEAD, ids, n * sizeof *ids);
    sum = store_hash(0, data, bytes - sizeof sum);
    memcpy(data + bytes - sizeof sum, &sum, sizeof sum);
    bool whole = store_write(path, data, bytes);
    free(data);
    return whole;
}

bool store_index_add(struct store_index *index, const char *stem, const uint32_t *ids, size_t n,
                     uint64_t bytes)
{
    uint32_t *copy = malloc(n * sizeof *copy);
    if (!copy || !write_ids(index, stem, ids, n)) {
        free(copy);
        return false;
    }
    struct store_entry *entry = get_or_add(index, stem);
    if (!entry) {
        free(copy);
        errno = ENOMEM;
        return false;
    }
    memcpy(copy, ids, n * sizeof *copy);
    free(entry->ids);
    entry->ids     = copy;
    entry->n       = n;
    entry->bytes   = bytes + HEAD + n * sizeof *ids + sizeof(uint64_t);
    entry->used    = store_now();
    entry->session = entry->listed = true;
    return true;
}

uint64_t store_index_bytes(const struct store_index *index)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < index->n; i++)
        bytes += index->entries[i].bytes;
    return bytes;
}

void store_index_shrink(struct store_index *index, uint64_t bytes)
{
    while (index->n > 0 && store_index_bytes(index) > bytes) {
        struct store_entry *oldest = &index->entries[0];
        for (size_t i = 1; i < index->n; i++)
            if (index->entries[i].used < oldest->used)
                oldest = &index->entries[i];
        store_index_remove(index, oldest);
    }
}
