/* SPDX-License-Identifier: MIT */
/* A question and its answer: minimal FOLDER [QUESTION] */
#include <dsvk/dsvk.h>
#include <stdio.h>

static bool take(void *user, uint32_t token, const char *text, size_t bytes)
{
    (void)user;
    (void)token;
    fwrite(text, 1, bytes, stdout); /* whole UTF-8 */
    return fflush(stdout) == 0;
}

static void complain(void *user, dsvk_log_level level, const char *line)
{
    (void)user;
    (void)level;
    fprintf(stderr, "minimal: %s\n", line);
}

static dsvk_status answer(dsvk_session *session, const dsvk_model *model, const char *question)
{
    dsvk_message         message = { .role = "user", .text = question };
    dsvk_generate_params params  = { .take = take, .limit = 500 };
    uint32_t            *ids;
    size_t               n;
    dsvk_status          status = dsvk_model_chat(model, &message, 1, NULL, &ids, &n);
    if (status == DSVK_OK)
        status = dsvk_session_sync(session, ids, n, NULL);
    if (status == DSVK_OK)
        status = dsvk_session_generate(session, &params, NULL);
    dsvk_model_free_memory(model, ids);
    return status;
}

int main(int argc, char **argv)
{
    dsvk_log           log     = { .write = complain, .level = DSVK_LOG_ERROR };
    dsvk_model_params  opening = { .folder = argc > 1 ? argv[1] : ".", .log = log };
    dsvk_device_params where   = { .log = log };
    dsvk_device       *device  = NULL;
    dsvk_model        *model   = NULL;
    dsvk_session      *session = NULL;
    dsvk_status        status  = dsvk_device_open(&device, &where);
    if (status == DSVK_OK)
        status = dsvk_model_open(&model, &opening);
    if (status == DSVK_OK)
        status = dsvk_model_load(model, device, NULL);
    if (status == DSVK_OK)
        status = dsvk_session_new(&session, model, NULL);
    if (status == DSVK_OK)
        status = answer(session, model, argc > 2 ? argv[2] : "What is MLA?");
    puts("");
    dsvk_session_free(session);
    dsvk_model_close(model);
    dsvk_device_close(device);
    return status != DSVK_OK;
}
