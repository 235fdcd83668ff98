/* SPDX-License-Identifier: MIT */
/* Text on its way to people: harmless for a terminal, sizes in short. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at `bytes`, of which there are n; 0 when it is none. */
size_t text_character(const char *bytes, size_t n);
/* Copies n bytes of whole characters and makes control characters, which a terminal would obey,
 * '?'; line ends and tabs stay, carriage returns go. Answers how many bytes there are then. */
size_t text_clean(char *clean, const char *bytes, size_t n);

/* Prints a name out of a file or a driver with '?' for control characters. */
void text_print(const char *name);
#define TEXT_SIZE 32
/* A size to four digits: 12 bytes, 9.5 KiB, 3.633 MiB, 18.67 GiB. Answers `text`. It is the
 * library's own for messages (base/text.c), so that both say the same. */
const char *text_size(char text[TEXT_SIZE], uint64_t bytes);
/* Two sizes that differ read differently: in bytes where they would not. */
void text_size_pair(char a[TEXT_SIZE], uint64_t a_bytes, char b[TEXT_SIZE], uint64_t b_bytes);
/* "2.0 GiB" and "671.0 B" (billion): one digit behind the point, for lines that describe and are
 * not compared; exact below 1024 and 1000. */
const char *text_size_short(char text[TEXT_SIZE], uint64_t bytes);
const char *text_count(char text[TEXT_SIZE], uint64_t count);

#endif
