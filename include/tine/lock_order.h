/*
 * The one lock order. A lock may be taken only while every lock already held stands earlier in this
 * list; debug builds panic otherwise (kernel/lock_debug.c). docs/locking.md says what each one
 * guards. Two locks of one class are never held together, except where a class is marked "nests".
 */
#pragma once

enum lock_class {
	/* Mutexes: the holder may sleep. */
	LOCK_CLASS_EXEC, /* signal_struct.exec_lock: one exec or credential change of a thread group */
	LOCK_CLASS_FILE_POS, /* file.pos_lock: the shared file offset during read, write, getdents, lseek */
	LOCK_CLASS_PROC,        /* the text that an open file of /proc has */
	LOCK_CLASS_EPOLL_WATCH, /* which epolls watch which files */
	LOCK_CLASS_EPOLL,       /* eventpoll.lock: reporting; nests: watcher before watched */
	LOCK_CLASS_NAMESPACE,   /* changes of the tree of mounts */
	LOCK_CLASS_PIPE,   /* pipe contents; nests: lower address first; before files' by splice */
	LOCK_CLASS_RENAME, /* one rename of a directory at a time */
	LOCK_CLASS_INODE, /* inode.lock: directory entries, contents, size; nests: parent before child */
	LOCK_CLASS_TTY,    /* tty settings and line discipline; both ends of a pty */
	LOCK_CLASS_SOCKET, /* unix_sock.lock: a socket's state and queue */
	LOCK_CLASS_FLIGHT, /* which files are in messages */
	LOCK_CLASS_IPC,    /* System V objects of one kind are made and removed */
	LOCK_CLASS_MM, /* mm_struct.lock: vma tree and page tables; nests: parent before child at fork */
	LOCK_CLASS_MAPPING,   /* address_space.lock: a file's pages */
	LOCK_CLASS_FILE_LOCK, /* advisory locks on files, and who waits for them */
	LOCK_CLASS_MUTEX_LAST = LOCK_CLASS_FILE_LOCK,
	/*
	 * Spinlocks: the holder does not sleep. Those from TIMERS on are taken with interrupts
	 * off.
	 */
	LOCK_CLASS_MOUNT,        /* the mount tree */
	LOCK_CLASS_DCACHE,       /* directory entry tree */
	LOCK_CLASS_IPC_IDS,      /* an identifier of System V IPC is looked up */
	LOCK_CLASS_IPC_OBJECT,   /* one System V object */
	LOCK_CLASS_SEM_UNDO,     /* sem_undo_list.lock */
	LOCK_CLASS_ADJTIME,      /* what adjtimex keeps */
	LOCK_CLASS_HOSTNAME,     /* the host name */
	LOCK_CLASS_SOCKET_NAMES, /* the table of sockets' names */
	LOCK_CLASS_FILES,        /* files_struct.lock */
	LOCK_CLASS_ASYNC,        /* who is to get signals from which files */
	LOCK_CLASS_TASKLIST, /* tasklist_lock: parents, children, thread groups, process groups, sessions */
	LOCK_CLASS_PID,       /* pid_namespace.lock: number allocation and lookup */
	LOCK_CLASS_TASK,      /* task_struct.alloc_lock */
	LOCK_CLASS_FS,        /* fs_struct.lock */
	LOCK_CLASS_MM_LIST,   /* the list of all address spaces */
	LOCK_CLASS_FUTEX,     /* a futex bucket; nests: lower address first */
	LOCK_CLASS_PI,        /* who waits for whom by futexes with priority inheritance */
	LOCK_CLASS_TIMERS,    /* process_timers.lock: by whom an expiring timer finds its process */
	LOCK_CLASS_SIGHAND,   /* sighand_struct.lock: actions, pending signals, group state */
	LOCK_CLASS_TTY_INPUT, /* characters between the interrupt and the line discipline */
	LOCK_CLASS_USER,      /* the table of users */
	LOCK_CLASS_TIMERFD,   /* timerfd.lock */
	LOCK_CLASS_MUTEX_WAIT,  /* the inside of a mutex */
	LOCK_CLASS_WAIT,        /* wait_queue.lock; nests: a watched file's before an epoll's */
	LOCK_CLASS_EPOLL_READY, /* an epoll's ready items */
	LOCK_CLASS_TIMER,       /* a CPU's timer queue */
	LOCK_CLASS_RUN_QUEUE,   /* a CPU's run queue; held across the switch */
	LOCK_CLASS_VMAP,        /* kernel stacks' address range */
	LOCK_CLASS_SLAB,        /* the shared part of an object cache */
	LOCK_CLASS_PAGE_ALLOC,  /* the buddy lists */
	LOCK_CLASS_IPI,         /* one cross-CPU flush at a time */
	LOCK_CLASS_RANDOM,      /* the random number generator */
	LOCK_CLASS_LOG,         /* kernel messages */
	LOCK_CLASS_CONSOLE,     /* console output */
	LOCK_CLASS_NUM,
};
