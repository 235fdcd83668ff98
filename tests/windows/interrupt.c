/* SPDX-License-Identifier: MIT */
/* interrupt FOLDER PROGRAM [ARGUMENT...]: starts a program for Windows in a console of its own,
 * hands its first output on, presses that console's Ctrl-C when FOLDER has a file "press", and
 * hands the rest on when it has "on". It ends with the program's status.
 *
 * Until then the program writes into a pipe that is soon full: so who has more to say than that
 * cannot end before Ctrl-C was pressed, however busy the machine is. */
#include <windows.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#define PIPE_BYTES 256
#define REST_MS 20

/* Ctrl-C is for the program. */
static BOOL WINAPI ignore(DWORD event)
{
    (void)event;
    return TRUE;
}

/* What follows the first `skip` arguments, as it was written. */
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

/* False when the program has ended before there is such a file. */
static bool wait_for(const char *folder, const char *name, HANDLE program)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    while (GetFileAttributesA(path) == INVALID_FILE_ATTRIBUTES)
        if (WaitForSingleObject(program, REST_MS) == WAIT_OBJECT_0)
            return false;
    return true;
}

/* Waits for output; false when none will come. */
static bool hand_on(HANDLE from, HANDLE to)
{
    char  bytes[PIPE_BYTES];
    DWORD n, done;
    return ReadFile(from, bytes, sizeof bytes, &n, NULL) && n > 0 &&
           WriteFile(to, bytes, n, &done, NULL);
}

/* With its standard output into a pipe. */
static bool start(PROCESS_INFORMATION *made, HANDLE *output, STARTUPINFOW *how, wchar_t *line)
{
    SECURITY_ATTRIBUTES passed = { .nLength = sizeof passed, .bInheritHandle = TRUE };
    if (!CreatePipe(output, &how->hStdOutput, &passed, PIPE_BYTES) ||
        !SetHandleInformation(*output, HANDLE_FLAG_INHERIT, 0))
        return false;
    bool started = CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, how, made);
    CloseHandle(how->hStdOutput); /* so that the pipe ends with the program */
    return started;
}

int main(int argc, char **argv)
{
    STARTUPINFOW        how  = { .cb = sizeof how, .dwFlags = STARTF_USESTDHANDLES };
    HANDLE              here = GetStdHandle(STD_OUTPUT_HANDLE), output;
    PROCESS_INFORMATION made;
    DWORD               code = 1;
    if (argc < 3)
        return fail("usage: interrupt FOLDER PROGRAM [ARGUMENT...]");
    how.hStdInput = GetStdHandle(STD_INPUT_HANDLE); /* a new console comes with others */
    how.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    FreeConsole();
    if (!AllocConsole())
        return fail("no console");
    SetConsoleCtrlHandler(ignore, TRUE);
    if (!start(&made, &output, &how, rest_of(GetCommandLineW(), 2)))
        return fail(argv[2]);
    hand_on(output, here);
    if (wait_for(argv[1], "press", made.hProcess)) {
        if (!GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0))
            return fail("the event");
        wait_for(argv[1], "on", made.hProcess);
    }
    while (hand_on(output, here))
        continue;
    WaitForSingleObject(made.hProcess, INFINITE);
    GetExitCodeProcess(made.hProcess, &code);
    return (int)code;
}
