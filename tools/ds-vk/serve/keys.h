/* SPDX-License-Identifier: MIT */
/* The API keys: one a line in --api-key-file, or the one of the environment. */
#ifndef SERVE_KEYS_H
#define SERVE_KEYS_H

struct server;

int  keys_read(struct server *server); /* an exit status */
void keys_forget(struct server *server);

#endif
