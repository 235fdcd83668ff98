/* SPDX-License-Identifier: MIT */
/* interrupt GO N PROGRAM [ARGUMENT...]: starts a program for Windows in a console of its own, whose
 * Ctrl-C it presses N times, the first when there is a file GO. It hands the program's streams on,
 * and ends with its status. */
#include <windows.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#define LIMIT_MS 300000
#define REST_MS 20

static BOOL WINAPI ignore(DWORD event)
{
    (void)event;
    return TRUE;
}

/* What follows the third argument, as it was written. */
static wchar_t *rest_of(wchar_t *line, int skip)
{
    for (; skip > 0 && *line; skip--) {
        bool quoted = false;
        for (; *line && (quoted || *line != L' '); line++)
            quoted = *line == L'"' ? !quoted : quoted;
        while (*line == L' ')
            line++;
    }
    return line;
}

static int fail(const char *what)
{
    fprintf(stderr, "interrupt: %s: error %lu\n", what, GetLastError());
    return 1;
}

/* False when the program has ended before. */
static bool press_when(const char *go, HANDLE program)
{
    while (GetFileAttributesA(go) == INVALID_FILE_ATTRIBUTES)
        if (WaitForSingleObject(program, REST_MS) == WAIT_OBJECT_0)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    STARTUPINFOW        start = { .cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES };
    PROCESS_INFORMATION made;
    DWORD               code = 1;
    if (argc < 4)
        return fail("usage: interrupt GO N PROGRAM [ARGUMENT...]");
    start.hStdInput  = GetStdHandle(STD_INPUT_HANDLE);
    start.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    start.hStdError  = GetStdHandle(STD_ERROR_HANDLE);
    FreeConsole();
    if (!AllocConsole())
        return fail("no console");
    SetConsoleCtrlHandler(ignore, TRUE);
    if (!CreateProcessW(NULL, rest_of(GetCommandLineW(), 3), NULL, NULL, TRUE, 0, NULL, NULL,
                        &start, &made))
        return fail(argv[3]);
    if (press_when(argv[1], made.hProcess))
        for (int n = atoi(argv[2]); n > 0; n--) {
            if (!GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0))
                return fail("the event");
            WaitForSingleObject(made.hProcess, 200); /* one after the other */
        }
    if (WaitForSingleObject(made.hProcess, LIMIT_MS) != WAIT_OBJECT_0) {
        TerminateProcess(made.hProcess, 99);
        return fail("it does not end");
    }
    GetExitCodeProcess(made.hProcess, &code);
    return (int)code;
}
