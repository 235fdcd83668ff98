/* SPDX-License-Identifier: MIT */
/* Any folder opens on a thread with a small stack, or gives a status: musl gives 128 KiB, language
 * runtimes and game engines less. And ids need no weights. */
#define _GNU_SOURCE
#include "demo.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STACK_BYTES (96u << 10)
#define LONG_TEXT (1u << 16)

struct work {
    const char *folder;
    char        line[512];
    bool        tokenizer_only;
    dsvk_status opened, split;
    size_t      n;
};

static void keep_line(void *user, dsvk_log_level level, const char *line)
{
    struct work *work = user;
    if (level == DSVK_LOG_ERROR)
        snprintf(work->line, sizeof work->line, "%s", line);
}

static void *open_and_split(void *user)
{
    struct work      *work = user;
    dsvk_model       *model;
    uint32_t         *ids;
    dsvk_model_params params = { .folder         = work->folder,
                                 .tokenizer_only = work->tokenizer_only,
                                 .log            = { .write = keep_line, .user = work } };
    work->opened             = dsvk_model_open(&model, &params);
    if (work->opened != DSVK_OK)
        return NULL;
    char *text = malloc(LONG_TEXT);
    for (size_t i = 0; i < LONG_TEXT; i++)
        text[i] = i % 7 ? (char)('a' + i % 26) : i % 5 ? ' ' : '\n';
    work->split = dsvk_model_tokenize(model, text, LONG_TEXT, false, true, &ids, &work->n);
    if (work->split == DSVK_OK)
        dsvk_model_free_memory(model, ids);
    free(text);
    dsvk_model_close(model);
    return NULL;
}

static void run_small(struct work *work)
{
    pthread_t      thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    assert_int_equal(pthread_attr_setstacksize(&attributes, STACK_BYTES), 0);
    assert_int_equal(pthread_create(&thread, &attributes, open_and_split, work), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

/* ---- folders: the demonstration model, with one file replaced ---- */

static const char *const parts[] = { "config.json", "generation_config.json", "tokenizer.json",
                                     "tokenizer_config.json", "model.safetensors" };
#define N_PARTS (sizeof parts / sizeof *parts)

static void path_of(char *path, const char *folder, const char *name)
{
    snprintf(path, 256, "%s/%s", folder, name);
}

static char *read_part(const char *name, size_t *bytes)
{
    char  path[256];
    FILE *file;
    path_of(path, DSVK_DEMO, name);
    file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *bytes     = (size_t)ftell(file);
    char *text = malloc(*bytes + 1);
    rewind(file);
    assert_int_equal(fread(text, 1, *bytes, file), *bytes);
    text[*bytes] = 0;
    fclose(file);
    return text;
}

/* `replaced` holds the given bytes; NULL: it is not there. */
static void make_folder(char *folder, const char *replaced, const char *text, size_t bytes)
{
    char from[256], to[256];
    strcpy(folder, "/tmp/dsvk-open-XXXXXX");
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < N_PARTS; i++) {
        path_of(from, DSVK_DEMO, parts[i]);
        path_of(to, folder, parts[i]);
        if (strcmp(parts[i], replaced) != 0) {
            assert_int_equal(symlink(from, to), 0);
        } else if (text) {
            FILE *file = fopen(to, "wb");
            assert_int_equal(fwrite(text, 1, bytes, file), bytes);
            fclose(file);
        }
    }
}

static void remove_folder(const char *folder)
{
    char path[256];
    for (size_t i = 0; i < N_PARTS; i++) {
        path_of(path, folder, parts[i]);
        unlink(path);
    }
    rmdir(folder);
}

struct change {
    const char *part, *after; /* behind the first of these in the file: */
    const char *before, *open, *middle, *close, *behind;
    unsigned    times; /* of open and close */
    dsvk_status status;
    const char *says;
    bool        same; /* ids as before */
};

static char *changed(const struct change *change, const char *text, size_t *bytes)
{
    const char *at = strstr(text, change->after);
    assert_non_null(at);
    at += strlen(change->after);
    size_t room = strlen(text) + change->times * 16u + 256;
    char  *made = malloc(room);
    size_t n    = (size_t)(at - text);
    memcpy(made, text, n);
    n += (size_t)snprintf(made + n, room - n, "%s", change->before);
    for (unsigned i = 0; i < change->times; i++)
        n += (size_t)snprintf(made + n, room - n, "%s", change->open);
    n += (size_t)snprintf(made + n, room - n, "%s", change->middle);
    for (unsigned i = 0; i < change->times; i++)
        n += (size_t)snprintf(made + n, room - n, "%s", change->close);
    *bytes = n + (size_t)snprintf(made + n, room - n, "%s%s", change->behind, at);
    return made;
}

#define LISTS(part, times, status, says)                                                           \
    {                                                                                              \
        part, "{", "\"unknown\": ", "[", "", "]", ",", times, status, says, true                   \
    }
#define REGEX(open, middle, close, times, status, says)                                            \
    {                                                                                              \
        "tokenizer.json", "\"Regex\": \"", "", open, middle, close, "|", times, status, says,      \
            false                                                                                  \
    }

static const struct change changes[] = {
    LISTS("config.json", 63, DSVK_OK, NULL),
    LISTS("config.json", 64, DSVK_BAD_FILE, "more than 64 deep"),
    LISTS("config.json", 100000, DSVK_BAD_FILE, "more than 64 deep"),
    LISTS("generation_config.json", 2000, DSVK_OK, NULL),
    LISTS("tokenizer.json", 63, DSVK_OK, NULL),
    LISTS("tokenizer.json", 2000, DSVK_BAD_FILE, "more than 64 deep"),
    LISTS("tokenizer_config.json", 2000, DSVK_BAD_FILE, "more than 64 deep"),
    REGEX("(?:", "QQ", ")", 16, DSVK_OK, NULL),
    REGEX("(?:", "QQ", ")", 17, DSVK_UNSUPPORTED, "nested"),
    REGEX("(?:", "QQ", ")", 10000, DSVK_UNSUPPORTED, "nested"),
    REGEX("(?:", "QQ", ")*", 16, DSVK_OK, NULL),
    REGEX("Q+|", "QQ", "", 3000, DSVK_OK, NULL),
    REGEX("Q?", "QQ", "", 3000, DSVK_OK, NULL),
};

static size_t expect(const char *folder, bool tokenizer_only, dsvk_status opened, const char *says)
{
    struct work work = { .folder = folder, .tokenizer_only = tokenizer_only };
    run_small(&work);
    if (work.opened != opened || (says && !strstr(work.line, says)))
        fail_msg("%s: status %d, \"%s\"", folder, (int)work.opened, work.line);
    return work.n;
}

static void folders_open_on_small_stacks(void **state)
{
    char   folder[64];
    size_t bytes, plain = expect(DSVK_DEMO, false, DSVK_OK, NULL);
    (void)state;
    assert_true(plain > 1000);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const struct change *change = &changes[i];
        char                *text   = read_part(change->part, &bytes);
        char                *made   = changed(change, text, &bytes);
        make_folder(folder, change->part, made, bytes);
        size_t n = expect(folder, false, change->status, change->says);
        if (change->status == DSVK_OK && change->same)
            assert_int_equal(n, plain);
        remove_folder(folder);
        free(text);
        free(made);
    }
}

static void deep_headers_open_on_small_stacks(void **state)
{
    enum { DEPTH = 50000 };
    static char header[8 + 5 + 2 * DEPTH + 1];
    char        folder[64];
    size_t      bytes = sizeof header - 8;
    (void)state;
    for (unsigned i = 0; i < 8; i++)
        header[i] = (char)(bytes >> 8 * i);
    memcpy(header + 8, "{\"x\":", 5);
    memset(header + 13, '[', DEPTH);
    memset(header + 13 + DEPTH, ']', DEPTH);
    header[sizeof header - 1] = '}';
    make_folder(folder, "model.safetensors", header, sizeof header);
    expect(folder, false, DSVK_BAD_FILE, "more than 64 deep");
    remove_folder(folder);
}

/* Without weights, and without config.json. */
static void ids_need_no_weights(void **state)
{
    char   folder[64];
    size_t plain = expect(DSVK_DEMO, false, DSVK_OK, NULL);
    (void)state;
    make_folder(folder, "model.safetensors", NULL, 0);
    assert_int_equal(expect(folder, true, DSVK_OK, NULL), plain);
    expect(folder, false, DSVK_BAD_FILE, "no *.safetensors");
    remove_folder(folder);
    make_folder(folder, "config.json", NULL, 0);
    assert_int_equal(expect(folder, true, DSVK_OK, NULL), plain);
    expect(folder, false, DSVK_BAD_FILE, "config.json: No such file");
    remove_folder(folder);
    make_folder(folder, "config.json", "<html>", 6);
    assert_int_equal(expect(folder, true, DSVK_OK, NULL), plain);
    expect(folder, false, DSVK_BAD_FILE, "config.json is a page");
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_open_on_small_stacks),
        cmocka_unit_test(deep_headers_open_on_small_stacks),
        cmocka_unit_test(ids_need_no_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
