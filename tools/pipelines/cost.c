/* SPDX-License-Identifier: MIT */
/* What the rows of the cost report need besides the compiler's numbers (tools/vendors --cost). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pipelines.h"

#define TILE_BYTES 16u /* of a lane, of each group of 8 rows: lib/dot.glsl */

static const struct {
    const char *kernel;
    bool        one_token;  /* has no constant for tokens */
    uint32_t    norm, pair; /* constants; 0: has none */
} dots[] = {
    { "matmul", false, DV_DOT_NORM, DV_DOT_PAIR },
    { "project_two", false, DV_DOT_NORM, DV_DOT_PAIR },
    { "route_up", true, DV_DOT_NORM, DV_DOT_PAIR },
    { "expert_down", true, 0, 0 },
    { "mla_prepare", false, 0, 0 },
    { "attend_value", false, 0, 0 },
};

static const char *const roles[] = {
    [DV_ROLE_NONE]        = "-",
    [DV_ROLE_NORM]        = "norm",
    [DV_ROLE_EMBEDDING]   = "-",
    [DV_ROLE_HEAD]        = "head",
    [DV_ROLE_ATTENTION]   = "attention",
    [DV_ROLE_DENSE]       = "dense",
    [DV_ROLE_SHARED]      = "shared",
    [DV_ROLE_EXPERT]      = "experts",
    [DV_ROLE_ROUTER]      = "router",
    [DV_ROLE_ROUTER_BIAS] = "router",
    [DV_ROLE_PREDICTOR]   = "predictor",
};

static size_t find_dot(const char *kernel)
{
    size_t i = 0;
    while (i < sizeof dots / sizeof *dots && strcmp(dots[i].kernel, kernel) != 0)
        i++;
    return i;
}

uint32_t weight_bytes(const struct dv_pipeline_params *params)
{
    size_t i = find_dot(params->kernel);
    if (i == sizeof dots / sizeof *dots)
        return 0;
    uint32_t groups = params->spec[DV_DOT_GROUPS], ahead = 1;
    bool     one = dots[i].one_token || params->spec[DV_DOT_TOKENS] == 1;
    if (one && params->spec[DV_WORKGROUP] > 8 && groups < 4)
        ahead = 4 / groups;
    return TILE_BYTES * groups * ahead;
}

void print_role(char *out, size_t room, const struct found *found)
{
    size_t          i    = find_dot(found->params.kernel);
    const uint32_t *spec = found->params.spec;
    bool            dot  = i < sizeof dots / sizeof *dots;
    snprintf(out, room, "%s%s%s", roles[found->role],
             dot && dots[i].norm && spec[dots[i].norm] ? ", norm" : "",
             dot && dots[i].pair && spec[dots[i].pair] ? ", gated" : "");
}
