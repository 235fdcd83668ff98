/* SPDX-License-Identifier: MIT */
/* `ds-vk chat`: questions and answers until the person leaves, or a pipe ends. */
#include "chat.h"

#include "../host.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is said ---- */

static int write_error(void *user, const char *bytes, size_t n)
{
    (void)user;
    fwrite(bytes, 1, n, stderr);
    return EXIT_DONE;
}

void chat_say(const char *format, ...)
{
    char           text[2048];
    struct printer printer = { .file     = stderr,
                               .terminal = host_is_terminal(stderr),
                               .write    = write_error };
    va_list        arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n < 0)
        return;
    fflush(stdout);
    printer_begin(&printer);
    printer_put(&printer, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
    if (n > 0)
        printer_end(&printer);
    else
        fputs("\n", stderr);
}

void chat_say_error(struct chat *chat)
{
    chat->failed = true;
    log_finish(&chat->cli->log);
    chat->cli->log.error[0] = 0;
}

static int write_answer(void *user, const char *bytes, size_t n)
{
    return cli_write(user, bytes, n);
}

/* ---- questions ---- */

static int add_question(struct chat *chat, const struct buffer *text)
{
    if (text->failed)
        return cli_fail(chat->cli, "no memory for a question of %zu bytes", text->n);
    if (memchr(text->data, 0, text->n))
        return cli_fail(chat->cli, "the question has a zero byte at %zu", strlen(text->data));
    if (!talk_add(&chat->talk, "user", text->data, NULL))
        return cli_fail(chat->cli, "the question is not UTF-8, or there is no memory for it");
    return EXIT_DONE;
}

static int on_question(struct chat *chat, const struct buffer *text)
{
    int code = add_question(chat, text);
    if (code) {
        chat_say_error(chat);
        return EXIT_DONE;
    }
    chat->tries = 0;
    code        = chat_ask(chat);
    if (chat->lines.person && code == EXIT_DONE)
        chat_say("%s", "");
    return code;
}

static bool is_blank(const struct buffer *text)
{
    for (size_t i = 0; i < text->n; i++)
        if (!strchr(" \t\n", text->data[i]) || text->data[i] == 0)
            return false;
    return true;
}

static int on_text(struct chat *chat, const struct buffer *text)
{
    if (is_blank(text))
        return EXIT_DONE;
    if (!chat->lines.person)
        return on_question(chat, text);
    lines_remember(&chat->lines, text->data);
    return text->data[0] == '/' ? chat_command(chat, text->data) : on_question(chat, text);
}

static int talk(struct chat *chat)
{
    struct buffer text = { 0 };
    int           code = EXIT_DONE;
    while (code == EXIT_DONE && !chat->over) {
        dsvk_stop_set(chat->stop, false); /* Ctrl-C behind a question stops it, however soon */
        enum line what = lines_next(&chat->lines, &text);
        if (what == LINE_END)
            break;
        if (what == LINE_STOPPED)
            chat_say("(Ctrl-D or /quit leaves, /help says what else there is)");
        else
            code = on_text(chat, &text);
        text.failed = false;
    }
    buffer_done(&text);
    if (code == EXIT_DONE && host_interrupted())
        return EXIT_SIGNAL + host_interrupted();
    return code == EXIT_DONE && chat->failed && !chat->lines.person ? EXIT_FAILED : code;
}

/* ---- opening ---- */

static int check_format(struct cli *cli)
{
    const char *format = dsvk_model_describe(cli->model)->chat_format;
    if (cli->options.values[OPT_CHAT_FORMAT].given)
        return EXIT_DONE;
    if (strcmp(format, "unknown") == 0)
        return cli_fail(cli, "the model's chat template is none that is known here: "
                             "--chat-format NAME says which it is like");
    if (strcmp(format, "none") == 0)
        return cli_fail(cli, "the model has no chat template, as base models have none: "
                             "--chat-format NAME gives it one, ds-vk run continues a text");
    return EXIT_DONE;
}

static int load(struct chat *chat)
{
    struct cli *cli     = chat->cli;
    uint32_t    context = (uint32_t)cli->options.values[OPT_CTX].count;
    double      start   = host_seconds();
    int         code    = cli_load(cli, context);
    if (code == EXIT_DONE)
        code = cli_open_session(cli, context, false);
    chat->last.load_seconds = host_seconds() - start;
    return code;
}

/* The conversation so far: a file, a system message, or nothing. */
static int begin_talk(struct chat *chat)
{
    struct cli *cli    = chat->cli;
    const char *system = cli->options.values[OPT_SYSTEM].text;
    if (!talk_init(&chat->talk))
        return cli_fail(cli, "no memory for a conversation");
    if (cli->options.n_arguments > 0 && !chat_load(chat, cli->options.arguments[0]))
        return EXIT_FAILED;
    if (cli->options.values[OPT_THINK].given)
        chat->think = (dsvk_think)cli->options.values[OPT_THINK].count;
    if (system && !talk_set_system(&chat->talk, system))
        return cli_fail(cli, "the system message is not UTF-8, or there is no memory for it");
    return EXIT_DONE;
}

static void on_interrupt(void *user)
{
    dsvk_stop_set(user, true);
}

static int prepare(struct chat *chat)
{
    struct cli *cli  = chat->cli;
    int         code = cli_open_model(cli, PART_ALL);
    if (code == EXIT_DONE)
        code = check_format(cli);
    if (code == EXIT_DONE)
        code = begin_talk(chat);
    if (code == EXIT_DONE)
        code = cli_status(cli, dsvk_stop_new(&chat->stop, NULL), "a conversation");
    if (code)
        return code;
    chat->sampling = sampling_choose(cli, cli->model);
    sampling_add_biases(cli, &chat->sampling, chat->biases);
    return load(chat);
}

static void greet(struct chat *chat)
{
    struct cli *cli = chat->cli;
    if (!chat->lines.person || cli->log.verbosity < 0)
        return;
    const char *format = cli->options.values[OPT_CHAT_FORMAT].text;
    chat_say("%s, chat format %s, context of %u tokens. /help lists commands, Ctrl-D leaves.",
             dsvk_model_describe(cli->model)->architecture,
             format ? format : dsvk_model_describe(cli->model)->chat_format,
             dsvk_session_context(cli->session));
}

int command_chat(struct cli *cli)
{
    struct chat chat = { .cli = cli, .think = DSVK_THINK_AUTO };
    chat.printer     = (struct printer){ .file     = stdout,
                                         .terminal = host_is_terminal(stdout),
                                         .styled   = printer_may_style(stdout),
                                         .write    = write_answer,
                                         .user     = cli };
    int code         = prepare(&chat);
    if (code == EXIT_DONE) {
        lines_open(&chat.lines, cli);
        if (chat.lines.person)
            host_hear(on_interrupt, chat.stop);
        greet(&chat);
        code = talk(&chat);
        lines_close(&chat.lines);
        if (chat.lines.person)
            host_hear(NULL, NULL);
    }
    dsvk_stop_free(chat.stop);
    talk_done(&chat.talk);
    buffer_done(&chat.heard.text);
    buffer_done(&chat.heard.reasoning);
    buffer_done(&chat.heard.pending);
    return code;
}
