/* SPDX-License-Identifier: MIT */
/* What was asked before, in a file of this user alone: one entry a line, the oldest first, its line
 * ends and backslashes written as \n and \\. Several programs may use it at once. */
#ifndef CHAT_HISTORY_H
#define CHAT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

enum { HISTORY_KEPT = 1000 };

/* ds-vk/chat_history in the folder for such files; false where there is none. */
bool history_path(char *path, size_t bytes);
/* Each entry, the newest HISTORY_KEPT of them; a file that has grown long is cut to these. */
void history_load(const char *path, void (*each)(void *user, const char *entry), void *user);
/* False: errno says why. */
bool history_add(const char *path, const char *entry);

#endif
