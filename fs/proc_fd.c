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

/* The file at a descriptor of task's, with a reference; NULL. */
static struct file *get_task_file(struct task_struct *task, int number, bool *close_on_exec)
{
	struct files_struct *files = get_files_struct(task);
	struct file *file = files ? files_get(files, number, close_on_exec) : NULL;

	put_files_struct(files);
	return file;
}

int proc_next_fd(struct task_struct *task, int nr)
{
	struct files_struct *files = get_files_struct(task);
	unsigned int fd = nr;
	struct file *file = files ? files_next(files, &fd) : NULL;

	put_files_struct(files);
	fput(file);
	return file ? (int)fd : -1;
}

static int jump_fd(struct task_struct *task, int number, struct path *path)
{
	struct file *file = get_task_file(task, number, NULL);

	if (!file)
		return -ENOENT;
	*path = file->path;
	path_get(path);
	fput(file);
	return 0;
}

/* As the file was opened: "r-x" for reading, "-wx" for writing. */
static mode_t fd_link_mode(struct task_struct *task, int number)
{
	struct file *file = get_task_file(task, number, NULL);
	mode_t mode = 0;

	if (file)
		mode = (file->mode & FMODE_READ ? 0500 : 0) | (file->mode & FMODE_WRITE ? 0300 : 0);
	fput(file);
	return mode;
}

static int show_fdinfo(struct seq_buffer *m, struct task_struct *task, int number)
{
	bool close_on_exec = false;
	struct file *file = get_task_file(task, number, &close_on_exec);

	if (!file)
		return -ENOENT;
	seq_printf(m, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t%d\nino:\t%lu\n",
		   (long)READ_ONCE(file->pos), file->flags | (close_on_exec ? O_CLOEXEC : 0),
		   file->path.mnt->id, file->inode->ino);
	if (file->ops->show_fdinfo)
		file->ops->show_fdinfo(m, file);
	fput(file);
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
