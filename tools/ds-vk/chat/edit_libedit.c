/* SPDX-License-Identifier: MIT */
/* Lines through libedit. It is given each sign by a function of ours, which knows signals and
 * pasted text, and works on wide characters, so that only its display depends on a locale.
 *
 * A terminal that understands it marks pasted text (bracketed paste). Its line ends and tabs
 * stand in the line as signs that can be seen and edited, and become themselves again when the
 * line is sent: a pasted program is one question. */
#include "edit.h"

#include "../host.h"
#include "../text.h"

#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <wchar.h>

#define HISTORY 1000
#define MARK_LINE 0x23ce /* shown for a line end */
#define MARK_TAB 0x21e5  /* and for a tab, in pasted text */
#define PROMPT 16
#define KEY_SECONDS 50 /* milliseconds that the rest of a key's bytes may take */
#define PASTE_BEGIN "\033[200~"
#define PASTE_END "\033[201~"
#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"

struct edit {
    EditLine *line;
    HistoryW *history;
    wchar_t   prompt[PROMPT + 16];
    bool      bold, utf8;
    bool      stopped, ended;
    bool      pasting;
    char      ahead[16]; /* bytes that were read and not yet handed on */
    size_t    n_ahead;
};

/* ---- signs ---- */

/* Whether more bytes come at once. */
static bool more(void)
{
    struct pollfd in = { .fd = 0, .events = POLLIN };
    return poll(&in, 1, KEY_SECONDS) == 1;
}

static void on_signals(struct edit *edit)
{
    unsigned heard = host_heard();
    if (heard & HOST_HEARD_RESIZE)
        el_resize(edit->line);
    if (heard & HOST_HEARD_CONTINUE) {
        el_set(edit->line, EL_PREP_TERM, 0);
        el_set(edit->line, EL_PREP_TERM, 1);
        el_set(edit->line, EL_REFRESH);
    }
    edit->stopped = (heard & HOST_HEARD_INTERRUPT) != 0;
    edit->ended   = host_interrupted() != 0;
}

/* False: a signal or the end came instead. */
static bool next_byte(struct edit *edit, char *byte)
{
    if (edit->n_ahead > 0) {
        *byte = edit->ahead[0];
        memmove(edit->ahead, edit->ahead + 1, --edit->n_ahead);
        return true;
    }
    for (;;) {
        long got = host_read(byte, 1);
        if (got > 0)
            return true;
        if (got == 0)
            edit->ended = true;
        else
            on_signals(edit);
        if (edit->ended || edit->stopped)
            return false;
    }
}

/* Whether the bytes that come next are those of `key`, whose first one is there already; what was
 * read for that and is not, comes next. */
static bool is_key(struct edit *edit, const char *key)
{
    size_t n = strlen(key) - 1, have = edit->n_ahead;
    while (have < n && (have == 0 || memcmp(edit->ahead, key + 1, have) == 0) && more()) {
        if (host_read(edit->ahead + have, 1) <= 0)
            break;
        edit->n_ahead = ++have;
    }
    if (have < n || memcmp(edit->ahead, key + 1, n) != 0)
        return false;
    memmove(edit->ahead, edit->ahead + n, edit->n_ahead -= n);
    return true;
}

static wchar_t value_of(const char *bytes, size_t n)
{
    uint32_t value =
        n == 1 ? (unsigned char)bytes[0] : (unsigned char)bytes[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        value = value << 6 | ((unsigned char)bytes[i] & 0x3f);
    return (wchar_t)value;
}

/* The rest of a character of which the first byte is there; what is none is U+FFFD. */
static wchar_t decode(struct edit *edit, char first)
{
    char   bytes[4] = { first };
    size_t n        = (unsigned char)first < 0xe0 ? 2 : (unsigned char)first < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < n; i++) {
        if ((edit->n_ahead == 0 && !more()) || !next_byte(edit, &bytes[i]))
            return 0xfffd;
        if (((unsigned char)bytes[i] & 0xc0) != 0x80) {
            memmove(edit->ahead + 1, edit->ahead, edit->n_ahead++);
            edit->ahead[0] = bytes[i];
            return 0xfffd;
        }
    }
    return text_character(bytes, n) == n ? value_of(bytes, n) : 0xfffd;
}

/* 0: nothing to hand on, as a control character in pasted text. */
static wchar_t sign_of(struct edit *edit, char byte)
{
    if (byte == '\033' && edit->utf8 && is_key(edit, edit->pasting ? PASTE_END : PASTE_BEGIN)) {
        edit->pasting = !edit->pasting;
        return 0;
    }
    if ((unsigned char)byte >= 0x80)
        return decode(edit, byte);
    if (!edit->pasting || ((unsigned char)byte >= 0x20 && byte != 0x7f))
        return (wchar_t)byte;
    if (byte != '\n' && byte != '\r' && byte != '\t')
        return 0;
    return byte == '\t' ? MARK_TAB : MARK_LINE;
}

static int get_sign(EditLine *line, wchar_t *sign)
{
    struct edit *edit;
    char         byte;
    el_get(line, EL_CLIENTDATA, &edit);
    do {
        if (!next_byte(edit, &byte))
            return -1;
        *sign = sign_of(edit, byte);
    } while (*sign == 0);
    return 1;
}

static wchar_t *get_prompt(EditLine *line)
{
    struct edit *edit;
    el_get(line, EL_CLIENTDATA, &edit);
    return edit->prompt;
}

/* ---- lines ---- */

static size_t encode(char bytes[4], uint32_t sign)
{
    static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    size_t                     n = sign < 0x80 ? 1 : sign < 0x800 ? 2 : sign < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; sign >>= 6)
        bytes[i] = (char)(0x80 | (sign & 0x3f));
    bytes[0] = (char)(first[n == 1 ? 0 : n] | sign);
    return n;
}

static void take_line(const wchar_t *text, size_t n, struct buffer *line)
{
    for (size_t i = 0; i < n; i++) {
        char     bytes[4];
        uint32_t sign = (uint32_t)text[i];
        buffer_add(line, bytes,
                   encode(bytes, sign == MARK_LINE  ? '\n'
                                 : sign == MARK_TAB ? '\t'
                                                    : sign));
    }
}

/* '\1' stands around what takes no room. It belongs to the sign behind it, so the blank at the
 * end of a prompt ends what is bold. */
static void set_prompt(struct edit *edit, const char *prompt)
{
    int n = (int)strcspn(prompt, " ");
    swprintf(edit->prompt, PROMPT + 16, L"%ls%.*s%ls%.*s", edit->bold ? L"\1\033[1m\1" : L"", n,
             prompt, edit->bold ? L"\1\033[0m\1" : L"", PROMPT - n, prompt + n);
}

static void say(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

enum line edit_read(struct edit *edit, const char *prompt, struct buffer *line)
{
    int n         = 0;
    edit->stopped = edit->pasting = false;
    set_prompt(edit, prompt);
    (void)host_heard();
    el_resize(edit->line);
    el_set(edit->line, EL_PREP_TERM, 1); /* before the prompt: who sees it may type Ctrl-D */
    if (edit->utf8)
        say(PASTE_ON);
    const wchar_t *text = el_wgets(edit->line, &n);
    say(edit->utf8 ? PASTE_OFF : "");
    if (edit->stopped) {
        (void)tcflush(0, TCIFLUSH); /* typed before it, and not yet read */
        say("^C\n");
    } else if (!text || n <= 0)
        say("\n");
    if (edit->stopped)
        return LINE_STOPPED;
    if (!text || n <= 0)
        return LINE_END;
    take_line(text, (size_t)n - (text[n - 1] == L'\n'), line);
    return LINE_TEXT;
}

void edit_remember(struct edit *edit, const char *line)
{
    HistEventW event;
    size_t     n = strlen(line), made = 0;
    wchar_t   *wide = edit && n > 0 ? malloc((n + 1) * sizeof *wide) : NULL;
    if (!wide)
        return;
    for (size_t at = 0, length; at < n; at += length ? length : 1) {
        length       = text_character(line + at, n - at);
        char byte    = line[at];
        wide[made++] = byte == '\n'   ? MARK_LINE
                       : byte == '\t' ? MARK_TAB
                       : length       ? value_of(line + at, length)
                                      : 0xfffd;
    }
    wide[made] = 0;
    history_w(edit->history, &event, H_ENTER, wide);
    free(wide);
}

/* ---- opening ---- */

/* Else the terminal drops what it has not shown yet when Ctrl-C is typed: our answer to that, too,
 * if we are quick. */
static void keep_output(struct edit *edit)
{
    el_set(edit->line, EL_SETTY, "-d", "+noflsh", NULL); /* while a line is edited */
    el_set(edit->line, EL_SETTY, "-x", "+noflsh", NULL); /* and between */
}

static bool prepare(struct edit *edit)
{
    HistEventW event;
    edit->line    = el_init("ds-vk", stdin, stdout, stderr);
    edit->history = history_winit();
    if (!edit->line || !edit->history)
        return false;
    history_w(edit->history, &event, H_SETSIZE, HISTORY);
    history_w(edit->history, &event, H_SETUNIQUE, 1);
    el_set(edit->line, EL_CLIENTDATA, edit);
    el_wset(edit->line, EL_PROMPT_ESC, get_prompt, L'\1');
    el_wset(edit->line, EL_EDITOR, L"emacs");
    el_wset(edit->line, EL_HIST, history_w, edit->history);
    el_set(edit->line, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(edit->line, EL_BIND, "^W", "ed-delete-prev-word", NULL);
    keep_output(edit);
    el_source(edit->line, NULL);
    el_wset(edit->line, EL_GETCFN, get_sign);
    return true;
}

struct edit *edit_open(bool bold)
{
    struct edit *edit = calloc(1, sizeof *edit);
    if (!edit)
        return NULL;
    edit->utf8 = setlocale(LC_CTYPE, "") && MB_CUR_MAX > 1;
    if (!edit->utf8)
        edit->utf8 = setlocale(LC_CTYPE, "C.UTF-8") && MB_CUR_MAX > 1;
    edit->bold = bold;
    if (prepare(edit))
        return edit;
    edit_close(edit);
    return NULL;
}

void edit_close(struct edit *edit)
{
    if (!edit)
        return;
    if (edit->line)
        el_end(edit->line);
    if (edit->history)
        history_wend(edit->history);
    free(edit);
}
