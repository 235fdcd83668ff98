/* SPDX-License-Identifier: MIT */
/* A question and its answer. The whole conversation is encoded for each, as the model's own
 * template does it, and dsvk_session_sync() computes what is new. Where it becomes longer than
 * the context, its oldest turns are left out: more of them than needed, since what stands behind
 * has to be computed again each time. */
#include "../host.h"
#include "../progress.h"
#include "../stops.h"
#include "chat.h"

#include <stdlib.h>
#include <string.h>

#define FREE_LEAST 8 /* parts of the context of which one is there for the answer */
#define FREE_AGAIN 4 /* and after turns were left out */

/* ---- the prompt ---- */

static dsvk_chat_params chat_params(const struct chat *chat)
{
    return (dsvk_chat_params){ .think  = chat->think,
                               .format = chat->cli->options.values[OPT_CHAT_FORMAT].text };
}

static int encode(struct chat *chat, size_t skipped, dsvk_prompt *prompt)
{
    struct cli      *cli    = chat->cli;
    dsvk_chat_params params = chat_params(chat);
    char            *text   = talk_seen(&chat->talk, skipped);
    *prompt                 = (dsvk_prompt){ 0 };
    if (!text)
        return cli_fail(cli, "no memory for a conversation of %zu messages",
                        talk_count(&chat->talk));
    dsvk_status status =
        dsvk_model_chat_json(cli->model, text, strlen(text), &params, false, prompt);
    free(text);
    return cli_status(cli, status, "the chat format");
}

static void forget(struct chat *chat, dsvk_prompt *prompt)
{
    dsvk_model_free_memory(chat->cli->model, prompt->ids);
    *prompt = (dsvk_prompt){ 0 };
}

static bool has_room(const dsvk_prompt *prompt, size_t context, size_t part)
{
    return prompt->n_ids + context / part < context;
}

/* Leaves out as few of the oldest turns as make room, all but the last one at most. */
static int make_room(struct chat *chat, dsvk_prompt *prompt)
{
    size_t context = dsvk_session_context(chat->cli->session);
    size_t least = 1, most = talk_turns(&chat->talk) - 1;
    int    code = EXIT_DONE;
    while (code == EXIT_DONE && least < most) {
        size_t middle = (least + most) / 2;
        forget(chat, prompt);
        code = encode(chat, middle, prompt);
        if (code == EXIT_DONE && has_room(prompt, context, FREE_AGAIN))
            most = middle;
        else
            least = middle + 1;
    }
    forget(chat, prompt);
    if (code)
        return code;
    talk_skip(&chat->talk, least);
    log_note(&chat->cli->log,
             "the conversation is longer than the context of %zu tokens: the model does not see "
             "its %zu oldest turn%s any more",
             context, least, PLURAL(least));
    return encode(chat, 0, prompt);
}

static int make_prompt(struct chat *chat, dsvk_prompt *prompt)
{
    size_t context = dsvk_session_context(chat->cli->session);
    int    code    = encode(chat, 0, prompt);
    if (code == EXIT_DONE && !has_room(prompt, context, FREE_LEAST) && talk_turns(&chat->talk) > 1)
        code = make_room(chat, prompt);
    if (code == EXIT_DONE && prompt->n_ids >= context)
        code = cli_fail(chat->cli,
                        "the question has %zu tokens with all that belongs to it, and the context "
                        "of %zu has no room for an answer",
                        prompt->n_ids, context);
    return code;
}

bool chat_can_ask(struct chat *chat)
{
    dsvk_prompt prompt;
    int         code = encode(chat, 0, &prompt);
    forget(chat, &prompt);
    if (code)
        chat_say_error(chat);
    return code == EXIT_DONE;
}

/* ---- the answer ---- */

/* Reasoning is dimmed and no part of the answer in a file; an empty line stands behind it. */
static void put_piece(struct chat *chat, const dsvk_piece *piece)
{
    struct printer *printer   = &chat->printer;
    bool            reasoning = piece->kind == DSVK_PIECE_REASONING;
    struct buffer  *heard     = reasoning ? &chat->heard.reasoning : &chat->heard.text;
    const char     *text      = piece->text;
    size_t          n         = piece->bytes;
    bool            first     = strspn(heard->data, " \n") == heard->n;
    buffer_add(heard, text, n);
    if (reasoning && !printer->terminal)
        return;
    if (!reasoning && first && chat->heard.reasoning.n > 0 && printer->terminal) {
        printer_end(printer);
        printer_put(printer, "\n", 1);
    }
    while (first && n > 0 && (text[0] == '\n' || text[0] == ' ')) { /* that the format has there */
        text++;
        n--;
    }
    printer_dim(printer, reasoning);
    printer_put(printer, text, n);
}

static void put_pending(struct chat *chat, size_t n)
{
    struct buffer *pending = &chat->heard.pending;
    if (n > 0)
        put_piece(chat,
                  &(dsvk_piece){ .kind = DSVK_PIECE_TEXT, .text = pending->data, .bytes = n });
    pending->n -= n;
    memmove(pending->data, pending->data + n, pending->n + 1);
}

/* Text that may begin a stop text waits. */
static void take_piece(void *user, const dsvk_piece *piece)
{
    struct chat          *chat    = user;
    const struct options *options = &chat->cli->options;
    struct buffer        *pending = &chat->heard.pending;
    if (chat->heard.stopped ||
        (piece->kind != DSVK_PIECE_TEXT && piece->kind != DSVK_PIECE_REASONING))
        return;
    if (piece->kind == DSVK_PIECE_REASONING || options->n_stops == 0) {
        put_piece(chat, piece);
        return;
    }
    for (size_t i = 0; i < piece->bytes; i++) /* texts to stop at have no zero byte */
        buffer_add(pending, piece->text[i] ? piece->text + i : "\xef\xbf\xbd",
                   piece->text[i] ? 1 : 3);
    if (pending->failed || pending->n == 0)
        return;
    size_t stop         = stop_find(pending->data, options->stops, options->n_stops);
    chat->heard.stopped = stop != SIZE_MAX;
    put_pending(chat, chat->heard.stopped
                          ? stop
                          : pending->n - stop_may_begin(pending->data, pending->n, options->stops,
                                                        options->n_stops));
}

static bool take(void *user, uint32_t id, const char *text, size_t bytes)
{
    struct chat *chat = user;
    (void)text;
    (void)bytes;
    if (id == DSVK_TEXT_END)
        return false;
    if (chat->last.generated++ == 0)
        chat->last.first_seconds = host_seconds() - chat->began;
    chat->heard.status = dsvk_answer_token(chat->heard.answer, id);
    return chat->heard.status == DSVK_OK && chat->printer.code == EXIT_DONE &&
           !chat->heard.stopped && !host_interrupted();
}

static size_t count_reused(struct chat *chat, const dsvk_prompt *prompt)
{
    size_t    n = 0, same = 0;
    uint32_t *have = malloc(prompt->n_ids * sizeof *have);
    if (have && dsvk_session_ids(chat->cli->session, have, prompt->n_ids, &n) == DSVK_OK)
        while (same < n && same < prompt->n_ids && have[same] == prompt->ids[same])
            same++;
    free(have);
    return same < prompt->n_ids ? same : prompt->n_ids - 1; /* the last one is computed anyway */
}

static dsvk_status compute(struct chat *chat, const dsvk_prompt *prompt, dsvk_end *end)
{
    const struct option_value *limit    = &chat->cli->options.values[OPT_TOKENS_OUT];
    dsvk_session              *session  = chat->cli->session;
    dsvk_sampling              sampling = chat->sampling;
    struct progress            bar;

    progress_init(&bar, &chat->cli->log, "prompt", false);
    dsvk_progress sink = progress_sink(&bar);
    sink.stop          = chat->stop;
    chat->began        = host_seconds();
    chat->reused       = count_reused(chat, prompt);
    chat->last         = (struct run_result){ .prompt        = prompt->n_ids,
                                              .first_seconds = -1,
                                              .load_seconds  = chat->last.load_seconds };
    dsvk_status status = dsvk_session_sync(session, prompt->ids, prompt->n_ids, &sink);
    progress_clear();
    sampling.seed += chat->tries;
    sampling.prompt_tokens      = (uint32_t)prompt->n_ids;
    dsvk_generate_params params = { .sampling = sampling,
                                    .limit    = limit->given && limit->count != UINT64_MAX
                                                    ? (size_t)limit->count
                                                    : 0,
                                    .take     = take,
                                    .user     = chat,
                                    .stop     = chat->stop };
    if (status == DSVK_OK && !(limit->given && limit->count == 0))
        status = dsvk_session_generate(session, &params, end);
    if (chat->heard.status == DSVK_OK)
        chat->heard.status = dsvk_answer_end(chat->heard.answer);
    if (!chat->heard.stopped && chat->heard.pending.n)
        put_pending(chat, chat->heard.pending.n);
    chat->last.total_seconds = host_seconds() - chat->began;
    return status;
}

/* ---- how it ended ---- */

static void say_end(struct chat *chat, dsvk_status status, dsvk_end end)
{
    struct log *log = &chat->cli->log;
    if (end == DSVK_END_LIMIT)
        log_note(log, "stopped at %zu token%s, as -n says", chat->last.generated,
                 PLURAL(chat->last.generated));
    else if (end == DSVK_END_CONTEXT)
        log_note(log, "stopped at the end of the context of %u tokens",
                 dsvk_session_context(chat->cli->session));
    else if (status == DSVK_CANCELLED)
        log_note(log, "stopped%s",
                 chat->last.generated ? "" : " before the answer; the question is taken back");
}

/* The next question works again where that can be. */
static void recover(struct chat *chat)
{
    struct cli *cli = chat->cli;
    log_note(&cli->log, "the device was lost; making it usable again");
    if (dsvk_device_recover(cli->device, NULL) != DSVK_OK)
        chat_say_error(chat);
}

/* What came is kept, whatever ended it; a question without any answer is not. */
static int keep(struct chat *chat, dsvk_status status)
{
    struct cli *cli = chat->cli;
    bool        whole =
        !chat->heard.text.failed && !chat->heard.reasoning.failed && !chat->heard.pending.failed;
    const char *text = chat->heard.text.data, *reasoning = chat->heard.reasoning.data;
    if (chat->last.generated == 0 || status == DSVK_NO_MEMORY)
        (void)talk_back(&chat->talk, true);
    else if (!whole || !talk_add(&chat->talk, "assistant", text ? text : "", reasoning))
        return cli_fail(cli, "no memory for an answer of %zu tokens", chat->last.generated);
    if (host_interrupted())
        return EXIT_SIGNAL + host_interrupted();
    return status == DSVK_OK || status == DSVK_CANCELLED ? EXIT_DONE
                                                         : cli_status(cli, status, "evaluating");
}

/* Nobody here answers a call of a tool, so it is text. */
static dsvk_status begin_answer(struct chat *chat, const dsvk_prompt *prompt)
{
    struct heard    *heard  = &chat->heard;
    dsvk_chat_params params = chat_params(chat);
    heard->text.n = heard->reasoning.n = 0;
    buffer_add(&heard->text, "", 1); /* a 0 where there is no text */
    buffer_add(&heard->reasoning, "", 1);
    heard->text.n = heard->reasoning.n = heard->pending.n = 0;
    heard->stopped                                        = false;
    printer_begin(&chat->printer);
    return dsvk_answer_new(&heard->answer, chat->cli->model,
                           &(dsvk_answer_params){ .chat     = &params,
                                                  .prompt   = prompt->ids,
                                                  .n_prompt = prompt->n_ids,
                                                  .no_calls = true,
                                                  .take     = take_piece,
                                                  .user     = chat });
}

static int answer(struct chat *chat, const dsvk_prompt *prompt)
{
    dsvk_end    end    = DSVK_END_NONE;
    dsvk_status status = begin_answer(chat, prompt);
    chat->heard.status = status;
    if (status == DSVK_OK)
        status = compute(chat, prompt, &end);
    dsvk_answer_free(chat->heard.answer);
    chat->heard.answer = NULL;
    int code           = printer_end(&chat->printer);
    if (code)
        return code;
    say_end(chat, status, end);
    code = keep(chat, status ? status : chat->heard.status);
    if (status == DSVK_DEVICE_LOST) {
        chat_say_error(chat);
        recover(chat);
        code = EXIT_DONE;
    }
    return code;
}

int chat_ask(struct chat *chat)
{
    dsvk_prompt prompt;
    int         code = make_prompt(chat, &prompt);
    if (code)
        (void)talk_back(&chat->talk, true);
    else
        code = answer(chat, &prompt);
    forget(chat, &prompt);
    if (code == EXIT_FAILED) {
        chat_say_error(chat);
        code = EXIT_DONE;
    } else if (code == EXIT_DONE && chat->cli->options.values[OPT_STATS].given) {
        chat_report_line(chat);
    }
    return code;
}
