/* SPDX-License-Identifier: MIT */
/* Where a folder says its chat template. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/os.h"
#include "support.h"
#include "support/folder.h"

#define V31_TEXT "{{ '<｜User｜>' + u }}<｜Assistant｜></think>"
#define V3_TEXT "{{ '<｜User｜>' + u + '<｜Assistant｜>' }}"
#define ODD_TEXT "<|im_start|>"

static void copy_tokenizer(const struct dv_folder *folder)
{
    json_t *root = load_json_file(DEMO "/tokenizer.json");
    char   *text = json_dumps(root, 0);
    dv_folder_write(folder, "tokenizer.json", text, strlen(text));
    free(text);
    json_decref(root);
}

static void write_text(const struct dv_folder *folder, const char *name, const char *text)
{
    dv_folder_write(folder, name, text, strlen(text));
}

/* {"chat_template": value}; takes the value. */
static void write_json(const struct dv_folder *folder, const char *name, json_t *value)
{
    json_t *root = json_pack("{s:o}", "chat_template", value);
    char   *text = json_dumps(root, 0);
    write_text(folder, name, text);
    free(text);
    json_decref(root);
}

static void expect(const struct dv_folder *folder, enum dv_chat_format format)
{
    struct bench         bench;
    struct dv_tokenizer *tokenizer = open_tokenizer(&bench, folder->path);
    assert_string_equal(dv_chat_format_name(dv_chat_detect(tokenizer, "deepseek_v3")),
                        dv_chat_format_name(format));
    dv_tokenizer_free(tokenizer);
    assert_int_equal(bench.live, 0);
}

static void template_files_are_found_in_order(void **state)
{
    struct dv_folder  folder;
    struct dv_context ctx;
    char              more[128], name[160];
    (void)state;
    dv_context_init(&ctx, NULL, NULL);
    dv_folder_init(&folder);
    copy_tokenizer(&folder);
    expect(&folder, DV_CHAT_NONE);

    snprintf(more, sizeof more, "%s", dv_folder_path(&folder, "additional_chat_templates"));
    assert_int_equal(dv_folder_make(&ctx, more, true), DSVK_OK);
    snprintf(name, sizeof name, "%s/default.jinja", more);
    assert_int_equal(dv_file_replace(&ctx, name, ODD_TEXT, strlen(ODD_TEXT)), DSVK_OK);
    expect(&folder, DV_CHAT_UNKNOWN);
    write_json(&folder, "chat_template.json", json_string(V3_TEXT));
    expect(&folder, DV_CHAT_V3);
    write_json(&folder, "tokenizer_config.json", json_string(ODD_TEXT));
    expect(&folder, DV_CHAT_UNKNOWN);
    write_text(&folder, "chat_template.jinja", V31_TEXT);
    expect(&folder, DV_CHAT_V31);
    write_text(&folder, "chat_template.jinja", ""); /* says nothing */
    expect(&folder, DV_CHAT_UNKNOWN);

    remove(name);
    remove(more);
    dv_folder_done(&folder);
}

static void template_lists_have_a_default(void **state)
{
    struct dv_folder folder;
    (void)state;
    dv_folder_init(&folder);
    copy_tokenizer(&folder);
#define EXPECT(value, format)                                                                      \
    write_json(&folder, "tokenizer_config.json", value);                                           \
    expect(&folder, format)
    EXPECT(json_null(), DV_CHAT_NONE);
    EXPECT(json_string(""), DV_CHAT_NONE);
    EXPECT(json_array(), DV_CHAT_NONE);
    EXPECT(json_pack("[{s:s, s:s}, {s:s, s:s}]", "name", "tool_use", "template", ODD_TEXT, "name",
                     "default", "template", V31_TEXT),
           DV_CHAT_V31);
    EXPECT(json_pack("[{s:s, s:s}]", "name", "chat", "template", V31_TEXT), DV_CHAT_V31);
    EXPECT(json_pack("[{s:s, s:s}, {s:s, s:s}]", "name", "a", "template", V3_TEXT, "name", "b",
                     "template", V31_TEXT),
           DV_CHAT_UNKNOWN);
    EXPECT(json_pack("{s:s, s:s}", "tool_use", ODD_TEXT, "default", V3_TEXT), DV_CHAT_V3);
    EXPECT(json_pack("{s:s}", "only", V31_TEXT), DV_CHAT_V31);
    EXPECT(json_pack("{s:s, s:s}", "a", V3_TEXT, "b", V31_TEXT), DV_CHAT_UNKNOWN);
    dv_folder_done(&folder);
}

/* It is needed for chats alone: text and ids go on without it. */
static void template_that_is_damaged_is_a_warning(void **state)
{
    struct dv_folder     folder;
    struct bench         bench;
    struct dv_tokenizer *tokenizer;
    (void)state;
    dv_folder_init(&folder);
    copy_tokenizer(&folder);
    write_text(&folder, "chat_template.json", "<html>");
    tokenizer = open_tokenizer(&bench, folder.path);
    assert_int_equal(bench.lines, 1);
    assert_non_null(strstr(bench.line, "chat_template.json"));
    assert_int_equal(dv_chat_detect(tokenizer, NULL), DV_CHAT_UNKNOWN);
    dv_tokenizer_free(tokenizer);
    assert_int_equal(bench.live, 0);

    write_text(&folder, "tokenizer_config.json", ""); /* this one says more than a template */
    bench_init(&bench);
    assert_int_equal(dv_tokenizer_open(&tokenizer, &bench.ctx, folder.path), DSVK_BAD_FILE);
    assert_non_null(strstr(bench.line, "tokenizer_config.json"));
    assert_int_equal(bench.live, 0);
    dv_folder_done(&folder);
}

const struct CMUnitTest template_tests[] = {
    cmocka_unit_test(template_files_are_found_in_order),
    cmocka_unit_test(template_lists_have_a_default),
    cmocka_unit_test(template_that_is_damaged_is_a_warning),
};
TEST_LIST(template_test);
