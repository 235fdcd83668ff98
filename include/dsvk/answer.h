/* SPDX-License-Identifier: MIT */
/* An answer taken apart while it comes: reasoning, text, and calls of tools. */
#ifndef DSVK_ANSWER_H
#define DSVK_ANSWER_H

#include "dsvk/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Follows one answer. One call at a time; different ones are independent. */
typedef struct dsvk_answer dsvk_answer;

/* Reasoning and text come as they are made. A call comes once all of it is there and is a valid
 * one, since half of one could not be taken back: what is none comes as text, behind a note. */
typedef enum {
    DSVK_PIECE_REASONING,
    DSVK_PIECE_TEXT,
    DSVK_PIECE_CALL,      /* a call begins: id and name */
    DSVK_PIECE_ARGUMENTS, /* of it: bytes of a JSON object that go on */
    DSVK_PIECE_CALL_END,
    DSVK_PIECE_NOTE, /* one sentence on what is odd: why the text that follows is no call */
} dsvk_piece_kind;

typedef struct {
    dsvk_piece_kind kind;
    const char     *text; /* whole UTF-8, no C string; NULL where a call begins or ends */
    size_t          bytes;
    uint32_t        call;      /* of CALL, ARGUMENTS and CALL_END: 0, 1, ... in this answer */
    const char     *id, *name; /* of CALL; the id NULL where the format writes none */
} dsvk_piece;

typedef struct {
    const dsvk_chat_params *chat; /* as for the prompt: format, think and tools count; NULL: as
                                   * dsvk_model_chat() takes it */
    /* The prompt, whose end says whether the answer begins within reasoning. NULL: it ends as one
     * does whose last message is the user's. */
    const uint32_t *prompt;
    size_t          n_prompt;
    bool            no_calls; /* what looks like a call is text, as where no tool was offered */
    /* Is handed the pieces, valid during the call. How the answer is cut into tokens changes only
     * how texts are cut into pieces. */
    void (*take)(void *user, const dsvk_piece *piece);
    void *user;
} dsvk_answer_params;

/* UNSUPPORTED for a model without a chat format that is known where none is named; BAD_ARGUMENT
 * for tools that are no JSON list, and without `take`. */
DSVK_API dsvk_status dsvk_answer_new(dsvk_answer **out, const dsvk_model *model,
                                     const dsvk_answer_params *params);
/* The next token, as dsvk_generate_params.take is handed it. Tokens that end an answer, special
 * ones that are no mark of the format, and DSVK_TEXT_END give nothing. NO_MEMORY: what was held
 * back came as text, and it goes on as text; BAD_ARGUMENT behind dsvk_answer_end(); BAD_FILE for a
 * model without tokenizer. */
DSVK_API dsvk_status dsvk_answer_token(dsvk_answer *answer, uint32_t token);
/* The same from bytes, cut anywhere; what is no UTF-8 becomes U+FFFD as in dsvk_model_text(). */
DSVK_API dsvk_status dsvk_answer_feed(dsvk_answer *answer, const char *text, size_t bytes);
/* The answer has ended, for whatever reason: what was held back comes, a call that is cut short as
 * text. */
DSVK_API dsvk_status dsvk_answer_end(dsvk_answer *answer);
DSVK_API void        dsvk_answer_free(dsvk_answer *answer);

#ifdef __cplusplus
}
#endif
#endif
