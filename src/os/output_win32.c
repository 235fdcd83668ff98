/* SPDX-License-Identifier: MIT */
/* A file that is written from beginning to end, on Windows. `error` is the system's number, and
 * that is no C library's. */
#include "os/output.h"

#include "os/win32.h"

static HANDLE handle_of(const struct dv_output *output)
{
    return (HANDLE)output->descriptor;
}

static dsvk_status fail_with(const struct dv_output *output, const char *path, DWORD error)
{
    char reason[DV_REASON];
    return dv_fail(output->ctx, DSVK_BAD_FILE, "%s: %s: %s", output->module, path,
                   dv_win32_reason(reason, error));
}

dsvk_status dv_output_create(struct dv_output *output, const struct dv_context *ctx,
                             const char *module, const char *folder, const char *name)
{
    char reason[DV_REASON];
    *output = (struct dv_output){ .ctx = ctx, .module = module, .descriptor = -1 };
    SetLastError(ERROR_FILENAME_EXCED_RANGE);
    if (dv_place_join(output->path, folder, name))
        output->descriptor = (intptr_t)dv_win32_open(output->path, GENERIC_WRITE, CREATE_ALWAYS);
    if (output->descriptor == -1)
        return dv_fail(ctx, DSVK_BAD_FILE, "%s: %s/%s: %s", module, folder, name,
                       dv_win32_reason(reason, GetLastError()));
    return DSVK_OK;
}

/* Its access list is that of the folder. */
dsvk_status dv_output_create_beside(struct dv_output *output, const struct dv_context *ctx,
                                    const char *module, const char *path)
{
    *output            = (struct dv_output){ .ctx = ctx, .module = module, .descriptor = -1 };
    output->descriptor = (intptr_t)dv_win32_open_beside(output->path, path);
    if (output->descriptor == -1) {
        output->path[0] = 0;
        return fail_with(output, path, GetLastError());
    }
    return DSVK_OK;
}

void dv_output_write(struct dv_output *output, const void *data, uint64_t bytes)
{
    if (output->error == 0 && !dv_win32_write(handle_of(output), data, bytes))
        output->error = (int)GetLastError();
}

dsvk_status dv_output_close(struct dv_output *output)
{
    if (output->error == 0 && !FlushFileBuffers(handle_of(output)))
        output->error = (int)GetLastError();
    if (!CloseHandle(handle_of(output)) && output->error == 0)
        output->error = (int)GetLastError();
    output->descriptor = -1;
    return output->error ? fail_with(output, output->path, (DWORD)output->error) : DSVK_OK;
}

dsvk_status dv_output_put(struct dv_output *output, const char *path)
{
    dsvk_status status = dv_output_close(output);
    if (status == DSVK_OK && !dv_win32_move(output->path, path))
        status = fail_with(output, path, GetLastError());
    if (status != DSVK_OK)
        dv_win32_remove(output->path);
    return status;
}

void dv_output_drop(struct dv_output *output)
{
    if (output->descriptor != -1)
        CloseHandle(handle_of(output));
    output->descriptor = -1;
}
