/* SPDX-License-Identifier: MIT */
/* When beginnings are saved and loaded. Writing and reading go on without the lock: a file that
 * goes meanwhile is one that cannot be loaded, and the prompt is computed. */
#include "store.h"

#include "../host.h"
#include "../text.h"
#include "store_index.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST 64 /* tokens that are worth a file, or reading one: a page of latents */
#define USUAL_BYTES (UINT64_C(8) << 30)

struct store {
    struct cli        *cli;
    pthread_mutex_t    lock;
    struct store_index index;
    uint64_t           limit;
    bool               small; /* it was said that a conversation is larger than the limit */
};

/* ---- opening ---- */

/* Two sessions with the same key are likely to give the same bits; the library knows. */
static uint64_t key_of(struct cli *cli, const dsvk_model *model, const char *name)
{
    const struct option_value *values    = cli->options.values;
    const dsvk_model_info     *info      = dsvk_model_describe(model);
    const uint64_t             numbers[] = { info->layers,
                                             info->hidden,
                                             info->vocab,
                                             info->parameters,
                                             info->bytes,
                                             values[OPT_CACHE].count,
                                             values[OPT_WEIGHTS].count,
                                             values[OPT_HEAD].count,
                                             values[OPT_MATH].count };
    const char                *words[]   = { dsvk_version(), info->architecture, name,
                                             dsvk_device_describe(cli->device)->uuid,
                                             dsvk_device_describe(cli->device)->driver };
    uint64_t                   key       = store_hash(0, numbers, sizeof numbers);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        key = words[i] ? store_hash(key, words[i], strlen(words[i]) + 1) : key;
    return key;
}

static void say_damaged(void *user, const char *stem)
{
    struct cli *cli = user;
    log_note(&cli->log, "cache: %s.ids is damaged and was removed", stem);
}

int store_check(struct cli *cli)
{
    const char *folder = cli->options.values[OPT_CACHE_DIR].text, *why;
    if (!folder)
        return EXIT_DONE;
    if (strlen(folder) > STORE_PATH - 64)
        return cli_fail(cli, "--cache-dir: a path of %zu bytes is too long", strlen(folder));
    if ((why = store_folder(folder)) != NULL)
        return cli_fail(cli, "--cache-dir %s: %s", folder, why);
    return EXIT_DONE;
}

bool store_open(struct store **out, struct cli *cli, const dsvk_model *model, const char *name)
{
    const struct option_value *values = cli->options.values;
    const char                *folder = values[OPT_CACHE_DIR].text;
    *out                              = NULL;
    if (!folder)
        return true;
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return false;
    store->cli   = cli;
    store->limit = values[OPT_CACHE_SIZE].given ? values[OPT_CACHE_SIZE].count : USUAL_BYTES;
    store->index = (struct store_index){ .folder = folder, .key = key_of(cli, model, name) };
    pthread_mutex_init(&store->lock, NULL);
    store_index_read(&store->index, say_damaged, cli);
    store_index_shrink(&store->index, store->limit);
    char size[TEXT_SIZE];
    log_info(&cli->log, "cache: %zu beginning%s in %s, %s", store->index.n, PLURAL(store->index.n),
             folder, text_size(size, store_index_bytes(&store->index)));
    *out = store;
    return true;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store_index_done(&store->index);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

/* ---- saving ---- */

static uint32_t *timeline(dsvk_session *session, size_t *n)
{
    *n            = dsvk_session_tokens(session);
    uint32_t *ids = *n ? malloc(*n * sizeof *ids) : NULL;
    if (ids && dsvk_session_ids(session, ids, *n, n) == DSVK_OK)
        return ids;
    free(ids);
    *n = 0;
    return NULL;
}

/* Whether it is there already, but for what is not worth a file; if so it counts as used. Under the
 * lock. */
static bool is_there(struct store *store, const uint32_t *ids, size_t n)
{
    size_t              same;
    char                path[STORE_PATH];
    struct store_entry *entry = store_index_find(&store->index, ids, n, &same);
    if (!entry || n - same >= LEAST)
        return false;
    entry->used = store_now();
    if (store_file_path(path, &store->index, entry->stem, ".ids"))
        store_touch(path);
    return true;
}

static size_t common(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
    size_t same = 0;
    while (same < n_a && same < n_b && a[same] == b[same])
        same++;
    return same;
}

/* Those that have nothing besides this one that is worth a file go. Under the lock. */
static void drop_beginnings(struct store *store, const char *stem, const uint32_t *ids, size_t n)
{
    struct store_index *index = &store->index;
    for (size_t i = 0; i < index->n;) {
        struct store_entry *entry = &index->entries[i];
        size_t              more  = entry->n - common(entry->ids, entry->n, ids, n);
        if (entry->n > 0 && more < LEAST && memcmp(entry->stem, stem, STORE_STEM) != 0)
            store_index_remove(index, entry);
        else
            i++;
    }
}

/* Makes room for it; false: there is none. Under the lock. */
static bool make_room(struct store *store, uint64_t bytes)
{
    char size[TEXT_SIZE], limit[TEXT_SIZE];
    if (bytes <= store->limit) {
        store_index_shrink(&store->index, store->limit - bytes);
        return true;
    }
    if (!store->small)
        log_note(&store->cli->log, "cache: a conversation of %s is more than --cache-size %s",
                 text_size(size, bytes), text_size(limit, store->limit));
    store->small = true;
    return false;
}

static bool write(struct store *store, dsvk_session *session, const uint32_t *ids, size_t n,
                  uint64_t bytes)
{
    char stem[STORE_STEM + 1], path[STORE_PATH];
    store_stem(stem, store->index.key, ids, n);
    if (!store_file_path(path, &store->index, stem, ".session"))
        return false;
    if (dsvk_session_save(session, path, NULL) != DSVK_OK) /* the library has said why */
        return false;
    pthread_mutex_lock(&store->lock);
    bool added = store_index_add(&store->index, stem, ids, n, bytes);
    if (!added)
        log_note(&store->cli->log, "cache: %s.ids: %s", stem, strerror(errno));
    else
        drop_beginnings(store, stem, ids, n);
    store_index_shrink(&store->index, store->limit);
    pthread_mutex_unlock(&store->lock);
    if (!added)
        host_remove(path);
    return added;
}

void store_keep(struct store *store, dsvk_session *session)
{
    size_t             n   = 0;
    uint32_t          *ids = store && session ? timeline(session, &n) : NULL;
    dsvk_session_stats stats;
    if (ids && n >= LEAST) {
        dsvk_session_stats_get(session, &stats);
        uint64_t bytes = stats.session_pages * stats.page_bytes + n * sizeof *ids;
        pthread_mutex_lock(&store->lock);
        bool wanted = !is_there(store, ids, n) && make_room(store, bytes);
        pthread_mutex_unlock(&store->lock);
        if (wanted)
            (void)write(store, session, ids, n, bytes);
    }
    free(ids);
}

/* ---- loading ---- */

/* A file that cannot be loaded would not be next time; the library has said why. */
static void forget(struct store *store, const char *stem)
{
    pthread_mutex_lock(&store->lock);
    struct store_entry *entry = store_index_get(&store->index, stem);
    if (entry)
        store_index_remove(&store->index, entry);
    pthread_mutex_unlock(&store->lock);
}

static void load(struct store *store, dsvk_session *session, const uint32_t *ids, size_t n,
                 const char *stem, const dsvk_stop *stop)
{
    char          path[STORE_PATH];
    dsvk_progress progress = { .stop = stop };
    if (!store_file_path(path, &store->index, stem, ".session"))
        return;
    dsvk_status status = dsvk_session_load(session, path, ids, n, &progress);
    if (status == DSVK_BAD_FILE)
        forget(store, stem);
}

void store_swap(struct store *store, dsvk_session *session, const uint32_t *ids, size_t n,
                const dsvk_stop *stop)
{
    size_t    have, best;
    char      stem[STORE_STEM + 1] = "";
    char      path[STORE_PATH];
    uint32_t *now;
    if (!store)
        return;
    now         = timeline(session, &have);
    size_t same = now ? common(now, have, ids, n) : 0;
    free(now);
    if (have - same >= LEAST)
        store_keep(store, session);
    pthread_mutex_lock(&store->lock);
    struct store_entry *entry = store_index_find(&store->index, ids, n, &best);
    if (entry && best >= same + LEAST) {
        memcpy(stem, entry->stem, sizeof stem);
        entry->used = store_now();
        if (store_file_path(path, &store->index, stem, ".ids"))
            store_touch(path);
    }
    pthread_mutex_unlock(&store->lock);
    if (stem[0])
        load(store, session, ids, n, stem, stop);
}
