/* SPDX-License-Identifier: MIT */
/* clang-format off: it would run the lines of the table together. */
/* ds-vk: DeepSeek models on any Vulkan device.
 *
 * The mental model, in the order one needs it:
 *
 *   dsvk_device    a Vulkan device, opened. Several may be open at once.
 *   dsvk_model     a published checkpoint folder: its shape, tokenizer and chat format. Opening
 *                  reads headers only. dsvk_model_load() then puts its weights on a device.
 *   dsvk_session   one timeline of tokens with its latent cache.
 *
 * dsvk_session_sync(tokens) makes the timeline equal to `tokens`, reusing what is already there,
 * computing what is new and dropping what is not wanted: prompts, next tokens and going back are
 * all the same call.
 *
 * A greedy loop:
 *   dsvk_device_open(&device, &(dsvk_device_params){ 0 });
 *   dsvk_model_open(&model, &(dsvk_model_params){ .folder = "DeepSeek-V2-Lite" });
 *   dsvk_model_load(model, device, &(dsvk_load_params){ 0 });
 *   dsvk_session_new(&session, model, &(dsvk_session_params){ 0 });
 *   while (dsvk_session_sync(session, tokens, n, NULL) == DSVK_OK && n < limit)
 *       dsvk_session_argmax(session, &tokens[n++]);
 * dsvk_session_generate() does the same without waiting for the host between two tokens, and hands
 * out their text:
 *   dsvk_session_sync(session, prompt, n, NULL);
 *   dsvk_session_generate(session, &(dsvk_generate_params){ .take = print }, &end);
 *
 * Ownership: whoever makes frees, in any order: a model lives until its last session is freed, a
 * device until the last model that is loaded on it is closed. Free functions take NULL. Parameter
 * structs need live during the call only; zero in a field means its documented default, NULL for a
 * struct that all its fields are zero.
 *
 * Threads: any call may come from any thread. A session has one call at a time; a second one
 * answers BUSY. Calls on different sessions and models of one device take turns: each waits for at
 * most one slice (dsvk_device_params.slice_us) of each of the others, or one token of theirs, which
 * those who decode compute together. Prompts that need the same memory take turns by chunk.
 * Reports of progress and dsvk_generate_params.take are called outside of turns and may call the
 * library, but not the session that calls them. Logs, reports of compiling and the rows of a score
 * come inside of a turn: what they call on the same device answers BUSY.
 *
 * Versions: fields may be added to structs, and entries to enums, where the minor version changes,
 * and the name of the shared library with it (libdsvk.so.0.2): a program runs with the headers that
 * it was compiled with. A field that is added means by zero what was there before it, so a program
 * that is compiled anew stays as it is. Within a minor version nothing changes size.
 *
 * What this library does not do: it never prints, exits, aborts, raises signals or reads the
 * environment; it trains nothing; it runs no other model families; it has no template engine (the
 * DeepSeek prompt formats are built in); it writes no files but the pipeline cache that a caller
 * asks for. */
/* clang-format on */
#ifndef DSVK_DSVK_H
#define DSVK_DSVK_H

#include "dsvk/answer.h"
#include "dsvk/base.h"
#include "dsvk/device.h"
#include "dsvk/grammar.h"
#include "dsvk/model.h"
#include "dsvk/plan.h"
#include "dsvk/run.h"
#include "dsvk/session.h"

#endif
