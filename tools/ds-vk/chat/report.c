/* SPDX-License-Identifier: MIT */
/* What is known of the last answer. */
#include "../host.h"
#include "chat.h"

static double rate(const struct chat *chat)
{
    double seconds = chat->last.total_seconds - chat->last.first_seconds;
    return chat->last.generated > 1 && seconds > 0 ? (double)(chat->last.generated - 1) / seconds
                                                   : 0;
}

void chat_report_line(struct chat *chat)
{
    const struct run_result *last = &chat->last;
    if (last->first_seconds >= 0)
        chat_say("[%zu tokens asked, %zu of them known; %zu answered, the first after %.2f s, then "
                 "%.1f/s; %zu of %u tokens of context]",
                 last->prompt, chat->reused, last->generated, last->first_seconds, rate(chat),
                 dsvk_session_tokens(chat->cli->session), dsvk_session_context(chat->cli->session));
}

void chat_report(struct chat *chat)
{
    if (chat->last.generated == 0)
        chat_say("There was no answer yet.");
    chat_report_line(chat);
    report_stats(chat->cli, &chat->last);
}
