/* SPDX-License-Identifier: MIT */
/* All groups, or those that are named: `test_vk instance pipeline` suits devices that compile
 * but do not run. */
#include <stdio.h>
#include <string.h>

#include "modules.h"
#include "support/device.h"

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } groups[] = {
        { "instance", test_instance },       { "memory", test_memory },
        { "pipeline", test_pipeline },       { "commands", test_commands },
        { "stream", test_stream },           { "fault", test_fault },
        { "compiling", test_compiling },     { "cache_file", test_cache_file },
        { "cache_fault", test_cache_fault }, { "reopen", test_reopen },
        { "background", test_background },
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++)
            wanted |= strcmp(argv[k], groups[i].name) == 0;
        if (wanted)
            failed += groups[i].run();
    }
    return test_result(failed);
}
