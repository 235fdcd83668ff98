/* SPDX-License-Identifier: MIT */
/* The host on POSIX systems: signals, the terminal, clocks, the machine's conditions, random
 * numbers and the folder of the program. Beside output_posix.c the only file of the command line
 * that goes beyond standard C. */
#define _POSIX_C_SOURCE 200809L
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted, at_once;
static const char *volatile note;

/* A pass can take seconds, so a person is told at once that the signal was heard. */
static void on_signal(int number)
{
    int reason  = errno;
    interrupted = number;
    if (note)
        (void)!write(2, note, strlen(note));
    if (at_once)
        _exit(128 + number);
    errno = reason;
}

void host_on_signal(enum host_on_signal what, const char *text)
{
    at_once = what == HOST_EXIT;
    note    = text;
}

void host_start(void)
{
    /* A stream that is closed would hand its number to the next file that is opened. The wrong
     * direction makes every use of it fail as it should. */
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);

    struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct sigaction catch  = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGINT, &catch, NULL);
    sigaction(SIGTERM, &catch, NULL);
}

int host_interrupted(void)
{
    return interrupted;
}

bool host_is_terminal(FILE *file)
{
    return isatty(fileno(file)) == 1;
}

size_t host_columns(FILE *file)
{
    struct winsize size = { 0 };
    if (!host_is_terminal(file))
        return SIZE_MAX;
    if (ioctl(fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

bool host_reader_gone(FILE *file)
{
    struct pollfd out = { .fd = fileno(file), .events = POLLOUT };
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

static double seconds_of(clockid_t clock)
{
    struct timespec now = { 0 };
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double host_seconds(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

double host_cpu_seconds(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

static bool read_line(const char *name, char *line, size_t bytes)
{
    FILE *file = fopen(name, "rb");
    bool  ok   = file && fgets(line, (int)bytes, file);
    if (file)
        fclose(file);
    if (ok)
        line[strcspn(line, "\n")] = 0;
    return ok;
}

void host_conditions(struct host_conditions *conditions)
{
    static const char governor[] = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    char              line[64];
    long              n = sysconf(_SC_NPROCESSORS_ONLN);
    *conditions = (struct host_conditions){ .load = -1, .processors = n > 0 ? (unsigned)n : 1 };
    if (!read_line(governor, conditions->governor, sizeof conditions->governor))
        conditions->governor[0] = 0;
    if (read_line("/proc/loadavg", line, sizeof line))
        conditions->load = strtod(line, NULL);
}

uint64_t host_random(void)
{
    uint64_t value = 0;
    FILE    *file  = fopen("/dev/urandom", "rb");
    if (!file || fread(&value, sizeof value, 1, file) != 1)
        value = (uint64_t)(seconds_of(CLOCK_REALTIME) * 1e9) ^ ((uint64_t)getpid() << 40);
    if (file)
        fclose(file);
    return value;
}

bool host_program_folder(char *folder, size_t bytes)
{
    ssize_t n = readlink("/proc/self/exe", folder, bytes);
    if (n <= 0 || (size_t)n >= bytes)
        return false;
    folder[n]   = 0;
    char *slash = strrchr(folder, '/');
    if (!slash)
        return false;
    *slash = 0;
    return true;
}

bool host_cache_folder(char *folder, size_t bytes)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int         n = -1;
    if (cache && cache[0] == '/') /* a relative one is to be ignored */
        n = snprintf(folder, bytes, "%s", cache);
    else if (home && home[0] == '/')
        n = snprintf(folder, bytes, "%s/.cache", home);
    return n > 0 && (size_t)n < bytes;
}
