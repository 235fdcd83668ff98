/* SPDX-License-Identifier: MIT */
#include "support.h"

#define RUN(name) _cmocka_run_group_tests(#name, name##s, n_##name##s, NULL, NULL)

int main(void)
{
    return RUN(golden_test) + RUN(encode_test) + RUN(bad_file_test) + RUN(chat_test) +
           RUN(memory_test) + RUN(format_test) + RUN(template_test) + RUN(begin_test) +
           RUN(regex_test) + RUN(tiktoken_test) + RUN(stream_test);
}
