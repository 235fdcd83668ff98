/* SPDX-License-Identifier: MIT */
/* Everything that may fail does, one after the other, on a tiny checkpoint.
 *   test_fault [NAME | FOLDER STEP]
 * With a name, in which * stands for anything: only these tests, and each call of malloc; without,
 * each 41st where there are thousands. With a folder: only memory ends, in that checkpoint, at the
 * first of each STEP calls of malloc. */
#include "fault/support.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/malloc.h"

static const char *folder;
static size_t      step = 1;
static bool        sparse;

static int setup(void **state)
{
    (void)state;
    engine_init(&engine, folder);
    engine.step   = step;
    engine.sparse = sparse;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    engine_done(&engine);
    return 0;
}

/* For one test: malloc is what fails. Sanitizers have a malloc of their own, and there it is the
 * allocator of the context, which gets all but the nodes of JSON. */
static int in_malloc(void **state)
{
    (void)state;
#ifdef DSVK_FAULT_MALLOC
    use_faults(&engine, &malloc_faults);
#endif
    return 0;
}

static int in_allocator(void **state)
{
    (void)state;
    use_faults(&engine, &allocator_faults);
    return 0;
}

#define IN_MALLOC(test) cmocka_unit_test_setup_teardown(test, in_malloc, in_allocator)

static int whole_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_may_end_while_opening_the_device),
        cmocka_unit_test(memory_may_end_while_opening_the_model),
        IN_MALLOC(memory_may_end_while_opening_the_device),
        IN_MALLOC(memory_may_end_while_opening_the_model),
        IN_MALLOC(memory_may_end_while_planning),
        IN_MALLOC(memory_may_end_while_loading),
        IN_MALLOC(memory_may_end_in_a_session),
        cmocka_unit_test(calls_may_fail_while_loading),
        cmocka_unit_test(calls_may_fail_while_making_a_session),
        cmocka_unit_test(calls_may_fail_while_a_session_is_forked),
        cmocka_unit_test(calls_may_fail_while_a_session_is_kept),
        cmocka_unit_test(calls_may_fail_in_a_pass),
        cmocka_unit_test(calls_may_fail_while_generating),
        cmocka_unit_test(calls_may_fail_while_the_device_draws),
        IN_MALLOC(memory_may_end_while_layers_are_blamed),
        cmocka_unit_test(calls_may_fail_while_layers_are_blamed),
        cmocka_unit_test(calls_may_fail_while_scoring),
        IN_MALLOC(memory_may_end_after_trimming),
        cmocka_unit_test(calls_may_fail_after_trimming),
        cmocka_unit_test(calls_may_fail_in_other_ways),
        cmocka_unit_test(waits_may_last_too_long),
        IN_MALLOC(memory_may_end_in_questions),
        IN_MALLOC(memory_may_end_with_tiers),
        cmocka_unit_test(calls_may_fail_with_tiers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

static int test_of_folder(void)
{
    const struct CMUnitTest tests[] = {
        IN_MALLOC(memory_may_end_while_opening_the_device),
        IN_MALLOC(memory_may_end_while_opening_the_model),
        IN_MALLOC(memory_may_end_while_planning),
        IN_MALLOC(memory_may_end_while_loading),
        IN_MALLOC(memory_may_end_in_a_session),
        IN_MALLOC(memory_may_end_in_questions),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

int main(int argc, char **argv)
{
#ifdef DSVK_FAULT_MALLOC
    malloc_fault_init();
#endif
    if (argc == 2)
        cmocka_set_test_filter(argv[1]);
    sparse = argc == 1;
    if (argc <= 2)
        return whole_test();
    step = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (step == 0) {
        fprintf(stderr, "usage: test_fault [NAME | FOLDER STEP]\n");
        return 2;
    }
    folder = argv[1];
    return test_of_folder();
}
