/* SPDX-License-Identifier: MIT */
/* PCRE2 does the matching. A search goes on where the last match ended and never starts again,
 * and UTF-8 is checked once, here: PCRE2's own check on each call would make a long text
 * quadratic. Limits end a regex that backtracks without bound. */
#include "text/pretoken.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/size.h"
#include "base/text.h"
#include "text/regex_syntax.h"

#define SPLITS_MAX 16 /* splits nest as deep as there are splits */
#define PATTERN_MAX 65536
#define JIT_STACK_MAX (1u << 20)
#define HEAP_LIMIT_KIB 262144
/* A regex that fails on a run of n signs steps back n times, so the limit grows with the text;
 * the constant covers short texts. Exponential regexes pass it at once. */
#define MATCH_LIMIT 1000000u
#define MATCH_LIMIT_PER_BYTE 16u

/* PCRE2 compiles, and its just-in-time compiler more so, by recursion: over groups within groups
 * and over what stands beside each other. Published patterns have 3 and 40 of these. */
#define NESTING_MAX 16
#define PARTS_FOR_JIT 128

#define SPACES_AT_END "\\s+$"

struct dv_pretoken {
    const struct dv_context *ctx;
    pcre2_general_context   *memory;
    pcre2_code              *splits[SPLITS_MAX];
    bool                     at_line_end[SPLITS_MAX]; /* \s+$, compiled as \s+ */
    uint32_t                 n_splits;
};

struct run {
    const struct dv_pretoken *pretoken;
    pcre2_match_context      *limits;
    pcre2_jit_stack          *jit_stack;
    pcre2_match_data         *match[SPLITS_MAX];
    dv_piece_fn              *piece;
    void                     *user;
};

static void *pcre_alloc(size_t bytes, void *user)
{
    return dv_alloc(user, bytes);
}

static void pcre_free(void *memory, void *user)
{
    dv_free(user, memory);
}

dsvk_status dv_pretoken_new(struct dv_pretoken **out, const struct dv_context *ctx)
{
    struct dv_pretoken *pretoken = dv_zalloc(ctx, sizeof *pretoken);
    *out                         = NULL;
    if (pretoken) {
        pretoken->ctx    = ctx;
        pretoken->memory = pcre2_general_context_create(pcre_alloc, pcre_free, (void *)ctx);
    }
    if (!pretoken || !pretoken->memory) {
        dv_free(ctx, pretoken);
        return dv_fail(ctx, DSVK_NO_MEMORY, "tokenizer: no room for its pre-tokenizer");
    }
    *out = pretoken;
    return DSVK_OK;
}

void dv_pretoken_free(struct dv_pretoken *pretoken)
{
    if (!pretoken)
        return;
    for (uint32_t i = 0; i < pretoken->n_splits; i++)
        pcre2_code_free(pretoken->splits[i]);
    pcre2_general_context_free(pretoken->memory);
    dv_free(pretoken->ctx, pretoken);
}

static uint32_t count_parts(const char *pattern, size_t bytes)
{
    uint32_t parts    = 0;
    bool     in_class = false;
    for (size_t i = 0; i < bytes; i++) {
        char c = pattern[i];
        if (c == '\\')
            i++;
        else if (in_class || c == '[')
            in_class = c != ']';
        else
            parts += c && strchr("(|?*+{", c);
    }
    return parts;
}

static dsvk_status compile_failed(const struct dv_pretoken *pretoken, const char *where, int error,
                                  size_t at)
{
    PCRE2_UCHAR text[160] = { 0 };
    if (error == PCRE2_ERROR_HEAP_FAILED)
        return dv_fail(pretoken->ctx, DSVK_NO_MEMORY, "tokenizer: %s: no room for a regex", where);
    pcre2_get_error_message(error, text, sizeof text);
    return dv_fail(pretoken->ctx, DSVK_UNSUPPORTED,
                   "tokenizer: %s: split %u does not compile at byte %zu: %s", where,
                   pretoken->n_splits, at, (const char *)text);
}

static dsvk_status compile(struct dv_pretoken *pretoken, const char *where, const char *pattern,
                           size_t bytes, uint32_t options)
{
    const struct dv_context *ctx    = pretoken->ctx;
    uint32_t                 parts  = options & PCRE2_LITERAL ? 0 : count_parts(pattern, bytes);
    bool                     simple = parts <= PARTS_FOR_JIT;
    if (!simple)
        options |= PCRE2_NO_AUTO_POSSESS;
    pcre2_compile_context *context = pcre2_compile_context_create(pretoken->memory);
    if (!context)
        return dv_fail(ctx, DSVK_NO_MEMORY, "tokenizer: %s: no room for a regex", where);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(context, NESTING_MAX);
    int         error;
    PCRE2_SIZE  at;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, bytes, options, &error, &at, context);
    pcre2_compile_context_free(context);
    if (!code)
        return compile_failed(pretoken, where, error, at);
    /* Without a just-in-time compiler the interpreter gives the same matches, slower. */
    if (simple)
        (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    pretoken->splits[pretoken->n_splits++] = code;
    return DSVK_OK;
}

dsvk_status dv_pretoken_add(struct dv_pretoken *pretoken, const char *where, const char *pattern,
                            size_t bytes, bool plain)
{
    dsvk_status status;
    char       *translated;
    if (pretoken->n_splits == SPLITS_MAX)
        return dv_fail(pretoken->ctx, DSVK_UNSUPPORTED,
                       "tokenizer: %s: a pre-tokenizer of more than %u splits", where, SPLITS_MAX);
    if (bytes == 0 || bytes > PATTERN_MAX)
        return dv_fail(pretoken->ctx, DSVK_UNSUPPORTED,
                       "tokenizer: %s: split %u has a pattern of %zu bytes", where,
                       pretoken->n_splits, bytes);
    if (plain)
        return compile(pretoken, where, pattern, bytes, PCRE2_UTF | PCRE2_LITERAL);
    /* V2 has this one, and a search for it is quadratic in a run of spaces that goes on. */
    if (bytes == strlen(SPACES_AT_END) && memcmp(pattern, SPACES_AT_END, bytes) == 0) {
        pretoken->at_line_end[pretoken->n_splits] = true;
        bytes--;
    }
    TRY(dv_regex_translate(&translated, &bytes, pretoken->ctx, where, pattern, bytes));
    /* Multi-line: Oniguruma's ^ and $ are those of lines. */
    status = compile(pretoken, where, translated, bytes,
                     PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C);
    dv_free(pretoken->ctx, translated);
    return status;
}

static dsvk_status match_failed(const struct run *run, uint32_t level, int error, size_t bytes)
{
    const struct dv_context *ctx = run->pretoken->ctx;
    if (error == PCRE2_ERROR_NOMEMORY)
        return dv_fail(ctx, DSVK_NO_MEMORY, "tokenizer: no room to match a text of %zu bytes",
                       bytes);
    return dv_fail(ctx, DSVK_UNSUPPORTED,
                   "tokenizer: split %u gives up on a text of %zu bytes (PCRE2 error %d)", level,
                   bytes, error);
}

struct match {
    size_t start, end;
};

/* The next match at or after `from`; start == bytes when there is none. */
static dsvk_status next_match(struct run *run, uint32_t level, const char *text, size_t bytes,
                              size_t from, struct match *match)
{
    const pcre2_code *code = run->pretoken->splits[level];
    pcre2_match_data *data = run->match[level];
    int               result =
        pcre2_match(code, (PCRE2_SPTR)text, bytes, from, PCRE2_NO_UTF_CHECK, data, run->limits);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT)
        result = pcre2_match(code, (PCRE2_SPTR)text, bytes, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                             data, run->limits);
    match->start = match->end = bytes;
    if (result == PCRE2_ERROR_NOMATCH)
        return DSVK_OK;
    if (result < 0)
        return match_failed(run, level, result, bytes);
    const PCRE2_SIZE *found = pcre2_get_ovector_pointer(data);
    match->start            = found[0];
    match->end              = found[1];
    return DSVK_OK;
}

/* What `$` leaves of a run of spaces: all of it at the end of the text, else what stands before
 * its last line end, else nothing. */
static size_t cut_at_line_end(const char *text, size_t bytes, size_t start, size_t end)
{
    if (end == bytes)
        return end;
    while (end > start && text[end] != '\n')
        end--;
    return end;
}

static size_t after_sign(const char *text, size_t bytes, size_t at)
{
    do
        at++;
    while (at < bytes && ((unsigned char)text[at] & 0xc0) == 0x80);
    return at;
}

static dsvk_status split(struct run *run, uint32_t level, const char *text, size_t bytes)
{
    dsvk_status  status;
    size_t       done = 0, from = 0; /* [0, done) is handed on */
    struct match match;
    if (bytes == 0)
        return DSVK_OK;
    if (level == run->pretoken->n_splits)
        return run->piece(run->user, text, bytes);
    while (from < bytes) {
        TRY(next_match(run, level, text, bytes, from, &match));
        if (match.start == bytes)
            break;
        if (run->pretoken->at_line_end[level]) {
            size_t cut = cut_at_line_end(text, bytes, match.start, match.end);
            if (cut == match.start) { /* no match here */
                from = match.end;
                continue;
            }
            match.end = cut;
        }
        TRY(split(run, level + 1, text + done, match.start - done));
        TRY(split(run, level + 1, text + match.start, match.end - match.start));
        done = match.end;
        from = match.end > match.start ? match.end : after_sign(text, bytes, match.end);
    }
    return split(run, level + 1, text + done, bytes - done);
}

static dsvk_status run_stretches(struct run *run, const char *text, size_t bytes)
{
    dsvk_status status;
    for (size_t at = 0, start, n; at < bytes;) {
        for (start = at; at < bytes; at += n)
            if ((n = dv_text_sign(text + at, bytes - at)) == 0)
                break;
        TRY(split(run, 0, text + start, at - start));
        for (start = at; at < bytes; at++)
            if (dv_text_sign(text + at, bytes - at))
                break;
        if (at > start)
            TRY(run->piece(run->user, text + start, at - start));
    }
    return DSVK_OK;
}

static bool run_init(struct run *run, size_t bytes)
{
    const struct dv_pretoken *pretoken = run->pretoken;
    uint64_t                  limit    = MATCH_LIMIT + (uint64_t)bytes * MATCH_LIMIT_PER_BYTE;
    run->limits                        = pcre2_match_context_create(pretoken->memory);
    if (!run->limits)
        return false;
    pcre2_set_match_limit(run->limits, dv_min(limit, UINT32_MAX));
    pcre2_set_heap_limit(run->limits, HEAP_LIMIT_KIB);
    run->jit_stack = pcre2_jit_stack_create(32768, JIT_STACK_MAX, pretoken->memory);
    if (run->jit_stack)
        pcre2_jit_stack_assign(run->limits, NULL, run->jit_stack);
    for (uint32_t i = 0; i < pretoken->n_splits; i++) {
        run->match[i] = pcre2_match_data_create(1, pretoken->memory);
        if (!run->match[i])
            return false;
    }
    return true;
}

static void run_done(struct run *run)
{
    for (uint32_t i = 0; i < run->pretoken->n_splits; i++)
        pcre2_match_data_free(run->match[i]);
    pcre2_match_context_free(run->limits);
    pcre2_jit_stack_free(run->jit_stack);
}

dsvk_status dv_pretoken_run(const struct dv_pretoken *pretoken, const char *text, size_t bytes,
                            dv_piece_fn *piece, void *user)
{
    struct run  run    = { .pretoken = pretoken, .piece = piece, .user = user };
    dsvk_status status = run_init(&run, bytes)
                             ? run_stretches(&run, text, bytes)
                             : dv_fail(pretoken->ctx, DSVK_NO_MEMORY,
                                       "tokenizer: no room to match a text of %zu bytes", bytes);
    run_done(&run);
    return status;
}
