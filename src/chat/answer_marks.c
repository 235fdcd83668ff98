/* SPDX-License-Identifier: MIT */
/* The marks of the formats' answers, and how an answer is opened. */
#include <string.h>

#include "chat/answer_parts.h"
#include "chat/dsml.h"
#include "chat/prompt.h"

#define DSML_MARKS(section)                                                                        \
    {                                                                                              \
        [DV_MARK_SECTION]       = "<" DV_DSML           section ">",                               \
        [DV_MARK_SPACE_SECTION] = "\n\n<" DV_DSML section ">",                                     \
        [DV_MARK_SECTION_END] = "</" DV_DSML section ">", [DV_MARK_CALL] = "<" DV_DSML "invoke",   \
        [DV_MARK_CALL_END] = "</" DV_DSML "invoke>", [DV_MARK_VALUE] = "<" DV_DSML "parameter",    \
        [DV_MARK_VALUE_END] = "</" DV_DSML "parameter>",                                           \
    }

static const char *const deepseek[DV_MARKS] = {
    [DV_MARK_SECTION]     = "<｜tool▁calls▁begin｜>",
    [DV_MARK_SECTION_END] = "<｜tool▁calls▁end｜>",
    [DV_MARK_CALL]        = "<｜tool▁call▁begin｜>",
    [DV_MARK_CALL_END]    = "<｜tool▁call▁end｜>",
};
static const char *const v32[DV_MARKS] = DSML_MARKS("function_calls");
static const char *const v4[DV_MARKS]  = DSML_MARKS("tool_calls");
static const char *const glm[DV_MARKS] = {
    [DV_MARK_CALL]      = "<tool_call>",
    [DV_MARK_CALL_END]  = "</tool_call>",
    [DV_MARK_VALUE]     = "<arg_value>",
    [DV_MARK_VALUE_END] = "</arg_value>",
};
static const char *const kimi[DV_MARKS] = {
    [DV_MARK_SECTION]     = "<|tool_calls_section_begin|>",
    [DV_MARK_SECTION_END] = "<|tool_calls_section_end|>",
    [DV_MARK_CALL]        = "<|tool_call_begin|>",
    [DV_MARK_CALL_END]    = "<|tool_call_end|>",
};

static const char *const *const marks[DV_CHAT_FORMATS] = {
    [DV_CHAT_V3] = deepseek,   [DV_CHAT_R1] = deepseek, [DV_CHAT_V31] = deepseek,
    [DV_CHAT_V32] = v32,       [DV_CHAT_V4] = v4,       [DV_CHAT_GLM] = glm,
    [DV_CHAT_GLM45] = glm,     [DV_CHAT_KIMI] = kimi,   [DV_CHAT_KIMI_THINK] = kimi,
    [DV_CHAT_KIMI_K25] = kimi,
};

const char *dv_answer_mark(enum dv_chat_format format, enum dv_answer_mark mark)
{
    if (mark == DV_MARK_THINK)
        return DV_THINK;
    if (mark == DV_MARK_THINK_END)
        return DV_THINK_END;
    return marks[format] ? marks[format][mark] : NULL;
}

bool dv_answer_is_mark(const struct dv_answer *answer, const char *text, size_t bytes)
{
    static const char *const within[] = { "<｜tool▁sep｜>", "<|tool_call_argument_begin|>", DV_DSML,
                                          "<arg_key>", "</arg_key>" };
    for (unsigned i = 0; i < DV_MARKS; i++) {
        const char *mark = dv_answer_mark(answer->format, (enum dv_answer_mark)i);
        if (mark && strlen(mark) == bytes && memcmp(mark, text, bytes) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof within / sizeof *within; i++)
        if (strlen(within[i]) == bytes && memcmp(within[i], text, bytes) == 0)
            return true;
    return false;
}

/* ---- the opening ---- */

static bool never_thinks(enum dv_chat_format format)
{
    return format == DV_CHAT_V2 || format == DV_CHAT_MOONLIGHT || format == DV_CHAT_KIMI;
}

enum dv_opening dv_answer_opening(enum dv_chat_format format, enum dv_think think)
{
    bool on = think == DV_THINK_ON, off = think == DV_THINK_OFF;
    switch (format) {
    case DV_CHAT_V3:
        return on ? DV_OPEN_REASONING : DV_OPEN_EITHER;
    case DV_CHAT_R1:
        return off ? DV_OPEN_EITHER : DV_OPEN_REASONING;
    case DV_CHAT_V31:
    case DV_CHAT_V32:
    case DV_CHAT_V4:
        return on ? DV_OPEN_REASONING : DV_OPEN_TEXT;
    case DV_CHAT_GLM:
    case DV_CHAT_KIMI_K25:
        return off ? DV_OPEN_TEXT : DV_OPEN_REASONING;
    case DV_CHAT_GLM45:
    case DV_CHAT_KIMI_THINK:
        return off ? DV_OPEN_TEXT : DV_OPEN_EITHER;
    default:
        return DV_OPEN_TEXT;
    }
}

static bool is_token(const struct dv_tokenizer *tokenizer, uint32_t id, const char *text)
{
    size_t      bytes = 0;
    const char *token = dv_tokenizer_bytes(tokenizer, id, &bytes);
    return token && bytes == strlen(text) && memcmp(token, text, bytes) == 0;
}

/* The marks are tokens of their own, so that a text that ends the prompt cannot be one. */
enum dv_opening dv_answer_opening_of(const struct dv_tokenizer *tokenizer,
                                     enum dv_chat_format format, const uint32_t *ids, size_t n)
{
    if (never_thinks(format))
        return DV_OPEN_TEXT;
    if (n > 1 && is_token(tokenizer, ids[n - 1], "\n")) /* R1's */
        n--;
    if (n > 0 && ids[n - 1] == dv_tokenizer_find(tokenizer, DV_THINK))
        return DV_OPEN_REASONING;
    return n > 0 && ids[n - 1] == dv_tokenizer_find(tokenizer, DV_THINK_END) ? DV_OPEN_TEXT
                                                                             : DV_OPEN_EITHER;
}
