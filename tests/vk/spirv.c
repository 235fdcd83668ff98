/* SPDX-License-Identifier: MIT */
/* What is read from the SPIR-V modules, and that damaged ones are refused and never followed. */
#include "test.h"

#include "modules.h"
#include "vk/stream.h"

static void spirv_reads_push_size_constants_and_needs(void **state)
{
    struct dv_spirv_facts facts;
    (void)state;
    assert_true(dv_spirv_read(&facts, module_scale.words, module_scale.n_words));
    assert_int_equal(facts.push_bytes, sizeof(struct scale_push));
    assert_int_equal(facts.n_spec, 3);
    assert_int_equal(facts.spec_ids[0] + facts.spec_ids[1] + facts.spec_ids[2], 0 + 1 + 5);
    assert_int_equal(facts.needs, 0);
    assert_true(dv_spirv_read(&facts, module_scale_i64.words, module_scale_i64.n_words));
    assert_int_equal(facts.push_bytes, sizeof(struct scale_push));
    assert_int_equal(facts.needs, DV_NEED_INT64);
    assert_true(dv_spirv_read(&facts, module_spin.words, module_spin.n_words));
    assert_int_equal(facts.push_bytes, 12);
}

static void spirv_understands_every_kernel(void **state)
{
    const uint32_t habits = DV_NEED_PACKED_INT16 | DV_NEED_SCALAR_LOADS; /* no module tells */
    (void)state;
    for (const struct dv_spirv *module = dv_kernel_spirv; module->name; module++) {
        struct dv_spirv_facts facts;
        assert_true(dv_spirv_read(&facts, module->words, module->n_words));
        assert_true(facts.push_bytes > 0 && facts.push_bytes <= 128);
        if (facts.needs != (module->needs & ~habits))
            fail_msg("%s: needs %#x, kernels.txt says %#x", module->name, facts.needs,
                     module->needs);
        assert_ptr_equal(find_module(module->name), module);
        /* Ids are 0, 1, 2, ...: shaders/lib/constants.h. */
        assert_in_range(facts.n_spec, 1, DV_MAX_SPEC);
        for (uint32_t i = 0; i < facts.n_spec; i++)
            assert_in_range(facts.spec_ids[i], 0, facts.n_spec - 1);
    }
    assert_null(find_module("no_such_kernel"));
}

/* Every variant of a kernel stands at some rank for a device that has all, and none that a device
 * cannot run is chosen. */
static void spirv_variants_are_enumerable(void **state)
{
    (void)state;
    for (const struct dv_spirv *module = dv_kernel_spirv; module->name; module++) {
        const struct dv_spirv *last  = NULL, *chosen;
        bool                   found = false;
        for (uint32_t rank = 0; (chosen = dv_spirv_choose(module->base, ~0u, rank)) != last;
             rank++) {
            assert_string_equal(chosen->base, module->base);
            found |= chosen == module;
            last = chosen;
        }
        assert_true(found);
        chosen = dv_spirv_choose(module->base, ~module->needs, 0);
        assert_true(module->needs == 0 || chosen != module);
    }
    assert_string_equal(dv_spirv_choose("matmul", 0, 0)->name, "matmul");
    assert_string_equal(dv_spirv_choose("matmul", DV_NEED_INT64, 0)->name, "matmul_i64");
    assert_string_equal(dv_spirv_choose("matmul", DV_NEED_INT64, 9)->name, "matmul");
    assert_null(dv_spirv_choose("no_such_kernel", ~0u, 0));
}

/* Reading past an end or for ever would show under a sanitiser. */
static void spirv_survives_damage(void **state)
{
    struct dv_spirv_facts facts;
    (void)state;
    size_t    bytes = module_scale.n_words * 4;
    uint32_t *words = malloc(bytes);
    assert_non_null(words);
    for (size_t n = 0; n < module_scale.n_words; n++) {
        uint32_t *cut = malloc(n * 4 + 1); /* exact, so that one word too far is seen */
        assert_non_null(cut);
        memcpy(cut, module_scale.words, n * 4);
        dv_spirv_read(&facts, cut, n);
        free(cut);
    }
    uint32_t random = 1;
    for (int round = 0; round < 20000; round++) {
        memcpy(words, module_scale.words, bytes);
        for (int k = 0; k < 3; k++) {
            random    = random * 1664525u + 1013904223u;
            size_t at = (random >> 8) % module_scale.n_words;
            words[at] ^= 1u << (random >> 27);
        }
        dv_spirv_read(&facts, words, module_scale.n_words);
    }
    free(words);
    assert_false(dv_spirv_read(&facts, module_scale.words, 0));
    assert_false(dv_spirv_read(&facts, (const uint32_t[6]){ 0 }, 6));
}

int test_spirv(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spirv_reads_push_size_constants_and_needs),
        cmocka_unit_test(spirv_understands_every_kernel),
        cmocka_unit_test(spirv_variants_are_enumerable),
        cmocka_unit_test(spirv_survives_damage),
    };
    return cmocka_run_group_tests_name("spirv", tests, NULL, NULL);
}
