/* SPDX-License-Identifier: MIT */
/* What tests of the tokenizer share: a context that counts memory and log lines, ids, and
 * tokenizers from files or from JSON made in a test. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_line(void *user, dsvk_log_level level, const char *line)
{
    struct bench *bench = user;
    (void)level;
    snprintf(bench->line, sizeof bench->line, "%s", line);
    bench->lines++;
}

static void *resize(void *user, void *memory, size_t bytes)
{
    struct bench *bench = user;
    if (bytes == 0) {
        bench->live -= memory != NULL;
        free(memory);
        return NULL;
    }
    if (++bench->allocations == bench->fail_at)
        return NULL;
    bench->live += memory == NULL;
    return realloc(memory, bytes);
}

void bench_init(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    dv_context_init(&bench->ctx, &(dsvk_log){ write_line, bench, DSVK_LOG_DEBUG },
                    &(dsvk_allocator){ resize, bench });
}

struct dv_tokenizer *open_tokenizer(struct bench *bench, const char *folder)
{
    struct dv_tokenizer *tokenizer;
    bench_init(bench);
    if (dv_tokenizer_open(&tokenizer, &bench->ctx, folder) != DSVK_OK)
        fail_msg("%s", bench->line);
    return tokenizer;
}

struct dv_ids encode(struct bench *bench, const struct dv_tokenizer *tokenizer, const char *text,
                     size_t bytes, bool special)
{
    struct dv_ids ids = { 0 };
    if (dv_tokenizer_encode(tokenizer, text, bytes, special, &ids))
        fail_msg("%s", bench->line);
    return ids;
}

void ids_done(struct bench *bench, struct dv_ids *ids)
{
    dv_free(&bench->ctx, ids->ids);
    *ids = (struct dv_ids){ 0 };
}

void assert_ids(const struct dv_ids *got, const json_t *want, long long number)
{
    if (got->n != json_array_size(want))
        fail_msg("text %lld: %zu ids, not %zu", number, got->n, json_array_size(want));
    for (size_t i = 0; i < got->n; i++)
        if (got->ids[i] != json_integer_value(json_array_get(want, i)))
            fail_msg("text %lld: id %zu is %u", number, i, got->ids[i]);
}

char *decode(const struct dv_tokenizer *tokenizer, const struct dv_ids *ids, size_t *bytes)
{
    char  *text = NULL;
    size_t part_bytes;
    *bytes = 0;
    for (size_t i = 0; i < ids->n; i++) {
        const char *part = dv_tokenizer_bytes(tokenizer, ids->ids[i], &part_bytes);
        assert_non_null(part);
        text = realloc(text, *bytes + part_bytes + 1);
        memcpy(text + *bytes, part, part_bytes);
        *bytes += part_bytes;
    }
    return text;
}

json_t *load_json_file(const char *path)
{
    json_error_t error;
    json_t      *root = json_load_file(path, 0, &error);
    if (!root)
        fail_msg("%s: %s", path, error.text);
    return root;
}

dsvk_status parse(struct bench *bench, struct dv_tokenizer **out, const char *json,
                  const char *config)
{
    return dv_tokenizer_parse(out, &bench->ctx, &(struct dv_text){ "test", json, strlen(json) },
                              &(struct dv_text){ "test", config, config ? strlen(config) : 0 });
}

dsvk_status parse_json(struct bench *bench, struct dv_tokenizer **out, const json_t *root)
{
    char       *text   = json_dumps(root, 0);
    dsvk_status status = parse(bench, out, text, NULL);
    free(text);
    return status;
}
