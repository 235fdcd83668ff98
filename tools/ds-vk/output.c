/* SPDX-License-Identifier: MIT */
/* The end of an output file: it appears under its name when it is whole, or goes. How one begins,
 * and what a name stands for, is the system's (output_posix.c, output_win32.c). */
#include "host.h"

#include <stdlib.h>

static bool copy(FILE *from, FILE *to)
{
    char   bytes[65536];
    size_t n;
    while ((n = fread(bytes, 1, sizeof bytes, from)) > 0)
        if (fwrite(bytes, 1, n, to) != n)
            return false;
    return !ferror(from);
}

static bool copy_file(const char *from_name, const char *to_name)
{
    FILE *from  = host_open(from_name, "rb");
    FILE *to    = from ? host_open(to_name, "wb") : NULL;
    bool  whole = to && copy(from, to);
    if (to)
        whole = fclose(to) == 0 && whole;
    if (from)
        fclose(from);
    return whole;
}

bool host_output_commit(struct host_output *output)
{
    bool whole   = !ferror(output->file);
    whole        = fclose(output->file) == 0 && whole;
    output->file = NULL;
    if (!whole || !output->temporary)
        return whole;
    if (output->copied) /* the temporary file goes when the output is discarded */
        return copy_file(output->temporary, output->target);
    if (!host_move(output->temporary, output->target))
        return false;
    free(output->temporary);
    output->temporary = NULL;
    return true;
}

void host_output_discard(struct host_output *output)
{
    if (output->file)
        fclose(output->file);
    if (output->temporary)
        host_remove(output->temporary);
    free(output->temporary);
    free(output->target);
    free(output->name);
    *output = (struct host_output){ 0 };
}
