/* SPDX-License-Identifier: MIT */
/* What the server needs of the operating system: sockets, and to wait for a while. */
#ifndef SERVE_SYSTEM_H
#define SERVE_SYSTEM_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { SYSTEM_WHY = 256 };

struct system_listening {
    MHD_socket socket;  /* MHD_INVALID_SOCKET: `why` says why not */
    bool       no_host; /* it is the host that is wrong */
    bool       loopback;
    char       why[SYSTEM_WHY];
};

/* Binds and listens; `host` is a name or an address; *port is what it became. */
void system_listen(struct system_listening *listening, const char *host, uint16_t *port);
void system_close(MHD_socket socket);
void system_shutdown(MHD_socket socket); /* who waits for it sees its end */
/* Whether the other side has closed, asked without waiting. */
bool system_gone(MHD_socket socket);

/* A condition for the second, which waits 50 ms at most. */
void system_moment_init(pthread_cond_t *changed);
void system_moment(pthread_cond_t *changed, pthread_mutex_t *lock);

#endif
