/* SPDX-License-Identifier: MIT */
/* With a language that writes 1,5: all that the library says has points, and lists keep their
 * commas.
 *   api_locale LOCALE */
#define _POSIX_C_SOURCE 200809L /* mkdtemp */
#include "demo.h"

#include <ctype.h>
#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/dsvk-locale-XXXXXX", path[64];

static void expect_points(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c == ',' && c > text && isdigit((unsigned char)c[-1]) && isdigit((unsigned char)c[1]))
            fail_msg("a decimal comma: %.60s", c - 1);
}

/* The demonstration model's config with ranges the wrong way round. */
static int write_config(void **state)
{
    json_t *config = json_load_file(DSVK_DEMO "/config.json", 0, NULL);
    (void)state;
    json_object_set_new(config, "rope_scaling",
                        json_pack("{s:s, s:f, s:f, s:f, s:i}", "type", "yarn", "factor", 4.0,
                                  "beta_fast", 1.5, "beta_slow", 2.5,
                                  "original_max_position_embeddings", 64));
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/config.json", folder);
    assert_int_equal(json_dump_file(config, path, 0), 0);
    json_decref(config);
    return 0;
}

static int remove_config(void **state)
{
    (void)state;
    remove(path);
    rmdir(folder);
    return 0;
}

static void keep(void *user, dsvk_log_level level, const char *line)
{
    char *kept = user;
    if (level == DSVK_LOG_ERROR)
        snprintf(kept, 200, "%s", line);
}

static void sentences_have_points(void **state)
{
    char              line[200] = "";
    dsvk_model_params params    = { .folder = folder, .config_only = true, .log = { keep, line } };
    dsvk_model       *model;
    (void)state;
    assert_int_equal(dsvk_model_open(&model, &params), DSVK_BAD_FILE);
    assert_non_null(strstr(line, "beta_slow 2.5 is above beta_fast 1.5"));
}

struct print {
    char  *text;
    size_t n;
};

static void collect(void *user, const char *text, size_t bytes)
{
    struct print *print = user;
    print->text         = realloc(print->text, print->n + bytes + 1);
    assert_non_null(print->text);
    memcpy(print->text + print->n, text, bytes);
    print->n += bytes;
    print->text[print->n] = 0;
}

static void descriptions_have_points(void **state)
{
    struct demo       demo   = demo_open(&(struct demo_log){ 0 }, false);
    const char       *shares = dsvk_model_describe(demo.model)->number_formats;
    struct print      print  = { NULL, 0 };
    dsvk_graph_params params = { .stage = DSVK_STAGE_PLANNED, .write = collect, .user = &print };
    (void)state;
    expect_points(shares);
    assert_non_null(strstr(shares, "%"));
    assert_non_null(strchr(shares, '.'));
    assert_int_equal(dsvk_model_graph(demo.model, &params), DSVK_OK);
    expect_points(print.text);
    const char *times = strstr(print.text, " times that");
    assert_true(times && times[-4] == '.');
    free(print.text);
    demo_close(&demo);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_have_points),
        cmocka_unit_test(descriptions_have_points),
    };
    char half[8];
    if (argc != 2 || !setlocale(LC_ALL, argv[1]))
        return 77;
    snprintf(half, sizeof half, "%.1f", 1.5);
    if (strcmp(half, "1,5") != 0)
        return 77;
    return cmocka_run_group_tests(tests, write_config, remove_config);
}
