/* SPDX-License-Identifier: MIT */
/* The socket that connections come to. */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "serve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
}

static int listen_at(const struct addrinfo *address)
{
    int on = 1, fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, 512) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t               n = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &n))
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

int http_listen(struct http *http, struct server *server, const char *host, uint16_t *port)
{
    struct addrinfo  wanted = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *found  = NULL;
    char             number[8];
    *http = (struct http){ .server = server, .listens = -1 };
    pthread_mutex_init(&http->lock, NULL);
    snprintf(number, sizeof number, "%u", (unsigned)*port);
    int failed = getaddrinfo(host, number, &wanted, &found);
    if (failed)
        return cli_fail(server->cli, "--host %s: %s", host, gai_strerror(failed));
    http->listens = listen_at(found);
    int reason    = errno;
    if (http->listens >= 0 && !is_loopback(found->ai_addr) && server->n_keys == 0)
        log_note(&server->cli->log,
                 "%s can be reached from the network, by anyone: --api-key-file asks for a key",
                 host);
    freeaddrinfo(found);
    if (http->listens < 0)
        return cli_fail(server->cli, "%s, port %u: %s", host, (unsigned)*port, strerror(reason));
    *port = port_of(http->listens);
    return EXIT_DONE;
}
