/* SPDX-License-Identifier: MIT */
/* UTF-8 out of bytes that come in any pieces: tokens often end inside a character. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whole characters go to write(); each invalid sequence becomes U+FFFD. */
struct text {
    bool (*write)(void *user, const char *bytes, size_t n); /* false: give up */
    void         *user;
    unsigned char held[4]; /* a character that has begun */
    size_t        n_held;
};

bool text_put(struct text *text, const char *bytes, size_t n);
/* What is still held will not become whole. */
bool text_end(struct text *text);

/* Bytes of the character at `bytes`, of which there are n; 0 when it is none. */
size_t text_character(const char *bytes, size_t n);
/* Copies n bytes of whole characters and makes control characters, which a terminal would obey,
 * '?'; line ends and tabs stay, carriage returns go. Answers how many bytes there are then. */
size_t text_clean(char *clean, const char *bytes, size_t n);

/* Prints a name out of a file or a driver with '?' for control characters. */
void text_print(const char *name);
/* "2.0 GiB" and "671.0 B" (billion), for people; exact below 1024 and 1000. */
#define TEXT_SIZE 32
const char *text_size(char text[TEXT_SIZE], uint64_t bytes);
const char *text_count(char text[TEXT_SIZE], uint64_t count);

#endif
