/* SPDX-License-Identifier: MIT */
/* Where questions come from: a terminal, with editing where that can be, or a pipe. */
#ifndef CHAT_LINES_H
#define CHAT_LINES_H

#include "../cli.h"
#include "edit.h"

struct lines {
    struct cli  *cli;
    bool         person; /* somebody at a terminal: there are prompts, commands, longer questions */
    struct edit *edit;   /* NULL: plain lines */
    struct buffer ahead; /* read and not yet handed on */
    bool          ended;
    char         *history; /* its file; NULL: none is kept */
};

void lines_open(struct lines *lines, struct cli *cli);
/* A question or command. In a pipe it is a line. A person may end a line with \ and go on, or put
 * several between """ and """. What is there is in `text`, with a 0 behind it; errors are said. */
enum line lines_next(struct lines *lines, struct buffer *text);
/* Keeps it where it can be had back. */
void lines_remember(struct lines *lines, const char *text);
void lines_close(struct lines *lines);

#endif
