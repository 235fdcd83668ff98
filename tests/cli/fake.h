/* SPDX-License-Identifier: MIT */
/* What the halves of the pretended library share. */
#ifndef DV_TESTS_CLI_FAKE_H
#define DV_TESTS_CLI_FAKE_H

#include <dsvk/dsvk.h>

#include <stdatomic.h>

#define VOCAB 259u
#define CONTEXT 64u

struct dsvk_device {
    dsvk_device_info info;
    dsvk_log         log;
    atomic_bool      lost;
    char             heal[300]; /* the file that must be there to recover it; "": none */
    atomic_int       loaded;    /* models */
};

struct dsvk_model {
    dsvk_model_info info;
    dsvk_log        log;
    char            folder[256];
    dsvk_device    *device;
    atomic_int      sessions; /* that were made */
    bool            was_lost;
};

struct dsvk_session {
    dsvk_model *model;
    uint32_t    context;
    uint32_t   *ids;
    size_t      n, prompt; /* of the last sync */
    uint64_t    computed;
};

/* Writes a line as an error and answers `status`. */
dsvk_status fail(const dsvk_log *log, dsvk_status status, const char *line);
/* The last of these lines, of this thread. */
extern _Thread_local char last_failure[600];
/* Whether the name of the folder has `name` in it. */
bool is(const dsvk_model *model, const char *name);
/* False: it is to be stopped. `progress` may be NULL. */
bool goes_on(const dsvk_progress *progress, uint64_t done, uint64_t total);
/* Half a minute, unless somebody stops it. */
bool drag(const dsvk_progress *progress);

/* Of models that answer by script (fake_script.c). */
const char *script_format(const dsvk_model *model);
dsvk_status script_chat(const dsvk_model *model, const dsvk_message *messages, size_t n,
                        const dsvk_chat_params *params, uint32_t **ids, size_t *n_ids);
uint32_t    script_token(const uint32_t *ids, size_t n, size_t at);

#endif
