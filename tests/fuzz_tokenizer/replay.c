/* SPDX-License-Identifier: MIT */
/* Runs the files named on the command line through a fuzz target, once each. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file || fseek(file, 0, SEEK_END) != 0)
            return 1;
        long     bytes = ftell(file);
        uint8_t *data  = malloc(bytes > 0 ? (size_t)bytes : 1);
        rewind(file);
        if (!data || bytes < 0 || fread(data, 1, (size_t)bytes, file) != (size_t)bytes)
            return 1;
        LLVMFuzzerTestOneInput(data, (size_t)bytes);
        free(data);
        fclose(file);
    }
    return argc > 1 ? 0 : 1;
}
