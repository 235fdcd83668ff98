/* SPDX-License-Identifier: MIT */
/* The format of kept timelines, in files of several blocks: what is written is read, in any pieces;
 * blocks that changed places are noticed though each is whole, and files that end early. */
#include "file/keep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/folder.h"
#include "support/test_context.h"

#define TOKENS 130u /* three pages */
#define PAGE_BYTES 1300000u

static const struct dv_keep keep = { .key      = { .model      = 7,
                                                   .device     = 8,
                                                   .page_bytes = PAGE_BYTES,
                                                   .page       = 64,
                                                   .vocab      = 1000,
                                                   .cache      = 1,
                                                   .split      = 256 },
                                     .n_tokens = TOKENS,
                                     .answered = true };

struct memory {
    unsigned char *data;
    size_t         n, end; /* bytes, and those that can be read */
};

static uint64_t read_memory(void *user, void *to, uint64_t n, uint64_t offset)
{
    const struct memory *m    = user;
    uint64_t             left = offset < m->end ? m->end - offset : 0;
    n                         = n < left ? n : left;
    memcpy(to, m->data + offset, (size_t)n);
    return n;
}

static struct dv_test_context test;
static struct dv_folder       folder;
static struct memory          file;
static unsigned char         *body;
static struct dv_keep_layout  layout;

static int write_file(void **state)
{
    struct dv_keep_writer *w = malloc(sizeof *w);
    (void)state;
    dv_test_context_init(&test);
    dv_folder_init(&folder);
    assert_non_null(w);
    assert_true(dv_keep_lay_out(&layout, &keep));
    body = malloc((size_t)layout.bytes);
    assert_non_null(body);
    for (uint64_t i = 0; i < layout.bytes; i++)
        body[i] = (unsigned char)(i * 7 + i / 253);
    for (uint32_t i = 0; i < TOKENS; i++)
        memcpy(body + 4 * (size_t)i, &i, 4);
    const char *path = dv_folder_path(&folder, "kept");
    assert_int_equal(dv_keep_create(w, &test.ctx, path, &keep), DSVK_OK);
    for (uint64_t at = 0, n; at < layout.bytes; at += n) {
        n = at % 700000 + 1;
        n = n < layout.bytes - at ? n : layout.bytes - at;
        assert_true(dv_keep_write(w, body + at, n));
    }
    assert_int_equal(dv_keep_commit(w, path), DSVK_OK);
    free(w);
    file.data = (unsigned char *)dv_folder_read(&folder, "kept", &file.n);
    file.end  = file.n;
    assert_int_equal(file.n, layout.file);
    assert_int_equal(layout.n_blocks, 4);
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    free(file.data);
    free(body);
    dv_folder_done(&folder);
    return 0;
}

static dsvk_status open_reader(struct dv_keep_reader *r)
{
    struct dv_keep_source source = { .read = read_memory, .user = &file, .bytes = file.n };
    return dv_keep_open(r, &test.ctx, "it", &source, &keep.key);
}

static void what_is_written_is_read(void **state)
{
    struct dv_keep_reader r;
    uint32_t              ids[TOKENS];
    unsigned char        *some = malloc((size_t)layout.bytes);
    (void)state;
    assert_non_null(some);
    assert_int_equal(open_reader(&r), DSVK_OK);
    assert_int_equal(dv_keep_ids(&r, ids), DSVK_OK);
    assert_memory_equal(ids, body, sizeof ids);
    assert_int_equal(dv_keep_read(&r, some, 0, layout.bytes), DSVK_OK);
    assert_memory_equal(some, body, layout.bytes);
    for (uint64_t at = 0; at < layout.bytes; at += 333333) {
        uint64_t n = layout.bytes - at < 1500000 ? layout.bytes - at : 1500000;
        assert_int_equal(dv_keep_read(&r, some, at, n), DSVK_OK);
        assert_memory_equal(some, body + at, n);
    }
    dv_keep_close(&r);
    free(some);
}

static bool is_good(void)
{
    struct dv_keep_reader r;
    bool                  good = open_reader(&r) == DSVK_OK;
    for (uint64_t i = 0; good && i < layout.n_blocks; i++)
        good = dv_keep_check_block(&r, i) == DSVK_OK;
    dv_keep_close(&r);
    return good;
}

static void swap(unsigned char *a, unsigned char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = a[i];
        a[i]            = b[i];
        b[i]            = c;
    }
}

static void blocks_keep_their_places(void **state)
{
    unsigned char *blocks = file.data + DV_KEEP_HEADER, *sums = blocks + layout.bytes;
    (void)state;
    assert_true(is_good());
    swap(blocks, blocks + DV_KEEP_BLOCK, DV_KEEP_BLOCK);
    assert_false(is_good());
    swap(sums, sums + 8, 8);
    assert_false(is_good());
    swap(blocks, blocks + DV_KEEP_BLOCK, DV_KEEP_BLOCK);
    assert_false(is_good());
    swap(sums, sums + 8, 8);
    assert_true(is_good());
}

static void each_bit_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < file.n; i += i < 200 || i + 40 > file.n ? 1 : 99991) {
        file.data[i] ^= (unsigned char)(1u << i % 8);
        assert_false(is_good());
        file.data[i] ^= (unsigned char)(1u << i % 8);
    }
    assert_true(is_good());
}

/* As it says how long it is, and as the system does. */
static void an_early_end_is_noticed(void **state)
{
    size_t whole = file.n;
    (void)state;
    for (size_t n = 0; n < whole; n += n < 200 ? 1 : 250007) {
        file.end = n;
        assert_false(is_good());
        file.n = n;
        assert_false(is_good());
        file.n = whole;
    }
    file.end = whole;
    assert_true(is_good());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(blocks_keep_their_places),
        cmocka_unit_test(each_bit_counts),
        cmocka_unit_test(an_early_end_is_noticed),
    };
    return cmocka_run_group_tests(tests, write_file, remove_file);
}
