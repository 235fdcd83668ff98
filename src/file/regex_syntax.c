/* SPDX-License-Identifier: MIT */
/* What differs: \s (PCRE2 adds U+180E, which lost White_Space in Unicode 6.3), \h \v \w \b and
 * other letters, set operations inside a class, options as (?m) and (?i), (*VERBS). The first is
 * rewritten, the rest refused: no DeepSeek file has them, and a silent difference would give wrong
 * ids. */
#include "file/regex_syntax.h"

#include <string.h>

/* Unicode White_Space, as the inside of a class. */
#define SPACES                                                                                     \
    "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}"                         \
    "\\x{202f}\\x{205f}\\x{3000}"
#define GROWTH (sizeof "[^" SPACES "]") /* the longest that one sign becomes */

struct writer {
    char  *text;
    size_t n;
};

static void put(struct writer *writer, const char *text, size_t bytes)
{
    memcpy(writer->text + writer->n, text, bytes);
    writer->n += bytes;
}

static void put_text(struct writer *writer, const char *text)
{
    put(writer, text, strlen(text));
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* false: the letter means something else to PCRE2. */
static bool put_escape(struct writer *writer, char letter, bool in_class)
{
    char two[2] = { '\\', letter };
    if (letter == 's')
        put_text(writer, in_class ? SPACES : "[" SPACES "]");
    else if (letter == 'S')
        put_text(writer, in_class ? "\\S\\x{180e}" : "[^" SPACES "]");
    else if (is_alphanumeric(letter) && !strchr("pPdDrntfxAzZ", letter))
        return false;
    else
        put(writer, two, 2);
    return true;
}

/* The sign at `at` that cannot be promised, or NULL. */
static const char *foreign_sign(const char *pattern, size_t at, size_t bytes, bool in_class)
{
    char next = at + 1 < bytes ? pattern[at + 1] : 0;
    if (in_class && pattern[at] == '[')
        return "a class inside a class";
    if (in_class && pattern[at] == '&' && next == '&')
        return "&& in a class";
    if (!in_class && pattern[at] == '(' && next == '*')
        return "a (*VERB)";
    if (!in_class && pattern[at] == '(' && next == '?') {
        char kind = at + 2 < bytes ? pattern[at + 2] : 0;
        bool fold = kind == 'i' && at + 3 < bytes && pattern[at + 3] == ':';
        if (!fold && (kind == 0 || !strchr(":=!<>", kind)))
            return "a (? group of an unknown kind";
    }
    return NULL;
}

dsvk_status dv_regex_translate(char **out, size_t *out_bytes, const struct dv_context *ctx,
                               const char *where, const char *pattern, size_t bytes)
{
    struct writer writer   = { dv_alloc(ctx, bytes * GROWTH + 1), 0 };
    bool          in_class = false;
    const char   *foreign  = NULL;
    *out                   = NULL;
    if (!writer.text)
        return dv_fail(ctx, DSVK_NO_MEMORY, "tokenizer: %s: no room for a regex", where);
    for (size_t i = 0; i < bytes && !foreign; i++) {
        foreign = foreign_sign(pattern, i, bytes, in_class);
        if (pattern[i] == '\\' && i + 1 < bytes) {
            if (!put_escape(&writer, pattern[++i], in_class))
                foreign = "an escaped letter with another meaning";
            continue;
        }
        put(&writer, &pattern[i], 1);
        if (pattern[i] == '[' && !in_class) {
            in_class = true;
            if (i + 1 < bytes && pattern[i + 1] == '^')
                put(&writer, &pattern[++i], 1);
        } else if (pattern[i] == ']') {
            in_class = false;
        }
    }
    if (foreign) {
        dv_free(ctx, writer.text);
        return dv_fail(ctx, DSVK_UNSUPPORTED, "tokenizer: %s: the regex %.200s has %s", where,
                       pattern, foreign);
    }
    *out       = writer.text;
    *out_bytes = writer.n;
    return DSVK_OK;
}
