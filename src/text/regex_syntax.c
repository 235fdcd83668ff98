/* SPDX-License-Identifier: MIT */
/* What differs: \s (PCRE2 adds U+180E, which lost White_Space in Unicode 6.3), the names of scripts
 * (PCRE2 from 10.40 on adds the signs that a script shares with others), && in a class, \h \v \w \b
 * and other letters, classes inside a class, options as (?m) and (?i), (*VERBS). The first three
 * are rewritten, the rest refused: no file of these models has them, and a silent difference would
 * give wrong ids. */
#include "text/regex_syntax.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

/* Unicode White_Space, as the inside of a class. */
#define SPACES                                                                                     \
    "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}"                         \
    "\\x{202f}\\x{205f}\\x{3000}"
#define GROWTH (sizeof "[^" SPACES "]") /* the longest that one sign becomes */

#define OPERANDS_MAX 8
#define CATEGORIES "CLMNPSZ"

struct pattern {
    const char *text;
    size_t      bytes;
};

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
    else if (is_alphanumeric(letter) && !strchr("dDrntfxAzZ", letter))
        return false;
    else
        put(writer, two, 2);
    return true;
}

/* \p{..} and \P{..} at `at`, which goes behind it; false: a property that cannot be promised. */
static bool put_property(struct writer *writer, const struct pattern *p, size_t *at)
{
#if PCRE2_MAJOR > 10 || PCRE2_MINOR >= 40
    static const char script[] = "sc:";
#else
    static const char script[] = "";
#endif
    static const char *const scripts[] = { "Arabic", "Cyrillic", "Greek",    "Han",   "Hangul",
                                           "Hebrew", "Hiragana", "Katakana", "Latin", "Thai" };
    const char              *name      = p->text + *at + 2;
    size_t                   left      = p->bytes - *at - 2;
    if (left > 0 && is_alphanumeric(*name)) { /* \pL */
        put(writer, p->text + *at, 3);
        *at += 3;
        return strchr(CATEGORIES, *name) != NULL;
    }
    const char *end       = left > 0 && *name == '{' ? memchr(name, '}', left) : NULL;
    size_t      n         = end ? (size_t)(end - name) - 1 : 0;
    bool        is_script = false, is_category = n > 0 && n <= 2 && strchr(CATEGORIES, name[1]);
    for (size_t i = 0; n > 2 && i < sizeof scripts / sizeof *scripts; i++)
        is_script |= strlen(scripts[i]) == n && memcmp(scripts[i], name + 1, n) == 0;
    if (n == 2)
        is_category = is_category && name[2] >= 'a' && name[2] <= 'z';
    if (!is_script && !is_category)
        return false;
    put(writer, p->text + *at, 3);
    put_text(writer, is_script ? script : "");
    put(writer, name + 1, n + 1);
    *at += 3 + n + 1;
    return true;
}

/* The escape at `at`; what cannot be promised of it, or NULL. */
static const char *put_escaped(struct writer *writer, const struct pattern *p, size_t *at,
                               bool in_class)
{
    char letter = *at + 1 < p->bytes ? p->text[*at + 1] : 0;
    if (letter == 'p' || letter == 'P')
        return put_property(writer, p, at) ? NULL : "a property that is not known here";
    *at += 2;
    return letter && put_escape(writer, letter, in_class)
               ? NULL
               : "an escaped letter with another meaning";
}

/* ---- classes ---- */

struct operand {
    size_t from, to; /* of its members */
    bool   negated;
};

/* The members from `at` up to the ] or the && that ends them; a first ] is a member. */
static const char *read_members(const struct pattern *p, size_t *at, struct operand *operand)
{
    operand->negated = *at < p->bytes && p->text[*at] == '^';
    operand->from    = *at += operand->negated;
    for (; *at < p->bytes; ++*at) {
        const char *sign = p->text + *at;
        bool        more = *at + 1 < p->bytes;
        if (*sign == '[')
            return "a class inside a class";
        if ((*sign == ']' && *at > operand->from) || (*sign == '&' && more && sign[1] == '&'))
            break;
        *at += *sign == '\\';
    }
    operand->to = *at;
    return *at >= p->bytes || operand->to == operand->from ? "a class without an end" : NULL;
}

/* One operand of &&: members as they are, or a class of its own. */
static const char *read_operand(const struct pattern *p, size_t *at, struct operand *operand,
                                bool first)
{
    bool nested = !first && *at < p->bytes && p->text[*at] == '[';
    *at += nested;
    const char *foreign = read_members(p, at, operand);
    if (foreign)
        return foreign;
    if (nested && p->text[*at] != ']')
        return "a class inside a class";
    *at += nested;
    if (*at >= p->bytes)
        return "a class without an end";
    bool ends = p->text[*at] == ']' || (p->text[*at] == '&' && p->text[*at + 1] == '&');
    return ends ? NULL : "a class inside a class";
}

static const char *put_members(struct writer *writer, const struct pattern *p,
                               const struct operand *operand)
{
    const char    *foreign = NULL;
    struct pattern part    = { p->text, operand->to };
    put_text(writer, operand->negated ? "[^" : "[");
    for (size_t at = operand->from; at < operand->to && !foreign;) {
        if (p->text[at] == '\\')
            foreign = put_escaped(writer, &part, &at, true);
        else
            put(writer, &p->text[at++], 1);
    }
    put_text(writer, "]");
    return foreign;
}

/* [A&&B&&C] is one sign of A before which B and C would match too. */
static const char *put_class(struct writer *writer, const struct pattern *p, size_t *at)
{
    struct operand operands[OPERANDS_MAX];
    size_t         n = 0;
    const char    *foreign;
    do {
        if (n == OPERANDS_MAX)
            return "a class of too many parts";
        *at += n == 0 ? 1 : 2; /* [ or && */
        foreign = read_operand(p, at, &operands[n], n == 0);
        if (foreign)
            return foreign;
        n++;
    } while (p->text[*at] == '&');
    ++*at;
    if (n == 1)
        return put_members(writer, p, &operands[0]);
    if (operands[0].negated)
        return "a negated class with &&";
    put_text(writer, "(?:");
    for (size_t i = 1; i < n && !foreign; i++) {
        put_text(writer, "(?=");
        foreign = put_members(writer, p, &operands[i]);
        put_text(writer, ")");
    }
    if (!foreign)
        foreign = put_members(writer, p, &operands[0]);
    put_text(writer, ")");
    return foreign;
}

/* ---- the whole ---- */

/* The sign at `at`, outside classes, that cannot be promised; or NULL. */
static const char *foreign_sign(const struct pattern *p, size_t at)
{
    const char *sign = p->text + at;
    size_t      left = p->bytes - at;
    if (*sign != '(' || left < 2)
        return NULL;
    if (sign[1] == '*')
        return "a (*VERB)";
    if (sign[1] != '?')
        return NULL;
    char kind = left > 2 ? sign[2] : 0;
    bool fold = kind == 'i' && left > 3 && sign[3] == ':';
    return fold || (kind && strchr(":=!<>", kind)) ? NULL : "a (? group of an unknown kind";
}

static const char *translate(struct writer *writer, const struct pattern *p)
{
    const char *foreign = NULL;
    for (size_t at = 0; at < p->bytes && !foreign;) {
        if (p->text[at] == '\\') {
            foreign = put_escaped(writer, p, &at, false);
        } else if (p->text[at] == '[') {
            foreign = put_class(writer, p, &at);
        } else {
            foreign = foreign_sign(p, at);
            put(writer, &p->text[at++], 1);
        }
    }
    return foreign;
}

dsvk_status dv_regex_translate(char **out, size_t *out_bytes, const struct dv_context *ctx,
                               const char *where, const char *pattern, size_t bytes)
{
    struct pattern p      = { pattern, bytes };
    struct writer  writer = { dv_alloc(ctx, bytes * GROWTH + 1), 0 };
    *out                  = NULL;
    if (!writer.text)
        return dv_fail(ctx, DSVK_NO_MEMORY, "tokenizer: %s: no room for a regex", where);
    const char *foreign = translate(&writer, &p);
    if (foreign) {
        dv_free(ctx, writer.text);
        return dv_fail(ctx, DSVK_UNSUPPORTED, "tokenizer: %s: the regex %.200s has %s", where,
                       pattern, foreign);
    }
    *out       = writer.text;
    *out_bytes = writer.n;
    return DSVK_OK;
}
