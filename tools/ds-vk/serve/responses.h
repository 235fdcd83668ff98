/* SPDX-License-Identifier: MIT */
/* Reading a request to /v1/responses. */
#ifndef SERVE_RESPONSES_H
#define SERVE_RESPONSES_H

#include "ask.h"

/* Items become messages. False and no refusal: there is nothing to answer, as where Codex looks
 * whether the server is there. */
bool responses_input(struct ask *ask, struct server *server, struct refusal *why);
/* Everything else. */
bool responses_fields(struct ask *ask, struct refusal *why);

#endif
