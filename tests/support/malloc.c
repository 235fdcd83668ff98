/* SPDX-License-Identifier: MIT */
/* These functions stand before the C library's for the whole process, as the linker looks into a
 * program first. Who calls is known by the return address. */
#define _GNU_SOURCE
#include "support/malloc.h"

#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void  __libc_free(void *memory);

#define EVERYWHERE __attribute__((visibility("default")))
EVERYWHERE void *memalign(size_t alignment, size_t bytes);

#define MAX_MODULES 4
static struct {
    uintptr_t from, to;
} modules[MAX_MODULES];
static unsigned n_modules;

static atomic_size_t calls, live;
static atomic_size_t fail_at;
static atomic_bool   fired, all;

/* ---- the blocks that are not freed ---- */

#define SLOTS (1u << 20)
static uintptr_t   slots[SLOTS];
static atomic_flag lock = ATOMIC_FLAG_INIT;

static uint32_t slot_of(uintptr_t block)
{
    return (uint32_t)((uint64_t)block * UINT64_C(0x9E3779B97F4A7C15) >> 44) & (SLOTS - 1);
}

static void take_lock(void)
{
    while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
        ;
}

static void give_lock(void)
{
    atomic_flag_clear_explicit(&lock, memory_order_release);
}

static void remember(void *memory)
{
    uintptr_t block = (uintptr_t)memory;
    if (!block || atomic_fetch_add(&live, 1) > SLOTS / 2) /* full: the count shows it */
        return;
    take_lock();
    uint32_t i = slot_of(block);
    while (slots[i])
        i = (i + 1) & (SLOTS - 1);
    slots[i] = block;
    give_lock();
}

static void forget(void *memory)
{
    uintptr_t block = (uintptr_t)memory;
    if (!block || n_modules == 0)
        return;
    take_lock();
    uint32_t i = slot_of(block);
    while (slots[i] && slots[i] != block)
        i = (i + 1) & (SLOTS - 1);
    bool found = slots[i] == block;
    /* Those behind it move up, so that each is found from its own place on. */
    for (uint32_t hole = i, j = i; found;) {
        slots[hole] = 0;
        do {
            j = (j + 1) & (SLOTS - 1);
            if (!slots[j])
                goto done;
        } while (((j - slot_of(slots[j])) & (SLOTS - 1)) < ((j - hole) & (SLOTS - 1)));
        slots[hole] = slots[j];
        hole        = j;
    }
done:
    give_lock();
    if (found)
        atomic_fetch_sub(&live, 1);
}

/* ---- who calls ---- */

static bool is_ours(void *caller)
{
    uintptr_t at = (uintptr_t)caller;
    for (unsigned i = 0; i < n_modules; i++)
        if (at >= modules[i].from && at < modules[i].to)
            return true;
    return false;
}

static bool fails(bool ours)
{
    size_t nth = atomic_load(&fail_at);
    if (nth == 0 || (!ours && !atomic_load(&all)) || atomic_fetch_add(&calls, 1) + 1 != nth)
        return false;
    atomic_store(&fired, true);
    errno = ENOMEM;
    return true;
}

static void *made(bool ours, void *memory)
{
    if (ours)
        remember(memory);
    return memory;
}

EVERYWHERE void *malloc(size_t bytes)
{
    bool ours = is_ours(__builtin_return_address(0));
    return fails(ours) ? NULL : made(ours, __libc_malloc(bytes));
}

EVERYWHERE void *calloc(size_t n, size_t bytes)
{
    bool ours = is_ours(__builtin_return_address(0));
    return fails(ours) ? NULL : made(ours, __libc_calloc(n, bytes));
}

EVERYWHERE void *realloc(void *memory, size_t bytes)
{
    bool ours = is_ours(__builtin_return_address(0));
    if (fails(ours))
        return NULL;
    forget(memory);
    void *block = __libc_realloc(memory, bytes);
    return made(ours, block ? block : memory);
}

EVERYWHERE void *memalign(size_t alignment, size_t bytes)
{
    bool ours = is_ours(__builtin_return_address(0));
    return fails(ours) ? NULL : made(ours, __libc_memalign(alignment, bytes));
}

EVERYWHERE void *aligned_alloc(size_t alignment, size_t bytes)
{
    bool ours = is_ours(__builtin_return_address(0));
    return fails(ours) ? NULL : made(ours, __libc_memalign(alignment, bytes));
}

EVERYWHERE int posix_memalign(void **out, size_t alignment, size_t bytes)
{
    bool ours = is_ours(__builtin_return_address(0));
    *out      = fails(ours) ? NULL : made(ours, __libc_memalign(alignment, bytes));
    return *out ? 0 : ENOMEM;
}

EVERYWHERE void free(void *memory)
{
    forget(memory);
    __libc_free(memory);
}

/* ---- for tests ---- */

/* The code of the program, of jansson and of PCRE2. */
static int visit(struct dl_phdr_info *info, size_t size, void *user)
{
    const char *name = info->dlpi_name;
    bool        wanted =
        *(bool *)user || strstr(name, "libjansson") != NULL || strstr(name, "libpcre2") != NULL;
    (void)size;
    *(bool *)user = false; /* the program comes first */
    for (int i = 0; wanted && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X) || n_modules == MAX_MODULES)
            continue;
        modules[n_modules].from = info->dlpi_addr + part->p_vaddr;
        modules[n_modules].to   = modules[n_modules].from + part->p_memsz;
        n_modules++;
    }
    return 0;
}

void malloc_fault_init(void)
{
    bool first = true;
    dl_iterate_phdr(visit, &first);
}

void malloc_fault_arm(size_t nth, bool everyone)
{
    atomic_store(&fail_at, 0);
    atomic_store(&calls, 0);
    atomic_store(&fired, false);
    atomic_store(&all, everyone);
    atomic_store(&fail_at, nth);
}

bool malloc_fault_fired(void)
{
    return atomic_load(&fired);
}

size_t malloc_fault_live(void)
{
    return atomic_load(&live);
}
