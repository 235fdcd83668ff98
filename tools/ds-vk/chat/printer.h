/* SPDX-License-Identifier: MIT */
/* Text that comes piece by piece, on its way to a terminal or to a file. On a terminal it is
 * wrapped by words, and nothing in it is obeyed; in a file it stands as it is. */
#ifndef CHAT_PRINTER_H
#define CHAT_PRINTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { PRINTER_WORD = 256 };

struct printer {
    FILE *file;
    bool  terminal;                                        /* wraps and cleans */
    bool  styled;                                          /* may dim */
    int (*write)(void *user, const char *bytes, size_t n); /* answers an exit status */
    void *user;

    int    code;   /* of the first write that failed */
    size_t column; /* cells of the line so far */
    size_t blanks; /* cells, behind which the next word is not known yet */
    char   word[PRINTER_WORD];
    size_t n, cells; /* of the word that is held back: it may go to the next line */
    size_t ticks; /* of ``` at the beginning of a line; SIZE_MAX once something else stands there */
    bool   fenced; /* code, whose lines stay as they are */
    bool   dim;
};

/* Whether the terminal behind `file` understands escape codes and its user wants them. */
bool printer_may_style(FILE *file);
/* Begins a text at the beginning of a line. */
void printer_begin(struct printer *p);
/* Whole characters; what is none becomes U+FFFD. Answers the first exit status that was not 0. */
int printer_put(struct printer *p, const char *text, size_t n);
/* What is put from now on is dimmed, or not. */
int printer_dim(struct printer *p, bool dim);
/* The last word, and what ends the line if one has begun; not dimmed any more. */
int printer_end(struct printer *p);

#endif
