/* SPDX-License-Identifier: MIT */
/* tokenizer.json: five added tokens, the 256 bytes, and merges of letters up to the vocabulary
 * size of the recipe. The splitting rules are those of the V3 tokenizer. */
#include "support/make_parts.h"

#define N_SPECIAL 5u
#define BAR "\xEF\xBD\x9C"    /* fullwidth vertical line */
#define LOW "\xE2\x96\x81"    /* lower one eighth block */
#define SPACE_CODE (256 + 32) /* how byte-level BPE writes a space */

static const char *const specials[N_SPECIAL] = {
    "<" BAR "begin" LOW "of" LOW "sentence" BAR ">",
    "<" BAR "end" LOW "of" LOW "sentence" BAR ">",
    "<" BAR LOW "pad" LOW BAR ">",
    "<" BAR "User" BAR ">",
    "<" BAR "Assistant" BAR ">",
};

static const char letters[] = "etaoinshrdlucmfwypvbgkjqxz";
#define N_LETTERS (sizeof letters - 1)

static void put_code(FILE *file, unsigned code)
{
    if (code == '"' || code == '\\')
        fputc('\\', file);
    if (code < 0x80) {
        fputc((int)code, file);
    } else {
        fputc((int)(0xC0 | code >> 6), file);
        fputc((int)(0x80 | (code & 63)), file);
    }
}

/* Bytes that are visible characters stand for themselves, the others follow from 256 on. */
static bool is_visible(unsigned byte)
{
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

static void write_bytes(FILE *file, uint32_t *id)
{
    unsigned next = 256;
    for (unsigned byte = 0; byte < 256; byte++)
        if (is_visible(byte)) {
            fprintf(file, ",\n    \"");
            put_code(file, byte);
            fprintf(file, "\": %u", (*id)++);
        }
    for (unsigned byte = 0; byte < 256; byte++)
        if (!is_visible(byte)) {
            fprintf(file, ",\n    \"");
            put_code(file, next++);
            fprintf(file, "\": %u", (*id)++);
        }
}

/* Merge number i: a space and a letter, then pairs of letters, each fourth pair followed by a
 * triple that builds on it. left has 1 or 2 codes, right has 1. */
static void merge(uint32_t i, unsigned left[2], unsigned *n_left, unsigned *right)
{
    *n_left = 1;
    if (i < N_LETTERS) {
        left[0] = SPACE_CODE;
        *right  = (unsigned char)letters[i];
        return;
    }
    i -= N_LETTERS;
    uint32_t pair = i / 5 * 4 + (i % 5 == 4 ? 3 : i % 5);
    /* Pairs along the diagonals, so that frequent letters come early on both sides. */
    uint32_t first = pair % N_LETTERS, second = (pair + pair / N_LETTERS) % N_LETTERS;
    left[0] = (unsigned char)letters[first];
    *right  = (unsigned char)letters[second];
    if (i % 5 == 4) {
        left[1] = *right;
        *n_left = 2;
        *right  = 'e';
    }
}

static void put_merge(FILE *file, uint32_t i, const char *between)
{
    unsigned left[2], n_left, right;
    merge(i, left, &n_left, &right);
    for (unsigned k = 0; k < n_left; k++)
        put_code(file, left[k]);
    fputs(between, file);
    put_code(file, right);
}

static void write_model(FILE *file, uint32_t vocab)
{
    uint32_t id = 0;
    fprintf(file, "  \"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": null,\n"
                  "   \"continuing_subword_prefix\": null, \"end_of_word_suffix\": null,\n"
                  "   \"fuse_unk\": false, \"byte_fallback\": false,\n   \"vocab\": {");
    for (; id < N_SPECIAL; id++)
        fprintf(file, "%s\n    \"%s\": %u", id ? "," : "", specials[id], id);
    write_bytes(file, &id);
    for (uint32_t i = 0; id < vocab; i++) {
        fprintf(file, ",\n    \"");
        put_merge(file, i, "");
        fprintf(file, "\": %u", id++);
    }
    fprintf(file, "\n   },\n   \"merges\": [");
    for (uint32_t i = 0; i + N_SPECIAL + 256 < vocab; i++) {
        fprintf(file, "%s\n    [\"", i ? "," : "");
        put_merge(file, i, "\", \"");
        fprintf(file, "\"]");
    }
    fprintf(file, "\n   ]\n  }\n}\n");
}

static void write_split(FILE *file, const char *pattern)
{
    fprintf(file, "    {\"type\": \"Split\", \"pattern\": {\"Regex\": \"");
    for (const char *c = pattern; *c; c++) {
        if (*c == '"' || *c == '\\')
            fputc('\\', file);
        fputc(*c, file);
    }
    fprintf(file, "\"}, \"behavior\": \"Isolated\", \"invert\": false},\n");
}

static void write_pieces(FILE *file)
{
    fprintf(file, "  \"normalizer\": null,\n  \"pre_tokenizer\": {\"type\": \"Sequence\", "
                  "\"pretokenizers\": [\n");
    write_split(file, "\\p{N}{1,3}");
    write_split(file,
                "[\xE4\xB8\x80-\xE9\xBE\xA5\xE3\x81\x80-\xE3\x82\x9F\xE3\x82\xA0-\xE3\x83\xBF]+");
    write_split(file, "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
                      "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|"
                      "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");
    fprintf(file, "    {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
                  "\"trim_offsets\": true, \"use_regex\": false}]},\n"
                  "  \"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true, "
                  "\"trim_offsets\": true, \"use_regex\": true},\n");
}

static dsvk_status write_settings(const struct dv_context *ctx, const struct dv_recipe *recipe,
                                  const char *folder)
{
    dsvk_status status;
    FILE       *file;
    TRY(dv_make_open(&file, ctx, folder, "tokenizer_config.json"));
    fprintf(file,
            "{\n \"add_bos_token\": true,\n \"add_eos_token\": false,\n"
            " \"bos_token\": \"%s\",\n \"eos_token\": \"%s\",\n \"pad_token\": \"%s\",\n"
            " \"unk_token\": null,\n \"model_max_length\": %u,\n"
            " \"chat_template\": \"{{ bos_token }}{%% for m in messages %%}"
            "{%% if m['role'] == 'user' %%}%s{{ m['content'] }}"
            "{%% elif m['role'] == 'assistant' %%}%s{{ m['content'] }}{{ eos_token }}"
            "{%% else %%}{{ m['content'] }}{%% endif %%}{%% endfor %%}"
            "{%% if add_generation_prompt %%}%s{%% endif %%}\"\n}\n",
            specials[0], specials[1], specials[2], recipe->config.max_context, specials[3],
            specials[4], specials[4]);
    return dv_make_close(file, ctx, "tokenizer_config.json");
}

dsvk_status dv_make_tokenizer(const struct dv_context *ctx, const struct dv_recipe *recipe,
                              const char *folder)
{
    dsvk_status status;
    FILE       *file;
    TRY(dv_make_open(&file, ctx, folder, "tokenizer.json"));
    fprintf(file, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n"
                  "  \"added_tokens\": [\n");
    for (uint32_t id = 0; id < N_SPECIAL; id++)
        fprintf(file,
                "    {\"id\": %u, \"content\": \"%s\", \"single_word\": false, \"lstrip\": false,"
                " \"rstrip\": false, \"normalized\": false, \"special\": true}%s\n",
                id, specials[id], id + 1 < N_SPECIAL ? "," : "");
    fprintf(file, "  ],\n");
    write_pieces(file);
    fprintf(file,
            "  \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [\n"
            "    {\"SpecialToken\": {\"id\": \"%s\", \"type_id\": 0}},\n"
            "    {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}],\n"
            "   \"pair\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}},\n"
            "    {\"Sequence\": {\"id\": \"B\", \"type_id\": 1}}],\n"
            "   \"special_tokens\": {\"%s\": {\"id\": \"%s\", \"ids\": [0], \"tokens\": "
            "[\"%s\"]}}},\n",
            specials[0], specials[0], specials[0], specials[0]);
    write_model(file, recipe->config.vocab);
    TRY(dv_make_close(file, ctx, "tokenizer.json"));
    return write_settings(ctx, recipe, folder);
}
