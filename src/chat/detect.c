/* SPDX-License-Identifier: MIT */
/* Which of the known formats a chat template writes, by the marks in its text. */
#include <string.h>

#include "chat/prompt.h"

bool dv_template_writes(const char *template, const char *literal)
{
    size_t bytes = strlen(literal);
    for (const char *at = template; (at = strstr(at, literal)) != NULL; at++) {
        const char *before = at, *after = at + bytes;
        if (before == template || (before[-1] != '\'' && before[-1] != '"') || *after != before[-1])
            continue;
        for (before--; before > template && (before[-1] == ' ' || before[-1] == '-');)
            before--;
        for (after++; *after == ' ' || *after == '-';)
            after++;
        if (before >= template + 2 && before[-1] == '{' && before[-2] == '{' &&
            strncmp(after, "}}", 2) == 0)
            return true;
    }
    return false;
}

static bool has(const char *template, const char *mark)
{
    return strstr(template, mark) != NULL;
}

static bool knows(const struct dv_tokenizer *tokenizer, const char *mark)
{
    return dv_tokenizer_find(tokenizer, mark) >= 0;
}

static enum dv_chat_format detect_deepseek(const struct dv_tokenizer *tokenizer,
                                           const char *template)
{
    if (!knows(tokenizer, DV_USER) || !knows(tokenizer, DV_ASSISTANT))
        return DV_CHAT_UNKNOWN;
    if (knows(tokenizer, DV_THINK_END) &&
        (dv_template_writes(template, DV_THINK_END) || has(template, DV_ASSISTANT DV_THINK_END)))
        return DV_CHAT_V31;
    /* A line end inside a literal is written as two signs, outside it stands as itself. */
    if (knows(tokenizer, DV_THINK) &&
        (has(template, DV_ASSISTANT DV_THINK) || dv_template_writes(template, DV_THINK "\\n")))
        return DV_CHAT_R1;
    return DV_CHAT_V3;
}

/* From GLM-5.2 on a line about the effort of reasoning is written, and GLM-4 knew no thinking. */
static enum dv_chat_format detect_glm(const struct dv_tokenizer *tokenizer, const char *template)
{
    if (!knows(tokenizer, "<|user|>") || !knows(tokenizer, "<|assistant|>") ||
        !knows(tokenizer, DV_THINK) || has(template, "Reasoning Effort"))
        return DV_CHAT_UNKNOWN;
    if (has(template, "/nothink"))
        return DV_CHAT_GLM45;
    return has(template, DV_THINK) ? DV_CHAT_GLM : DV_CHAT_UNKNOWN;
}

static enum dv_chat_format detect_kimi(const struct dv_tokenizer *tokenizer, const char *template,
                                       const char                *model_type)
{
    if (!knows(tokenizer, "<|im_user|>") || !knows(tokenizer, "<|im_middle|>") ||
        !knows(tokenizer, "<|im_end|>"))
        return DV_CHAT_UNKNOWN;
    if (has(template, DV_THINK)) {
        const char *end = template; /* the part that opens the answer */
        for (const char *at = template; (at = strstr(at, "add_generation_prompt")) != NULL;)
            end = at++;
        return end > template && has(end, DV_THINK) ? DV_CHAT_KIMI_K25 : DV_CHAT_KIMI_THINK;
    }
    bool kimi = model_type && strncmp(model_type, "kimi", 4) == 0;
    return kimi || has(template, "tool_declare") ? DV_CHAT_KIMI : DV_CHAT_MOONLIGHT;
}

enum dv_chat_format dv_chat_detect(const struct dv_tokenizer *tokenizer, const char *model_type)
{
    const char *template = dv_tokenizer_template(tokenizer);
    if (!template) {
        /* Of these the prompts are made by code, and there is no template. */
        if (!model_type || !knows(tokenizer, DV_THINK_END))
            return DV_CHAT_NONE;
        return strcmp(model_type, "deepseek_v32") == 0                          ? DV_CHAT_V32
               : strncmp(model_type, "deepseek_v4", strlen("deepseek_v4")) == 0 ? DV_CHAT_V4
                                                                                : DV_CHAT_NONE;
    }
    if (has(template, DV_USER) && has(template, DV_ASSISTANT))
        return detect_deepseek(tokenizer, template);
    if (has(template, "[gMASK]<sop>"))
        return detect_glm(tokenizer, template);
    if (has(template, "<|im_middle|>"))
        return detect_kimi(tokenizer, template, model_type);
    if (has(template, "User: ") && has(template, "Assistant:"))
        return DV_CHAT_V2;
    return DV_CHAT_UNKNOWN;
}
