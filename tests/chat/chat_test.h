/* SPDX-License-Identifier: MIT */
/* What the tests of conversations share. */
#ifndef CHAT_TEST_H
#define CHAT_TEST_H

#include "support.h"

/* The demonstration model's tokenizer and the marks of all families. */
struct dv_tokenizer *with_all_marks(struct bench *bench);
/* The bytes of a conversation in JSON, to be freed with dv_free(); fails the test. */
char *text_of(struct bench *bench, const char *format, const char *json, size_t *bytes);

extern const struct CMUnitTest case_tests[], refusal_tests[], value_tests[];
extern const size_t            n_case_tests, n_refusal_tests, n_value_tests;

#endif
