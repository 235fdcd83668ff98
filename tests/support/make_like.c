/* SPDX-License-Identifier: MIT */
/* Checkpoints of a published size, for loading and running what tiny ones cannot show. Every 8
 * bytes of a tensor depend on its name and their place alone, so all cores write at once, in
 * buffers of a few MiB; random bits become values by masks, which is faster than a disk. */
#define _GNU_SOURCE
#include "support/make_checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/number.h"
#include "os/os.h"
#include "support/make_parts.h"

#define SHARD_BYTES UINT64_C(5000000000)
#define CHUNK_BYTES ((size_t)4 << 20)
#define MAX_CHUNKS 32u
#define SMALL_VOCABULARY 512u
#define E4M3_RMS 0.625f /* of codes whose second bit is 0 */

/* ---- values ---- */

/* Every output bit depends on every input bit. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t seed_of(const struct dv_make_item *item, uint64_t seed)
{
    const char *name = item->kind == DV_MAKE_SCALE ? item->name : item->weight;
    for (; *name; name++)
        seed = (seed ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return mix(seed);
}

/* The random bits that become sign and mantissa, and the exponent that all values share. Random
 * mantissas below an exponent of 0 have the root mean square 2^0.611; sums over a row of a matrix
 * keep the size of what they are multiplied with, and rows of the embedding are near 1. */
struct pattern {
    uint64_t keep, set;
};

static struct pattern pattern_of(const struct dv_make_item *item)
{
    float cols     = item->kind == DV_MAKE_EMBEDDING ? 1.0f : (float)item->cols;
    int   exponent = 127 + (int)roundf(-0.5f * log2f(cols) - 0.611f);
    if (item->dtype == DV_F8_E4M3) /* no NaN; the scale does the rest */
        return (struct pattern){ UINT64_C(0xbfbfbfbfbfbfbfbf), 0 };
    if (item->dtype == DV_F32)
        return (struct pattern){ UINT64_C(0x807fffff807fffff),
                                 ((uint64_t)exponent << 23) * UINT64_C(0x100000001) };
    return (struct pattern){ UINT64_C(0x807f807f807f807f),
                             ((uint64_t)exponent << 7) * UINT64_C(0x1000100010001) };
}

/* Norms near 1, the router's correction small, scales that differ so that a wrong one shows. */
static float value_of(const struct dv_make_item *item, uint64_t bits)
{
    float x = (float)(bits >> 40) * 0x1p-24f - 0.5f;
    if (item->kind == DV_MAKE_BIAS)
        return 0.01f * x;
    if (item->kind == DV_MAKE_SCALE)
        return (1.0f + 0.5f * x) / E4M3_RMS / sqrtf((float)item->cols);
    return 1.0f + 0.25f * x;
}

/* The 8 bytes of a vector or of scales at byte 8 * at. */
static uint64_t word_of(const struct dv_make_item *item, uint64_t seed, uint64_t at)
{
    uint64_t word = 0;
    if (item->dtype == DV_F32) {
        float two[2] = { value_of(item, mix(seed + 2 * at)),
                         value_of(item, mix(seed + 2 * at + 1)) };
        memcpy(&word, two, sizeof word);
        return word;
    }
    for (unsigned i = 0; i < 4; i++)
        word |= (uint64_t)dv_bf16_encode(value_of(item, mix(seed + 4 * at + i))) << 16 * i;
    return word;
}

/* Bytes from .. to of a tensor. */
static void fill_item(unsigned char *out, const struct dv_make_item *item, uint64_t seed,
                      uint64_t from, uint64_t to)
{
    struct pattern pattern = pattern_of(item);
    bool           values  = item->kind != DV_MAKE_LINEAR && item->kind != DV_MAKE_EMBEDDING;
    seed                   = seed_of(item, seed);
    while (from < to) {
        uint64_t at = from / 8;
        uint64_t word =
            values ? word_of(item, seed, at) : (mix(seed + at) & pattern.keep) | pattern.set;
        size_t skip = (size_t)(from % 8);
        size_t n    = to - from < 8 - skip ? (size_t)(to - from) : 8 - skip;
        memcpy(out, (const unsigned char *)&word + skip, n);
        out += n;
        from += n;
    }
}

/* ---- one file ---- */

struct like {
    const struct dv_like *params;
    struct dv_make_list   list;
    const char           *folder;
    unsigned char        *chunks[MAX_CHUNKS];
    uint32_t              n_chunks;
    uint64_t              done; /* bytes of all files */
};

struct shard {
    struct like               *like;
    const struct dv_make_item *items, *end; /* its own */
    int                        fd;
    uint64_t                   data, bytes; /* where its tensors begin, and their sum */
    uint64_t                   at;          /* of the chunks being written */
    atomic_int                 error;       /* errno of the first failure */
};

static int write_at(int fd, const unsigned char *data, size_t bytes, uint64_t at)
{
    while (bytes > 0) {
        ssize_t n = pwrite(fd, data, bytes, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        data += n;
        at += (uint64_t)n;
        bytes -= (size_t)n;
    }
    return 0;
}

static void write_chunk(void *user, uint32_t i)
{
    struct shard  *s     = user;
    unsigned char *chunk = s->like->chunks[i];
    uint64_t       from = s->at + i * CHUNK_BYTES, begin = 0;
    uint64_t       to = s->bytes - from < CHUNK_BYTES ? s->bytes : from + CHUNK_BYTES;
    for (const struct dv_make_item *item = s->items; item < s->end && begin < to; item++) {
        uint64_t end   = begin + item->bytes;
        uint64_t first = begin > from ? begin : from, last = end < to ? end : to;
        if (first < last)
            fill_item(chunk + (first - from), item, s->like->params->seed, first - begin,
                      last - begin);
        begin = end;
    }
    int error = write_at(s->fd, chunk, (size_t)(to - from), s->data + from);
    if (error)
        atomic_store(&s->error, error);
}

static dsvk_status write_chunks(struct shard *s, const char *name)
{
    struct like             *like     = s->like;
    const struct dv_context *ctx      = like->list.ctx;
    const dsvk_progress     *progress = &like->params->progress;
    for (s->at = 0; s->at < s->bytes; s->at += like->n_chunks * CHUNK_BYTES) {
        uint64_t left = s->bytes - s->at, n = (left + CHUNK_BYTES - 1) / CHUNK_BYTES;
        n = n < like->n_chunks ? n : like->n_chunks;
        dv_parallel(0, (uint32_t)n, write_chunk, s);
        if (atomic_load(&s->error))
            return dv_fail(ctx, DSVK_BAD_FILE, "make: %s/%s: %s", like->folder, name,
                           strerror(atomic_load(&s->error)));
        like->done += left < n * CHUNK_BYTES ? left : n * CHUNK_BYTES;
        if (progress->report && !progress->report(progress->user, like->done, like->list.bytes))
            return dv_fail(ctx, DSVK_CANCELLED, "make: %s: cancelled", like->folder);
    }
    return DSVK_OK;
}

static dsvk_status write_shard(struct like *like, uint32_t i, const char *name, const char *path)
{
    struct dv_make_list *list = &like->list;
    struct shard         s    = { .like = like };
    unsigned char        length[8];
    char                *header = dv_make_header(list, i);
    if (!header)
        return dv_fail(list->ctx, DSVK_NO_MEMORY, "make: no memory for a header");
    s.data = strlen(header);
    for (unsigned k = 0; k < 8; k++)
        length[k] = (unsigned char)(s.data >> 8 * k & 255);
    for (s.items = list->items; s.items->shard != i;)
        s.items++;
    for (s.end = s.items; s.end < list->items + list->n && s.end->shard == i; s.end++)
        s.bytes += s.end->bytes;
    s.fd      = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int error = s.fd < 0 ? errno : write_at(s.fd, length, 8, 0);
    if (!error)
        error = write_at(s.fd, (const unsigned char *)header, (size_t)s.data, 8);
    dv_free(list->ctx, header);
    s.data += 8;
    dsvk_status status = error ? dv_fail(list->ctx, DSVK_BAD_FILE, "make: %s/%s: %s", like->folder,
                                         name, strerror(error))
                               : write_chunks(&s, name);
    if (s.fd >= 0 && close(s.fd) != 0 && status == DSVK_OK)
        status = dv_fail(list->ctx, DSVK_BAD_FILE, "make: %s/%s: %s", like->folder, name,
                         strerror(errno));
    return status;
}

/* ---- the folder ---- */

static char *path_of(struct like *like, const char *name, const char *ending)
{
    return dv_arena_printf(&like->list.arena, "%s/%s%s", like->folder, name, ending);
}

static dsvk_status visit_entry(void *user, const char *name)
{
    (void)user;
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? DSVK_OK : DSVK_BAD_ARGUMENT;
}

/* Only an empty folder: nothing is overwritten, and all that is in it may go after a failure. */
static dsvk_status check_folder(const struct like *like)
{
    const struct dv_context *ctx = like->list.ctx;
    struct statvfs           disk;
    dsvk_status              status = dv_folder_list(ctx, like->folder, visit_entry, NULL);
    if (status == DSVK_BAD_ARGUMENT)
        return dv_fail(ctx, status, "make: %s: the folder is not empty", like->folder);
    if (status != DSVK_OK || statvfs(like->folder, &disk) != 0)
        return status;
    uint64_t left = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (left < like->list.bytes)
        return dv_fail(ctx, DSVK_BAD_FILE, "make: %s: %.1f GB are needed, %.1f GB are free",
                       like->folder, (double)like->list.bytes / 1e9, (double)left / 1e9);
    return DSVK_OK;
}

static void remove_all(struct like *like)
{
    static const char *const small[] = { "config.json", "generation_config.json", "tokenizer.json",
                                         "tokenizer_config.json", "model.safetensors.index.json" };
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        const char *path = path_of(like, small[i], "");
        if (path)
            unlink(path);
    }
    for (uint32_t i = 0; i < like->list.shards; i++) {
        char name[64];
        dv_make_shard_name(&like->list, i, name);
        const char *path = path_of(like, name, ""), *part = path_of(like, name, ".part");
        if (path)
            unlink(path);
        if (part)
            unlink(part);
    }
}

/* config.json last: without it nothing opens the folder, whatever ends this process. */
static dsvk_status write_folder(struct like *like)
{
    dsvk_status          status;
    struct dv_make_list *list  = &like->list;
    struct dv_recipe     small = *list->recipe;
    for (uint32_t i = 0; i < list->shards; i++) {
        char name[64];
        dv_make_shard_name(list, i, name);
        const char *path = path_of(like, name, ""), *part = path_of(like, name, ".part");
        if (!path || !part)
            return dv_fail(list->ctx, DSVK_NO_MEMORY, "make: no memory for a path");
        TRY(write_shard(like, i, name, part));
        if (rename(part, path) != 0)
            return dv_fail(list->ctx, DSVK_BAD_FILE, "make: %s: %s", path, strerror(errno));
    }
    if (list->shards > 1)
        TRY(dv_make_index(list, like->folder));
    if (small.config.vocab > SMALL_VOCABULARY)
        small.config.vocab = SMALL_VOCABULARY;
    TRY(dv_make_tokenizer(list->ctx, &small, like->folder));
    return dv_make_config(list->ctx, list->recipe, like->folder);
}

static dsvk_status write_like(struct like *like)
{
    dsvk_status status;
    bool        made = mkdir(like->folder, 0777) == 0;
    status           = check_folder(like);
    while (status == DSVK_OK && like->n_chunks < 2 * dv_processor_count() &&
           like->n_chunks < MAX_CHUNKS) {
        unsigned char *chunk = dv_alloc(like->list.ctx, CHUNK_BYTES);
        if (!chunk)
            status = dv_fail(like->list.ctx, DSVK_NO_MEMORY, "make: no memory for %u buffers",
                             like->n_chunks + 1);
        else
            like->chunks[like->n_chunks++] = chunk;
    }
    if (status == DSVK_OK) {
        status = write_folder(like);
        if (status != DSVK_OK)
            remove_all(like);
    }
    if (status != DSVK_OK && made)
        rmdir(like->folder);
    for (uint32_t i = 0; i < like->n_chunks; i++)
        dv_free(like->list.ctx, like->chunks[i]);
    return status;
}

dsvk_status dv_make_like(const struct dv_context *ctx, const struct dv_like *params,
                         const char *folder)
{
    struct like      like   = { .params = params, .folder = folder };
    struct dv_recipe recipe = { .config      = *params->config,
                                .new_rope    = params->config->arch == DV_ARCH_GLM4_MOE_LITE,
                                .all_f32     = params->format == DV_LIKE_F32,
                                .shard_bytes = params->shard_bytes };
    if (params->format == DV_LIKE_FP8)
        recipe.config.block_rows = recipe.config.block_cols = 128;
    else if (params->format != DV_LIKE_PUBLISHED)
        recipe.config.block_rows = recipe.config.block_cols = 0;
    if (recipe.shard_bytes == 0)
        recipe.shard_bytes = SHARD_BYTES;
    dsvk_status status = dv_make_list_init(&like.list, ctx, &recipe);
    if (status == DSVK_OK)
        status = write_like(&like);
    dv_make_list_done(&like.list);
    return status;
}
