/* SPDX-License-Identifier: MIT */
/* The page at "/": its files are part of the program, and it may load nothing else. A program that
 * asks for "/" gets the words that clients of Ollama look for. */
#include "routes.h"
#include "serve.h"

#include <string.h>

#define FILE_OF_PAGE(name)                                                                         \
    extern const unsigned char page_##name[];                                                      \
    extern const size_t        page_##name##_bytes
FILE_OF_PAGE(index_html);
FILE_OF_PAGE(page_css);
FILE_OF_PAGE(page_js);
FILE_OF_PAGE(stream_js);
FILE_OF_PAGE(text_js);

static const struct {
    const char          *path, *type;
    const unsigned char *bytes;
    const size_t        *n;
} files[] = {
    { "/", "text/html; charset=utf-8", page_index_html, &page_index_html_bytes },
    { "/page.css", "text/css; charset=utf-8", page_page_css, &page_page_css_bytes },
    { "/page.js", "text/javascript; charset=utf-8", page_page_js, &page_page_js_bytes },
    { "/stream.js", "text/javascript; charset=utf-8", page_stream_js, &page_stream_js_bytes },
    { "/text.js", "text/javascript; charset=utf-8", page_text_js, &page_text_js_bytes },
};

enum MHD_Result serve_page(struct exchange *x)
{
    struct buffer text = { 0 };
    size_t        i    = 0;
    while (strcmp(files[i].path, x->route->path) != 0)
        i++;
    x->page = true;
    buffer_add(&text, files[i].bytes, *files[i].n);
    return http_text(x, 200, files[i].type, &text);
}

enum MHD_Result serve_root(struct exchange *x)
{
    const char   *accept = http_header(x, "Accept");
    struct buffer text   = { 0 };
    if (accept && strstr(accept, "text/html"))
        return serve_page(x);
    buffer_text(&text, "ds-vk is running\n");
    return http_text(x, 200, "text/plain", &text);
}
