/* SPDX-License-Identifier: MIT */
/* Conversations become prompts, in the formats of docs/chat.md. Templates of checkpoints are
 * recognised and never run; a text of a user cannot become a mark. */
#ifndef DV_CHAT_CHAT_H
#define DV_CHAT_CHAT_H

#include "base/arena.h"
#include "text/tokenizer.h"

enum dv_chat_format {
    DV_CHAT_NONE,    /* no template: a base model */
    DV_CHAT_UNKNOWN, /* a template that is none of these */
    DV_CHAT_V2,
    DV_CHAT_V3,
    DV_CHAT_R1,
    DV_CHAT_V31,
    DV_CHAT_V32,
    DV_CHAT_V4,
    DV_CHAT_GLM,   /* 4.7 */
    DV_CHAT_GLM45, /* 4.5, 4.6 */
    DV_CHAT_MOONLIGHT,
    DV_CHAT_KIMI,
    DV_CHAT_KIMI_THINK,
    DV_CHAT_KIMI_K25,
    DV_CHAT_FORMATS
};

/* AUTO: what the template does when nothing is asked. */
enum dv_think { DV_THINK_AUTO, DV_THINK_ON, DV_THINK_OFF };

/* By the marks in the template's text; V3.2 and V4, which come without one, by their model_type,
 * which may be NULL. */
enum dv_chat_format dv_chat_detect(const struct dv_tokenizer *tokenizer, const char *model_type);
const char         *dv_chat_format_name(enum dv_chat_format format);
/* UNKNOWN: there is no such. "v3.1" and "v3.2" are names, too. */
enum dv_chat_format dv_chat_format_find(const char *name);

struct dv_chat_call {
    const char *id; /* NULL: none */
    const char *name;
    const char *arguments; /* JSON, as the model wrote it; may be malformed */
};

/* Members that are not there are NULL. */
struct dv_chat_message {
    const char *role; /* "system", "developer", "user", "assistant", "tool", "latest_reminder" */
    const char *text;
    const char *reasoning; /* of the assistant; NULL: in `text`, before </think>, where it is */
    const struct dv_chat_call *calls;
    size_t                     n_calls;
    const char                *call_id; /* of a tool's result */
    const char                *name;
    const char                *tools, *response_format; /* JSON, of system and developer */
    const char                *task;                    /* of the user */
    bool                       open;                    /* the assistant's turn is not ended */
};

/* A conversation and how it is written. */
struct dv_chat {
    enum dv_chat_format           format;
    enum dv_think                 think;
    const struct dv_chat_message *messages;
    size_t                        n_messages;
    bool                          generate; /* opens the assistant's next turn */
    bool        next;  /* behind an answer that is not closed yet: without beginning */
    bool        named; /* the format is the caller's: nothing of the checkpoint's template counts */
    bool        keep_reasoning; /* of earlier answers, too, where a format drops it */
    const char *effort;         /* of reasoning; NULL: the usual */
    const char *tools;          /* JSON list, beside the messages; NULL: none */
    const char *call; /* opens the answer with a call of it, "" of any, think being OFF; NULL */
};

/* Appends the ids of a conversation, BOS included; nothing when it fails. Texts are encoded without
 * special tokens, so they cannot forge roles. */
dsvk_status dv_chat_encode(const struct dv_tokenizer *tokenizer, const struct dv_chat *chat,
                           struct dv_ids *ids);
/* The bytes that these ids stand for, in memory that the caller ends with dv_free(), behind them a
 * 0. `tokenizer` may be NULL. */
dsvk_status dv_chat_text(const struct dv_context *ctx, const struct dv_tokenizer *tokenizer,
                         const struct dv_chat *chat, char **text, size_t *bytes);

/* What `call` writes there: chat->format and chat->call count. As above. */
dsvk_status dv_chat_call_text(const struct dv_context *ctx, const struct dv_chat *chat, char **text,
                              size_t *bytes);

/* A conversation as JSON: a list of messages in OpenAI's form, or an object with "messages",
 * "tools" and "options" (docs/chat.md). Fills the chat, whose format is set, with what lives in the
 * arena. BAD_ARGUMENT. */
dsvk_status dv_chat_read(struct dv_chat *chat, struct dv_arena *arena, const char *text,
                         size_t bytes);

#endif
