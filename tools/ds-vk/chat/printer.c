/* SPDX-License-Identifier: MIT */
/* A word is held back until the sign behind it has come: by then it is known whether it fits into
 * the line. Wide signs are words of their own. One column stays free, so that no terminal wraps
 * by itself as well. What is fenced as code is left to the terminal, which knows how to copy a
 * long line. */
#include "printer.h"

#include "../host.h"
#include "../text.h"
#include "cells.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TAB 8
#define LEAST_COLUMNS 8

bool printer_may_style(FILE *file)
{
    const char *no_color = getenv("NO_COLOR");
    return host_understands_codes(file) && !(no_color && no_color[0]);
}

void printer_begin(struct printer *p)
{
    p->column = p->blanks = p->n = p->cells = p->ticks = 0;
    p->fenced = p->dim = false;
    p->code            = 0;
}

static void put(struct printer *p, const char *bytes, size_t n)
{
    if (p->code == 0 && n > 0)
        p->code = p->write(p->user, bytes, n);
}

static void new_line(struct printer *p)
{
    put(p, "\n", 1);
    p->column = p->blanks = 0;
}

static size_t columns_of(const struct printer *p)
{
    size_t columns = host_columns(p->file);
    return columns < LEAST_COLUMNS ? LEAST_COLUMNS - 1 : columns - 1;
}

static void put_blanks(struct printer *p)
{
    static const char blanks[] = "        ";
    for (size_t n = p->blanks, part; n > 0; n -= part) {
        part = n < sizeof blanks - 1 ? n : sizeof blanks - 1;
        put(p, blanks, part);
    }
    p->column += p->blanks;
    p->blanks = 0;
}

/* Blanks at the beginning of a line indent it, unless there would be no room behind them. */
static void put_word(struct printer *p)
{
    size_t columns = columns_of(p);
    bool   indent  = p->column == 0 && p->blanks + p->cells <= columns;
    if (!p->fenced && p->column + p->blanks + p->cells > columns && p->column > 0)
        new_line(p);
    else if (p->fenced || indent || p->column > 0)
        put_blanks(p);
    p->blanks = 0;
    put(p, p->word, p->n);
    p->column += p->cells;
    p->n = p->cells = 0;
}

/* Three ticks at the beginning of a line open and close code, from the next line on. */
static void look_for_fence(struct printer *p, char sign)
{
    if (sign == '`' && p->ticks < 3)
        p->ticks++;
    else if (p->ticks < 3 && !(sign == ' ' && p->ticks == 0))
        p->ticks = SIZE_MAX;
}

static void end_line(struct printer *p)
{
    if (p->n > 0)
        put_word(p);
    if (p->ticks == 3)
        p->fenced = !p->fenced;
    p->ticks = 0;
    new_line(p);
}

static uint32_t decode(const char *bytes, size_t n)
{
    const unsigned char *b     = (const unsigned char *)bytes;
    uint32_t             value = n == 1 ? b[0] : b[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        value = value << 6 | (b[i] & 0x3f);
    return value;
}

/* A long word goes out in parts, each as wide as a line. */
static void put_sign(struct printer *p, const char *bytes, size_t n, size_t cells)
{
    bool wide = cells == 2;
    if (wide && p->n > 0)
        put_word(p);
    if (p->n + n > sizeof p->word || (!p->fenced && p->cells + cells > columns_of(p)))
        put_word(p);
    memcpy(p->word + p->n, bytes, n);
    p->n += n;
    p->cells += cells;
    if (wide || p->fenced || (cells == 0 && p->cells == 0))
        put_word(p);
}

static void put_character(struct printer *p, const char *bytes, size_t n)
{
    uint32_t sign = decode(bytes, n);
    if (sign == '\r')
        return;
    if (sign == '\n') {
        end_line(p);
        return;
    }
    look_for_fence(p, n == 1 ? bytes[0] : 'x');
    if (sign == ' ' || sign == '\t') {
        if (p->n > 0)
            put_word(p);
        p->blanks += sign == ' ' ? 1 : TAB - (p->column + p->blanks) % TAB;
        return;
    }
    bool control = sign < 0x20 || (sign >= 0x7f && sign < 0xa0);
    put_sign(p, control ? "?" : bytes, control ? 1 : n, control ? 1 : cells_of(sign));
}

int printer_put(struct printer *p, const char *text, size_t n)
{
    if (!p->terminal) {
        put(p, text, n);
        p->column = n > 0 ? text[n - 1] != '\n' : p->column;
        return p->code;
    }
    for (size_t at = 0, length; at < n; at += length ? length : 1) {
        length = text_character(text + at, n - at);
        put_character(p, length ? text + at : "\xef\xbf\xbd", length ? length : 3);
    }
    return p->code;
}

int printer_dim(struct printer *p, bool dim)
{
    if (dim == p->dim)
        return p->code;
    if (p->n > 0)
        put_word(p);
    if (p->styled)
        put(p, dim ? "\033[2m" : "\033[0m", 4);
    p->dim = dim;
    return p->code;
}

int printer_end(struct printer *p)
{
    if (p->n > 0)
        put_word(p);
    printer_dim(p, false);
    if (p->column > 0)
        new_line(p);
    return p->code;
}
