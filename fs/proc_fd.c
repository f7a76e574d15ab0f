/*
 * /proc/PID/fd and fdinfo: a process's open files. Each is a directory of numbers, asked of the
 * descriptor table as it is at that moment.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/proc_fs.h>
#include <tine/task.h>

int proc_next_fd(struct task_struct *task, int nr)
{
	unsigned int fd = nr;
	struct file *file SCOPED(fput) = task_next_file(task, &fd);

	return file ? (int)fd : -1;
}

static int jump_fd(struct task_struct *task, int number, struct path *path)
{
	struct file *file SCOPED(fput) = task_get_file(task, number, NULL);

	if (!file)
		return -ENOENT;
	*path = file->path;
	path_get(path);
	return 0;
}

/* As the file was opened: "r-x" for reading, "-wx" for writing. */
static mode_t fd_link_mode(struct task_struct *task, int number)
{
	struct file *file SCOPED(fput) = task_get_file(task, number, NULL);

	if (!file)
		return 0;
	return (file->mode & FMODE_READ ? 0500 : 0) | (file->mode & FMODE_WRITE ? 0300 : 0);
}

static int show_fdinfo(struct seq_buffer *m, struct task_struct *task, int number)
{
	bool close_on_exec = false;
	struct file *file SCOPED(fput) = task_get_file(task, number, &close_on_exec);

	if (!file)
		return -ENOENT;
	seq_printf(m, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t%d\nino:\t%lu\n",
		   (long)READ_ONCE(file->pos), file->flags | (close_on_exec ? O_CLOEXEC : 0),
		   file->path.mnt->id, file->inode->ino);
	if (file->ops->show_fdinfo)
		file->ops->show_fdinfo(m, file);
	return 0;
}

const struct proc_entry proc_fd_entry = {
	.name = "",
	.mode = 0777,
	.guarded = true,
	.jump = jump_fd,
	.link_mode = fd_link_mode,
};

const struct proc_entry proc_fdinfo_entry = {
	.name = "",
	.mode = 0444,
	.guarded = true,
	.show_number = show_fdinfo,
};
