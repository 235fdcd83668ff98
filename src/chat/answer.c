/* SPDX-License-Identifier: MIT */
/* The machine: which marks count in which mode, what each changes, and what all other bytes are. */
#include "chat/answer_parts.h"

#include <string.h>

#define BIT(mark) (1u << DV_MARK_##mark)
#define NO_CALL "a list of calls without any came as text"
#define CALLS (BIT(SECTION) | BIT(SPACE_SECTION) | BIT(CALL))

/* Marks of calls that are tokens end reasoning that the model forgot to close. */
static unsigned marks_of(const struct dv_answer *a)
{
    static const unsigned modes[DV_ANSWER_MODES] = {
        [DV_ANSWER_START]       = BIT(THINK) | CALLS,
        [DV_ANSWER_THINK_START] = BIT(THINK) | BIT(THINK_END) | BIT(SECTION),
        [DV_ANSWER_REASONING]   = BIT(THINK_END) | BIT(SECTION),
        [DV_ANSWER_TEXT]        = CALLS,
        [DV_ANSWER_SECTION]     = BIT(CALL) | BIT(SECTION) | BIT(SECTION_END),
        [DV_ANSWER_CALL]        = BIT(CALL_END) | BIT(VALUE),
        [DV_ANSWER_VALUE]       = BIT(VALUE_END),
        [DV_ANSWER_TAIL]        = CALLS,
    };
    bool     dsml = dv_answer_mark(a->format, DV_MARK_SPACE_SECTION) != NULL;
    unsigned set  = modes[a->mode];
    if (dsml && a->mode != DV_ANSWER_SECTION)
        set &= ~BIT(CALL);
    if (dsml && (a->mode == DV_ANSWER_REASONING || a->mode == DV_ANSWER_THINK_START))
        set &= ~BIT(SECTION);
    return a->no_calls ? set & (BIT(THINK) | BIT(THINK_END)) : set;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- calls ---- */

static bool has_section(const struct dv_answer *a)
{
    return dv_answer_mark(a->format, DV_MARK_SECTION) != NULL;
}

static void end_call(struct dv_answer *a)
{
    const char *end = dv_answer_mark(a->format, DV_MARK_CALL_END);
    dv_answer_keep_mark(a, DV_MARK_CALL_END);
    if (a->mode != DV_ANSWER_CALL)
        return; /* it came as text */
    dv_answer_end_call(a, strlen(end));
    a->mode = has_section(a) ? DV_ANSWER_SECTION : DV_ANSWER_TAIL;
}

static void begin_section(struct dv_answer *a, enum dv_answer_mark mark)
{
    if (a->mode == DV_ANSWER_SECTION && a->block.n && a->in_section == 0)
        dv_answer_give_back(a, NO_CALL);
    a->block.n    = 0;
    a->in_section = 0;
    a->given      = false;
    a->mode       = DV_ANSWER_SECTION;
    dv_answer_keep_space(a);
    if (a->mode == DV_ANSWER_SECTION)
        dv_answer_keep_mark(a, mark);
}

static void end_section(struct dv_answer *a)
{
    if (a->in_section == 0 || a->given)
        dv_answer_keep_mark(a, DV_MARK_SECTION_END);
    if (a->in_section == 0 && !a->given)
        dv_answer_give_back(a, NO_CALL);
    else if (a->given)
        dv_answer_give_block(a);
    a->block.n = 0;
    a->mode    = DV_ANSWER_TAIL;
}

static void begin_call(struct dv_answer *a)
{
    if (a->mode != DV_ANSWER_SECTION) { /* without a section */
        a->given      = false;
        a->in_section = 0;
        a->block.n    = 0;
    }
    a->mode = DV_ANSWER_CALL;
    dv_answer_keep_space(a);
    a->call_at = a->block.n;
    if (a->mode == DV_ANSWER_CALL)
        dv_answer_keep_mark(a, DV_MARK_CALL);
}

/* ---- marks ---- */

static void begin_text(struct dv_answer *a, bool lead)
{
    a->mode = DV_ANSWER_TEXT;
    a->lead = lead;
}

static void begin_reasoning(struct dv_answer *a)
{
    a->n_space = 0;
    a->mode    = DV_ANSWER_REASONING;
    a->lead    = a->trims;
}

static void meet(struct dv_answer *a, enum dv_answer_mark mark)
{
    switch (mark) {
    case DV_MARK_THINK:
        begin_reasoning(a);
        break;
    case DV_MARK_THINK_END:
        a->n_space = 0;
        begin_text(a, a->trims);
        break;
    case DV_MARK_SECTION:
    case DV_MARK_SPACE_SECTION:
        begin_section(a, mark);
        break;
    case DV_MARK_SECTION_END:
        end_section(a);
        break;
    case DV_MARK_CALL:
        begin_call(a);
        break;
    case DV_MARK_CALL_END:
        end_call(a);
        break;
    case DV_MARK_VALUE:
        dv_answer_keep_mark(a, mark);
        a->mode = a->mode == DV_ANSWER_CALL ? DV_ANSWER_VALUE : a->mode;
        break;
    default:
        dv_answer_keep_mark(a, mark);
        a->mode = a->mode == DV_ANSWER_VALUE ? DV_ANSWER_CALL : a->mode;
        break;
    }
}

/* ---- other bytes ---- */

static dsvk_piece_kind kind_of(const struct dv_answer *a)
{
    return a->mode == DV_ANSWER_REASONING || a->mode == DV_ANSWER_THINK_START ? DSVK_PIECE_REASONING
                                                                              : DSVK_PIECE_TEXT;
}

static void put_space(struct dv_answer *a)
{
    dv_answer_put(a, kind_of(a), a->space, a->n_space);
    a->n_space = 0;
}

/* White space is held back where a mark that follows would make it none of the text. */
static bool holds_space(const struct dv_answer *a)
{
    if (a->mode == DV_ANSWER_TEXT)
        return a->trims && !has_section(a) && !a->no_calls; /* GLM's lines before a call */
    return a->mode == DV_ANSWER_TAIL || a->mode == DV_ANSWER_START ||
           a->mode == DV_ANSWER_THINK_START || a->trims;
}

static void put_byte(struct dv_answer *a, char byte)
{
    if (is_space(byte) && (a->lead || (a->blank && byte == ' '))) {
        a->blank = false;
        return;
    }
    if (is_space(byte) && holds_space(a) && a->n_space < DV_ANSWER_SPACE) {
        a->space[a->n_space++] = byte;
        return;
    }
    if (a->mode == DV_ANSWER_THINK_START)
        a->mode = DV_ANSWER_REASONING;
    else if (a->mode != DV_ANSWER_REASONING)
        a->mode = DV_ANSWER_TEXT;
    put_space(a);
    dv_answer_put(a, kind_of(a), &byte, 1);
    a->lead = a->blank = false;
}

static void put_other(struct dv_answer *a, char byte)
{
    if (a->mode == DV_ANSWER_SECTION && !is_space(byte)) {
        if (a->in_section == 0 && !a->given)
            dv_answer_give_back(a, NO_CALL);
        dv_answer_give_block(a);
        a->mode = DV_ANSWER_TEXT;
    }
    if (a->mode == DV_ANSWER_SECTION || a->mode == DV_ANSWER_CALL || a->mode == DV_ANSWER_VALUE) {
        if (!dv_answer_keep(a, &byte, 1))
            dv_answer_put(a, DSVK_PIECE_TEXT, &byte, 1);
        return;
    }
    put_byte(a, byte);
}

/* The mark that the held bytes are; DV_MARKS: they may become one; -1: they will not. */
static int find_mark(const struct dv_answer *a)
{
    unsigned set   = marks_of(a);
    int      found = -1;
    for (int i = 0; i < DV_MARKS; i++) {
        const char *mark = set & (1u << i) ? dv_answer_mark(a->format, i) : NULL;
        if (!mark || strncmp(mark, a->held, a->n_held) != 0)
            continue;
        if (strlen(mark) == a->n_held)
            return i;
        found = DV_MARKS;
    }
    return found;
}

static void drop_first(struct dv_answer *a)
{
    char first = a->held[0];
    memmove(a->held, a->held + 1, --a->n_held);
    put_other(a, first);
}

static void step(struct dv_answer *a, char byte)
{
    a->held[a->n_held++] = byte;
    while (a->n_held) {
        int mark = find_mark(a);
        if (mark == DV_MARKS)
            return;
        if (mark >= 0) {
            a->n_held = 0;
            meet(a, (enum dv_answer_mark)mark);
            return;
        }
        drop_first(a);
    }
}

/* ---- outside ---- */

/* White space around reasoning. DeepSeek's own encoders from V3.1 on leave out nothing. */
static bool trims(enum dv_chat_format format)
{
    return format == DV_CHAT_V3 || format == DV_CHAT_R1 || format == DV_CHAT_GLM ||
           format == DV_CHAT_GLM45 || format == DV_CHAT_KIMI_THINK || format == DV_CHAT_KIMI_K25;
}

static dsvk_status take_tools(struct dv_answer *a, const char *tools)
{
    char             why[DV_VALUE_WHY];
    struct dv_value *value = NULL;
    char            *copy  = dv_arena_alloc(&a->arena, strlen(tools) + 1, 1);
    if (!copy)
        return dv_fail(a->ctx, DSVK_NO_MEMORY, "chat: no memory for the tools of an answer");
    memcpy(copy, tools, strlen(tools));
    dsvk_status status = dv_value_read(&value, &a->arena, copy, strlen(copy), why);
    if (status == DSVK_NO_MEMORY)
        return status;
    if (status != DSVK_OK || value->kind != DV_VALUE_LIST)
        return dv_fail(a->ctx, DSVK_BAD_ARGUMENT, "chat: the tools: %s",
                       status != DSVK_OK ? why : "they are no JSON list");
    a->tools = value;
    return DSVK_OK;
}

dsvk_status dv_answer_new(struct dv_answer **out, const struct dv_context *ctx,
                          const struct dv_answer_setup *setup)
{
    struct dv_answer *a = dv_zalloc(ctx, sizeof *a);
    *out                = NULL;
    if (!a)
        return dv_fail(ctx, DSVK_NO_MEMORY, "chat: no memory for an answer");
    a->ctx       = ctx;
    a->format    = setup->format;
    a->take      = setup->take;
    a->user      = setup->user;
    a->no_calls  = setup->no_calls;
    a->block.ctx = ctx;
    a->trims     = trims(setup->format);
    a->lead      = a->trims && setup->opening != DV_OPEN_EITHER;
    a->blank     = setup->format == DV_CHAT_V2;
    a->mode      = setup->opening == DV_OPEN_REASONING ? DV_ANSWER_THINK_START
                   : setup->opening == DV_OPEN_EITHER  ? DV_ANSWER_START
                                                       : DV_ANSWER_TEXT;
    dv_arena_init(&a->arena, ctx);
    dsvk_status status = setup->tools ? take_tools(a, setup->tools) : DSVK_OK;
    if (status != DSVK_OK)
        dv_answer_free(a);
    else
        *out = a;
    return status;
}

void dv_answer_free(struct dv_answer *a)
{
    if (!a)
        return;
    const struct dv_context *ctx = a->ctx;
    dv_free(ctx, a->block.data);
    dv_arena_done(&a->arena);
    dv_free(ctx, a);
}

/* Room for one sign, and all that it can let go. */
static void step_sign(struct dv_answer *a, const char *bytes, size_t n)
{
    if (a->n_out + 2 * DV_ANSWER_SPACE + 2 * DV_ANSWER_MARK_BYTES > sizeof a->out)
        dv_answer_flush(a);
    for (size_t i = 0; i < n; i++)
        step(a, bytes[i]);
}

dsvk_status dv_answer_feed(struct dv_answer *a, const char *text, size_t bytes)
{
    char signs[DV_UTF8_ROOM(1)];
    a->status = DSVK_OK;
    for (size_t i = 0; i < bytes; i++)
        step_sign(a, signs, dv_utf8_put(&a->utf8, signs, text + i, 1));
    dv_answer_flush(a);
    return a->status;
}

/* What is not closed. */
static void close_block(struct dv_answer *a)
{
    bool tags = dv_answer_mark(a->format, DV_MARK_VALUE) != NULL;
    if (a->mode == DV_ANSWER_CALL && !tags)
        dv_answer_end_call(a, 0); /* arguments in JSON say themselves that they are whole */
    else if (a->mode == DV_ANSWER_CALL || a->mode == DV_ANSWER_VALUE)
        dv_answer_give_back(a, "a call that does not end came as text");
    else if (a->mode == DV_ANSWER_SECTION && a->in_section == 0 && !a->given)
        dv_answer_give_back(a, NO_CALL);
    a->block.n = 0;
}

dsvk_status dv_answer_end(struct dv_answer *a)
{
    char signs[DV_UTF8_ROOM(0)];
    a->status = DSVK_OK;
    step_sign(a, signs, dv_utf8_end(&a->utf8, signs));
    while (a->n_held)
        drop_first(a);
    if (a->mode == DV_ANSWER_TAIL || (a->mode == DV_ANSWER_REASONING && a->trims))
        a->n_space = 0;
    put_space(a);
    close_block(a);
    dv_answer_flush(a);
    return a->status;
}
