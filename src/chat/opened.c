/* SPDX-License-Identifier: MIT */
/* An answer that is opened with a call, so that the model must go on with it. */
#include "chat/dsml.h"
#include "chat/prompt.h"

#define TAGS(section) "\n\n<" DV_DSML section ">\n<" DV_DSML "invoke name=\""

static void open_deepseek(struct dv_prompt *p, bool older)
{
    dv_prompt_mark(p, "<｜tool▁calls▁begin｜>");
    dv_prompt_mark(p, "<｜tool▁call▁begin｜>");
    if (older) {
        dv_prompt_put(p, "function");
        dv_prompt_mark(p, "<｜tool▁sep｜>");
    }
    if (!p->chat->call[0])
        return;
    dv_prompt_text(p, p->chat->call);
    if (older)
        dv_prompt_put(p, "\n```json\n");
    else
        dv_prompt_mark(p, "<｜tool▁sep｜>");
}

static void open_dsml(struct dv_prompt *p, const char *tags)
{
    dv_prompt_put(p, tags);
    dv_prompt_text(p, p->chat->call);
    dv_prompt_put(p, p->chat->call[0] ? "\">\n" : "");
}

static void open_glm(struct dv_prompt *p, bool lines)
{
    dv_prompt_put(p, lines ? "\n<tool_call>" : "<tool_call>");
    dv_prompt_text(p, p->chat->call);
    dv_prompt_put(p, lines && p->chat->call[0] ? "\n" : "");
}

static void open_kimi(struct dv_prompt *p)
{
    dv_prompt_mark(p, "<|tool_calls_section_begin|>");
    dv_prompt_mark(p, "<|tool_call_begin|>");
    dv_prompt_put(p, "functions.");
    if (!p->chat->call[0])
        return;
    dv_prompt_text(p, p->chat->call);
    dv_prompt_put(p, ":0");
    dv_prompt_mark(p, "<|tool_call_argument_begin|>");
}

void dv_chat_open_call(struct dv_prompt *p)
{
    switch (p->chat->format) {
    case DV_CHAT_V3:
    case DV_CHAT_R1:
    case DV_CHAT_V31:
        open_deepseek(p, p->chat->format != DV_CHAT_V31);
        break;
    case DV_CHAT_V32:
        open_dsml(p, TAGS("function_calls"));
        break;
    case DV_CHAT_V4:
        open_dsml(p, TAGS("tool_calls"));
        break;
    case DV_CHAT_GLM:
    case DV_CHAT_GLM45:
        open_glm(p, p->chat->format == DV_CHAT_GLM45);
        break;
    case DV_CHAT_KIMI:
    case DV_CHAT_KIMI_THINK:
    case DV_CHAT_KIMI_K25:
        open_kimi(p);
        break;
    default:
        dv_prompt_fail(p, DSVK_UNSUPPORTED, "the format has no words for calls");
        break;
    }
}
