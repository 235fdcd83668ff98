/* SPDX-License-Identifier: MIT */
/* A question to the demonstration model and its answer. */
#ifndef DV_TESTS_API_ANSWER_H
#define DV_TESTS_API_ANSWER_H

#include <stdint.h>

/* "What is MLA?" in the chat format, and the answer of the float32 reference, whose smallest margin
 * is 8.3: no format or order of summation may change a token. */
static const uint32_t question[] = { 0, 1524, 335, 275, 1119, 66, 1525 };
static const uint32_t answer[]   = {
      80,   906, 275,  1474, 48,  1487, 891, 993, 49,  423, 761, 281, 412,
      386,  891, 828,  1070, 399, 317,  328, 104, 429, 290, 279, 120, 282,
      1399, 293, 1192, 47,   463, 262,  782, 327, 753, 386, 49,  1,
};
#define N_QUESTION (sizeof question / sizeof *question)
#define N_ANSWER (sizeof answer / sizeof *answer)

#endif
