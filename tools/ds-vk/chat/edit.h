/* SPDX-License-Identifier: MIT */
/* A line of a person at a terminal, with editing and history: edit_libedit.c, or edit_none.c
 * where the program was built without libedit. */
#ifndef CHAT_EDIT_H
#define CHAT_EDIT_H

#include "../serve/buffer.h"

enum line {
    LINE_TEXT,
    LINE_END,     /* of all input, or SIGTERM */
    LINE_STOPPED, /* by SIGINT: what was typed is dropped */
};

struct edit;

/* NULL: there is no editing, here or on this terminal. `bold`: the prompt is. */
struct edit *edit_open(bool bold);
/* Puts the line, without its end, behind what is in `line`. */
enum line edit_read(struct edit *edit, const char *prompt, struct buffer *line);
/* From now on it can be had back by the arrow keys; `edit` may be NULL. */
void edit_remember(struct edit *edit, const char *line);
void edit_close(struct edit *edit);

#endif
