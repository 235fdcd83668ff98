/* SPDX-License-Identifier: MIT */
/* Groups of matrices packed from what is read for them alone, against groups packed from whole
 * tensors: every recipe of checkpoints with every kind of it, cut in several ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "weights/reader.h"
#include "engine/session.h"
#include "support/folder.h"
#include "support/make_checkpoint.h"
#include "support/test_context.h"

struct subject {
    struct dv_test_context test;
    struct dv_folder       folder;
    struct dv_checkpoint  *checkpoint;
};

static void open_subject(struct subject *s, const char *name)
{
    dv_test_context_init(&s->test);
    dv_folder_init(&s->folder);
    assert_int_equal(dv_make_checkpoint(&s->test.ctx, name, 1, s->folder.path), DSVK_OK);
    assert_int_equal(dv_checkpoint_open(&s->checkpoint, &s->test.ctx, s->folder.path), DSVK_OK);
}

static void close_subject(struct subject *s)
{
    dv_checkpoint_close(s->checkpoint);
    dv_folder_done(&s->folder);
    assert_int_equal(s->test.live, 0);
}

/* Packs some groups from a buffer that holds nothing else; NaN codes among them. */
static uint64_t pack_some(unsigned char *out, const struct subject *s,
                          const struct dv_load_item *item, const struct dv_weight_info *info,
                          struct dv_groups groups)
{
    const struct dv_layout *y = &item->layout;
    struct dv_layout_source parts[DV_MAX_PARTS];
    struct dv_reads         reads;
    uint64_t                bytes = 0;
    dv_reads_plan(&reads, item, info, groups, &bytes);
    dv_reads_announce(&reads);
    unsigned char *buffer = malloc(bytes); /* of exactly this size, for the address sanitizer */
    assert_non_null(buffer);
    assert_true(dv_reads_fetch(parts, &reads, s->checkpoint, item, info, buffer));
    dv_layout_pack_groups(dv_layout_at(out, y, groups.first), y, info, parts, groups);
    uint64_t nan = dv_reads_count_nan(item, info, parts, groups);
    dv_reads_release(&reads, s->checkpoint);
    free(buffer);
    return nan;
}

static uint64_t check_item(const struct subject *s, const struct dv_load_item *item,
                           const struct dv_weight_info *info)
{
    static const uint32_t   cuts[] = { 1, 3, 7, 64, UINT32_MAX };
    const struct dv_layout *y      = &item->layout;
    uint32_t                groups = dv_layout_groups(y, info);
    unsigned char          *whole = malloc(y->bytes), *pieces = malloc(y->bytes);
    uint64_t                nan = 0, first_nan = 0;
    assert_true(whole && pieces);
    dv_layout_pack(whole, y, info, item->parts);
    for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
        nan = 0;
        memset(pieces, 0xA5, y->bytes);
        for (uint32_t at = 0, end; at < groups; at = end) {
            end = groups - at < cuts[k] ? groups : at + cuts[k];
            nan += pack_some(pieces, s, item, info, (struct dv_groups){ at, end });
        }
        if (memcmp(whole, pieces, y->bytes) != 0)
            fail_msg("%s: %u groups at a time give other bytes", info->name, cuts[k]);
        first_nan = k == 0 ? nan : first_nan;
        assert_int_equal(nan, first_nan);
    }
    free(whole);
    free(pieces);
    return nan;
}

/* Of all recipes of a decode step, the first and last experts of each; NaN codes met. */
static uint64_t check_recipes(const struct subject *s, bool no_fuse)
{
    const struct dv_context *ctx    = &s->test.ctx;
    struct dv_weight_source  source = { .checkpoint = s->checkpoint,
                                        .config     = dv_checkpoint_config(s->checkpoint) };
    struct dv_graph_size     size   = {
              .tokens = 1, .context = 1024, .split = 1024, .tile = 16, .materialise = true
    };
    struct dv_graph *g;
    uint64_t         nan = 0;
    assert_int_equal(dv_engine_graph(&g, ctx, source.config, &size, no_fuse), DSVK_OK);
    for (uint32_t w = 1; w <= g->n_weights; w++) {
        const struct dv_weight_info *info = &g->weights[w];
        for (uint32_t e = 0; e <= info->experts; e += info->experts ? info->experts - 1 : 1) {
            struct dv_load_item item = { .expert = e };
            if (info->kind == DV_WEIGHT_ROPE || info->kind == DV_WEIGHT_VECTOR ||
                (e && e == info->experts))
                break;
            for (uint32_t p = 0; p < info->n_parts; p++)
                assert_int_equal(dv_source_part(&item.parts[p], ctx, &source, info, p, e), DSVK_OK);
            assert_int_equal(dv_layout_of(&item.layout, ctx, info, item.parts), DSVK_OK);
            nan += check_item(s, &item, info);
        }
    }
    dv_graph_free(g);
    return nan;
}

static void pieces_are_what_the_whole_is(void **state)
{
    static const char *const names[] = { "v3", "v2lite", "odd-fp8", "odd", "k2", "fp8-64" };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct subject s;
        open_subject(&s, names[i]);
        assert_int_equal(check_recipes(&s, false), 0);
        assert_int_equal(check_recipes(&s, true), 0);
        close_subject(&s);
    }
}

/* In each of the recipes that are made of it once, however it is cut. */
static void codes_that_are_no_number_are_counted_once(void **state)
{
    static const char *const names[] = { "model.layers.0.mlp.down_proj.weight",
                                         "model.layers.0.mlp.up_proj.weight",
                                         "model.layers.0.self_attn.kv_b_proj.weight" };
    /* Up is there alone and in the pair that fusion makes; kv_b in two halves. */
    static const uint64_t expected[] = { 2, 4, 2 };
    (void)state;
#if defined(_WIN32) /* what is mapped cannot be written anew there */
    skip();
#endif
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct subject s;
        size_t         n;
        open_subject(&s, "v3");
        const struct dv_tensor_file *found = dv_checkpoint_find(s.checkpoint, names[i]);
        const struct dv_tensor_file *base  = dv_checkpoint_tensor(s.checkpoint, 0);
        assert_non_null(found);
        for (uint32_t k = 0; k < dv_checkpoint_n_tensors(s.checkpoint); k++)
            if (dv_checkpoint_tensor(s.checkpoint, k)->data < base->data)
                base = dv_checkpoint_tensor(s.checkpoint, k);
        size_t from = (size_t)(found->data - base->data), bytes = (size_t)found->bytes;
        char  *file   = dv_folder_read(&s.folder, "model.safetensors", &n);
        size_t header = 8;
        for (unsigned k = 0; k < 8; k++)
            header += (size_t)(unsigned char)file[k] << 8 * k;
        file[header + from]             = 0x7F;
        file[header + from + bytes - 1] = (char)0xFF;
        dv_folder_write(&s.folder, "model.safetensors", file, n);
        free(file);
        dv_checkpoint_close(s.checkpoint);
        assert_int_equal(dv_checkpoint_open(&s.checkpoint, &s.test.ctx, s.folder.path), DSVK_OK);
        uint64_t nan = check_recipes(&s, false);
        if (nan != expected[i])
            fail_msg("%s: %llu codes, not %llu", names[i], (unsigned long long)nan,
                     (unsigned long long)expected[i]);
        close_subject(&s);
    }
}

static void a_short_file_is_said(void **state)
{
    struct subject          s;
    struct dv_layout_source parts[DV_MAX_PARTS];
    struct dv_reads         reads;
    uint64_t                bytes = 0;
    unsigned char           buffer[4096];
    struct dv_weight_info   info = { .kind = DV_WEIGHT_VECTOR, .n_parts = 1 };
    struct dv_load_item     item = { 0 };
    (void)state;
#if defined(_WIN32) /* what is mapped cannot be written anew there */
    skip();
#endif
    open_subject(&s, "v3");
    const struct dv_tensor_file *norm = dv_checkpoint_find(s.checkpoint, "model.norm.weight");
    info.parts[0].name                = norm->name;

    item.parts[0] = (struct dv_layout_source){
        .dtype = norm->dtype, .data = norm->data, .rows = 1, .cols = 256
    };
    dv_reads_plan(&reads, &item, &info, (struct dv_groups){ 0, 0 }, &bytes);
    assert_in_range(bytes, 512, sizeof buffer);
    assert_true(dv_reads_fetch(parts, &reads, s.checkpoint, &item, &info, buffer));
    assert_memory_equal(parts[0].data, norm->data, 512);
    dv_folder_write(&s.folder, "model.safetensors", "short", 5);
    assert_false(dv_reads_fetch(parts, &reads, s.checkpoint, &item, &info, buffer));
    assert_int_equal(reads.missing, 512);
    assert_string_equal(reads.where, "model.norm.weight");
    close_subject(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_what_the_whole_is),
        cmocka_unit_test(codes_that_are_no_number_are_counted_once),
        cmocka_unit_test(a_short_file_is_said),
    };
    return cmocka_run_group_tests_name("reading", tests, NULL, NULL);
}
