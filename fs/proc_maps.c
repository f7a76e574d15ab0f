/*
 * What /proc/PID shows of a process's memory: maps and smaps; its arguments, its environment;
 * the memory itself (mem).
 *
 * maps and smaps come in parts that begin at an address, so a map that changes meanwhile shows some
 * mappings as they were and others as they are, in order and each at most once.
 */
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/iov_iter.h>
#include <tine/mm.h>
#include <tine/proc_fs.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/vma.h>

#define NAME_COLUMN 73

static const char *special_name(const struct mm_struct *mm, const struct vma *vma)
{
	if (vma->start <= mm->brk && vma->end > mm->start_brk && mm->brk > mm->start_brk)
		return "[heap]";
	if (vma->start <= mm->start_stack && vma->end > mm->start_stack)
		return "[stack]";
	if (vma->flags & VM_UNCOUNTED)
		return vma->pgoff ? "[vdso]" : "[vvar]";
	return NULL;
}

static void show_range(struct seq_buffer *m, unsigned long start, unsigned long end, u32 flags,
		       const struct file *file, u64 offset)
{
	const struct inode *inode = file ? file->inode : NULL;

	seq_printf(m, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", start, end,
		   flags & VM_READ ? 'r' : '-', flags & VM_WRITE ? 'w' : '-',
		   flags & VM_EXEC ? 'x' : '-', flags & VM_SHARED ? 's' : 'p', offset,
		   inode ? MAJOR(inode->sb->dev) : 0, inode ? MINOR(inode->sb->dev) : 0,
		   inode ? inode->ino : 0);
}

/* A mapping's line, the same in maps and smaps. */
static void show_vma(struct seq_buffer *m, struct mm_struct *mm, const struct vma *vma)
{
	const char *name = vma->file ? NULL : special_name(mm, vma);
	size_t start = m->len;

	show_range(m, vma->start, vma->end, vma->flags, vma->file,
		   vma->file ? vma->pgoff << PAGE_SHIFT : 0);
	if (vma->file || name)
		seq_pad(m, start, NAME_COLUMN);
	if (vma->file)
		seq_file_name(m, vma->file);
	else if (name)
		seq_puts(m, name);
	seq_puts(m, "\n");
}

/* Those who look at a process's memory find no process (ESRCH), or one without memory (nothing). */
static int show_each_vma(struct seq_buffer *m, struct task_struct *task, struct mm_struct *mm,
			 void (*show)(struct seq_buffer *m, struct mm_struct *mm,
				      const struct vma *vma))
{
	const struct vma *vma;
	size_t start;

	if (!task)
		return -ESRCH;
	if (!mm)
		return 0;
	mutex_lock(&mm->lock);
	for (vma = vma_find(mm, m->cursor); vma; vma = vma_find(mm, vma->end)) {
		start = m->len;
		show(m, mm, vma);
		if (!seq_next(m, start, vma->end))
			break;
	}
	mutex_unlock(&mm->lock);
	return 0;
}

int proc_show_maps(struct seq_buffer *m, struct task_struct *task, struct mm_struct *mm)
{
	return show_each_vma(m, task, mm, show_vma);
}

/* smaps: the lines below a mapping's, or with rollup those of all of them together. */
struct smaps_line {
	const char *name;
	u64 bytes;
	bool rollup_only;
};

static void show_lines(struct seq_buffer *m, const struct smaps_line *line, size_t n, bool rollup)
{
	for (; n; n--, line++)
		if (rollup || !line->rollup_only)
			seq_printf(m, "%s:%*s%8lu kB\n", line->name, 15 - (int)strlen(line->name),
				   "", line->bytes / 1024);
}

static u64 share_bytes(u64 share)
{
	return share / (MM_SHARE_UNIT / PAGE_SIZE);
}

/* All pages are dirty, since none has a copy on a disk; those of files are tmpfs's. */
static void show_usage(struct seq_buffer *m, const struct mm_usage *u, unsigned long locked,
		       bool rollup)
{
	u64 rss = mm_usage_pages(u) * PAGE_SIZE;
	u64 shared = (u->shared[PAGE_ANON] + u->shared[PAGE_SHMEM]) * PAGE_SIZE;
	u64 anon_share = share_bytes(u->share[PAGE_ANON]);
	u64 file_share = share_bytes(u->share[PAGE_SHMEM]);
	const struct smaps_line lines[] = {
		{"Rss", rss, false},
		{"Pss", anon_share + file_share, false},
		{"Pss_Dirty", anon_share + file_share, false},
		{"Pss_Anon", anon_share, true},
		{"Pss_File", 0, true},
		{"Pss_Shmem", file_share, true},
		{"Shared_Clean", 0, false},
		{"Shared_Dirty", shared, false},
		{"Private_Clean", 0, false},
		{"Private_Dirty", rss - shared, false},
		{"Referenced", rss, false},
		{"Anonymous", u->pages[PAGE_ANON] * PAGE_SIZE, false},
		{"LazyFree", 0, false},
		{"AnonHugePages", 0, false},
		{"ShmemPmdMapped", 0, false},
		{"FilePmdMapped", 0, false},
		{"Shared_Hugetlb", 0, false},
		{"Private_Hugetlb", 0, false},
		{"Swap", 0, false},
		{"SwapPss", 0, false},
		{"Locked", locked * PAGE_SIZE, false},
	};

	show_lines(m, lines, ARRAY_SIZE(lines), rollup);
}

static void show_vma_flags(struct seq_buffer *m, u32 flags)
{
	static const struct {
		u32 flag;
		const char *name;
	} names[] = {
		{VM_READ, "rd "},    {VM_WRITE, "wr "},     {VM_EXEC, "ex "},
		{VM_SHARED, "sh "},  {VM_MAYREAD, "mr "},   {VM_MAYWRITE, "mw "},
		{VM_MAYEXEC, "me "}, {VM_GROWSDOWN, "gd "}, {VM_LOCKED, "lo "},
		{VM_IO, "io "},      {VM_DONTCOPY, "dc "},  {VM_DONTEXPAND, "de "},
		{VM_ACCOUNT, "ac "}, {VM_NORESERVE, "nr "}, {VM_WIPEONFORK, "wf "},
	};

	seq_puts(m, "VmFlags: ");
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			seq_puts(m, names[i].name);
	seq_puts(m, "\n");
}

static void show_smap(struct seq_buffer *m, struct mm_struct *mm, const struct vma *vma)
{
	const struct smaps_line sizes[] = {
		{"Size", vma->end - vma->start, false},
		{"KernelPageSize", PAGE_SIZE, false},
		{"MMUPageSize", PAGE_SIZE, false},
	};
	struct mm_usage usage = {0};

	mm_measure(mm, vma->start, vma->end, &usage);
	show_vma(m, mm, vma);
	show_lines(m, sizes, ARRAY_SIZE(sizes), false);
	show_usage(m, &usage, vma->flags & VM_LOCKED ? mm_usage_pages(&usage) : 0, false);
	seq_puts(m, "THPeligible:    0\n");
	show_vma_flags(m, vma->flags);
}

int proc_show_smaps(struct seq_buffer *m, struct task_struct *task, struct mm_struct *mm)
{
	return show_each_vma(m, task, mm, show_smap);
}

int proc_show_smaps_rollup(struct seq_buffer *m, struct task_struct *task, struct mm_struct *mm)
{
	unsigned long first = 0, last = 0;
	struct mm_usage usage = {0};
	const struct vma *vma;
	size_t start = m->len;

	if (!task || !mm)
		return -ESRCH;
	mutex_lock(&mm->lock);
	for (vma = vma_find(mm, 0); vma; vma = vma_find(mm, last)) {
		first = last ? first : vma->start;
		last = vma->end;
	}
	mm_measure(mm, 0, TASK_SIZE_MAX, &usage);
	mutex_unlock(&mm->lock);
	show_range(m, first, last, 0, NULL, 0);
	seq_pad(m, start, NAME_COLUMN);
	seq_puts(m, "[rollup]\n");
	show_usage(m, &usage, mm->map.locked_pages, true);
	return 0;
}

/* Bytes of the process's memory as a text, as much at a time as there is room for. */
static int show_memory(struct seq_buffer *m, struct mm_struct *mm, unsigned long start,
		       unsigned long end)
{
	unsigned long at = start + m->cursor;
	size_t n = at < end ? MIN(end - at, m->size) : 0;

	m->len = access_remote_vm(mm, at, m->text, n, false, true);
	m->cursor += m->len;
	m->more = m->len > 0 && at + m->len < end;
	return 0;
}

/* From the start of the arguments to the first NUL. */
static int show_title(struct seq_buffer *m, struct mm_struct *mm)
{
	m->len = access_remote_vm(mm, mm->arg_start, m->text, MIN(m->size, PAGE_SIZE), false, true);
	m->len = MIN(strnlen(m->text, m->len) + 1, m->len);
	return 0;
}

/*
 * A program that wrote over the NUL which ended its arguments has set a title (setproctitle(3)): it
 * ends at its own NUL, which may lie in what was the environment.
 */
int proc_show_cmdline(struct seq_buffer *m, struct task_struct *task)
{
	struct mm_struct *mm SCOPED(mm_put) = get_task_mm(task);
	char last = '\0';

	if (!mm)
		return 0;
	if (mm->arg_start < mm->arg_end)
		(void)access_remote_vm(mm, mm->arg_end - 1, &last, 1, false, true);
	if (last)
		show_title(m, mm);
	else
		show_memory(m, mm, mm->arg_start, mm->arg_end);
	return 0;
}

int proc_show_environ(struct seq_buffer *m, struct task_struct *task, struct mm_struct *mm)
{
	return mm ? show_memory(m, mm, mm->env_start, mm->env_end) : 0;
}

int proc_show_auxv(struct seq_buffer *m, struct task_struct *task, struct mm_struct *mm)
{
	unsigned int n = 0;

	if (!mm)
		return 0;
	do {
		n += 2;
	} while (n < ARRAY_SIZE(mm->auxv) && mm->auxv[n - 2]);
	seq_write(m, mm->auxv, n * sizeof(mm->auxv[0]));
	return 0;
}

/* A page's worth from or to *pos. Bytes or -errno. */
static ssize_t transfer_page(struct mm_struct *mm, struct iov_iter *iter, loff_t pos, bool write,
			     char *page)
{
	size_t n = MIN(iter->count, PAGE_SIZE), done;

	if (write && copy_from_iter(page, n, iter) < n)
		return -EFAULT;
	done = access_remote_vm(mm, pos, page, n, write, true);
	if (!done)
		return -EIO;
	if (!write && copy_to_iter(page, done, iter) < done)
		return -EFAULT;
	return done;
}

ssize_t proc_transfer_mem(struct mm_struct *mm, struct iov_iter *iter, loff_t *pos, bool write)
{
	char *page SCOPED(kfree) = iter->count ? kmalloc(PAGE_SIZE) : NULL;
	ssize_t done = 0, n = 0;

	if (!page)
		return iter->count ? -ENOMEM : 0;
	while (iter->count && (n = transfer_page(mm, iter, *pos, write, page)) > 0) {
		*pos += n;
		done += n;
		cond_resched();
	}
	return done ? done : n;
}
