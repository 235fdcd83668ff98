/* SPDX-License-Identifier: MIT */
/* What the tests of conversations share. */
#ifndef CHAT_TEST_H
#define CHAT_TEST_H

#include "dsvk/answer.h"
#include "support.h"

/* The demonstration model's tokenizer and the marks of all families. */
struct dv_tokenizer *with_all_marks(struct bench *bench);
/* The bytes of a conversation in JSON, to be freed with dv_free(); fails the test. */
char *text_of(struct bench *bench, const char *format, const char *json, size_t *bytes);

/* What an answer gave: each piece begins with | and a letter for its kind. */
struct told {
    char            text[65536];
    size_t          n;
    dsvk_piece_kind kind;
};

struct asked {
    const char  *format, *tools;
    char         open; /* 'r': in reasoning, 't': behind it, 'e': either */
    bool         no_calls;
    struct told *told;
};

/* Feeds the first so many bytes and then the rest; byte by byte for 0. */
dsvk_status take_apart(struct bench *bench, const struct asked *asked, const char *text,
                       size_t bytes, size_t first);

extern const struct CMUnitTest answer_tests[], turn_tests[];
extern const size_t            n_answer_tests, n_turn_tests;
extern const struct CMUnitTest case_tests[], refusal_tests[], value_tests[];
extern const size_t            n_case_tests, n_refusal_tests, n_value_tests;

#endif
