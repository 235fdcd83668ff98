/* SPDX-License-Identifier: MIT */
#include "test.h"

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_of_every_shape_are_sound),
        cmocka_unit_test(recipes_do_not_depend_on_the_tokens),
        cmocka_unit_test(plans_of_random_graphs_are_sound),
        cmocka_unit_test(plan_text_is_the_kept_one),
        cmocka_unit_test(plan_dot_is_the_kept_one),
        cmocka_unit_test(dispatch_counts_are_the_kept_ones),
        cmocka_unit_test(plan_json_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
