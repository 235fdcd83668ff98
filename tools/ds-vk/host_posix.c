/* SPDX-License-Identifier: MIT */
/* The host on POSIX systems: signals, the terminal, clocks, the machine's conditions, random
 * numbers and the folder of the program. */
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
static int waker[2] = { -1, -1 };

static void wake(void)
{
    if (waker[1] >= 0)
        (void)!write(waker[1], "", 1);
}

/* A pass can take seconds, so a person is told at once that the signal was heard. */
static void on_signal(int number)
{
    int reason  = errno;
    interrupted = number;
    if (note)
        (void)!write(2, note, strlen(note));
    if (at_once)
        _exit(128 + number);
    wake();
    errno = reason;
}

/* What is heard, see host.h. The pipe wakes who waits for input, in whichever thread a signal
 * arrives. */
static volatile sig_atomic_t heard_interrupt, heard_resize, heard_continue;
static void (*on_interrupt)(void *user);
static void *on_interrupt_user;

static void on_heard(int number)
{
    int reason = errno;
    if (number == SIGINT) {
        heard_interrupt = 1;
        if (on_interrupt)
            on_interrupt(on_interrupt_user);
    } else if (number == SIGWINCH) {
        heard_resize = 1;
    } else {
        heard_continue = 1;
    }
    wake();
    errno = reason;
}

void host_hear(void (*heard)(void *user), void *user)
{
    struct sigaction hear = { .sa_handler = on_heard, .sa_flags = (int)SA_RESTART };
    on_interrupt          = heard;
    on_interrupt_user     = user;
    if (waker[0] < 0 && pipe(waker) == 0)
        for (int i = 0; i < 2; i++) {
            (void)fcntl(waker[i], F_SETFL, O_NONBLOCK);
            (void)fcntl(waker[i], F_SETFD, FD_CLOEXEC);
        }
    sigaction(SIGINT, &hear, NULL);
    sigaction(SIGWINCH, &hear, NULL);
    sigaction(SIGCONT, &hear, NULL);
}

/* Only what was seen is taken back: a signal that comes in between stays. */
static unsigned take_back(volatile sig_atomic_t *heard, unsigned what)
{
    if (!*heard)
        return 0;
    *heard = 0;
    return what;
}

unsigned host_heard(void)
{
    return take_back(&heard_interrupt, HOST_HEARD_INTERRUPT) |
           take_back(&heard_resize, HOST_HEARD_RESIZE) |
           take_back(&heard_continue, HOST_HEARD_CONTINUE);
}

bool host_wait(void)
{
    struct pollfd both[] = { { .fd = 0, .events = POLLIN }, { .fd = waker[0], .events = POLLIN } };
    char          bytes[64];
    (void)poll(both, 2, -1);
    if (both[1].revents & POLLIN)
        (void)!read(waker[0], bytes, sizeof bytes);
    return both[0].revents != 0 && both[1].revents == 0;
}

long host_read(void *bytes, size_t n)
{
    if (!host_wait())
        return -1;
    long got = (long)read(0, bytes, n);
    return got < 0 && errno != EINTR && errno != EAGAIN ? 0 : got; /* a terminal that hung up */
}

void host_on_signal(enum host_on_signal what, const char *text)
{
    at_once = what == HOST_EXIT;
    note    = text;
}

void host_start(int *argc, char ***argv)
{
    (void)argc; /* as they were typed */
    (void)argv;
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

void host_rest(double seconds)
{
    time_t whole = (time_t)seconds;
    nanosleep(&(struct timespec){ whole, (long)((seconds - (double)whole) * 1e9) }, NULL);
}

bool host_is_terminal(FILE *file)
{
    return isatty(fileno(file)) == 1;
}

bool host_understands_codes(FILE *file)
{
    const char *term = getenv("TERM");
    return host_is_terminal(file) && term && term[0] && strcmp(term, "dumb") != 0;
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

static bool user_folder(char *folder, size_t bytes, const char *variable, const char *usual)
{
    const char *set = getenv(variable), *home = getenv("HOME");
    int         n = -1;
    if (set && set[0] == '/') /* a relative one is to be ignored */
        n = snprintf(folder, bytes, "%s", set);
    else if (home && home[0] == '/')
        n = snprintf(folder, bytes, "%s/%s", home, usual);
    return n > 0 && (size_t)n < bytes;
}

bool host_cache_folder(char *folder, size_t bytes)
{
    return user_folder(folder, bytes, "XDG_CACHE_HOME", ".cache");
}

bool host_state_folder(char *folder, size_t bytes)
{
    return user_folder(folder, bytes, "XDG_STATE_HOME", ".local/state");
}
