/* SPDX-License-Identifier: MIT */
/* What the halves of the pretended library share. */
#ifndef DV_TESTS_CLI_FAKE_H
#define DV_TESTS_CLI_FAKE_H

#include <dsvk/dsvk.h>

#define VOCAB 259u
#define CONTEXT 64u

struct dsvk_device {
    dsvk_device_info info;
    dsvk_log         log;
};

struct dsvk_model {
    dsvk_model_info info;
    dsvk_log        log;
    char            folder[256];
};

struct dsvk_session {
    const dsvk_model *model;
    uint32_t          context;
    size_t            n, prompt; /* of the first sync */
};

/* Writes a line as an error and answers `status`. */
dsvk_status fail(const dsvk_log *log, dsvk_status status, const char *line);
/* Whether the name of the folder has `name` in it. */
bool is(const dsvk_model *model, const char *name);
/* Half a minute, unless somebody stops it. */
bool drag(const dsvk_progress *progress);

#endif
