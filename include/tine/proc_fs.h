/* The files of /proc are tables (fs/proc*.c). */
#ifndef TINE_PROC_FS_H
#define TINE_PROC_FS_H

#include <tine/fs.h>
#include <tine/seq_buffer.h>

struct task_struct;

/* One name. Exactly one of show, children, link, jump is set; write may accompany show. */
struct proc_entry {
	const char *name;
	mode_t mode;  /* permissions; the type follows from the rest */
	bool guarded; /* only for who may inspect the process: EACCES */
	/*
	 * The text. task: whose directory it is in (counted by the caller), NULL outside of those.
	 * 0 or -errno. May be called twice.
	 */
	int (*show)(struct seq_buffer *m, struct task_struct *task);
	/* n bytes at text, NUL-terminated. */
	int (*write)(const char *text, size_t n, struct task_struct *task);
	const struct proc_entry *children;                        /* ends with a NULL name */
	const char *(*link)(struct task_struct *task, char *buf); /* PATH_MAX bytes */
	int (*jump)(struct task_struct *task, int number,
		    struct path *path); /* number: its own, in a directory of numbers */
	mode_t (*link_mode)(struct task_struct *task,
			    int number); /* permissions that the link shows; NULL: 0777 */
	/*
	 * A directory whose names are numbers: the lowest >= nr that exists, -1 if none; and what
	 * each is.
	 */
	int (*next_number)(struct task_struct *task, int nr);
	const struct proc_entry *number_entry;
};

extern const struct proc_entry proc_root_entries[], proc_pid_entries[];

/* For write: a decimal number in [min, max], perhaps with a newline. 0 or -EINVAL. */
int proc_parse_int(const char *text, int min, int max, int *value);
int proc_show_mounts(struct seq_buffer *m, struct task_struct *task);

#endif
