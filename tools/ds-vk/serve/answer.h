/* SPDX-License-Identifier: MIT */
/* The answer to a request: one choice or several, each a job of the engine, told in the dialect of
 * an endpoint, in one document or as a stream. A stream's bytes wait in a buffer that has a limit
 * until the client takes them; a client that leaves ends its jobs. */
#ifndef SERVE_ANSWER_H
#define SERVE_ANSWER_H

#include "ask.h"

struct answer;

struct choice {
    struct job     job; /* first: the engine gives it back */
    struct answer *answer;
    uint32_t       index;
    struct buffer  text, reasoning; /* that were told */
    json_t        *calls;           /* of {"id", "name", "arguments"} */
    bool           out_of_time;
    bool           stopped, stop_text; /* it is whole before the model ends it */
    size_t         thought;            /* tokens of reasoning */
    /* of the dialect */
    int           open;   /* the kind of piece whose block or item is open; -1: none */
    uint32_t      blocks; /* that were opened so far */
    json_t       *items;  /* that are whole */
    struct buffer part;   /* the text of the item at hand */
    /* of pieces.c */
    dsvk_answer    *parser;  /* NULL: all is text */
    dsvk_grammar   *grammar; /* NULL: none */
    bool            masks;   /* now */
    int64_t         think_end;
    struct buffer   arguments, pending;
    dsvk_piece_kind last;
    /* of logprobs.c */
    json_t *drawn; /* of the token that comes next; NULL: not wanted */
    json_t *fresh; /* of tokens whose text was not told yet; NULL: not wanted */
    json_t *told;  /* of those whose text was */
    size_t  signs; /* of the text so far */
};

/* How an endpoint speaks; all but `whole` write to answer.out, with its lock held. */
struct dialect {
    const char *content_type; /* of a stream */
    const char *nothing;      /* what says that the server is still there; NULL: nothing does */
    const char *id_prefix;
    void (*begin)(struct answer *answer);
    void (*piece)(struct choice *choice, const dsvk_piece *piece); /* no notes */
    void (*end)(struct choice *choice);                            /* it is whole */
    void (*close)(struct answer *answer);                          /* all of them are */
    void (*fail)(struct answer *answer, const struct refusal *why);
    json_t *(*whole)(struct answer *answer);
};

struct answer {
    struct server         *server;
    const struct exchange *x;
    const struct dialect  *dialect;
    struct ask            *ask;
    char                   id[64];
    int64_t                created; /* seconds since 1970 */
    struct choice         *choices;
    dsvk_stop             *stop; /* of all choices */
    double                 deadline;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t  changed;
    struct buffer   out;
    size_t          taken; /* of out, by the client */
    uint32_t        ended; /* choices */
    bool            begun, over, gone, late;
    struct refusal  why;      /* the first failure */
    uint32_t        sequence; /* events of dialects that count them */
    double          told;     /* when bytes came last */
};

/* Takes over the ask; replies in any case. */
enum MHD_Result answer_serve(struct exchange *x, struct ask *ask, const struct dialect *dialect);

/* "stop" or "length" */
const char *choice_reason(const struct choice *choice);
/* Whether it ended with calls. */
bool choice_calls(const struct choice *choice);
/* A text of JSON, as it is. */
json_t *buffer_string(const struct buffer *buffer);
struct answer_usage {
    size_t prompt, cached, generated, thought;
};
struct answer_usage answer_usage(const struct answer *answer);
/* One event: `data: ...`, or with a line `event: TYPE` before it, the document's type. */
void answer_event(struct answer *answer, json_t *document);
void answer_named_event(struct answer *answer, json_t *document);

#endif
