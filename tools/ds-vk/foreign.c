/* SPDX-License-Identifier: MIT */
/* What people's fingers know from other programs. */
#include "options.h"

#include <string.h>

const char *options_alias(const char *name, size_t length)
{
    static const char *const names[][2] = {
        { "max-tokens", "tokens-out" }, { "n-predict", "tokens-out" }, { "temperature", "temp" },
        { "ctx-size", "ctx" },          { "system-prompt", "system" },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(names[i][0], name, length) == 0 && names[i][0][length] == 0)
            return names[i][1];
    return NULL;
}

const char *options_foreign(const char *word)
{
    static const char layers[]   = "what fits is on the device without it; --memory says how much";
    static const char download[] = "download the folder first (hf download NAME), then -m FOLDER";
    static const char threads[]  = "the device computes, so there are no threads to set";
    static const char flash[]    = "attention is always computed in one kernel";
    static const char *const words[][2] = {
        { "-ngl", layers },        { "--n-gpu-layers", layers }, { "--gpu-layers", layers },
        { "-hf", download },       { "--hf-repo", download },    { "-hfr", download },
        { "-t", threads },         { "--threads", threads },     { "-fa", flash },
        { "--flash-attn", flash },
    };
    size_t length = strcspn(word, "=");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i][0]) == length && memcmp(words[i][0], word, length) == 0)
            return words[i][1];
    return NULL;
}
