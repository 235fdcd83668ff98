/* SPDX-License-Identifier: MIT */
/* The reader of a JSON text, between the files that read its values, its texts and its numbers. */
#ifndef DV_JSON_LOAD_PARTS_H
#define DV_JSON_LOAD_PARTS_H

#include "json/load.h"

struct dv_json_reader {
    const struct dv_context *ctx;
    const char              *module, *where;
    const char              *text;
    size_t                   bytes, at;
    size_t                   depth;
    /* Of `room` bytes: the keys whose values are being read, each ended by 0, in `used` bytes;
     * behind them the text or number that is being read. */
    char       *words;
    size_t      used, room;
    dsvk_status status; /* of the first failure, which is logged once */
};

/* The failure at reader->at; at the end of the text it is that the text ends there. */
void dv_json_malformed(struct dv_json_reader *reader, const char *why);
void dv_json_no_room(struct dv_json_reader *reader);
/* Room for so many bytes behind those that are used; false after a failure. */
bool dv_json_word(struct dv_json_reader *reader, size_t bytes);

/* From the first quotation mark to behind the last; the text of *n bytes is behind those that
 * are used, ended by 0. False after a failure. */
bool dv_json_read_text(struct dv_json_reader *reader, size_t *n);
/* From the sign or first digit to behind the last; NULL after a failure. */
json_t *dv_json_read_number(struct dv_json_reader *reader);

#endif
