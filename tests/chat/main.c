/* SPDX-License-Identifier: MIT */
#include "chat_test.h"

#define RUN(name) _cmocka_run_group_tests(#name, name##s, n_##name##s, NULL, NULL)

int main(void)
{
    return RUN(value_test) + RUN(case_test) + RUN(refusal_test) + RUN(answer_test) + RUN(turn_test);
}
