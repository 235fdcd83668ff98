/* SPDX-License-Identifier: MIT */
/* What a person asks the program, not the model. */
#include "../host.h"
#include "chat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 60 /* bytes of a question that is taken back */
#define FILE_BYTES (64u << 20)

struct order {
    const char *name, *argument;
    int (*run)(struct chat *chat, const char *argument);
    const char *help;
};

/* ---- what is set ---- */

static int set_system(struct chat *chat, const char *text)
{
    const char *now = talk_system(&chat->talk);
    if (!text[0]) {
        chat_say(now ? "%s" : "There is no system message.", now ? now : "");
        return EXIT_DONE;
    }
    bool none = strcmp(text, "-") == 0;
    if (!talk_set_system(&chat->talk, none ? NULL : text))
        chat_say("The system message is not UTF-8, or there is no memory for it.");
    else if (chat_can_ask(chat))
        chat_say(none ? "No system message any more." : "System message set.");
    return EXIT_DONE;
}

static int set_think(struct chat *chat, dsvk_think think)
{
    dsvk_think before = chat->think;
    chat->think       = think;
    if (!talk_question(&chat->talk)) { /* formats look at a whole conversation */
        (void)talk_add(&chat->talk, "user", "?", NULL);
        chat->think = chat_can_ask(chat) ? think : before;
        (void)talk_back(&chat->talk, true);
    } else if (!chat_can_ask(chat)) {
        chat->think = before;
    }
    if (chat->think == think)
        chat_say(think == DSVK_THINK_ON ? "Answers begin with thoughts."
                                        : "Answers come without thoughts.");
    return EXIT_DONE;
}

static int think(struct chat *chat, const char *argument)
{
    (void)argument;
    return set_think(chat, DSVK_THINK_ON);
}

static int nothink(struct chat *chat, const char *argument)
{
    (void)argument;
    return set_think(chat, DSVK_THINK_OFF);
}

/* ---- files ---- */

static bool write_file(const char *name, const char *text)
{
    struct host_output output;
    if (!host_output_open(&output, name))
        return false;
    fputs(text, output.file);
    fputs("\n", output.file);
    bool whole = host_output_commit(&output);
    int  why   = errno;
    host_output_discard(&output);
    errno = why;
    return whole;
}

static int save(struct chat *chat, const char *name)
{
    size_t n    = talk_count(&chat->talk);
    char  *text = name[0] ? talk_write(&chat->talk, chat->think) : NULL;
    if (!name[0])
        chat_say("/save FILE: where to?");
    else if (!text)
        chat_say("No memory for a text of %zu messages.", n);
    else if (!write_file(name, text))
        chat_say("%s: %s", name, strerror(errno));
    else
        chat_say("Saved: %zu message%s in %s", n, PLURAL(n), name);
    free(text);
    return EXIT_DONE;
}

/* What is no text is not read to its end. */
static int read_file(struct cli *cli, const char *name, struct bytes *bytes)
{
    FILE *file = host_open(name, "rb");
    long  size = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : 0;
    if (file)
        fclose(file);
    if (size > (long)FILE_BYTES)
        return cli_fail(cli, "%s: %ld bytes, more than the %u of a conversation", name, size,
                        FILE_BYTES);
    return input_read(cli, name, bytes);
}

static int check(struct chat *chat, const char *name, const struct bytes *bytes)
{
    struct cli      *cli    = chat->cli;
    dsvk_chat_params params = { .format = cli->options.values[OPT_CHAT_FORMAT].text };
    dsvk_prompt      prompt;
    dsvk_status      status =
        dsvk_model_chat_json(cli->model, bytes->data, bytes->n, &params, false, &prompt);
    dsvk_model_free_memory(cli->model, prompt.ids);
    return cli_status(cli, status, name);
}

bool chat_load(struct chat *chat, const char *name)
{
    char         why[JSON_ERROR_TEXT_LENGTH];
    struct bytes bytes = { 0 };
    int          code  = read_file(chat->cli, name, &bytes);
    if (code == EXIT_DONE)
        code = check(chat, name, &bytes);
    if (code == EXIT_DONE && !talk_read(&chat->talk, bytes.data, bytes.n, &chat->think, why))
        code = cli_fail(chat->cli, "%s: %s", name, why);
    free(bytes.data);
    return code == EXIT_DONE;
}

static int load(struct chat *chat, const char *name)
{
    if (!name[0]) {
        chat_say("/load FILE: which one?");
    } else if (!chat_load(chat, name)) {
        chat_say_error(chat);
    } else {
        size_t n = talk_count(&chat->talk);
        chat_say("Loaded: %zu message%s. /retry answers the last question %s.", n, PLURAL(n),
                 "anew");
    }
    return EXIT_DONE;
}

/* ---- going back ---- */

static int retry(struct chat *chat, const char *argument)
{
    (void)argument;
    if (!talk_back(&chat->talk, false)) {
        chat_say("There is no question to ask again.");
        return EXIT_DONE;
    }
    if (chat->sampling.temperature <= 0)
        chat_say("(Tokens are chosen greedily, so the answer is the same; --temp changes that.)");
    chat->tries++;
    int code = chat_ask(chat);
    if (code == EXIT_DONE)
        chat_say("%s", "");
    return code;
}

static int undo(struct chat *chat, const char *argument)
{
    (void)argument;
    const char *question = talk_question(&chat->talk);
    char        shown[SHOWN + 1];
    snprintf(shown, sizeof shown, "%s", question ? question : "");
    size_t n = strcspn(shown, "\n");
    while (n > 0 && n == SHOWN && ((unsigned char)question[n] & 0xc0) == 0x80)
        n--;
    shown[n] = 0;
    bool cut = question && question[n];
    if (talk_back(&chat->talk, true))
        chat_say("Taken back: %s%s", shown, cut ? "..." : "");
    else
        chat_say("There is nothing to take back.");
    return EXIT_DONE;
}

static int clear(struct chat *chat, const char *argument)
{
    (void)argument;
    talk_clear(&chat->talk);
    chat_say("The conversation begins anew%s.",
             talk_system(&chat->talk) ? ", with its system message" : "");
    return EXIT_DONE;
}

/* ---- the others ---- */

static int stats(struct chat *chat, const char *argument)
{
    (void)argument;
    chat_report(chat);
    return EXIT_DONE;
}

static int quit(struct chat *chat, const char *argument)
{
    (void)argument;
    chat->over = true;
    return EXIT_DONE;
}

static int help(struct chat *chat, const char *argument);

static const struct order orders[] = {
    { "help", "", help, "this list" },
    { "system", " TEXT", set_system, "the system message; shows it without TEXT; - is none" },
    { "think", "", think, "answers begin with thoughts" },
    { "nothink", "", nothink, "answers come without thoughts" },
    { "save", " FILE", save, "write the conversation" },
    { "load", " FILE", load, "go on with one that was written" },
    { "stats", "", stats, "counts, speeds and memory" },
    { "retry", "", retry, "answer the last question again" },
    { "undo", "", undo, "take the last question back" },
    { "clear", "", clear, "begin anew" },
    { "quit", "", quit, "leave, as Ctrl-D does" },
};

#define N_ORDERS (sizeof orders / sizeof *orders)

static int help(struct chat *chat, const char *argument)
{
    (void)chat;
    (void)argument;
    for (size_t i = 0; i < N_ORDERS; i++) {
        int n = (int)(strlen(orders[i].name) + strlen(orders[i].argument));
        chat_say("/%s%s%*s %s", orders[i].name, orders[i].argument, n < 12 ? 12 - n : 0, "",
                 orders[i].help);
    }
    chat_say("A line that ends with \\ goes on; \"\"\" begins and ends a text of several lines. "
             "Ctrl-C stops an answer. A question that begins with / needs a blank before it.");
    return EXIT_DONE;
}

int chat_command(struct chat *chat, const char *line)
{
    size_t      n        = strcspn(line + 1, " \t\n");
    const char *argument = line + 1 + n + strspn(line + 1 + n, " \t\n");
    char       *trimmed  = malloc(strlen(argument) + 1);
    const char *names[N_ORDERS], *near = NULL;
    char        name[32] = "";
    if (!trimmed)
        return cli_fail(chat->cli, "no memory for a command");
    size_t end = strlen(strcpy(trimmed, argument));
    while (end > 0 && strchr(" \t\n", trimmed[end - 1]))
        trimmed[--end] = 0;
    int code = EXIT_DONE;
    for (size_t i = 0; i < N_ORDERS; i++) {
        names[i] = orders[i].name;
        if (strlen(names[i]) == n && memcmp(names[i], line + 1, n) == 0) {
            code = orders[i].run(chat, trimmed);
            free(trimmed);
            return code;
        }
    }
    free(trimmed);
    if (n < sizeof name)
        near = options_nearest(memcpy(name, line + 1, n), names, N_ORDERS);
    chat_say("There is no command /%.*s%s%s. /help lists them; a question that begins with / needs "
             "a blank before it.",
             (int)(n < 40 ? n : 40), line + 1, near ? ", did you mean /" : "", near ? near : "");
    return code;
}
