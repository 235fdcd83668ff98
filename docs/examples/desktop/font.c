/* SPDX-License-Identifier: MIT */
/* Glyphs of one width, drawn when they are wanted for the first time. */
#include <stdio.h>
#include <string.h>

#include <ft2build.h>
#include FT_FREETYPE_H

#include "desktop.h"

enum { PAPER = 24 }; /* the grey of the background */

bool font_open(struct font *f, const char *file, uint32_t pixels)
{
    FT_Library library;
    FT_Face    face;
    *f = (struct font){ .n = 0 };
    if (FT_Init_FreeType(&library))
        return false;
    f->library = library;
    if (FT_New_Face(library, file, 0, &face) || FT_Set_Pixel_Sizes(face, 0, pixels)) {
        fprintf(stderr, "desktop: %s is no font (--font FILE: one of a fixed width)\n", file);
        FT_Done_FreeType(library);
        f->library = NULL;
        return false;
    }
    f->face   = face;
    f->width  = (uint32_t)(face->size->metrics.max_advance + 63) / 64;
    f->height = (uint32_t)(face->size->metrics.height + 63) / 64;
    f->ascent = (int)(face->size->metrics.ascender / 64);
    f->bytes  = f->width * f->height * 4;
    return true;
}

void font_close(struct font *f)
{
    if (f->library)
        FT_Done_FreeType(f->library);
}

static void set_pixel(uint8_t *pixel, uint32_t cover, bool yellow)
{
    pixel[0] = (uint8_t)(PAPER + (yellow ? 0 : cover * (220 - PAPER) / 255)); /* blue */
    pixel[1] = (uint8_t)(PAPER + cover * ((yellow ? 190u : 220u) - PAPER) / 255);
    pixel[2] = (uint8_t)(PAPER + cover * (220 - PAPER) / 255);
    pixel[3] = 255;
}

static void draw(const struct font *f, uint32_t code, bool yellow, uint8_t *cell)
{
    FT_Face face = f->face;
    for (uint32_t i = 0; i < f->width * f->height; i++)
        set_pixel(cell + (size_t)i * 4, 0, false);
    if (FT_Load_Char(face, code, FT_LOAD_RENDER))
        return;
    const FT_GlyphSlot slot = face->glyph;
    for (unsigned row = 0; row < slot->bitmap.rows; row++)
        for (unsigned column = 0; column < slot->bitmap.width; column++) {
            int x = slot->bitmap_left + (int)column, y = f->ascent - slot->bitmap_top + (int)row;
            if (x < 0 || y < 0 || x >= (int)f->width || y >= (int)f->height)
                continue;
            set_pixel(cell + ((size_t)y * f->width + (size_t)x) * 4,
                      slot->bitmap.buffer[(int)row * slot->bitmap.pitch + (int)column], yellow);
        }
}

uint32_t font_glyph(struct font *f, uint32_t code, bool yellow, uint8_t *cells)
{
    uint32_t key = code << 1 | yellow, i = 0;
    while (i < f->n && f->code[i] != key)
        i++;
    if (i < f->n)
        return i;
    if (f->n == FONT_GLYPHS) /* too many signs: they are drawn as the first */
        return 0;
    f->code[f->n] = key;
    draw(f, code, yellow, cells + (size_t)f->n * f->bytes);
    return f->n++;
}
