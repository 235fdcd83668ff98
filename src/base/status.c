/* SPDX-License-Identifier: MIT */
#include "dsvk/base.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *dsvk_status_text(dsvk_status status)
{
    static const char *const texts[] = {
#define X(name, text) [DSVK_##name] = text,
        DSVK_STATUS_MAP(X)
#undef X
    };
    unsigned i = (unsigned)status;
    return i < sizeof texts / sizeof *texts ? texts[i] : "unknown status";
}

const char *dsvk_version(void)
{
    return TEXT(DSVK_VERSION_MAJOR) "." TEXT(DSVK_VERSION_MINOR) "." TEXT(DSVK_VERSION_PATCH);
}
