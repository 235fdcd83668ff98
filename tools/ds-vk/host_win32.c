/* SPDX-License-Identifier: MIT */
/* The host on Windows: interrupts, the console, clocks, the machine and the user's folders.
 *
 * An interrupt comes in a thread of its own, so nothing of it disturbs a call that waits: the event
 * `waker` and, for who reads a pipe, CancelSynchronousIo() do that. */
#define _CRT_RAND_S
#include "host_win32.h"

#include <windows.h>

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <shellapi.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define CANCELS 100 /* of 10 ms: who was about to read does so by then */

static volatile LONG interrupted, at_once, heard_interrupt, hears, reads;
static const char *volatile note;
static void (*on_interrupt)(void *user);
static void  *on_interrupt_user;
static HANDLE waker, reader;
static UINT   old_page;

/* ---- interrupts ---- */

static void wake(void)
{
    SetEvent(waker);
    for (int i = 0; i < CANCELS && reads; i++) {
        CancelSynchronousIo(reader);
        Sleep(10);
    }
}

static void hear(void)
{
    InterlockedExchange(&heard_interrupt, 1);
    if (on_interrupt)
        on_interrupt(on_interrupt_user);
    wake();
}

/* When a window is closed, or the user leaves, the system waits some seconds for this function and
 * then ends the process: it does not return, so that the work may end before that. */
static BOOL WINAPI on_event(DWORD event)
{
    DWORD n;
    int   number = event == CTRL_C_EVENT ? SIGINT : SIGTERM;
    if (hears && event == CTRL_C_EVENT) {
        hear();
        return TRUE;
    }
    bool again = InterlockedExchange(&interrupted, number) != 0;
    if (note && !again)
        WriteFile(GetStdHandle(STD_ERROR_HANDLE), note, (DWORD)strlen(note), &n, NULL);
    if (at_once || again)
        TerminateProcess(GetCurrentProcess(), 128 + (UINT)number);
    wake();
    if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT)
        Sleep(INFINITE);
    return TRUE;
}

void host_hear(void (*heard)(void *user), void *user)
{
    on_interrupt      = heard;
    on_interrupt_user = user;
    InterlockedExchange(&hears, 1);
}

unsigned host_heard(void)
{
    return InterlockedExchange(&heard_interrupt, 0) ? HOST_HEARD_INTERRUPT : 0;
}

void host_on_signal(enum host_on_signal what, const char *text)
{
    note = text;
    InterlockedExchange(&at_once, what == HOST_EXIT);
}

int host_interrupted(void)
{
    return (int)interrupted;
}

void host_rest(double seconds)
{
    WaitForSingleObject(waker, (DWORD)(seconds * 1e3));
}

/* ---- standard input ---- */

/* What a console gives: UTF-16, of which half a character may wait for its other half. */
static long read_console(HANDLE in, char *bytes, size_t n)
{
    static wchar_t half;
    wchar_t        wide[512];
    DWORD          got = 0, have = half != 0;
    size_t         room = n / 3 < 511 ? n / 3 : 511; /* a unit becomes three bytes at most */
    wide[0]             = half;
    SetLastError(0);
    if (!ReadConsoleW(in, wide + have, (DWORD)room, &got, NULL) ||
        GetLastError() == ERROR_OPERATION_ABORTED)
        return GetLastError() == ERROR_OPERATION_ABORTED ? -1 : 0;
    if (got > 0 && wide[have] == 0x1a) /* Ctrl-Z and return, which ends input here */
        return 0;
    got += have;
    half = got > 0 && (wide[got - 1] & 0xfc00) == 0xd800 ? wide[got - 1] : 0;
    got -= half != 0;
    if (got == 0)
        return half ? -1 : 0;
    return WideCharToMultiByte(CP_UTF8, 0, wide, (int)got, bytes, (int)n, NULL, NULL);
}

static long read_plain(HANDLE in, void *bytes, size_t n)
{
    DWORD got  = 0;
    bool  read = false;
    if (!reader)
        DuplicateHandle(GetCurrentProcess(), GetCurrentThread(), GetCurrentProcess(), &reader, 0,
                        FALSE, DUPLICATE_SAME_ACCESS);
    InterlockedExchange(&reads, 1);
    if (!heard_interrupt && !interrupted)
        read = ReadFile(in, bytes, n < 65536 ? (DWORD)n : 65536, &got, NULL);
    InterlockedExchange(&reads, 0);
    if (!read && (heard_interrupt || interrupted))
        return -1;
    return read ? (long)got : 0; /* a pipe whose writer has gone */
}

long host_read(void *bytes, size_t n)
{
    HANDLE in = GetStdHandle(STD_INPUT_HANDLE);
    DWORD  mode;
    if (heard_interrupt || interrupted)
        return -1;
    long got =
        n >= 3 && GetConsoleMode(in, &mode) ? read_console(in, bytes, n) : read_plain(in, bytes, n);
    /* Who waited in the console hears of an interrupt from there, maybe before its thread ran. */
    if (got < 0 && !heard_interrupt && !interrupted)
        WaitForSingleObject(waker, 1000);
    return got;
}

bool host_wait(void)
{
    return !heard_interrupt && !interrupted;
}

/* ---- the console ---- */

bool host_is_terminal(FILE *file)
{
    DWORD mode;
    return GetConsoleMode((HANDLE)_get_osfhandle(_fileno(file)), &mode) != 0;
}

/* Consoles from Windows 10 on do, when they are asked. */
bool host_understands_codes(FILE *file)
{
    const char *term   = getenv("TERM");
    HANDLE      handle = (HANDLE)_get_osfhandle(_fileno(file));
    DWORD       mode;
    return !(term && strcmp(term, "dumb") == 0) && GetConsoleMode(handle, &mode) &&
           SetConsoleMode(handle, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
}

size_t host_columns(FILE *file)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    if (!host_is_terminal(file))
        return SIZE_MAX;
    if (!GetConsoleScreenBufferInfo((HANDLE)_get_osfhandle(_fileno(file)), &info) ||
        info.srWindow.Right < info.srWindow.Left)
        return 80;
    return (size_t)(info.srWindow.Right - info.srWindow.Left + 1);
}

/* Asked after a write has failed: the C library has no errno for this one. */
bool host_reader_gone(FILE *file)
{
    (void)file;
    return _doserrno == ERROR_NO_DATA || _doserrno == ERROR_BROKEN_PIPE;
}

static void restore_page(void)
{
    SetConsoleOutputCP(old_page);
}

/* ---- the beginning ---- */

/* What the system passed, as UTF-8; where that cannot be had, as it came. */
static void take_arguments(int *argc, char ***argv)
{
    int     n     = 0;
    LPWSTR *wide  = CommandLineToArgvW(GetCommandLineW(), &n);
    char  **texts = wide ? calloc((size_t)n + 1, sizeof *texts) : NULL;
    bool    all   = texts != NULL;
    for (int i = 0; all && i < n; i++)
        all = (texts[i] = host_narrow(wide[i])) != NULL;
    LocalFree(wide);
    if (!all)
        return;
    *argc = n;
    *argv = texts; /* until the process ends */
}

void host_start(int *argc, char ***argv)
{
    FILE *const files[] = { stdin, stdout, stderr };
    for (int fd = 0; fd < 3; fd++)
        if (_fileno(files[fd]) < 0 || _get_osfhandle(fd) < 0)
            (void)!freopen("NUL", fd == 0 ? "wb" : "rb", files[fd]); /* each use fails */
        else
            _setmode(fd, _O_BINARY);
    setvbuf(stderr, NULL, _IONBF, 0);
    SetErrorMode(SEM_FAILCRITICALERRORS); /* no window for a drive that is not there */
    waker = CreateEventW(NULL, FALSE, FALSE, NULL);
    SetConsoleCtrlHandler(on_event, TRUE);
    old_page = GetConsoleOutputCP();
    if (old_page && old_page != CP_UTF8 && SetConsoleOutputCP(CP_UTF8))
        atexit(restore_page);
    take_arguments(argc, argv);
}

/* ---- the machine ---- */

double host_seconds(void)
{
    LARGE_INTEGER now, frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    return (double)now.QuadPart / (double)frequency.QuadPart;
}

static double seconds_of(FILETIME time)
{
    return (double)((uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime) * 1e-7;
}

double host_cpu_seconds(void)
{
    FILETIME begun, ended, system, user;
    if (!GetProcessTimes(GetCurrentProcess(), &begun, &ended, &system, &user))
        return 0;
    return seconds_of(system) + seconds_of(user);
}

void host_conditions(struct host_conditions *conditions)
{
    DWORD n     = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    *conditions = (struct host_conditions){ .load = -1, .processors = n > 0 ? n : 1 };
}

uint64_t host_random(void)
{
    unsigned high = 0, low = 0;
    if (rand_s(&high) != 0 || rand_s(&low) != 0) {
        LARGE_INTEGER now;
        QueryPerformanceCounter(&now);
        return (uint64_t)now.QuadPart ^ (uint64_t)GetCurrentProcessId() << 40;
    }
    return (uint64_t)high << 32 | low;
}

/* ---- folders ---- */

/* With slashes. */
static bool take_folder(char *folder, size_t bytes, const wchar_t *wide)
{
    char *text = wide ? host_narrow(wide) : NULL;
    int   n    = text ? snprintf(folder, bytes, "%s", text) : -1;
    for (char *c = folder; n > 0 && c < folder + bytes && *c; c++)
        *c = *c == '\\' ? '/' : *c;
    free(text);
    return n > 0 && (size_t)n < bytes;
}

bool host_program_folder(char *folder, size_t bytes)
{
    wchar_t *wide = calloc(32768, sizeof *wide); /* the longest path that there is */
    DWORD    n    = wide ? GetModuleFileNameW(NULL, wide, 32768) : 0;
    bool     fits = n > 0 && n < 32768 && take_folder(folder, bytes, wide);
    free(wide);
    char *slash = fits ? strrchr(folder, '/') : NULL;
    if (slash)
        *slash = 0;
    return slash != NULL;
}

bool host_cache_folder(char *folder, size_t bytes)
{
    return take_folder(folder, bytes, _wgetenv(L"LOCALAPPDATA"));
}

bool host_state_folder(char *folder, size_t bytes)
{
    return host_cache_folder(folder, bytes);
}
