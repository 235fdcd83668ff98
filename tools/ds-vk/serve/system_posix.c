/* SPDX-License-Identifier: MIT */
/* Sockets and moments on POSIX systems. */
#define _GNU_SOURCE /* SOCK_CLOEXEC, POLLRDHUP */
#include "system.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOMENT_NS 50000000
#define SECOND_NS 1000000000

/* ---- sockets ---- */

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

void system_listen(struct system_listening *listening, const char *host, uint16_t *port)
{
    struct addrinfo  wanted = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *found  = NULL;
    char             number[8];
    *listening = (struct system_listening){ .socket = MHD_INVALID_SOCKET };
    snprintf(number, sizeof number, "%u", (unsigned)*port);
    int failed         = getaddrinfo(host, number, &wanted, &found);
    listening->no_host = failed != 0;
    if (failed) {
        snprintf(listening->why, SYSTEM_WHY, "%s", gai_strerror(failed));
        return;
    }
    listening->socket = listen_at(found);
    if (listening->socket < 0)
        snprintf(listening->why, SYSTEM_WHY, "%s", strerror(errno));
    else
        *port = port_of(listening->socket);
    listening->loopback = is_loopback(found->ai_addr);
    freeaddrinfo(found);
}

void system_close(MHD_socket socket)
{
    close(socket);
}

void system_shutdown(MHD_socket socket)
{
    shutdown(socket, SHUT_RDWR);
}

bool system_gone(MHD_socket socket)
{
    struct pollfd other = { .fd = socket, .events = POLLRDHUP };
    return poll(&other, 1, 0) == 1 && (other.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* ---- moments ---- */

void system_moment_init(pthread_cond_t *changed)
{
    pthread_condattr_t how;
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(changed, &how);
    pthread_condattr_destroy(&how);
}

void system_moment(pthread_cond_t *changed, pthread_mutex_t *lock)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += MOMENT_NS;
    until.tv_sec += until.tv_nsec / SECOND_NS;
    until.tv_nsec %= SECOND_NS;
    pthread_cond_timedwait(changed, lock, &until);
}
