/*
 * The files of /proc are tables (fs/proc*.c) of rows, one for each name; fs/proc.c makes directories
 * of them, fs/proc_text.c open files, fs/proc_sysctl.c what stands in /proc/sys.
 */
#pragma once

#include <tine/fs.h>
#include <tine/seq_buffer.h>

struct mm_struct;
struct sysctl;
struct task_struct;

typedef int proc_show_fn(struct seq_buffer *m, struct task_struct *task);
typedef int proc_show_mm_fn(struct seq_buffer *m, struct task_struct *task, struct mm_struct *mm);

/*
 * One name. Exactly one of text, show, show_mm, transfer, children, target, link, jump,
 * next_number and sysctl is set; write may accompany show, or stand alone.
 */
struct proc_entry {
	const char *name;
	mode_t mode;      /* permissions; the type follows from the rest */
	bool guarded;     /* only for who may inspect the process: EACCES when it is opened */
	bool own_threads; /* the process's own threads may, whatever the mode says */
	const char *text; /* that is always the same */
	/*
	 * The text. task: whose directory it is in (counted by the caller), NULL outside of those.
	 * 0 or -errno. May be called twice. Long texts come in parts: seq_next().
	 */
	proc_show_fn *show;
	/*
	 * About the memory that the process had when the file was opened, and nobody may exchange
	 * under it by exec. mm: with a user reference, NULL if there is none (any more). task: NULL
	 * if it is gone.
	 */
	proc_show_mm_fn *show_mm;
	/* Reads or writes that memory at *pos. mm is not NULL. */
	ssize_t (*transfer)(struct mm_struct *mm, struct iov_iter *iter, loff_t *pos, bool write);
	/* n bytes at text, NUL-terminated. */
	int (*write)(const char *text, size_t n, struct task_struct *task);
	const struct proc_entry *children;                        /* ends with a NULL name */
	const char *target;                                       /* of a link: always the same */
	const char *(*link)(struct task_struct *task, char *buf); /* PATH_MAX bytes */
	int (*jump)(struct task_struct *task, int number,
		    struct path *path); /* number: its own, in a directory of numbers */
	mode_t (*link_mode)(struct task_struct *task,
			    int number); /* permissions that the link shows; NULL: 0777 */
	/*
	 * A directory whose names are numbers: the lowest >= nr that exists, -1 if none; and what
	 * each is. show_number: the text of such a file.
	 */
	int (*next_number)(struct task_struct *task, int nr);
	int (*show_number)(struct seq_buffer *m, struct task_struct *task, int number);
	const struct proc_entry *number_entry;
	const struct sysctl *sysctl;
};

/* What an inode of /proc is: inode->private. */
struct proc_inode {
	const struct proc_entry *entry;
	struct pid *pid; /* counted; NULL outside of process directories */
};

static inline const struct proc_entry *proc_entry_of(const struct inode *inode)
{
	return ((const struct proc_inode *)inode->private)->entry;
}

extern const struct proc_entry proc_root_entries[], proc_pid_entries[], proc_sys_entries[];
extern const struct proc_entry proc_fd_entry, proc_fdinfo_entry; /* of fd/ and fdinfo/ */
extern const struct file_operations proc_file_operations;

/* The task an inode is about, counted; NULL if it is about none, or it has ended: *gone. */
struct task_struct *proc_get_task(const struct inode *inode, bool *gone);
loff_t proc_llseek(struct file *file, loff_t offset, int whence);
/* The guard on task, for current. */
bool proc_may_inspect(struct task_struct *task);

/* Text of a /proc/sys file; what a write of n bytes at pos does: the bytes taken, or -errno. */
int sysctl_show(struct seq_buffer *m, const struct sysctl *sysctl);
ssize_t sysctl_write(const struct sysctl *sysctl, const char *text, size_t n, loff_t pos);

/*
 * For write: a decimal number in [min, max], perhaps negative, blanks around it. 0 or -EINVAL.
 */
int proc_parse_int(const char *text, int min, int max, int *value);
/* A time in the ticks of a hundredth of a second that user space counts in. */
unsigned long proc_ticks(u64 ns);

/* fd/ and fdinfo/: the lowest open descriptor >= nr. */
int proc_next_fd(struct task_struct *task, int nr);

/* What rows of other files show (fs/proc_status.c, proc_maps.c, proc_memory.c and so on). */
proc_show_fn proc_show_mounts, proc_show_mountinfo, proc_show_mountstats, proc_show_stat,
	proc_show_thread_stat, proc_show_statm, proc_show_status, proc_show_children,
	proc_show_cmdline, proc_show_meminfo, proc_show_vmstat, proc_show_slabinfo,
	proc_show_cpu_stat, proc_show_cpuinfo, proc_show_loadavg, proc_show_uptime;
proc_show_mm_fn proc_show_maps, proc_show_smaps, proc_show_smaps_rollup, proc_show_environ,
	proc_show_auxv;
ssize_t proc_transfer_mem(struct mm_struct *mm, struct iov_iter *iter, loff_t *pos, bool write);

/* The process whose directory descriptor fd is, with a reference. -EBADF: it is none. */
struct pid *proc_fd_pid(unsigned int fd);
