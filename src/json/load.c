/* SPDX-License-Identifier: MIT */
/* Values within values, to a depth that is bounded, so that the recursion is, too. */
#include "json/load_parts.h"

#include <string.h>

#include "json/nature.h"

#define MARK "\xEF\xBB\xBF"

void dv_json_no_room(struct dv_json_reader *reader)
{
    if (reader->status == DSVK_OK)
        reader->status =
            dv_fail(reader->ctx, DSVK_NO_MEMORY, "%s: %s: no memory to parse %zu bytes",
                    reader->module, reader->where, reader->bytes);
}

void dv_json_malformed(struct dv_json_reader *reader, const char *why)
{
    if (reader->status != DSVK_OK)
        return;
    if (reader->at >= reader->bytes)
        reader->status =
            dv_fail(reader->ctx, DSVK_BAD_FILE,
                    "%s: %s: malformed JSON: its %zu bytes end in the middle, download it again",
                    reader->module, reader->where, reader->bytes);
    else
        reader->status =
            dv_fail(reader->ctx, DSVK_BAD_FILE, "%s: %s: malformed JSON at byte %zu of %zu: %s",
                    reader->module, reader->where, reader->at, reader->bytes, why);
}

bool dv_json_word(struct dv_json_reader *reader, size_t bytes)
{
    size_t room = reader->room ? reader->room : 64;
    if (bytes <= reader->room - reader->used)
        return true;
    while (room - reader->used < bytes)
        room += room < SIZE_MAX / 2 ? room : SIZE_MAX - room;
    char *words = dv_realloc(reader->ctx, reader->words, room);
    if (!words) {
        dv_json_no_room(reader);
        return false;
    }
    reader->words = words;
    reader->room  = room;
    return true;
}

/* The next sign that is no white space; 0 at the end. */
static char next_sign(struct dv_json_reader *reader)
{
    while (reader->at < reader->bytes && reader->text[reader->at] &&
           strchr(" \t\n\r", reader->text[reader->at]))
        reader->at++;
    return reader->at < reader->bytes ? reader->text[reader->at] : 0;
}

static bool take(struct dv_json_reader *reader, char c, const char *why)
{
    if (next_sign(reader) != c || reader->at >= reader->bytes) {
        dv_json_malformed(reader, why);
        return false;
    }
    reader->at++;
    return true;
}

/* A node that was made, or the failure to make it. */
static json_t *made(struct dv_json_reader *reader, json_t *node)
{
    if (!node)
        dv_json_no_room(reader);
    return node;
}

static json_t *read_value(struct dv_json_reader *reader);

/* `"key": value` into the object. */
static bool read_member(struct dv_json_reader *reader, json_t *object)
{
    size_t n, at;
    if (next_sign(reader) != '"') {
        dv_json_malformed(reader, "a key is expected");
        return false;
    }
    at = reader->at;
    if (!dv_json_read_text(reader, &n))
        return false;
    if (json_object_get(object, reader->words + reader->used)) {
        reader->at = at;
        dv_json_malformed(reader, "a duplicate key");
        return false;
    }
    reader->used += n + 1; /* it stays while its value is read */
    json_t *value = take(reader, ':', "':' is expected") ? read_value(reader) : NULL;
    reader->used -= n + 1;
    bool set =
        value && json_object_set_new_nocheck(object, reader->words + reader->used, value) == 0;
    if (value && !set)
        dv_json_no_room(reader);
    return set;
}

static bool read_element(struct dv_json_reader *reader, json_t *list)
{
    json_t *value = read_value(reader);
    if (!value)
        return false;
    if (json_array_append_new(list, value) == 0)
        return true;
    dv_json_no_room(reader);
    return false;
}

/* An object or a list, whose elements `read` reads. */
static json_t *read_list(struct dv_json_reader *reader, json_t *list, char end,
                         bool (*read)(struct dv_json_reader *reader, json_t *list))
{
    reader->at++;
    if (list && next_sign(reader) == end) {
        reader->at++;
        return list;
    }
    while (list && read(reader, list)) {
        if (next_sign(reader) == ',') {
            reader->at++;
            continue;
        }
        if (!take(reader, end, end == '}' ? "',' or '}' is expected" : "',' or ']' is expected"))
            break;
        return list;
    }
    json_decref(list);
    return NULL;
}

static json_t *read_nested(struct dv_json_reader *reader, bool object)
{
    json_t *list = NULL;
    if (++reader->depth > DV_JSON_DEPTH)
        reader->status =
            dv_fail(reader->ctx, DSVK_BAD_FILE, "%s: %s: lists within lists, more than %u deep",
                    reader->module, reader->where, DV_JSON_DEPTH);
    else if (object)
        list = read_list(reader, made(reader, json_object()), '}', read_member);
    else
        list = read_list(reader, made(reader, json_array()), ']', read_element);
    reader->depth--;
    return list;
}

/* true, false and null; NaN and its like, which Python and JavaScript write, as texts. */
static json_t *read_word(struct dv_json_reader *reader)
{
    static const char *const words[] = { "true", "false", "null", "NaN", "Infinity", "-Infinity" };
    const char              *text    = reader->text + reader->at;
    size_t                   left    = reader->bytes - reader->at;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (left > 0 && left < n && memcmp(text, words[i], left) == 0)
            reader->at = reader->bytes; /* it ends within the word */
        if (left < n || memcmp(text, words[i], n) != 0)
            continue;
        reader->at += n;
        return i == 0   ? json_true()
               : i == 1 ? json_false()
               : i == 2 ? json_null()
                        : made(reader, json_string_nocheck(words[i]));
    }
    dv_json_malformed(reader, "a value is expected");
    return NULL;
}

static json_t *read_value(struct dv_json_reader *reader)
{
    char   c = next_sign(reader);
    size_t n;
    if (c == '{' || c == '[')
        return read_nested(reader, c == '{');
    if (c == '"')
        return dv_json_read_text(reader, &n)
                   ? made(reader, json_stringn_nocheck(reader->words + reader->used, n))
                   : NULL;
    char after = reader->bytes - reader->at > 1 ? reader->text[reader->at + 1] : 0;
    if ((c >= '0' && c <= '9') || (c == '-' && after != 'I'))
        return dv_json_read_number(reader);
    return read_word(reader);
}

static json_t *read_root(struct dv_json_reader *reader)
{
    char    c    = next_sign(reader);
    json_t *root = NULL;
    if (c == '{' || c == '[')
        root = read_value(reader);
    else
        dv_json_malformed(reader, "'{' or '[' is expected");
    if (root && (next_sign(reader), reader->at < reader->bytes)) {
        dv_json_malformed(reader, "text behind its end");
        json_decref(root);
        root = NULL;
    }
    return root;
}

dsvk_status dv_json_load(json_t **root, const struct dv_context *ctx, const char *module,
                         const char *where, const char *text, size_t bytes)
{
    struct dv_json_reader reader = {
        .ctx = ctx, .module = module, .where = where, .text = text ? text : "", .bytes = bytes
    };
    const char *nature = dv_file_nature(reader.text, bytes, bytes); /* no JSON begins as these */
    *root              = NULL;
    if (nature)
        return dv_fail(ctx, DSVK_BAD_FILE, "%s: %s %s", module, where, nature);
    if (bytes >= strlen(MARK) && memcmp(reader.text, MARK, strlen(MARK)) == 0)
        reader.at = strlen(MARK);
    *root = read_root(&reader);
    dv_free(ctx, reader.words);
    return reader.status;
}
