/* SPDX-License-Identifier: MIT */
/* What the command line needs from the operating system beyond C11. Only *_posix.c and *_win32.c
 * include system headers for it. Names of files are UTF-8. */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Formats are those of C11; with MinGW, where the usual ones are Windows', gcc is told so. */
#if defined(__MINGW32__)
#define HOST_PRINTF(text, first) __attribute__((format(gnu_printf, text, first)))
#else
#define HOST_PRINTF(text, first) __attribute__((format(printf, text, first)))
#endif

/* Opens missing standard streams on nothing, ignores SIGPIPE, catches SIGINT and SIGTERM. Where
 * main() does not get its arguments as they were typed, they are put there. */
void host_start(int *argc, char ***argv);
enum host_on_signal {
    HOST_FINISH, /* host_interrupted() says so, and the work stops where it can */
    HOST_EXIT,   /* the process ends with 128 and the signal's number */
};
/* What the first signal does; `note`, which must stay, is written to standard error at once, NULL:
 * nothing is. */
void host_on_signal(enum host_on_signal what, const char *note);
/* The signal that asked to stop, 0 while none did. A second one ends the process at once. */
int  host_interrupted(void);
void host_rest(double seconds); /* less when a signal comes */

/* For who talks with a person: from now on SIGINT ends nothing, however often it comes. Each calls
 * heard(user), which may do what a signal handler may, and is told by host_heard(). NULL: nobody
 * is called. */
void host_hear(void (*heard)(void *user), void *user);
enum { HOST_HEARD_INTERRUPT = 1, HOST_HEARD_RESIZE = 2, HOST_HEARD_CONTINUE = 4 };
unsigned host_heard(void); /* what came since it was asked last */
/* Waits until standard input has something or has ended; false: a signal came before that. */
bool host_wait(void);
/* Reads from standard input: bytes, 0 at its end, -1 for a signal that came first. */
long host_read(void *bytes, size_t n);

bool host_is_terminal(FILE *file);
/* Whether it is a terminal that knows escape codes. */
bool host_understands_codes(FILE *file);
/* That a line of a terminal has; SIZE_MAX for what is none. */
size_t host_columns(FILE *file);
bool   host_reader_gone(FILE *file); /* of a pipe that a write to failed */
double host_seconds(void);           /* monotonic */
double host_cpu_seconds(void);       /* of this process, all threads */
/* What can be seen of how fast the processors may run. */
struct host_conditions {
    char     governor[32]; /* of the first processor; "" where it is not known */
    double   load;         /* processes that ran or wanted to, in the last minute; < 0: not known */
    unsigned processors;
};
void     host_conditions(struct host_conditions *conditions);
uint64_t host_random(void);
/* The folder of the running program without a trailing slash; false where it is not known. */
bool host_program_folder(char *folder, size_t bytes);

/* Calls work(user, i) for i = 0 .. n-1, each in a thread of its own, and waits for them. False when
 * one could not be started; then those that were have ended. */
bool host_threads(unsigned n, void (*work)(void *user, unsigned i), void *user);

/* Both folders below, for people. */
#if defined(_WIN32)
#define HOST_CACHE "%LOCALAPPDATA%"
#define HOST_STATE HOST_CACHE
#else
#define HOST_CACHE "$XDG_CACHE_HOME or ~/.cache"
#define HOST_STATE "$XDG_STATE_HOME or ~/.local/state"
#endif

/* Where this user's programs keep what can be made again: $XDG_CACHE_HOME, or .cache in the home
 * folder, on Windows %LOCALAPPDATA%; false where none is known. */
bool host_cache_folder(char *folder, size_t bytes);

/* Where they keep what a person did: $XDG_STATE_HOME, or .local/state in the home folder, on
 * Windows %LOCALAPPDATA%. */
bool host_state_folder(char *folder, size_t bytes);

FILE *host_open(const char *name, const char *mode); /* as fopen; NULL: errno says why */
void  host_remove(const char *name);
/* Puts a file in the place of another. On Windows it tries again for a while when somebody has just
 * opened one of them. False: errno. */
bool host_move(const char *from, const char *to);
bool host_is_slash(char c); /* that parts names in a path */
/* Calls each() for the names in a folder until it answers false; false: errno says why there are
 * none. */
bool host_each(const char *folder, bool (*each)(void *user, const char *name), void *user);

/* A file that appears under its name only when it is whole (output.c). Links are followed and
 * stay, permissions are kept, a write-protected file is refused; what is no regular file (a pipe,
 * /dev/null) or is our own standard output is written directly. */
struct host_output {
    FILE *file;
    char *name, *target; /* as given, and behind all links */
    char *temporary;     /* NULL when written directly */
    bool  copied;        /* into the target at the end; else the temporary file is renamed */
};

bool host_output_open(struct host_output *output, const char *name); /* errno says why not */
bool host_output_commit(struct host_output *output);
void host_output_discard(struct host_output *output); /* also after commit; zeroed is legal */

/* The name behind all links where another writer may put a new file; the caller frees it. NULL: no
 * file can be put there, errno says why. Nothing is changed. */
char *host_place(const char *name);

#endif
