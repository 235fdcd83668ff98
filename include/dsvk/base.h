/* SPDX-License-Identifier: MIT */
/* What every part of the library shares: statuses, the log, the allocator, the version.
 *
 * Every fallible function returns a dsvk_status and writes its result through its first
 * argument, which is NULL (or zero) after a failure. The sentence that explains a failure
 * goes once to the log, at level DSVK_LOG_ERROR, from the place that knows the numbers; that
 * of DSVK_CANCELLED, which somebody asked for, at level DSVK_LOG_INFO. */
#ifndef DSVK_BASE_H
#define DSVK_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Programs that link the static library on Windows define DSVK_STATIC; CMake and pkg-config do that
 * for them. */
#if defined(_WIN32) && !defined(DSVK_BUILD) && !defined(DSVK_STATIC)
#define DSVK_API __declspec(dllimport)
#elif defined(DSVK_BUILD) && defined(__GNUC__) && !defined(_WIN32)
#define DSVK_API __attribute__((visibility("default")))
#else
#define DSVK_API
#endif

#define DSVK_VERSION_MAJOR 0
#define DSVK_VERSION_MINOR 2
#define DSVK_VERSION_PATCH 0

/* The only list of statuses: enum, names and texts are made from it. */
#define DSVK_STATUS_MAP(X)                                                                         \
    X(OK, "success")                                                                               \
    X(BAD_ARGUMENT, "argument outside its documented range")                                       \
    X(BAD_FILE, "file is missing, truncated or malformed")                                         \
    X(UNSUPPORTED, "not supported by this device, build or model format")                          \
    X(NO_MEMORY, "host memory exhausted")                                                          \
    X(NO_VRAM, "device memory exhausted")                                                          \
    X(NO_DEVICE, "no usable Vulkan device")                                                        \
    X(DEVICE_LOST, "the device stopped responding")                                                \
    X(CANCELLED, "cancelled by the caller")                                                        \
    X(NOT_FINITE, "a result is not a finite number")                                               \
    X(BUSY, "in use by another call")

#define DSVK_STATUS_ENUM(name, text) DSVK_##name,
typedef enum { DSVK_STATUS_MAP(DSVK_STATUS_ENUM) } dsvk_status;

/* "success" and the like; never NULL, static storage. */
DSVK_API const char *dsvk_status_text(dsvk_status status);

/* "0.2.0"; static storage. */
DSVK_API const char *dsvk_version(void);

typedef enum {
    DSVK_LOG_ERROR,
    DSVK_LOG_WARN,
    DSVK_LOG_INFO,
    DSVK_LOG_DEBUG,
} dsvk_log_level;

/* Where messages go. `line` is one line without line end, valid during the call only.
 * write == NULL: silent. The callback may be called from any thread of the library. */
typedef struct {
    void (*write)(void *user, dsvk_log_level level, const char *line);
    void          *user;
    dsvk_log_level level; /* the least important level that is wanted */
} dsvk_log;

/* Host memory. resize(user, NULL, n) allocates, resize(user, p, 0) frees and returns NULL,
 * otherwise as realloc. Memory is aligned to 16 bytes. resize == NULL: the C library's.
 * Must be safe to call from several threads. Everything comes from here but the nodes of JSON
 * texts while they are read or written, which jansson allocates with malloc or what the application
 * gave json_set_alloc_funcs(), and what drivers allocate. Texts have a limit that is checked before
 * they are read. */
typedef struct {
    void *(*resize)(void *user, void *memory, size_t bytes);
    void *user;
} dsvk_allocator;

/* A switch that ends calls early with DSVK_CANCELLED. It may be set from any thread and from a
 * signal handler, and stays set until it is cleared. Whoever makes it frees it, after the calls
 * and objects that were given it. */
typedef struct dsvk_stop dsvk_stop;

/* NO_MEMORY; `allocator` may be NULL. */
DSVK_API dsvk_status dsvk_stop_new(dsvk_stop **out, const dsvk_allocator *allocator);
DSVK_API void        dsvk_stop_set(dsvk_stop *stop, bool on);
DSVK_API bool        dsvk_stop_is_set(const dsvk_stop *stop);
DSVK_API void        dsvk_stop_free(dsvk_stop *stop);

/* Called while long work goes on, from the thread that called the library: first with done = 0,
 * at last with done = total, not at all where there is nothing to do. Return false to cancel:
 * the call then ends with DSVK_CANCELLED, unless all was done. done never goes back; done and total
 * are in bytes when loading, quantising, and for session files, in tokens when evaluating, in
 * kernels when compiling. total stays, but when quantising: until something is written it is that
 * of what is read. report == NULL: not wanted. */
typedef struct {
    bool (*report)(void *user, uint64_t done, uint64_t total);
    void            *user;
    const dsvk_stop *stop; /* ends the work, too; NULL: none */
} dsvk_progress;

#ifdef __cplusplus
}
#endif
#endif
