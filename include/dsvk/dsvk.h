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
 * dsvk_session_generate() does the same without waiting for the host between two tokens.
 *
 * Ownership: whoever makes frees, in reverse order; free functions take NULL. A session must be
 * freed before its model, a model before the device that it is loaded on. Parameter structs need
 * live during the call only; zero in a field means its documented default.
 *
 * Threads: different devices may be used from different threads. One device with all its models and
 * sessions belongs to one thread at a time. A model that is only described or tokenized with is
 * read-only and may be shared.
 *
 * What this library does not do: it never prints, exits, aborts, raises signals or reads the
 * environment; it trains nothing; it runs no other model families; it has no template engine (the
 * DeepSeek prompt formats are built in); it writes no files but the pipeline cache that a caller
 * asks for. */
/* clang-format on */
#ifndef DSVK_DSVK_H
#define DSVK_DSVK_H

#include "dsvk/base.h"
#include "dsvk/device.h"
#include "dsvk/model.h"
#include "dsvk/plan.h"
#include "dsvk/run.h"
#include "dsvk/session.h"

#endif
