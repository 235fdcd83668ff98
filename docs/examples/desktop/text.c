/* SPDX-License-Identifier: MIT */
/* The conversation, which one thread writes and another reads. */
#include <string.h>

#include "desktop.h"

void text_begin(struct text *t)
{
    t->lock = SDL_CreateMutex();
}

void text_end(struct text *t)
{
    SDL_DestroyMutex(t->lock);
}

void text_add(struct text *t, const char *text, size_t n)
{
    SDL_LockMutex(t->lock);
    if (t->n + n >= MOST_TEXT) { /* the older half goes, up to the end of a line */
        const char *rest = strchr(t->bytes + t->n / 2, '\n');
        size_t      keep = rest ? strlen(rest) : 0;
        memmove(t->bytes, rest ? rest : t->bytes, keep);
        t->n = keep;
    }
    n = n < MOST_TEXT - t->n ? n : 0;
    memcpy(t->bytes + t->n, text, n);
    t->n += n;
    t->bytes[t->n] = '\0';
    SDL_UnlockMutex(t->lock);
}

void text_read(struct text *t, char *text, size_t room)
{
    SDL_LockMutex(t->lock);
    size_t from = t->n < room ? 0 : t->n - room + 1;
    while ((t->bytes[from] & 0xc0) == 0x80) /* within a sign */
        from++;
    memcpy(text, t->bytes + from, t->n - from + 1);
    SDL_UnlockMutex(t->lock);
}
