/* SPDX-License-Identifier: MIT */
#include "fault/support.h"

static int setup(void **state)
{
    (void)state;
    engine_init(&engine);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    engine_done(&engine);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_may_end_while_opening_the_device),
        cmocka_unit_test(memory_may_end_while_opening_the_model),
        cmocka_unit_test(memory_may_end_while_planning),
        cmocka_unit_test(memory_may_end_while_loading),
        cmocka_unit_test(memory_may_end_in_a_session),
        cmocka_unit_test(calls_may_fail_while_loading),
        cmocka_unit_test(calls_may_fail_while_making_a_session),
        cmocka_unit_test(calls_may_fail_in_a_pass),
        cmocka_unit_test(calls_may_fail_while_generating),
        cmocka_unit_test(memory_may_end_while_layers_are_blamed),
        cmocka_unit_test(calls_may_fail_while_layers_are_blamed),
        cmocka_unit_test(memory_may_end_with_tiers),
        cmocka_unit_test(calls_may_fail_with_tiers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
