/* SPDX-License-Identifier: MIT */
/* Who may ask. A page in a browser can send requests to this machine, and by a name that it makes
 * point here ("DNS rebinding") it can read the replies: so the Host header must be an address or a
 * name that is allowed, and the Origin of a page too. A key, where there are some, is compared in a
 * time that does not depend on what is right of it. */
#include "routes.h"
#include "serve.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Whether a list that is separated by commas has a word, or "*". */
static bool listed(const char *list, const char *word, size_t n)
{
    for (; list && *list; list += *list == ',') {
        size_t length = strcspn(list, ",");
        if ((length == n && strncasecmp(list, word, n) == 0) || (length == 1 && *list == '*'))
            return true;
        list += length;
    }
    return false;
}

/* The bytes of a host without its port: [::1]:80, name:80. */
static size_t host_bytes(const char *host)
{
    return host[0] == '[' ? strcspn(host, "]") + (strchr(host, ']') != NULL) : strcspn(host, ":");
}

static bool is_here(const char *host, size_t n)
{
    static const char *const here[] = { "localhost", "127.0.0.1", "[::1]" };
    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        if (strlen(here[i]) == n && strncasecmp(here[i], host, n) == 0)
            return true;
    return false;
}

/* No name can be made to look like an address. */
static bool is_address(const char *host, size_t n)
{
    return n > 0 && (host[0] == '[' || strspn(host, "0123456789.") == n);
}

static bool host_allowed(const struct server *server, const char *host)
{
    size_t n = host_bytes(host);
    return is_here(host, n) || is_address(host, n) || listed(server->allowed_hosts, host, n);
}

/* Pages of this machine, the server's own, wherever it is reached (whether that Host is allowed is
 * asked besides), and those that --allow-origin names. */
static bool origin_allowed(const struct server *server, const char *origin, const char *host)
{
    const char *its = strstr(origin, "://");
    bool web = strncasecmp(origin, "http://", 7) == 0 || strncasecmp(origin, "https://", 8) == 0;
    if (its && web && is_here(its + 3, host_bytes(its + 3)))
        return true;
    if (its && web && host && strcasecmp(its + 3, host) == 0)
        return true;
    return listed(server->allowed_origins, origin, strlen(origin));
}

static bool same_key(const char *key, const char *given)
{
    size_t        n = strlen(key), m = strlen(given);
    unsigned char differs = n != m;
    for (size_t i = 0; i < m; i++)
        differs |= (unsigned char)(given[i] ^ key[n ? i % n : 0]);
    return !differs;
}

static bool has_key(const struct exchange *x)
{
    const char *given = http_header(x, "Authorization");
    bool        good  = false;
    given =
        given && strncasecmp(given, "Bearer ", 7) == 0 ? given + 7 : http_header(x, "X-Api-Key");
    for (size_t i = 0; given && i < x->server->n_keys; i++)
        good |= same_key(x->server->keys[i], given);
    return good;
}

bool guard_admits(struct exchange *x, struct refusal *why)
{
    const struct server *server = x->server;
    const char          *host = http_header(x, "Host"), *origin = http_header(x, "Origin");
    bool                 open = x->route && x->route->open;
    if (origin && !origin_allowed(server, origin, host))
        return refuse(why, 403, NULL, "pages of %.200s may not use this server (--allow-origin)",
                      origin);
    x->origin = origin;
    if (server->n_keys > 0 && !open && !has_key(x))
        return refuse(why, 401, NULL,
                      "this server wants an API key: Authorization: Bearer KEY, or X-Api-Key: KEY");
    if (server->n_keys == 0 && host && !host_allowed(server, host))
        return refuse(why, 403, NULL,
                      "the Host header names %.200s, which is not allowed (--allow-host)", host);
    return true;
}
