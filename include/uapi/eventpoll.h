/* epoll(7): events and layouts. */
#pragma once

#include <uapi/fcntl.h>
#include <uapi/poll.h>

#define EPOLL_CLOEXEC O_CLOEXEC

#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3

/* Beside those of poll(2), which have the same numbers. */
#define EPOLLEXCLUSIVE (1u << 28)
#define EPOLLWAKEUP    (1u << 29)
#define EPOLLONESHOT   (1u << 30)
#define EPOLLET        (1u << 31)

struct epoll_event {
	unsigned int events;
	unsigned long data;
} __attribute__((packed));

_Static_assert(sizeof(struct epoll_event) == 12, "struct epoll_event");
