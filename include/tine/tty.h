/* Terminals (fs/dev/tty.c, n_tty.c, tty_ioctl.c, tty_jobctrl.c). */
#ifndef TINE_TTY_H
#define TINE_TTY_H

#include <tine/atomic.h>
#include <tine/mutex.h>
#include <tine/spinlock.h>
#include <tine/types.h>
#include <tine/wait_queue.h>
#include <uapi/termios.h>

struct file;
struct pid;
struct task_struct;

#define TTY_INPUT_SIZE  4096u
#define TTY_BUFFER_SIZE 4096u

/*
 * l = lock; n = input_lock; t = tasklist_lock; c = constant.
 */
struct tty {
	struct atomic count; /* processes that it controls, open files, one for the device */
	struct mutex lock;
	struct wait_queue read_wait, write_wait;
	struct kernel_termios termios; /* l */
	struct winsize winsize;        /* l */
	struct pid *session;           /* t: counted; NULL: nobody's controlling terminal */
	struct pid *pgrp;              /* t: counted: the foreground group */
	u32 hangups;                   /* t: how often it was hung up; read without */
	dev_t dev;                     /* c */
	void (*output)(const char *bytes, size_t n); /* c */

	/* Bytes as they came. */
	struct spinlock input_lock;
	struct wait_queue input_wait;
	u32 input_head, input_tail; /* n: free-running */
	char input[TTY_INPUT_SIZE]; /* n */

	/*
	 * The line discipline. l. Free-running; readers have read up to tail, whole lines end at
	 * line_head, input goes to head.
	 */
	u32 head, line_head, tail;
	u32 column, line_start_column; /* of the cursor, for tabs and erasing */
	bool literal_next, stopped, packet_eof;
	u8 line_ends[TTY_BUFFER_SIZE / 8]; /* bit n: the character at n ends a line */
	char buffer[TTY_BUFFER_SIZE];
};

extern struct tty console_tty;

/* The kernel thread "ttyd": takes what drivers received to the line discipline. */
int tty_thread(void *arg);

/* n_tty.c; the tty's lock is held. */
void n_tty_receive(struct tty *tty, const char *bytes, size_t n);
void n_tty_set_termios(struct tty *tty, const struct kernel_termios *new);
void n_tty_flush_input(struct tty *tty);
/* Bytes that a read could take now. */
u32 n_tty_readable(const struct tty *tty);
void tty_write_processed(struct tty *tty, const char *bytes, size_t n);

/* n_tty.c: read(2). */
struct iov_iter;
bool n_tty_has_room(const struct tty *tty);
ssize_t n_tty_read(struct tty *tty, struct file *file, struct iov_iter *to);

/* tty_ioctl.c */
long tty_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* The terminal was hung up since file was opened: it is of no use any more. */
bool tty_hung_up(const struct file *file);

/* tty_jobctrl.c */
/* 0, or -ERESTARTSYS / -EIO when a background process may not do this: it got sig. */
int tty_check_change(struct tty *tty, int sig);
/* open without O_NOCTTY by a session leader that has no terminal. */
void tty_open_controlling(struct tty *tty);
long tty_job_ioctl(struct tty *tty, unsigned int cmd, unsigned long arg);
/* Sends sig to the foreground group. */
void tty_signal(struct tty *tty, int sig);
/* current's controlling terminal with a reference, NULL if none. */
struct tty *get_current_tty(void);
/* Another reference on a terminal; tolerates NULL. */
struct tty *tty_get(struct tty *tty); /* tolerates NULL */
void tty_put(struct tty *tty);

#endif
