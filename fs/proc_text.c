/*
 * Open files of /proc.
 *
 * A text is made at the first read of an open file, in a buffer that grows until it fits, and later
 * reads take from that; reading at offset 0 makes it anew. A text in parts (seq_next) has one part
 * in the buffer; a read beyond it makes the next, one before it begins from the start. A lock guards
 * all that an open file keeps. It comes before most others, since making a text may drop the last
 * reference on a file or on a memory of which it tells.
 *
 * Who opens a file about a process's memory keeps that memory's struct, though not what is in it:
 * so the right to look was checked against what is shown, even when the process executes a program
 * that its reader must not look into.
 */
#include <tine/err.h>
#include <tine/fail.h>
#include <tine/iov_iter.h>
#include <tine/mm.h>
#include <tine/proc_fs.h>
#include <tine/rw.h>
#include <tine/slab.h>
#include <tine/task.h>

#define FIRST_TEXT    4096u
#define LARGEST_TEXT  (4u << 20)
#define LONGEST_WRITE 4096u

struct proc_file {
	struct mutex lock; /* guards m and start */
	struct seq_buffer m;
	loff_t start;         /* of the part that is in m */
	struct mm_struct *mm; /* counted by mm_grab; NULL: the process had none, or nobody asks */
};

static bool about_memory(const struct proc_entry *entry)
{
	return entry->show_mm || entry->transfer;
}

/* task's mm as an open file keeps it. */
static struct mm_struct *grab_mm(struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);

	if (mm) {
		mm_grab(mm);
		mm_put(mm);
	}
	return mm;
}

static int proc_open(struct inode *inode, struct file *file)
{
	const struct proc_entry *entry = proc_entry_of(inode);
	struct proc_file *p;
	bool gone;
	struct task_struct *task SCOPED(put_task_struct) = proc_get_task(inode, &gone);

	if (gone)
		return -ESRCH;
	if (entry->guarded && !proc_may_inspect(task))
		return -EACCES;
	p = kzalloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	mutex_init(&p->lock, LOCK_CLASS_PROC);
	if (about_memory(entry))
		p->mm = grab_mm(task);
	file->private_data = p;
	return 0;
}

static void proc_release(struct file *file)
{
	struct proc_file *p = file->private_data;

	if (p->mm)
		mm_drop(p->mm);
	kfree(p->m.text);
	kfree(p);
}

/* The memory that the file was opened for, to be used; NULL if it is gone. */
static struct mm_struct *get_mm(const struct proc_file *p)
{
	return p->mm && mm_get_unless_gone(p->mm) ? p->mm : NULL;
}

static int show(struct file *file, struct proc_file *p)
{
	const struct proc_entry *entry = proc_entry_of(file->inode);
	bool gone;
	struct task_struct *task SCOPED(put_task_struct) = proc_get_task(file->inode, &gone);
	struct mm_struct *mm SCOPED(mm_put) = NULL;

	if (entry->show_mm) {
		mm = get_mm(p);
		return entry->show_mm(&p->m, task, mm);
	}
	if (gone)
		return -ESRCH;
	if (entry->show_number)
		return entry->show_number(&p->m, task, file->inode->rdev);
	if (entry->sysctl)
		return sysctl_show(&p->m, entry->sysctl);
	if (entry->show)
		return entry->show(&p->m, task);
	seq_puts(&p->m, entry->text);
	return 0;
}

/* Makes the part at cursor, in as large a buffer as it takes. */
static int make_text(struct file *file, struct proc_file *p, u64 cursor)
{
	struct seq_buffer *m = &p->m;
	int error = 0;

	for (size_t size = MAX(m->size, (size_t)FIRST_TEXT); size <= LARGEST_TEXT; size *= 2) {
		if (size != m->size) {
			kfree(m->text);
			m->text = kmalloc(size);
			m->size = m->text ? size : 0;
		}
		if (!m->text)
			return -ENOMEM;
		m->len = 0;
		m->overflow = m->more = false;
		m->cursor = cursor;
		error = show(file, p);
		if (error != 0 || !m->overflow)
			return error;
	}
	return -ENOMEM;
}

/* Makes the part that has pos in it, or the last one. */
static int find_part(struct file *file, struct proc_file *p, loff_t pos)
{
	int error = 0;

	if (pos == 0 || pos < p->start || !p->m.text) {
		p->start = 0;
		error = make_text(file, p, 0);
	}
	while (error == 0 && p->m.more && pos >= p->start + (loff_t)p->m.len) {
		p->start += p->m.len;
		error = make_text(file, p, p->m.cursor);
	}
	if (error != 0)
		p->m.len = p->m.more = 0;
	return error;
}

static ssize_t read_text(struct file *file, struct iov_iter *to, loff_t *pos)
{
	struct proc_file *p = file->private_data;
	size_t copied = 0, left, n;
	int error;

	do {
		error = find_part(file, p, *pos);
		left = *pos - p->start < (loff_t)p->m.len ? p->start + p->m.len - *pos : 0;
		n = MIN(to->count, left);
		if (error == 0 && n) {
			size_t got = copy_to_iter(p->m.text + (*pos - p->start), n, to);

			copied += got;
			*pos += got;
			if (got < n)
				error = -EFAULT;
		}
	} while (error == 0 && to->count && p->m.more);
	return copied ? (ssize_t)copied : error;
}

static ssize_t write_text(struct file *file, const char *text, size_t n, loff_t pos)
{
	const struct proc_entry *entry = proc_entry_of(file->inode);
	bool gone;
	struct task_struct *task SCOPED(put_task_struct) = proc_get_task(file->inode, &gone);

	if (gone)
		return -ESRCH;
	if (entry->sysctl)
		return sysctl_write(entry->sysctl, text, n, pos);
	return entry->write(text, n, task) ?: (ssize_t)n;
}

static ssize_t copy_and_write(struct file *file, struct iov_iter *from, loff_t *pos)
{
	size_t n = MIN(from->count, LONGEST_WRITE);
	char *text SCOPED(kfree) = kmalloc(n + 1);
	ssize_t result;

	if (!text)
		return -ENOMEM;
	if (copy_from_iter(text, n, from) < n)
		return -EFAULT;
	text[n] = '\0';
	result = write_text(file, text, n, *pos);
	if (result > 0)
		*pos += result;
	return result;
}

/* Between memories: nothing is there once the one that was opened is gone. */
static ssize_t transfer(struct file *file, struct iov_iter *iter, loff_t *pos, bool write)
{
	struct mm_struct *mm SCOPED(mm_put) = get_mm(file->private_data);

	return mm ? proc_entry_of(file->inode)->transfer(mm, iter, pos, write) : 0;
}

/* Reading and writing fail-nth must not be what it makes fail. */
static ssize_t proc_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	const struct proc_entry *entry = proc_entry_of(file->inode);
	struct proc_file *p = file->private_data;
	bool suspended;
	ssize_t result;

	if (entry->transfer)
		return transfer(file, to, pos, false);
	if (!entry->text && !entry->show && !entry->show_mm && !entry->show_number &&
	    !entry->sysctl)
		return -EINVAL;
	suspended = fail_suspend();
	result = MUTEX_LOCKED(&p->lock, read_text(file, to, pos));
	fail_resume(suspended);
	return result;
}

/* What cannot be written is another error for a process's file than for the system's, as on Linux. */
static ssize_t proc_write(struct file *file, struct iov_iter *from, loff_t *pos)
{
	const struct proc_entry *entry = proc_entry_of(file->inode);
	bool suspended;
	ssize_t result;

	if (entry->transfer)
		return transfer(file, from, pos, true);
	if (!entry->write && !entry->sysctl)
		return ((struct proc_inode *)file->inode->private)->pid ? -EINVAL : -EIO;
	suspended = fail_suspend();
	result = copy_and_write(file, from, pos);
	fail_resume(suspended);
	return result;
}

/* There is no end to seek from: texts have no length before they are read. */
loff_t proc_llseek(struct file *file, loff_t offset, int whence)
{
	return whence <= SEEK_CUR ? generic_llseek(file, offset, whence) : -EINVAL;
}

const struct file_operations proc_file_operations = {
	.open = proc_open,
	.release = proc_release,
	.read = proc_read,
	.write = proc_write,
	.llseek = proc_llseek,
};
