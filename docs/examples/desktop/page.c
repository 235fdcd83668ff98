/* SPDX-License-Identifier: MIT */
/* The conversation as lines of glyphs, the newest at the bottom, and a ball above them. */
#include <math.h>
#include <string.h>

#include "desktop.h"

enum { MARGIN = 8, STRIP = BALL + 16, MOST_LINES = 512 };

struct line {
    const char *text;
    size_t      bytes;
    bool        asked; /* by the user */
};

/* The sign at *text, which goes on behind it. */
static uint32_t next_sign(const char **text)
{
    const uint8_t *at   = (const uint8_t *)*text;
    uint32_t       n    = at[0] < 0x80 ? 0 : at[0] < 0xe0 ? 1 : at[0] < 0xf0 ? 2 : 3;
    uint32_t       sign = n == 0 ? at[0] : at[0] & (0x3fu >> n);
    for (uint32_t i = 1; i <= n; i++)
        sign = sign << 6 | (at[i] & 0x3f);
    *text += n + 1;
    return sign;
}

/* Where the line that begins at `text` ends: behind `columns` signs, if possible at a blank. */
static const char *end_of_line(const char *text, uint32_t columns)
{
    const char *blank = NULL;
    for (uint32_t i = 0; *text && *text != '\n'; i++) {
        if (*text == ' ')
            blank = text;
        if (i == columns)
            return blank ? blank : text;
        next_sign(&text);
    }
    return text;
}

static uint32_t break_lines(struct line *lines, const char *text, uint32_t columns)
{
    uint32_t n     = 0;
    bool     asked = false, begins = true;
    while (*text) {
        const char *end = end_of_line(text, columns);
        asked           = begins ? text[0] == '>' : asked;
        lines[n % MOST_LINES] =
            (struct line){ .text = text, .bytes = (size_t)(end - text), .asked = asked };
        n++;
        begins = *end == '\n';
        text   = *end == '\n' || *end == ' ' ? end + 1 : end;
    }
    return n;
}

static void put(struct cells *cells, const struct font *font, uint32_t glyph, int x, int y)
{
    if (cells->n == MOST_CELLS)
        return;
    cells->copies[cells->n++] = (VkBufferImageCopy){
        .bufferOffset     = (VkDeviceSize)glyph * font->bytes,
        .imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
        .imageOffset      = { x, y, 0 },
        .imageExtent      = { font->width, font->height, 1 },
    };
}

static void put_line(struct cells *cells, struct font *font, const struct screen *s,
                     const struct line *line, int y)
{
    const char *at = line->text;
    for (int x = MARGIN; at < line->text + line->bytes; x += (int)font->width) {
        uint32_t sign = next_sign(&at);
        if (x + (int)font->width > (int)s->size.width)
            return;
        if (sign > ' ')
            put(cells, font, font_glyph(font, sign, line->asked, s->glyphs.data), x, y);
    }
}

void page_lay(struct cells *cells, struct font *font, const struct screen *s, const char *text,
              const char *typed)
{
    static struct line lines[MOST_LINES];
    uint32_t           columns = (s->size.width - 2 * MARGIN) / font->width;
    uint32_t           rows    = (s->size.height - STRIP - 2 * MARGIN) / font->height;
    uint32_t           n       = break_lines(lines, text, columns);
    uint32_t           shown   = n < rows - 1 ? n : rows - 1;
    struct line        last    = { .text = typed, .bytes = strlen(typed), .asked = true };
    cells->n                   = 0;
    for (uint32_t i = 0; i < shown; i++)
        put_line(cells, font, s, &lines[(n - shown + i) % MOST_LINES],
                 STRIP + MARGIN + (int)(i * font->height));
    put_line(cells, font, s, &last, (int)(s->size.height - MARGIN - font->height));
}

void page_ball(struct cells *cells, const struct font *font, const struct screen *s, double seconds)
{
    double way = fmod(seconds / 2, 2); /* there in two seconds, and back */
    double x   = (way < 1 ? way : 2 - way) * (s->size.width - BALL);
    if (cells->n == MOST_CELLS)
        return;
    cells->copies[cells->n++] = (VkBufferImageCopy){
        .bufferOffset     = (VkDeviceSize)FONT_GLYPHS * font->bytes,
        .imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
        .imageOffset      = { (int)x, (STRIP - BALL) / 2, 0 },
        .imageExtent      = { BALL, BALL, 1 },
    };
}

void page_draw_ball(const struct font *font, uint8_t *cells)
{
    uint8_t *pixel = cells + (size_t)FONT_GLYPHS * font->bytes;
    for (uint32_t i = 0; i < BALL * BALL; i++, pixel += 4) {
        double x = i % BALL - (BALL - 1) / 2.0, y = i / BALL - (BALL - 1) / 2.0;
        bool   inside = x * x + y * y < BALL * BALL / 4.0;
        memcpy(pixel, inside ? (uint8_t[4]){ 80, 160, 250, 255 } : (uint8_t[4]){ 24, 24, 24, 255 },
               4);
    }
}
