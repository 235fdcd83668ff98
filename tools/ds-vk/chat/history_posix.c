/* SPDX-License-Identifier: MIT */
/* The file of questions. An entry is one write at the file's end, so that those of two programs
 * do not mix, and whatever happens only the last one can be cut. */
#define _POSIX_C_SOURCE 200809L
#include "history.h"

#include "../host.h"
#include "../serve/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "/ds-vk/chat_history"
#define LONG (2 * HISTORY_KEPT) /* entries of a file that is cut */

bool history_path(char *path, size_t bytes)
{
    if (!host_state_folder(path, bytes - sizeof NAME))
        return false;
    strcat(path, NAME);
    return true;
}

/* ---- writing ---- */

/* The folders above, for this user alone. */
static void make_folders(const char *path)
{
    char *folder = strdup(path);
    for (char *at = folder; at && (at = strchr(at + 1, '/')) != NULL; *at = '/') {
        *at = 0;
        (void)mkdir(folder, 0700);
    }
    free(folder);
}

static void put_entry(struct buffer *line, const char *entry)
{
    for (; *entry; entry++) {
        bool escaped = *entry == '\n' || *entry == '\\';
        buffer_add(line, *entry == '\n' ? "\\n" : *entry == '\\' ? "\\\\" : entry, escaped ? 2 : 1);
    }
    buffer_add(line, "\n", 1);
}

static bool write_all(int fd, const char *bytes, size_t n)
{
    ssize_t written = write(fd, bytes, n);
    if (written >= 0 && (size_t)written < n)
        errno = ENOSPC;
    return written >= 0 && (size_t)written == n;
}

bool history_add(const char *path, const char *entry)
{
    struct buffer line = { 0 };
    make_folders(path);
    int  fd    = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    bool whole = fd >= 0 && fchmod(fd, 0600) == 0;
    put_entry(&line, entry);
    errno   = line.failed ? ENOMEM : errno;
    whole   = whole && !line.failed && write_all(fd, line.data, line.n);
    int why = errno;
    if (fd >= 0)
        close(fd);
    buffer_done(&line);
    errno = why;
    return whole;
}

/* ---- reading ---- */

static void unescape(char *entry)
{
    char *to = entry;
    for (const char *from = entry; *from && *from != '\n'; from++) {
        bool escaped = from[0] == '\\' && (from[1] == 'n' || from[1] == '\\');
        from += escaped;
        *to++ = escaped && *from == 'n' ? '\n' : *from;
    }
    *to = 0;
}

/* Only what this program wrote itself: a pipe of that name would be waited for. */
static FILE *open_file(const char *path)
{
    struct stat info;
    int         fd   = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool        ours = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    FILE       *file = ours ? fdopen(fd, "rb") : NULL;
    if (fd >= 0 && !file)
        close(fd);
    return file;
}

static size_t count_lines(FILE *file)
{
    size_t lines = 0;
    for (int c; (c = getc(file)) != EOF;)
        lines += c == '\n';
    rewind(file);
    return lines;
}

static void cut(const char *path, const struct buffer *kept)
{
    struct host_output output;
    if (kept->failed || !host_output_open(&output, path))
        return;
    fwrite(kept->data, 1, kept->n, output.file);
    (void)host_output_commit(&output);
    host_output_discard(&output);
}

void history_load(const char *path, void (*each)(void *user, const char *entry), void *user)
{
    struct buffer kept = { 0 };
    char         *line = NULL;
    size_t        room = 0;
    FILE         *file = open_file(path);
    if (!file)
        return;
    size_t lines = count_lines(file), skipped = lines > HISTORY_KEPT ? lines - HISTORY_KEPT : 0;
    for (size_t i = 0; getline(&line, &room, file) >= 0; i++) {
        if (i < skipped)
            continue;
        if (lines > LONG)
            buffer_text(&kept, line);
        unescape(line);
        each(user, line);
    }
    free(line);
    fclose(file);
    if (lines > LONG)
        cut(path, &kept);
    buffer_done(&kept);
}
