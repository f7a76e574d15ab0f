/* What a process's paths start from (fs/fs_struct.c). */
#pragma once

#include <tine/file.h>
#include <tine/spinlock.h>

struct fs_struct {
	struct spinlock lock; /* guards the rest */
	int users;            /* tasks that point to it */
	/* Not followed. Not NULL: each has a copy of its own, to be made by who changes it. */
	const struct task_struct *lender;
	bool in_exec; /* no other task may come to share it now */
	mode_t umask;
	struct path root, pwd; /* counted */
};

/*
 * exec: do only threads of current's process share its directories? If so, clone with CLONE_FS is
 * EAGAIN for them until fs_exec_end(), which whoever got true calls.
 */
bool fs_exec_begin(void);
void fs_exec_end(void);

/* Counted copies of current's. */
void get_fs_root(struct path *root);
void get_fs_pwd(struct path *pwd);
void get_fs_root_and_pwd(struct path *root, struct path *pwd);
void set_fs_root(const struct path *path);
void set_fs_pwd(const struct path *path);
/* Whoever has old as root or as working directory gets new. old is kept by the caller. */
void replace_fs_roots(const struct path *old, const struct path *new);
/* Counted copies of task's; false if it has none (any more). Either may be NULL. */
bool get_task_fs(struct task_struct *task, struct path *root, struct path *pwd);
/*
 * What is the same for two tasks if they share their directories, and else is not; NULL if task has
 * none. task's alloc_lock held. Not to be followed.
 */
const void *fs_identity(const struct task_struct *task);
/* Boot: gives the task that runs start_kernel a fs_struct at the root of the file system. */
void fs_struct_init(const struct path *root);
mode_t current_umask(void);
bool task_umask(struct task_struct *task, mode_t *umask); /* false: task has no fs_struct */
