/* What the rest of the kernel knows of epoll (fs/epoll.c). */
#pragma once

#include <tine/types.h>

struct file;

/* The last reference on a file that epolls watch is gone: they forget it. May sleep. */
void epoll_forget_file(struct file *file);

/*
 * The skip-th file that file, an epoll, watches under the number fd, with a reference. ERR_PTR:
 * EINVAL (it is no epoll), ENOENT.
 */
struct file *epoll_watched_file(struct file *file, int fd, unsigned int skip);

/* How many files the epolls of one user may watch: /proc/sys/fs/epoll/max_user_watches. */
extern int epoll_max_user_watches;

void epoll_init(void);
