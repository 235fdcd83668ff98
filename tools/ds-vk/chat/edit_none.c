/* SPDX-License-Identifier: MIT */
/* Built without libedit: lines are typed as the terminal itself lets one type. */
#include "edit.h"

struct edit *edit_open(bool bold)
{
    (void)bold;
    return NULL;
}

enum line edit_read(struct edit *edit, const char *prompt, struct buffer *line)
{
    (void)edit;
    (void)prompt;
    (void)line;
    return LINE_END;
}

void edit_remember(struct edit *edit, const char *line)
{
    (void)edit;
    (void)line;
}

void edit_close(struct edit *edit)
{
    (void)edit;
}
