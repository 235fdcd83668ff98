/* SPDX-License-Identifier: MIT */
/* The parts of `ds-vk chat`: a conversation in turns. chat.c is the loop, commands.c what begins
 * with a slash, ask.c a question and its answer. */
#ifndef CHAT_CHAT_H
#define CHAT_CHAT_H

#include "../run.h"
#include "lines.h"
#include "printer.h"
#include "talk.h"

/* What came of an answer so far. */
struct heard {
    dsvk_answer  *answer; /* takes it apart */
    dsvk_status   status; /* of that */
    struct buffer text, reasoning;
    struct buffer pending; /* text that may begin one of --stop */
    bool          stopped; /* it was one */
};

struct chat {
    struct cli       *cli;
    struct lines      lines;
    struct talk       talk;
    struct printer    printer; /* standard output */
    dsvk_think        think;
    dsvk_stop        *stop; /* set by SIGINT */
    dsvk_sampling     sampling;
    dsvk_bias         biases[MAX_BIASES];
    uint64_t          tries; /* of the last question, which sampling begins anew with each */
    struct heard      heard;
    struct run_result last;   /* the last answer */
    size_t            reused; /* tokens of its prompt that were there already */
    double            began, decode_seconds;
    bool              failed; /* a question did, where no person sees it */
    bool              over;   /* /quit */
};

/* To the person, on standard error, wrapped; a line end is added. */
void chat_say(const char *format, ...) HOST_PRINTF(1, 2);
/* Says the error that is kept, and forgets it. */
void chat_say_error(struct chat *chat);

/* Asks the last question of the conversation, prints the answer and keeps it. The question goes
 * where there was none. Answers an exit status that ends the program, or EXIT_DONE. */
int chat_ask(struct chat *chat);
/* Whether the model can be asked with what is set now; if not, it is said. */
bool chat_can_ask(struct chat *chat);
void chat_report(struct chat *chat); /* /stats */
void chat_report_line(struct chat *chat);

/* A line that begins with a slash. Answers as chat_ask(). */
int chat_command(struct chat *chat, const char *line);
/* Reads a conversation from a file; false: the old one stays, and why is said. */
bool chat_load(struct chat *chat, const char *name);

#endif
