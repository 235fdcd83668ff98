/* SPDX-License-Identifier: MIT */
/* Beginnings of conversations on the disk (--cache-dir): timelines of sessions, saved when a
 * session is needed for another conversation and when the server stops, and loaded when a prompt
 * begins as one does. Calls come from any thread.
 *
 * One is two files, dsvk-HASH.session of dsvk_session_save() and then dsvk-HASH.ids, by which it
 * is found: the second is there when the first is whole. Each appears under its name at once.
 * What they say is not trusted: the library checks a session before it takes a page of it, and
 * takes what it has in common with the prompt itself. */
#ifndef SERVE_STORE_H
#define SERVE_STORE_H

#include "../cli.h"

struct store;

/* What can be known to be wrong before a model is opened. An exit status. */
int store_check(struct cli *cli);
/* For a model of that folder; *out stays NULL without --cache-dir. False: there is no memory. */
bool store_open(struct store **out, struct cli *cli, const dsvk_model *model, const char *folder);
/* Before a session, which has no call, answers a prompt: saves what that will drop, and loads what
 * is better to begin with than what the session has. `store` may be NULL, here and below. */
void store_swap(struct store *store, dsvk_session *session, const uint32_t *ids, size_t n,
                const dsvk_stop *stop);
/* Saves its timeline, unless that is there. */
void store_keep(struct store *store, dsvk_session *session);
void store_close(struct store *store);

#endif
