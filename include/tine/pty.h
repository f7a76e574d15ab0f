/* Pseudo terminals: what their two ends (fs/dev/pty.c) and devpts (fs/devpts.c) share. */
#pragma once

#include <tine/byte_ring.h>
#include <tine/fs.h>
#include <tine/list.h>
#include <tine/tty.h>
#include <tine/wait_queue.h>

/*
 * What a slave's struct tty has more than another terminal's. l = the tty's lock; i = the lock of
 * devpts's root inode; c = constant once it is open.
 */
struct pty {
	struct byte_ring out;                    /* l: what the slave wrote */
	struct wait_queue read_wait, write_wait; /* of the master */
	struct file_async *async;                /* async.c: of the master */
	bool locked;                             /* l: TIOCSPTLCK */
	bool packet;                             /* l: TIOCPKT */
	bool writing;                            /* l: somebody writes to the master */
	bool slave_closed;                       /* l: was open, and is no more */
	bool master_closed;                      /* l */
	u8 status;                               /* l: TIOCPKT_ bits */
	unsigned int index;                      /* c: N of /dev/pts/N */
	struct super_block *sb;                  /* c: devpts; counted */
	struct dentry *dentry;                   /* c: counted by the master */
	struct list_head link;                   /* i: among sb's, by index */
};

extern const struct file_operations ptmx_operations;

/* devpts.c */
extern const struct file_system_type devpts_type;
/* The root of the devpts that belongs to an open /dev/ptmx, counted; -ENOENT, -ENODEV: there is none. */
int devpts_find(const struct file *ptmx, struct path *root);
/* Gives tty a number and a node. -ENOSPC, -ENOMEM. */
int devpts_add(struct super_block *sb, struct tty *tty);
/* Takes the node away; the number stays in use. */
void devpts_remove(struct pty *pty);
/* Gives the number back, and the reference on the file system. */
void devpts_free_number(struct pty *pty);
