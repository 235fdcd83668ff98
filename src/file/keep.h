/* SPDX-License-Identifier: MIT */
/* A timeline in a file: its token ids and the pages of its latent cache. Untrusted when it is read:
 * sizes are compared with those of the file before anything is allocated, and every byte is behind
 * a checksum before it is handed out.
 *
 * Numbers are little-endian, sums those of dv_keep_sum().
 *
 *   header    128 bytes, below
 *   body      the ids, 4 bytes each; of each page 4 bytes of flags (1: products in float16);
 *             the pages, as they lie on the device, the last one zero behind its tokens
 *   sums      8 bytes of each MiB of the body, the last one shorter
 *   whole     8 bytes: of the header and the sums
 *
 * The version changes with the format, and with what kernels compute. */
#ifndef DV_FILE_KEEP_H
#define DV_FILE_KEEP_H

#include "base/context.h"
#include "os/os.h"
#include "os/output.h"

#define DV_KEEP_VERSION 1u
#define DV_KEEP_HEADER 128u
#define DV_KEEP_BLOCK (UINT64_C(1) << 20)
#define DV_KEEP_IN_F16 1u /* of a page's flags */

/* What a timeline's bits depend on beside its tokens. */
struct dv_keep_key {
    uint64_t model, device; /* hashes */
    uint64_t page_bytes;
    uint32_t page, vocab;          /* tokens of a page; ids are below vocab */
    uint32_t cache, math, weights; /* formats, by number */
    uint32_t split;                /* positions of a split of attention */
};

struct dv_keep {
    struct dv_keep_key key;
    uint32_t           n_tokens;
    bool               answered, knows; /* there are results; argmax is `greatest` */
    uint32_t           greatest;
};

/* Where things are in the body. */
struct dv_keep_layout {
    uint64_t n_pages, flags_at, pages_at, bytes, n_blocks;
    uint64_t file; /* bytes of all */
};

uint64_t dv_keep_sum(uint64_t seed, const void *data, uint64_t bytes);
/* False where that are more than 2^60 bytes. */
bool dv_keep_lay_out(struct dv_keep_layout *layout, const struct dv_keep *keep);
void dv_keep_header(unsigned char header[DV_KEEP_HEADER], const struct dv_keep *keep);
/* NULL, or what is wrong with a header of a file of so many bytes. */
const char *dv_keep_parse(struct dv_keep *keep, const unsigned char header[DV_KEEP_HEADER],
                          uint64_t file_bytes);
/* NULL, or in which way a timeline with this key is of no use for `mine`. */
const char *dv_keep_differs(const struct dv_keep_key *key, const struct dv_keep_key *mine);

/* ---- reading ---- */

/* Bytes of a file; how many there were. */
struct dv_keep_source {
    uint64_t (*read)(void *user, void *to, uint64_t bytes, uint64_t offset);
    void    *user;
    uint64_t bytes;
};

struct dv_keep_reader {
    const struct dv_context *ctx;
    const char              *name; /* for sentences; the caller's */
    struct dv_keep_source    source;
    struct dv_keep           keep;
    struct dv_keep_layout    layout;
    unsigned char           *sums;  /* of all blocks, and the whole */
    unsigned char           *block; /* one of the body, checked */
    uint64_t                 at;    /* which one; n_blocks: none */
};

/* Reads the header and checks it, against `mine` too, then the sums. BAD_FILE with one sentence. */
dsvk_status dv_keep_open(struct dv_keep_reader *reader, const struct dv_context *ctx,
                         const char *name, const struct dv_keep_source *source,
                         const struct dv_keep_key *mine);
/* One of the layout's blocks is as its sum says; BAD_FILE. */
dsvk_status dv_keep_check_block(struct dv_keep_reader *reader, uint64_t block);
/* Bytes of the body, which lie inside it; checked on the way. */
dsvk_status dv_keep_read(struct dv_keep_reader *reader, void *to, uint64_t offset, uint64_t bytes);
/* All ids; BAD_FILE for one outside the vocabulary. */
dsvk_status dv_keep_ids(struct dv_keep_reader *reader, uint32_t *ids);
void        dv_keep_close(struct dv_keep_reader *reader); /* all zero is fine */

/* ---- writing ---- */

struct dv_keep_writer {
    struct dv_output      output;
    struct dv_keep_layout layout;
    unsigned char        *sums, *block;
    uint64_t              at, n; /* the block, and its bytes so far */
    uint64_t              whole; /* sum of the header */
};

/* A new file beside `path`, which stays as it is. */
dsvk_status dv_keep_create(struct dv_keep_writer *writer, const struct dv_context *ctx,
                           const char *path, const struct dv_keep *keep);
/* The next bytes of the body. False: writing has failed, as dv_keep_commit() will say. */
bool dv_keep_write(struct dv_keep_writer *writer, const void *data, uint64_t bytes);
/* All of the body was written: with its bytes on the disk the file takes the place of `path`. After
 * a failure the old one is there, and nothing else. */
dsvk_status dv_keep_commit(struct dv_keep_writer *writer, const char *path);
/* Nothing is left of it. For one that was not committed; all zero is fine. */
void dv_keep_drop(struct dv_keep_writer *writer);

#endif
