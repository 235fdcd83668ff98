/* SPDX-License-Identifier: MIT */
/* What the endpoints of OpenAI's form share. */
#ifndef SERVE_OPENAI_H
#define SERVE_OPENAI_H

#include "answer.h"

/* {"id": ..., "object": ..., "created": ..., "model": ..., "choices": [choice]}; consumes the
 * choice, NULL: there is none. */
json_t *openai_document(const struct answer *answer, const char *object, json_t *choice);
json_t *openai_usage(const struct answer *answer);
json_t *openai_timings(const struct answer *answer);
/* An answer in one document, with what `choice_of` says of each choice, usage and timings. */
json_t *openai_whole(const struct answer *answer, const char *object,
                     json_t *(*choice_of)(struct choice *choice));
/* The last events of a stream: usage where it is asked for, and [DONE]. */
void openai_close(struct answer *answer, const char *object);
void openai_fail(struct answer *answer, const struct refusal *why);
/* ask_common(), n, stop, stream_options, and what this server does not have. */
bool openai_common(struct ask *ask, struct refusal *why);

#endif
