/* SPDX-License-Identifier: MIT */
/* What all commands share: outcomes that become exit status and one error line, and the opening
 * of model, device, weights and session in this order. Commands open nothing by themselves and
 * close nothing: cli_close() runs after any outcome. */
#include "cli.h"

#include "host.h"
#include "progress.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- outcomes ---- */

int cli_fail(struct cli *cli, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_error(&cli->log, format, arguments);
    va_end(arguments);
    return EXIT_FAILED;
}

int cli_usage(struct cli *cli, const char *format, ...)
{
    va_list arguments;
    char    line[sizeof cli->log.error];
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    cli_fail(cli, "%s%s%s", cli->command ? cli->command : "", cli->command ? ": " : "", line);
    return EXIT_USAGE;
}

int cli_status(struct cli *cli, dsvk_status status, const char *what)
{
    progress_clear();
    if (host_interrupted() && (status == DSVK_OK || status == DSVK_CANCELLED))
        return EXIT_SIGNAL + host_interrupted();
    if (status == DSVK_OK)
        return EXIT_DONE;
    return cli_fail(cli, "%s: %s", what, dsvk_status_text(status));
}

int cli_write(struct cli *cli, const char *bytes, size_t n)
{
    errno = 0;
    if (n > 0)
        progress_text(bytes[n - 1] != '\n' && host_is_terminal(stdout));
    if (fwrite(bytes, 1, n, stdout) == n && fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_DONE;
    if (errno == EPIPE || host_reader_gone(stdout))
        return EXIT_UNREAD;
    return cli_fail(cli, "standard output: %s", errno ? strerror(errno) : "cannot be written");
}

/* ---- opening ---- */

#define MAX_FOLDER 4096

bool cli_is_checkpoint(const char *folder)
{
    char path[MAX_FOLDER + 16];
    snprintf(path, sizeof path, "%s/config.json", folder);
    FILE *file = host_open(path, "rb");
    if (file)
        fclose(file);
    return file != NULL;
}

bool cli_file_begins(const char *name, const char *bytes)
{
    char   first[8];
    size_t n    = strlen(bytes);
    FILE  *file = host_open(name, "rb");
    bool   same =
        file && fread(first, 1, n ? n : 1, file) == (n ? n : 1) && memcmp(first, bytes, n) == 0;
    if (file)
        fclose(file);
    return same;
}

/* People give what other programs take. */
static int check_folder(struct cli *cli, const char *folder)
{
    if (cli_file_begins(folder, "GGUF"))
        return cli_fail(cli,
                        "%s: a GGUF file; ds-vk takes the folder that the model was published "
                        "as, with config.json and *.safetensors",
                        folder);
    if (cli_file_begins(folder, ""))
        return cli_fail(cli,
                        "%s: a file; --model takes its folder, with config.json and "
                        "*.safetensors",
                        folder);
    return EXIT_DONE;
}

/* Beside the program in the build tree, in the prefix that it was installed to, or in the prefix
 * that it was configured for. */
static bool find_demonstration(char *folder, size_t bytes)
{
    char program[MAX_FOLDER - 64];
    if (host_program_folder(program, sizeof program)) {
        snprintf(folder, bytes, "%s/models/demo", program);
        if (cli_is_checkpoint(folder))
            return true;
        snprintf(folder, bytes, "%s/../share/ds-vk/demo", program);
        if (cli_is_checkpoint(folder))
            return true;
    }
    snprintf(folder, bytes, "%s/demo", CLI_DATA_FOLDER);
    return cli_is_checkpoint(folder);
}

int cli_open_model(struct cli *cli, enum model_part part)
{
    const struct option_value *values = cli->options.values;
    const char                *folder = values[OPT_MODEL].text, *like = values[OPT_LIKE].text;
    char                       demonstration[MAX_FOLDER];

    if (folder && like)
        return cli_usage(cli, "--model and --like exclude each other");
    if (values[OPT_LAYERS].given && !like)
        return cli_usage(cli, "--layers goes with --like");
    if (!folder && !like) {
        if (!find_demonstration(demonstration, sizeof demonstration))
            return cli_fail(
                cli, "no model: give --model DIR (the demonstration model is not installed)");
        folder = demonstration;
    }
    int code = like ? EXIT_DONE : check_folder(cli, folder);
    if (code)
        return code;
    dsvk_model_params params = { .folder         = folder,
                                 .like           = like,
                                 .layers         = (uint32_t)values[OPT_LAYERS].count,
                                 .config_only    = part == PART_CONFIG,
                                 .tokenizer_only = part == PART_TOKENIZER,
                                 .log            = log_sink(&cli->log) };
    return cli_status(cli, dsvk_model_open(&cli->model, &params), like ? like : folder);
}

/* NULL: compiled pipelines are not kept. */
static const char *pipeline_folder(struct cli *cli, char *folder, size_t bytes)
{
    const struct option_value *option = &cli->options.values[OPT_PIPELINE_CACHE];
    if (option->given)
        return strcmp(option->text, "off") == 0 ? NULL : option->text;
    if (!host_cache_folder(folder, bytes - sizeof "/ds-vk")) {
        log_info(&cli->log, "pipeline cache: none, there is no home folder");
        return NULL;
    }
    strcat(folder, "/ds-vk");
    return folder;
}

int cli_open_device(struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    char                       folder[MAX_FOLDER];
    const char                *kept   = pipeline_folder(cli, folder, sizeof folder);
    dsvk_device_params         params = { .which          = values[OPT_DEVICE].text,
                                          .memory_limit   = values[OPT_MEMORY].count,
                                          .pipeline_cache = kept,
                                          .log            = log_sink(&cli->log) };
    int code = cli_status(cli, dsvk_device_open(&cli->device, &params), "opening the device");
    if (code)
        return code;
    const dsvk_device_info *info = dsvk_device_describe(cli->device);
    if (info->software && !params.which)
        log_note(&cli->log, "no GPU was found; running on %s", info->name);
    else if (strcmp(cli->command, "run") == 0)
        log_note(&cli->log, "running on %s", info->name);
    else
        log_info(&cli->log, "device: %s, %s", info->name, info->driver);
    if (info->slow)
        log_note(&cli->log, "%s", SLOW_DRIVER);
    return EXIT_DONE;
}

dsvk_run cli_run(const struct cli *cli, uint32_t context)
{
    const struct option_value *values = cli->options.values;
    return (dsvk_run){
        .math        = (dsvk_math)values[OPT_MATH].count,
        .weights     = (dsvk_weights)values[OPT_WEIGHTS].count,
        .head        = (dsvk_head)values[OPT_HEAD].count,
        .no_fuse     = values[OPT_NO_FUSE].given,
        .context     = context,
        .chunk       = (uint32_t)values[OPT_CHUNK].count,
        .cache       = (dsvk_cache)values[OPT_CACHE].count,
        .host_memory = values[OPT_HOST_MEMORY].count,
    };
}

dsvk_plan_params cli_plan_params(const struct cli *cli, uint32_t context)
{
    return (dsvk_plan_params){ .run          = cli_run(cli, context),
                               .memory_limit = cli->options.values[OPT_MEMORY].count };
}

/* The library knows what it needs, and not by which option a person gives it. */
static void say_least(struct cli *cli, uint32_t context)
{
    dsvk_plan        plan;
    dsvk_plan_params params = cli_plan_params(cli, context);
    if (dsvk_model_plan(&plan, cli->model, cli->device, &params) == DSVK_OK && !plan.fits)
        log_error_more(&cli->log, "; the least that works is --memory %llu",
                       (unsigned long long)plan.least_bytes);
}

int cli_load(struct cli *cli, uint32_t context)
{
    struct progress bar;
    int             code = cli_open_device(cli);
    if (code)
        return code;
    progress_init(&bar, &cli->log, "loading", true);
    dsvk_load_params params = { .run = cli_run(cli, context), .progress = progress_sink(&bar) };
    dsvk_status      status = dsvk_model_load(cli->model, cli->device, &params);
    if (status == DSVK_NO_VRAM)
        say_least(cli, context);
    return cli_status(cli, status, "loading the model");
}

dsvk_session_params cli_session_params(struct cli *cli, uint32_t context)
{
    dsvk_run run = cli_run(cli, context);
    return (dsvk_session_params){ .context   = run.context,
                                  .chunk     = run.chunk,
                                  .cache     = run.cache,
                                  .compiling = progress_sink(&cli->compiling) };
}

int cli_open_session(struct cli *cli, uint32_t context, bool profile)
{
    dsvk_session_params params = cli_session_params(cli, context);
    params.profile             = profile;
    progress_init_many(&cli->compiling, &cli->log, "compiling");
    int code = cli_status(cli, dsvk_session_new(&cli->session, cli->model, &params), "the session");
    if (code == EXIT_DONE)
        log_info(&cli->log, "context: %u tokens, in passes of at most %u",
                 dsvk_session_context(cli->session), dsvk_session_chunk(cli->session));
    return code;
}

void cli_close(struct cli *cli)
{
    progress_clear();
    dsvk_session_free(cli->session);
    dsvk_model_close(cli->model);
    dsvk_device_close(cli->device);
    cli->session = NULL;
    cli->model   = NULL;
    cli->device  = NULL;
}
