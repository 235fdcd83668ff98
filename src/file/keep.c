/* SPDX-License-Identifier: MIT */
/* The header of a kept timeline, and what is wrong with one. */
#include "file/keep.h"

#include <string.h>

#include "base/bytes.h"
#include "base/size.h"

static const char magic[8] = { 'd', 's', '-', 'v', 'k', 's', 'e', 's' };

/* Where the header's fields begin. */
enum {
    AT_MAGIC      = 0,
    AT_VERSION    = 8,
    AT_HEADER     = 12, /* bytes of the header */
    AT_FILE       = 16, /* bytes of all */
    AT_MODEL      = 24,
    AT_DEVICE     = 32,
    AT_PAGE_BYTES = 40,
    AT_PAGE       = 48,
    AT_VOCAB      = 52,
    AT_CACHE      = 56,
    AT_MATH       = 60,
    AT_WEIGHTS    = 64,
    AT_SPLIT      = 68,
    AT_TOKENS     = 72,
    AT_RESULTS    = 76, /* 1: answered, 2: knows */
    AT_GREATEST   = 80,
    AT_ZERO       = 84,
    AT_OWN_SUM    = 120, /* of the header up to here */
};

/* A word that is not the same is never made up for by one word behind it: each step is invertible
 * in the sum and in the word. */
uint64_t dv_keep_sum(uint64_t seed, const void *data, uint64_t bytes)
{
    const unsigned char *from = data;
    uint64_t             sum  = (seed ^ bytes) * UINT64_C(0x9e3779b97f4a7c15), word;
    for (; bytes > 0; bytes -= dv_min(bytes, 8), from += 8) {
        word = 0;
        memcpy(&word, from, (size_t)dv_min(bytes, 8)); /* little-endian, as src/os/ wants it */
        sum = (sum ^ word) * UINT64_C(0xff51afd7ed558ccd);
        sum ^= sum >> 32;
    }
    return sum;
}

static uint32_t get32(const unsigned char *at)
{
    return (uint32_t)dv_get_bytes(at, 4);
}

bool dv_keep_lay_out(struct dv_keep_layout *l, const struct dv_keep *keep)
{
    const struct dv_keep_key *key  = &keep->key;
    const uint64_t            most = UINT64_C(1) << 60;
    *l                             = (struct dv_keep_layout){ 0 };
    l->n_pages                     = dv_ceil_div(keep->n_tokens, key->page);
    l->flags_at                    = (uint64_t)keep->n_tokens * 4;
    l->pages_at                    = l->flags_at + l->n_pages * 4;
    if (key->page_bytes > most / dv_max(l->n_pages, 1))
        return false;
    l->bytes    = l->pages_at + l->n_pages * key->page_bytes;
    l->n_blocks = dv_ceil_div(l->bytes, DV_KEEP_BLOCK);
    l->file     = DV_KEEP_HEADER + l->bytes + l->n_blocks * 8 + 8;
    return true;
}

void dv_keep_header(unsigned char header[DV_KEEP_HEADER], const struct dv_keep *keep)
{
    const struct dv_keep_key *key = &keep->key;
    struct dv_keep_layout     layout;
    (void)dv_keep_lay_out(&layout, keep);
    memset(header, 0, DV_KEEP_HEADER);
    memcpy(header + AT_MAGIC, magic, sizeof magic);
    dv_put_bytes(header + AT_VERSION, DV_KEEP_VERSION, 4);
    dv_put_bytes(header + AT_HEADER, DV_KEEP_HEADER, 4);
    dv_put_bytes(header + AT_FILE, layout.file, 8);
    dv_put_bytes(header + AT_MODEL, key->model, 8);
    dv_put_bytes(header + AT_DEVICE, key->device, 8);
    dv_put_bytes(header + AT_PAGE_BYTES, key->page_bytes, 8);
    dv_put_bytes(header + AT_PAGE, key->page, 4);
    dv_put_bytes(header + AT_VOCAB, key->vocab, 4);
    dv_put_bytes(header + AT_CACHE, key->cache, 4);
    dv_put_bytes(header + AT_MATH, key->math, 4);
    dv_put_bytes(header + AT_WEIGHTS, key->weights, 4);
    dv_put_bytes(header + AT_SPLIT, key->split, 4);
    dv_put_bytes(header + AT_TOKENS, keep->n_tokens, 4);
    dv_put_bytes(header + AT_RESULTS, keep->answered + 2u * keep->knows, 4);
    dv_put_bytes(header + AT_GREATEST, keep->greatest, 4);
    dv_put_bytes(header + AT_OWN_SUM, dv_keep_sum(0, header, AT_OWN_SUM), 8);
}

static void get_fields(struct dv_keep *keep, const unsigned char *header)
{
    uint64_t results = dv_get_bytes(header + AT_RESULTS, 4);
    keep->key        = (struct dv_keep_key){ .model      = dv_get_bytes(header + AT_MODEL, 8),
                                             .device     = dv_get_bytes(header + AT_DEVICE, 8),
                                             .page_bytes = dv_get_bytes(header + AT_PAGE_BYTES, 8),
                                             .page       = get32(header + AT_PAGE),
                                             .vocab      = get32(header + AT_VOCAB),
                                             .cache      = get32(header + AT_CACHE),
                                             .math       = get32(header + AT_MATH),
                                             .weights    = get32(header + AT_WEIGHTS),
                                             .split      = get32(header + AT_SPLIT) };
    keep->n_tokens   = get32(header + AT_TOKENS);
    keep->answered   = results & 1;
    keep->knows      = results & 2;
    keep->greatest   = get32(header + AT_GREATEST);
}

const char *dv_keep_parse(struct dv_keep *keep, const unsigned char header[DV_KEEP_HEADER],
                          uint64_t file_bytes)
{
    struct dv_keep_layout layout;
    unsigned char         wanted[DV_KEEP_HEADER];
    *keep = (struct dv_keep){ 0 };
    if (file_bytes < DV_KEEP_HEADER)
        return "it is shorter than a header";
    if (memcmp(header + AT_MAGIC, magic, sizeof magic) != 0)
        return "it is no saved session";
    if (dv_get_bytes(header + AT_VERSION, 4) != DV_KEEP_VERSION ||
        dv_get_bytes(header + AT_HEADER, 4) != DV_KEEP_HEADER)
        return "it is of another version of ds-vk";
    if (dv_get_bytes(header + AT_OWN_SUM, 8) != dv_keep_sum(0, header, AT_OWN_SUM))
        return "its header was altered";
    get_fields(keep, header);
    if (keep->key.page == 0 || keep->n_tokens == 0 || !dv_keep_lay_out(&layout, keep))
        return "its header makes no sense";
    if (layout.file != file_bytes)
        return "it is not as long as its header says";
    dv_keep_header(wanted, keep); /* what is not one of the fields, too */
    return memcmp(wanted, header, DV_KEEP_HEADER) == 0 ? NULL : "its header makes no sense";
}

const char *dv_keep_differs(const struct dv_keep_key *key, const struct dv_keep_key *mine)
{
    if (key->model != mine->model || key->vocab != mine->vocab)
        return "it is of another model";
    if (key->weights != mine->weights)
        return "its model was loaded with weights in another format";
    if (key->cache != mine->cache)
        return "its cache has another format";
    if (key->math != mine->math)
        return "its products were computed in another format";
    if (key->split != mine->split)
        return "attention was computed in splits of another length, which follows from the context";
    if (key->device != mine->device)
        return "it was computed by another device or driver";
    if (key->page != mine->page || key->page_bytes != mine->page_bytes)
        return "its pages have another size";
    return NULL;
}
