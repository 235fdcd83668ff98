/* SPDX-License-Identifier: MIT */
/* A file that is written from beginning to end, on POSIX systems. The first error is kept and told
 * when the file is closed, so that a writer need not look after each piece. */
#define _XOPEN_SOURCE 700
#include "os/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"

#define MOST_AT_A_TIME (UINT64_C(1) << 30) /* some systems take no more */

dsvk_status dv_output_create(struct dv_output *output, const struct dv_context *ctx,
                             const char *module, const char *folder, const char *name)
{
    *output = (struct dv_output){ .ctx = ctx, .module = module, .descriptor = -1 };
    errno   = ENAMETOOLONG;
    if (dv_place_join(output->path, folder, name))
        output->descriptor = open(output->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (output->descriptor < 0)
        return dv_fail(ctx, DSVK_BAD_FILE, "%s: %s/%s: %s", module, folder, name, strerror(errno));
    return DSVK_OK;
}

dsvk_status dv_output_create_beside(struct dv_output *output, const struct dv_context *ctx,
                                    const char *module, const char *path)
{
    *output = (struct dv_output){ .ctx = ctx, .module = module, .descriptor = -1 };
    int n   = snprintf(output->path, sizeof output->path, "%s.XXXXXX", path);
    errno   = ENAMETOOLONG;
    if (n > 0 && (size_t)n < sizeof output->path)
        output->descriptor = mkstemp(output->path);
    if (output->descriptor < 0) {
        output->path[0] = 0;
        return dv_fail(ctx, DSVK_BAD_FILE, "%s: %s: %s", module, path, strerror(errno));
    }
    fcntl((int)output->descriptor, F_SETFD, FD_CLOEXEC);
    return DSVK_OK;
}

void dv_output_write(struct dv_output *output, const void *data, uint64_t bytes)
{
    const unsigned char *from = data;
    while (bytes > 0 && output->error == 0) {
        ssize_t n = write((int)output->descriptor, from, (size_t)dv_min(bytes, MOST_AT_A_TIME));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            output->error = n < 0 ? errno : EIO;
            break;
        }
        from += n;
        bytes -= (uint64_t)n;
    }
}

dsvk_status dv_output_close(struct dv_output *output)
{
    /* Not all file systems have what fsync does; those that have it fail in other ways. */
    if (output->error == 0 && fsync((int)output->descriptor) != 0 && errno != EINVAL)
        output->error = errno;
    if (close((int)output->descriptor) != 0 && output->error == 0)
        output->error = errno;
    output->descriptor = -1;
    if (output->error == 0)
        return DSVK_OK;
    return dv_fail(output->ctx, DSVK_BAD_FILE, "%s: %s: %s", output->module, output->path,
                   strerror(output->error));
}

/* The entry of a folder is on the disk; some file systems do not have that, and need it not. */
static void settle_folder(const char *path)
{
    char        folder[DV_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    int         n     = slash ? (int)(slash - path) + 1 : 1;
    snprintf(folder, sizeof folder, "%.*s", n, slash ? path : ".");
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    (void)fsync(descriptor);
    close(descriptor);
}

dsvk_status dv_output_put(struct dv_output *output, const char *path)
{
    dsvk_status status = dv_output_close(output);
    if (status == DSVK_OK && rename(output->path, path) != 0)
        status = dv_fail(output->ctx, DSVK_BAD_FILE, "%s: %s: %s", output->module, path,
                         strerror(errno));
    if (status == DSVK_OK)
        settle_folder(path);
    else
        unlink(output->path);
    return status;
}

void dv_output_drop(struct dv_output *output)
{
    if (output->descriptor >= 0)
        close((int)output->descriptor);
    output->descriptor = -1;
}
