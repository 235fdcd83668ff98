/* SPDX-License-Identifier: MIT */
/* What a plan prints, and how many dispatches and barriers it has. Both are kept, so that a change
 * shows in review: graph/v2-lite.txt is what `ds-vk graph --like v2-lite` prints, and
 * v2-lite.dot what it prints with --format dot. */
#include "test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char  *data;
    size_t n;
};

static void append(void *user, const char *bytes, size_t n)
{
    struct text *text = user;
    text->data        = realloc(text->data, text->n + n + 1);
    assert_non_null(text->data);
    memcpy(text->data + text->n, bytes, n);
    text->n += n;
    text->data[text->n] = 0;
}

/* free() the text. */
static struct text print(const char *name, uint32_t tokens, enum dv_print_format format)
{
    struct text            text = { 0 };
    struct dv_test_context test;
    struct dv_config       config;
    struct dv_plan         plan;
    dv_test_context_init(&test);
    published(&config, &test.ctx, name);
    struct dv_graph *g = planned(&plan, &test.ctx, &config, tokens, false);
    dv_graph_print(g, &plan, format, &(struct dv_printer){ append, &text });
    dv_graph_free(g);
    return text;
}

static void expect_kept(struct text text, const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char  *kept = calloc(1, text.n + 2);
    size_t n    = fread(kept, 1, text.n + 1, file);
    fclose(file);
    size_t same = 0, line = 1;
    while (same < n && same < text.n && kept[same] == text.data[same])
        line += kept[same++] == '\n';
    if (n != text.n || same != n)
        fail_msg("%s: line %zu differs; if the change is wanted, keep the new print", path, line);
    free(kept);
    free(text.data);
}

void plan_text_is_the_kept_one(void **state)
{
    (void)state;
    expect_kept(print("v2-lite", 1, DV_PRINT_TEXT), DSVK_TEST_DATA "/graph/v2-lite.txt");
}

void plan_dot_is_the_kept_one(void **state)
{
    (void)state;
    expect_kept(print("v2-lite", 1, DV_PRINT_DOT), DSVK_TEST_DATA "/graph/v2-lite.dot");
}

void dispatch_counts_are_the_kept_ones(void **state)
{
    static const struct {
        const char *name;
        uint32_t    tokens, fused, barriers, built;
    } kept[] = {
        { "v2-lite", 1, 218, 217, 725 },
        { "v2-lite", 64, 430, 377, 751 },
        { "v2", 1, 542, 541, 1736 },
        { "v2", 64, 1078, 959, 1795 },
        { "v3", 1, 549, 548, 1749 },
        { "v3", 64, 1084, 967, 1807 },
        { "moonlight", 1, 218, 217, 725 },
        { "moonlight", 64, 430, 377, 751 },
        { "glm-4.7-flash", 1, 425, 424, 1359 },
        { "glm-4.7-flash", 64, 844, 751, 1405 },
        { "kimi-k2", 1, 551, 550, 1765 },
        { "kimi-k2", 64, 1096, 975, 1825 },
    };
    bool                   same = true;
    struct dv_test_context test;
    (void)state;
    dv_test_context_init(&test);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        struct dv_config config;
        struct dv_plan   fused, built;
        published(&config, &test.ctx, kept[i].name);
        dv_graph_free(planned(&fused, &test.ctx, &config, kept[i].tokens, false));
        dv_graph_free(planned(&built, &test.ctx, &config, kept[i].tokens, true));
        if (fused.dispatches == kept[i].fused && fused.barriers == kept[i].barriers &&
            built.dispatches == kept[i].built)
            continue;
        same = false;
        print_error("now { \"%s\", %u, %u, %u, %u }\n", kept[i].name, kept[i].tokens,
                    fused.dispatches, fused.barriers, built.dispatches);
    }
    assert_true(same);
}

void plan_json_can_be_read(void **state)
{
    (void)state;
    for (size_t i = 0; published_names[i]; i++) {
        json_error_t error;
        struct text  text = print(published_names[i], i % 2 ? 1 : 64, DV_PRINT_JSON);
        json_t      *root = json_loadb(text.data, text.n, JSON_REJECT_DUPLICATES, &error);
        if (!root)
            fail_msg("%s: %s at byte %d", published_names[i], error.text, error.position);
        const json_t *nodes   = json_object_get(root, "nodes");
        const json_t *summary = json_object_get(root, "summary");
        assert_int_equal(json_array_size(nodes),
                         json_integer_value(json_object_get(summary, "nodes")));
        assert_int_equal(json_integer_value(json_object_get(root, "tokens")), i % 2 ? 1 : 64);
        assert_true(json_integer_value(json_object_get(summary, "arena_bytes")) > 0);
        for (size_t k = 0; k < json_array_size(nodes); k++)
            assert_non_null(json_object_get(json_array_get(nodes, k), "op"));
        json_decref(root);
        free(text.data);
    }
}
