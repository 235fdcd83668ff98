/* SPDX-License-Identifier: MIT */
/* Sockets and moments on Windows. Its sockets have errors and reasons of their own. */
#include <winsock2.h>
#include <ws2tcpip.h>

#include "system.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define MOMENT_NS 50000000
#define SECOND_NS 1000000000

/* ---- sockets ---- */

static void say(struct system_listening *listening, int error)
{
    static const struct {
        int         error;
        const char *reason;
    } known[] = {
        { WSAEADDRINUSE, "Address already in use" },
        { WSAEACCES, "Permission denied" },
        { WSAEADDRNOTAVAIL, "Cannot assign requested address" },
        { WSAHOST_NOT_FOUND, "Name or service not known" },
        { WSANO_DATA, "No address associated with hostname" },
        { WSATRY_AGAIN, "Temporary failure in name resolution" },
    };
    snprintf(listening->why, SYSTEM_WHY, "error %d of the sockets", error);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].error == error)
            snprintf(listening->why, SYSTEM_WHY, "%s", known[i].reason);
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
}

/* SO_REUSEADDR would let two programs have one port there; this option lets none in between. */
static SOCKET listen_at(const struct addrinfo *address)
{
    DWORD  on     = 1;
    SOCKET socket = WSASocketW(address->ai_family, SOCK_STREAM, 0, NULL, 0,
                               WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    if (socket == INVALID_SOCKET)
        return socket;
    setsockopt(socket, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&on, sizeof on);
    if (bind(socket, address->ai_addr, (int)address->ai_addrlen) == 0 && listen(socket, 512) == 0)
        return socket;
    int error = WSAGetLastError();
    closesocket(socket);
    WSASetLastError(error);
    return INVALID_SOCKET;
}

static uint16_t port_of(SOCKET socket)
{
    struct sockaddr_storage address;
    int                     n = sizeof address;
    if (getsockname(socket, (struct sockaddr *)&address, &n))
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

void system_listen(struct system_listening *listening, const char *host, uint16_t *port)
{
    WSADATA          data;
    struct addrinfo  wanted = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *found  = NULL;
    char             number[8];
    *listening = (struct system_listening){ .socket = MHD_INVALID_SOCKET };
    snprintf(number, sizeof number, "%u", (unsigned)*port);
    int failed = WSAStartup(MAKEWORD(2, 2), &data); /* until the process ends */
    if (failed == 0) {
        failed             = getaddrinfo(host, number, &wanted, &found);
        listening->no_host = failed != 0;
    }
    if (failed) {
        say(listening, failed);
        return;
    }
    listening->socket = listen_at(found);
    if (listening->socket == INVALID_SOCKET)
        say(listening, WSAGetLastError());
    else
        *port = port_of(listening->socket);
    listening->loopback = is_loopback(found->ai_addr);
    freeaddrinfo(found);
}

void system_close(MHD_socket socket)
{
    closesocket(socket);
}

void system_shutdown(MHD_socket socket)
{
    shutdown(socket, SD_BOTH);
}

/* It can be read from, and what is read is the end. */
bool system_gone(MHD_socket socket)
{
    WSAPOLLFD other = { .fd = socket, .events = POLLRDNORM };
    char      byte;
    if (WSAPoll(&other, 1, 0) != 1)
        return false;
    if (other.revents & (POLLHUP | POLLERR))
        return true;
    return (other.revents & POLLRDNORM) && recv(socket, &byte, 1, MSG_PEEK) == 0;
}

/* ---- moments ---- */

/* These conditions know the time of day alone. Who sets it makes one moment longer or shorter. */
void system_moment_init(pthread_cond_t *changed)
{
    pthread_cond_init(changed, NULL);
}

void system_moment(pthread_cond_t *changed, pthread_mutex_t *lock)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += MOMENT_NS;
    until.tv_sec += until.tv_nsec / SECOND_NS;
    until.tv_nsec %= SECOND_NS;
    pthread_cond_timedwait(changed, lock, &until);
}
