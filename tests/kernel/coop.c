/* SPDX-License-Identifier: MIT */
/* Tiles of cooperative matrices for devices that nobody here owns: what lib/coop.glsl takes for
 * granted holds for each of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/coop.h"

/* As their drivers in Mesa 26 list them. */
static const struct device {
    const char          *name;
    uint32_t             subgroup_min, subgroup_max, shared;
    struct dv_coop_shape shape;
} devices[] = {
    { "RDNA3, RDNA4", 32, 64, 65536, { 16, 16, 16 } },
    { "the same, 32 KiB", 32, 64, 32768, { 16, 16, 16 } },
    { "Alchemist", 8, 32, 49152, { 8, 8, 16 } },
    { "Xe2", 16, 32, 49152, { 8, 16, 16 } },
    { "Turing and later", 32, 32, 49152, { 16, 16, 16 } },
    { "another", 64, 64, 32768, { 16, 8, 8 } },
    { "lavapipe, were it hardware", 8, 8, 32768, { 8, 8, 8 } },
    { "float8-like depth", 32, 32, 32768, { 16, 16, 32 } },
};

static struct dv_caps caps_of(const struct device *d)
{
    return (struct dv_caps){ .int64                 = true,
                             .float16               = true,
                             .cooperative_matrix    = true,
                             .coop                  = { [DV_COOP_F16] = d->shape },
                             .subgroup              = d->subgroup_max,
                             .subgroup_min          = d->subgroup_min,
                             .subgroup_max          = d->subgroup_max,
                             .subgroup_size_control = true,
                             .max_workgroup         = 1024,
                             .max_shared_bytes      = d->shared };
}

static void check_tile(const struct device *d, const struct dv_caps *caps, uint32_t rows,
                       uint32_t tokens)
{
    struct dv_coop_tile       t;
    struct dv_pipeline_params p;
    if (!dv_coop_tile_of(&t, caps, &(struct dv_coop_size){ rows, tokens, 1 }))
        fail_msg("%s: no tile for %u tokens", d->name, tokens);
    dv_coop_pipeline(&p, caps, "matmul_coop", &t, DV_FORMAT_E4M3, true);
    uint32_t depth     = p.spec[DV_COOP_DEPTH],
             subgroups = t.rows / t.sub_rows * (t.tokens / t.sub_tokens);
    assert_int_equal(t.sub_rows % d->shape.m + t.sub_tokens % d->shape.n + depth % d->shape.k, 0);
    assert_int_equal(t.rows % t.sub_rows + t.tokens % t.sub_tokens, 0);
    assert_int_equal(t.sub_rows % 16, 0); /* both groups of a pair */
    assert_int_equal(depth % 32, 0);      /* whole chunks of all formats */
    assert_int_equal(subgroups % 2, 0);   /* two store their sums at a time */
    assert_int_equal(t.workgroup, subgroups * t.subgroup);
    assert_int_equal(p.spec[DV_WORKGROUP], t.workgroup);
    assert_int_equal(p.subgroup, t.subgroup);
    assert_in_range(t.subgroup, d->subgroup_min, d->subgroup_max);
    assert_true(t.tokens >= tokens || t.tokens == 64);
    /* Results a lane; see coop.c. */
    assert_true(t.sub_rows * t.sub_tokens / t.subgroup <= 32);
}

static void tiles_suit_every_device(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        struct dv_caps caps = caps_of(&devices[i]);
        for (uint32_t tokens = 16; tokens <= 2048; tokens += tokens < 80 ? 1 : 97)
            for (uint32_t rows = 8; rows < 50000; rows *= 3)
                check_tile(&devices[i], &caps, rows, tokens);
        assert_true(dv_prefers_f16(&caps));
    }
}

static void steps_follow_shared_memory(void **state)
{
    const struct dv_coop_size size = { 2048, 2048, 1 };
    struct dv_coop_tile       t;
    struct dv_caps            caps = caps_of(&devices[1]);
    (void)state;
    assert_true(dv_coop_tile_of(&t, &caps, &size));
    assert_int_equal(t.depth, 64);
    assert_int_equal(t.rows, 128);
    caps.max_shared_bytes = 20000;
    assert_true(dv_coop_tile_of(&t, &caps, &size));
    assert_int_equal(t.depth, 32);
    assert_int_equal(t.rows, 128);
    caps.max_shared_bytes = 16384;
    assert_true(dv_coop_tile_of(&t, &caps, &size));
    assert_int_equal(t.depth, 32);
    assert_int_equal(t.rows, 64);
}

static bool has_tile(const struct dv_caps *caps, uint32_t tokens)
{
    struct dv_coop_tile t;
    return dv_coop_tile_of(&t, caps, &(struct dv_coop_size){ 4096, tokens, 1 });
}

static void small_products_take_small_tiles(void **state)
{
    struct dv_coop_tile t;
    struct dv_caps      caps = caps_of(&devices[0]);
    (void)state;
    assert_true(dv_coop_tile_of(&t, &caps, &(struct dv_coop_size){ 576, 2048, 1 }));
    assert_int_equal(t.rows, 64);
    assert_true(dv_coop_tile_of(&t, &caps, &(struct dv_coop_size){ 2048, 2048, 1 }));
    assert_int_equal(t.rows, 128);
    assert_true(dv_coop_tile_of(&t, &caps, &(struct dv_coop_size){ 128, 64, 300 }));
    assert_int_equal(t.rows, 128);
}

static void no_tile_where_it_is_not_worth_it(void **state)
{
    struct dv_caps good = caps_of(&devices[0]), caps = good;
    (void)state;
    assert_true(has_tile(&good, 16));
    assert_false(has_tile(&good, 15));
    caps.is_software = true;
    assert_false(has_tile(&caps, 64) || dv_prefers_f16(&caps));
    caps       = good;
    caps.int64 = false;
    assert_false(has_tile(&caps, 64));
    caps                     = good;
    caps.coop[DV_COOP_F16].m = 0;
    assert_false(has_tile(&caps, 64) || dv_prefers_f16(&caps));
    caps               = good;
    caps.max_workgroup = 64;
    assert_false(has_tile(&caps, 64));
    caps                  = good;
    caps.max_shared_bytes = 8192;
    assert_false(has_tile(&caps, 64));
    caps              = good;
    caps.subgroup_min = 4;
    assert_false(has_tile(&caps, 64));
}

static void tiles_of_experts_follow_their_pairs(void **state)
{
    struct dv_tuning tuning;
    struct dv_caps   caps = caps_of(&devices[0]);
    (void)state;
    dv_tuning_of(&tuning, &caps);
    assert_int_equal(dv_expert_tile(&caps, false, 2048 * 8, 256), tuning.matmul_tokens);
    assert_int_equal(dv_expert_tile(&caps, true, 2048 * 8, 0), tuning.matmul_tokens);
    assert_int_equal(dv_expert_tile(&caps, true, 64 * 8, 256), tuning.matmul_tokens);
    assert_int_equal(dv_expert_tile(&caps, true, 128 * 8, 256), 16);
    assert_int_equal(dv_expert_tile(&caps, true, 1024 * 8, 256), 32);
    assert_int_equal(dv_expert_tile(&caps, true, 2048 * 8, 256), 64);
    assert_int_equal(dv_expert_tile(&caps, true, 4096 * 8, 64), 64);
    caps.is_software = true;
    dv_tuning_of(&tuning, &caps);
    assert_int_equal(dv_expert_tile(&caps, true, 2048 * 8, 256), tuning.matmul_tokens);
}

static const struct widths {
    uint32_t heads, kv, nope, rope, v_head, splits;
} shapes[] = {
    { 16, 512, 128, 64, 128, 1 },
    { 128, 512, 128, 64, 128, 1 },
    { 20, 512, 192, 64, 256, 1 },
    { 5, 64, 32, 32, 32, 1 },
};

static bool attend_of(struct dv_coop_attend *s, const struct dv_caps *caps, const struct widths *w,
                      uint32_t tokens)
{
    struct dv_node node = {
        .op     = DV_OP_attend,
        .attend = { .heads = w->heads, .kv = w->kv, .rope = w->rope, .splits = w->splits },
    };
    return dv_coop_attend_of(s, caps, &node, tokens);
}

static bool attend_heads_of(struct dv_coop_attend_heads *s, const struct dv_caps *caps,
                            const struct widths *w, uint32_t tokens)
{
    struct dv_node node = {
        .op           = DV_OP_attend_heads,
        .attend_heads = { .heads  = w->heads,
                          .nope   = w->nope,
                          .rope   = w->rope,
                          .v_head = w->v_head },
    };
    return dv_coop_attend_heads_of(s, caps, &node, tokens);
}

static void check_attend(const struct device *d, const struct dv_caps *caps, const struct widths *w)
{
    const struct dv_coop_shape *m = &d->shape;
    struct dv_coop_attend       s;
    if (!attend_of(&s, caps, w, 64)) {
        /* 32 records of 576 columns alone have 37,376 bytes. */
        if (m->k <= 16 || w->kv < 512 || d->shared > 32768)
            fail_msg("%s: no shape for %u heads", d->name, (unsigned)w->heads);
        return;
    }
    uint32_t pairs = s.heads * s.tokens, workgroup = s.subgroup * s.subgroups;
    assert_int_equal(pairs % m->m + s.positions % m->n + s.positions % m->k, 0);
    assert_int_equal(DV_PAGE % s.positions + workgroup % s.positions, 0);
    assert_true(s.positions >= m->m && s.subgroups >= 2 && workgroup <= 256);
    /* The lanes of a pair share its positions, in one subgroup. */
    assert_int_equal(workgroup % pairs + s.positions % (workgroup / pairs), 0);
    assert_int_equal(s.subgroup % (workgroup / pairs), 0);
    assert_in_range(s.subgroup, d->subgroup_min, d->subgroup_max);
    /* Sums a lane, where the columns are those of a published model. */
    assert_true(pairs * w->kv <= 64 * workgroup);
    /* No head idle that need not be. */
    assert_int_equal(w->heads % s.heads, 0);
}

static void check_attend_heads(const struct device *d, const struct dv_caps *caps,
                               const struct widths *w)
{
    const struct dv_coop_shape *m = &d->shape;
    struct dv_coop_attend_heads s;
    if (!attend_heads_of(&s, caps, w, 64))
        return;
    assert_int_equal(s.positions % m->n + s.positions % m->k, 0);
    assert_int_equal(s.subgroup * s.subgroups % s.positions + s.subgroup % m->m, 0);
    assert_true(s.positions >= m->m && s.subgroup * s.subgroups <= 256);
    assert_in_range(s.subgroup, d->subgroup_min, d->subgroup_max);
    /* Registers: queries, two to a word, and sums. */
    assert_true(m->m * ((w->nope + w->rope) / 2 + w->v_head) <= 128 * s.subgroup);
}

static void attention_suits_every_device(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        struct dv_caps caps = caps_of(&devices[i]);
        for (size_t j = 0; j < sizeof shapes / sizeof *shapes; j++) {
            check_attend(&devices[i], &caps, &shapes[j]);
            check_attend_heads(&devices[i], &caps, &shapes[j]);
        }
    }
}

static bool attends(const struct dv_caps *caps, const struct widths *w, uint32_t tokens)
{
    struct dv_coop_attend       s;
    struct dv_coop_attend_heads h;
    bool                        both = attend_of(&s, caps, w, tokens);
    assert_int_equal(attend_heads_of(&h, caps, w, tokens), both);
    return both;
}

static void no_attention_in_matrices_where_it_is_not_worth_it(void **state)
{
    struct dv_coop_attend       s;
    struct dv_coop_attend_heads h;
    struct dv_caps              good = caps_of(&devices[4]), caps = good;
    struct widths               w = shapes[0];
    (void)state;
    assert_true(attends(&good, &w, 16));
    assert_false(attends(&good, &w, 15));
    caps.is_software = true;
    assert_false(attends(&caps, &w, 64));
    caps               = good;
    caps.max_workgroup = 64;
    assert_false(attends(&caps, &w, 64));
    caps                  = good;
    caps.max_shared_bytes = 16384;
    assert_false(attends(&caps, &w, 64));
    w.rope = 20;
    assert_false(attends(&good, &w, 64));
    w        = shapes[0];
    w.splits = 2; /* few tokens */
    assert_false(attend_of(&s, &good, &w, 64));
    w    = shapes[0];
    w.kv = 72;
    assert_false(attend_of(&s, &good, &w, 64));
    /* Wide values ask for more registers than there are. */
    assert_false(attend_heads_of(&h, &good, &shapes[2], 64));
}

static void pairs_follow_shared_memory(void **state)
{
    struct dv_coop_attend s;
    struct dv_caps        caps = caps_of(&devices[0]);
    (void)state;
    assert_true(attend_of(&s, &caps, &shapes[0], 64));
    assert_int_equal(s.heads, 16);
    assert_int_equal(s.tokens, 2);
    caps.max_shared_bytes = 32768;
    assert_true(attend_of(&s, &caps, &shapes[0], 64));
    assert_int_equal(s.heads, 16);
    assert_int_equal(s.tokens, 1);
    assert_true(attend_of(&s, &caps, &shapes[2], 64));
    assert_int_equal(s.heads, 4);
    assert_int_equal(s.tokens, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_suit_every_device),
        cmocka_unit_test(small_products_take_small_tiles),
        cmocka_unit_test(steps_follow_shared_memory),
        cmocka_unit_test(no_tile_where_it_is_not_worth_it),
        cmocka_unit_test(tiles_of_experts_follow_their_pairs),
        cmocka_unit_test(attention_suits_every_device),
        cmocka_unit_test(no_attention_in_matrices_where_it_is_not_worth_it),
        cmocka_unit_test(pairs_follow_shared_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
