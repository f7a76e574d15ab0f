/*
 * Terminals (fs/dev/tty.c, tty_input.c, tty_output.c, tty_read.c, tty_ioctl.c, tty_jobctrl.c,
 * pty.c).
 */
#pragma once

#include <tine/atomic.h>
#include <tine/byte_ring.h>
#include <tine/console.h>
#include <tine/mutex.h>
#include <tine/spinlock.h>
#include <tine/types.h>
#include <tine/wait_queue.h>
#include <uapi/termios.h>

struct dentry;
struct file;
struct inode;
struct iov_iter;
struct pid;
struct pty;
struct task_struct;
struct tty;

#define TTY_INPUT_SIZE  8192u
#define TTY_BUFFER_SIZE 4096u
#define TTY_ECHO_SIZE   2048u

#define DEV_TTY     MKDEV(5, 0)
#define DEV_CONSOLE MKDEV(5, 1)
#define DEV_PTMX    MKDEV(5, 2)
#define PTS_MAJOR   136

/* What is behind a terminal. The tty's lock is held. */
struct tty_driver {
	/* Takes as many of the n bytes as it can; returns how many. */
	size_t (*write)(struct tty *tty, const char *bytes, size_t n);
	size_t (*room)(const struct tty *tty); /* bytes that write would take; NULL: any number */
	/* NULL or -ENOTTY: none of its own. The lock is not held. */
	long (*ioctl)(struct tty *tty, unsigned int cmd, unsigned long arg);
	struct kernel_termios2 termios; /* of a new terminal */
	bool resets;                    /* a hangup brings them back */
};

/*
 * l = lock; n = input_lock; t = tasklist_lock; c = constant.
 */
struct tty {
	struct atomic count; /* processes that it controls, open files, one for the device */
	struct mutex lock;
	struct wait_queue read_wait, write_wait;
	struct kernel_termios2 termios;  /* l */
	struct winsize winsize;          /* l */
	struct pid *session;             /* t: counted; NULL: nobody's controlling terminal */
	struct pid *pgrp;                /* t: counted: the foreground group */
	u32 hangups;                     /* t: how often it was hung up; read without */
	u32 opens;                       /* l: open files */
	struct file_async *async;        /* async.c */
	bool exclusive;                  /* l: TIOCEXCL */
	bool reading, writing;           /* l: somebody is in the middle of it */
	dev_t dev;                       /* c */
	enum console_id console;         /* c: for the drivers of tty.c */
	const struct tty_driver *driver; /* c */
	struct pty *pty;                 /* c: NULL: this is no pseudo terminal */

	struct spinlock input_lock;
	struct byte_ring input; /* n: bytes as they came; only who has lock takes them out */

	/*
	 * The line discipline. l. Free-running; readers have read up to tail, whole lines end at
	 * line_head, input goes to head.
	 */
	u32 head, line_head, tail;
	u32 column, line_start_column; /* of the cursor, for tabs and erasing */
	bool literal_next, erasing, throttled;
	bool stopped, held;                /* by ^S or TCOOFF; by TCOOFF, which ^Q does not undo */
	struct byte_ring echoes;           /* echo that could not be shown yet */
	u8 line_ends[TTY_BUFFER_SIZE / 8]; /* bit n: the character at n ends a line */
	char echo_bytes[TTY_ECHO_SIZE];
	char buffer[TTY_BUFFER_SIZE];
};

/* tty.c */
/* A terminal with count 1; NULL: out of memory. */
struct tty *tty_alloc(const struct tty_driver *driver, dev_t dev);
/* The kernel thread "ttyd": takes what drivers received to the line discipline. */
int tty_thread(void *arg);
/* Puts bytes into the input; returns how many found room. tty_pump takes them further. */
size_t tty_queue_input(struct tty *tty, const char *bytes, size_t n);
/* Takes input to the line discipline, as far as it has room. l held. */
void tty_pump(struct tty *tty);
/* The terminal was hung up since file was opened: it is of no use any more. */
bool tty_hung_up(const struct file *file);
/*
 * *busy becomes true for the caller alone; -EAGAIN or -ERESTARTSYS while somebody else has it. wq:
 * where who has it wakes others.
 */
int tty_claim(struct tty *tty, struct file *file, bool *busy, struct wait_queue *wq);
void tty_unclaim(struct tty *tty, bool *busy, struct wait_queue *wq);

/* tty_input.c; l held. */
/* Takes bytes while there is room; returns how many. */
size_t n_tty_receive(struct tty *tty, const char *bytes, size_t n);
bool n_tty_has_room(const struct tty *tty);
void n_tty_set_termios(struct tty *tty, const struct kernel_termios2 *new);
void n_tty_flush_input(struct tty *tty);
/* The n_tty reads whole lines. */
static inline bool n_tty_canonical(const struct tty *tty)
{
	return (tty->termios.c_lflag & (ICANON | EXTPROC)) == ICANON;
}
static inline unsigned char n_tty_char(const struct tty *tty, u32 at)
{
	return tty->buffer[at % TTY_BUFFER_SIZE];
}
static inline bool n_tty_line_end(const struct tty *tty, u32 at)
{
	return tty->line_ends[at % TTY_BUFFER_SIZE / 8] & (1u << (at % 8));
}
/* Bytes that can be read. */
static inline u32 n_tty_available(const struct tty *tty)
{
	return READ_ONCE(*(n_tty_canonical(tty) ? &tty->line_head : &tty->head)) -
	       READ_ONCE(tty->tail);
}
/* As many as poll waits for. */
static inline bool n_tty_enough(const struct tty *tty)
{
	unsigned int min = tty->termios.c_cc[VTIME] ? 1 : tty->termios.c_cc[VMIN];

	return n_tty_available(tty) >= (n_tty_canonical(tty) ? 1 : MAX(min, 1u));
}
/* A special character that is switched off; in the buffer, what stands for end-of-file. */
#define DISABLED_CHAR '\0'

/* tty_read.c */
ssize_t n_tty_read(struct tty *tty, struct file *file, struct iov_iter *to);

/* tty_output.c; l held. */
/* Processes and writes a program's output, as much as there is room for; returns how much. */
size_t tty_output(struct tty *tty, const char *bytes, size_t n);
/* tty_output would take something; may be asked without the lock. */
bool tty_can_output(const struct tty *tty);
/* Echoes a character, processed as output is; and as ^X, if it is a control character. */
void tty_echo_raw(struct tty *tty, unsigned char c);
void tty_echo(struct tty *tty, unsigned char c);
/* Shows echo that was waiting. */
void tty_flush_echo(struct tty *tty);
void tty_stop(struct tty *tty);
void tty_start(struct tty *tty);
/* Of a UTF-8 sequence, not its first byte: takes no column. */
bool tty_is_continuation(const struct tty *tty, unsigned char c);
static inline bool tty_is_control(unsigned char c)
{
	return c < 32 || c == 127;
}

/* tty_ioctl.c */
long tty_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
/* What both ends of a pseudo terminal know; by_master: asked through the master. */
long tty_pair_ioctl(struct tty *tty, struct file *file, unsigned int cmd, unsigned long arg,
		    bool by_master);

/* tty_jobctrl.c */
/* 0, or -ERESTARTSYS / -EIO when a background process may not do this: it got sig. */
int tty_check_change(struct tty *tty, int sig);
/* open without O_NOCTTY by a session leader that has no terminal. */
void tty_open_controlling(struct tty *tty, const struct file *file);
long tty_job_ioctl(struct tty *tty, struct file *file, unsigned int cmd, unsigned long arg,
		   bool by_master);
/* Sends sig to the foreground group. */
void tty_signal(struct tty *tty, int sig);
/* Hangs it up: its files are of no use any more, its session's leader gets SIGHUP. l not held. */
void tty_vhangup(struct tty *tty);
/* current's controlling terminal with a reference, NULL if none. */
struct tty *get_current_tty(void);
/* Another reference on a terminal; tolerates NULL. */
struct tty *tty_get(struct tty *tty);
/*
 * A pseudo terminal's last reference goes with an open file, so it is put where one may sleep; no
 * other terminal's ever goes.
 */
void tty_put(struct tty *tty);

/* vt_ioctl.c */
extern const struct tty_driver screen_driver;
/* What new terminals begin with. */
#define TTY_STD_IFLAG (ICRNL | IXON)
#define TTY_STD_LFLAG (ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN)
#define TTY_STD_CC                                                           \
	{                                                                    \
		3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0 \
	}
size_t tty_device_write(struct tty *tty, const char *bytes, size_t n);

/* pty.c */
/* The terminal that a node of devpts stands for, with a reference; -EIO. */
struct tty *pts_lookup(struct inode *inode);
/* A file on the slave is opened (0 or -EIO); the last one was closed. l held. */
int pts_open(struct tty *tty);
/* A pseudo terminal whose master is closed. */
bool pts_is_orphan(const struct tty *tty);
void pts_closed(struct tty *tty);
void pty_free(struct tty *tty); /* what belongs to the pair; l not held */
/* What a pseudo terminal has whatever is asked for; tells packet mode of the change. l held. */
void pty_adjust_termios(struct tty *tty, struct kernel_termios2 *new);
/* For packet mode: bits of the status that the master reads change. l held. */
void pty_set_status(struct tty *tty, unsigned int clear, unsigned int set);
