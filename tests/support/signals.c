/* SPDX-License-Identifier: MIT */
/* cmocka catches crashes, jumps out of the signal and runs the next test. After one inside a driver
 * that test waits for locks which nobody gives back, until its time is over. So these signals are
 * not caught: the process ends at once and ctest names the signal. The function stands before the C
 * library's, as the linker looks into a program first. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>

__attribute__((visibility("default"))) sighandler_t signal(int number, sighandler_t handler)
{
    struct sigaction new = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;
    bool crash = number == SIGILL || number == SIGFPE || number == SIGSEGV || number == SIGBUS ||
                 number == SIGSYS;
    return sigaction(number, crash ? NULL : &new, &old) == 0 ? old.sa_handler : SIG_ERR;
}
