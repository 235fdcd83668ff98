/* SPDX-License-Identifier: MIT */
/* The n-th call of malloc, calloc, realloc or an aligned kind of them fails: of those that come
 * from this program (and so from the library, which is linked into it), from jansson or from PCRE2.
 * Drivers may not survive the same, and are left alone. For programs without sanitizers. */
#ifndef DV_TESTS_SUPPORT_MALLOC_H
#define DV_TESTS_SUPPORT_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* Once, before anything is armed: finds the modules. */
void malloc_fault_init(void);
/* From now on the nth call fails, from 1; 0: none. With `everyone` the C library's and whoever
 * else's calls count, too. */
void   malloc_fault_arm(size_t nth, bool everyone);
bool   malloc_fault_fired(void);
size_t malloc_fault_live(void); /* blocks of those modules that are not freed */

#endif
