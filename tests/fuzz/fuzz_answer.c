/* SPDX-License-Identifier: MIT */
/* Any bytes as an answer, in each format: cut in two ways it gives the same, whole signs, and no
 * text is lost but marks. The first byte says the format, the opening and where to cut. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "chat/answer.h"
#include "fuzz/fuzz.h"

static const char tools[] =
    "[{\"function\":{\"name\":\"f\",\"parameters\":{\"properties\":{\"a\":{\"type\":"
    "\"string\"},\"b\":{\"anyOf\":[{\"type\":[\"null\",\"string\"]}]}}}}}]";

struct sum {
    uint64_t        hash;
    size_t          bytes;
    dsvk_piece_kind kind;
    bool            inside; /* a call */
};

static void add(struct sum *sum, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum->hash = (sum->hash ^ (unsigned char)bytes[i]) * 1099511628211u;
}

static void take(void *user, const dsvk_piece *piece)
{
    struct sum *sum = user;
    if (piece->kind != sum->kind || piece->kind == DSVK_PIECE_CALL)
        add(sum, "TRCAEN" + piece->kind, 1);
    sum->kind = piece->kind;
    if (piece->kind == DSVK_PIECE_CALL) {
        if (sum->inside || !piece->name || !piece->name[0])
            abort();
        add(sum, piece->name, strlen(piece->name));
    }
    if (piece->kind == DSVK_PIECE_ARGUMENTS && (!sum->inside || piece->text[0] != '{'))
        abort();
    if (piece->kind == DSVK_PIECE_CALL || piece->kind == DSVK_PIECE_CALL_END)
        sum->inside = piece->kind == DSVK_PIECE_CALL;
    for (size_t at = 0, n; at < piece->bytes; at += n)
        if ((n = dv_text_sign(piece->text + at, piece->bytes - at)) == 0)
            abort();
    add(sum, piece->text, piece->bytes);
    sum->bytes += piece->bytes;
}

static struct sum run(const struct dv_answer_setup *setup, const char *text, size_t bytes,
                      size_t step)
{
    struct dv_context      ctx;
    struct dv_answer      *answer;
    struct sum             sum  = { .hash = 14695981039346656037u };
    struct dv_answer_setup here = *setup;
    here.take                   = take;
    here.user                   = &sum;
    dv_context_init(&ctx, NULL, NULL);
    if (dv_answer_new(&answer, &ctx, &here) != DSVK_OK)
        abort();
    for (size_t at = 0, n; at < bytes; at += n) {
        n = bytes - at < step ? bytes - at : step;
        if (dv_answer_feed(answer, text + at, n) != DSVK_OK)
            abort();
    }
    if (dv_answer_end(answer) != DSVK_OK || sum.inside)
        abort();
    dv_answer_free(answer);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const unsigned               n_formats = DV_CHAT_FORMATS - DV_CHAT_V2;
    const struct dv_answer_setup setup     = {
            .format  = (enum dv_chat_format)(DV_CHAT_V2 + (bytes ? data[0] : 0) % n_formats),
            .opening = (enum dv_opening)((bytes ? data[0] : 0) / n_formats % 3),
            .tools   = tools,
    };
    if (bytes < 2)
        return 0;
    const char *text = (const char *)data + 2;
    struct sum  one  = run(&setup, text, bytes - 2, 1),
               more  = run(&setup, text, bytes - 2, data[1] + 2u);
    if (one.hash != more.hash || one.bytes != more.bytes)
        abort();
    return 0;
}
