/* SPDX-License-Identifier: MIT */
/* Where a folder says which token begins a text: the post-processor of tokenizer.json, unless
 * tokenizer_config.json says it. Token 2 of the demonstration's tokenizer plays it here. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#define PAD "<｜▁pad▁｜>"
#define BOS "<｜begin▁of▁sentence｜>"
#define TEXT_A "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}"
#define TOKEN(name) "{\"SpecialToken\": {\"id\": \"" name "\", \"type_id\": 0}}"
#define IDS(name, ids)                                                                             \
    "\"special_tokens\": {\"" name "\": {\"id\": \"" name "\", \"ids\": [" ids "], \"tokens\": "   \
    "[\"" name "\"]}}"
#define TEMPLATE(single)                                                                           \
    "{\"type\": \"TemplateProcessing\", \"single\": [" single "], \"pair\": [], " IDS(PAD, "2") "}"
#define ONE TEMPLATE(TOKEN(PAD) "," TEXT_A)
#define LEVEL "{\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": false}"

static const struct {
    const char *processor, *config; /* NULL: none */
    bool        adds;
    int64_t     bos;
    const char *warns; /* NULL: no line */
} cases[] = {
    { NULL, NULL, false, 0, NULL },
    { LEVEL, NULL, false, 0, NULL },
    { ONE, NULL, true, 2, NULL },
    { ONE, "{}", true, 2, NULL },
    { ONE, "{\"add_bos_token\": null, \"bos_token\": \"" BOS "\"}", true, 2, NULL },
    { ONE, "{\"add_bos_token\": false, \"bos_token\": \"" BOS "\"}", false, 0, NULL },
    { ONE, "{\"add_bos_token\": true, \"bos_token\": \"" BOS "\"}", true, 0, NULL },
    { ONE, "{\"bos_token\": {\"content\": \"" BOS "\"}}", true, 2, NULL },
    { "{\"type\": \"Sequence\", \"processors\": [" LEVEL "," ONE "]}", "{}", true, 2, NULL },
    { "{\"type\": \"Sequence\", \"processors\": [" LEVEL "]}", "{}", false, 0, NULL },
    { TEMPLATE(TEXT_A), "{}", false, 0, NULL },
    { TEMPLATE(TOKEN(PAD) "," TEXT_A "," TOKEN(PAD)), "{}", false, 0, "other tokens around" },
    { TEMPLATE(TEXT_A "," TOKEN(PAD)), "{}", false, 0, "other tokens around" },
    { TEMPLATE(""), "{}", false, 0, "other tokens around" },
    { TEMPLATE(TOKEN("<none>") "," TEXT_A), "{}", false, 0, "does not exist" },
    { "{\"type\": \"TemplateProcessing\", \"single\": [" TOKEN(PAD) "," TEXT_A
                                                                    "]," IDS(PAD, "99999999") "}",
      "{}", false, 0, "does not exist" },
    { "{\"type\": \"TemplateProcessing\", \"single\": [" TOKEN(PAD) "," TEXT_A
                                                                    "]," IDS(PAD, "2, 2") "}",
      "{}", false, 0, "does not exist" },
    { "{\"type\": \"BertProcessing\", \"sep\": [\"a\", 1], \"cls\": [\"b\", 2]}", "{}", false, 0,
      "BertProcessing is of an unknown type" },
};

static void begin_token_comes_from_the_post_processor(void **state)
{
    json_t *root = load_json_file(DEMO "/tokenizer.json");
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench         bench;
        struct dv_tokenizer *tokenizer;
        bench_init(&bench);
        json_object_set_new(root, "post_processor",
                            cases[i].processor ? json_loads(cases[i].processor, 0, NULL)
                                               : json_null());
        char       *text   = json_dumps(root, 0);
        dsvk_status status = parse(&bench, &tokenizer, text, cases[i].config);
        free(text);
        if (status != DSVK_OK || dv_tokenizer_adds_bos(tokenizer) != cases[i].adds ||
            dv_tokenizer_bos(tokenizer) != cases[i].bos || bench.lines != (cases[i].warns != NULL))
            fail_msg("case %zu: status %d, \"%s\"", i, (int)status, bench.line);
        if (cases[i].warns)
            assert_non_null(strstr(bench.line, cases[i].warns));
        dv_tokenizer_free(tokenizer);
        assert_int_equal(bench.live, 0);
    }
    json_decref(root);
}

const struct CMUnitTest begin_tests[] = {
    cmocka_unit_test(begin_token_comes_from_the_post_processor),
};
TEST_LIST(begin_test);
