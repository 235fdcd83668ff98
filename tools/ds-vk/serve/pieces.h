/* SPDX-License-Identifier: MIT */
/* The tokens of a choice become pieces: reasoning, text and calls, kept and told in the dialect.
 * Stop texts count in the text alone. A format that the text must have masks tokens as soon as
 * reasoning is over. */
#ifndef SERVE_PIECES_H
#define SERVE_PIECES_H

#include "answer.h"

/* Makes what takes the answer apart. */
bool pieces_init(struct choice *choice, struct refusal *why);
void pieces_done(struct choice *choice);
/* One token, with the lock of the answer; false: it ends here. */
bool pieces_take(struct choice *choice, uint32_t token, const char *text, size_t bytes);
/* There are no more. */
void pieces_end(struct choice *choice);

#endif
