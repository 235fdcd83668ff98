/* SPDX-License-Identifier: MIT */
#ifndef TOKENIZER_SUPPORT_H
#define TOKENIZER_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "chat/chat.h"

#define DEMO DSVK_TEST_DATA "/tokenizer/demo"
#define V3 DSVK_TEST_DATA "/tokenizer/deepseek-v3"

/* A context that counts its lines and live allocations, and can fail the n-th allocation. */
struct bench {
    struct dv_context ctx;
    char              line[1024]; /* the last one */
    uint32_t          lines;
    long              live, allocations, fail_at; /* fail_at 0: never */
};

void bench_init(struct bench *bench);

struct dv_tokenizer *open_tokenizer(struct bench *bench, const char *folder);
struct dv_ids encode(struct bench *bench, const struct dv_tokenizer *tokenizer, const char *text,
                     size_t bytes, bool special);
/* Ends both the list and its memory. */
void ids_done(struct bench *bench, struct dv_ids *ids);
void assert_ids(const struct dv_ids *got, const json_t *want, long long number);
/* The bytes of all ids, to be freed. */
char   *decode(const struct dv_tokenizer *tokenizer, const struct dv_ids *ids, size_t *bytes);
json_t *load_json_file(const char *path);
/* From a text of tokenizer.json, and one of tokenizer_config.json, which may be NULL. */
dsvk_status parse(struct bench *bench, struct dv_tokenizer **out, const char *json,
                  const char *config);
dsvk_status parse_json(struct bench *bench, struct dv_tokenizer **out, const json_t *root);

extern const struct CMUnitTest golden_tests[], encode_tests[], bad_file_tests[], chat_tests[],
    memory_tests[], format_tests[], template_tests[], begin_tests[], regex_tests[],
    tiktoken_tests[], stream_tests[];
extern const size_t n_golden_tests, n_encode_tests, n_bad_file_tests, n_chat_tests, n_memory_tests,
    n_format_tests, n_template_tests, n_begin_tests, n_regex_tests, n_tiktoken_tests,
    n_stream_tests;

#define TEST_LIST(name) const size_t n_##name##s = sizeof name##s / sizeof *name##s

#endif
