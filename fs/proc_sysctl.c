/*
 * /proc/sys: what can be asked of the kernel and, where the mode allows it, changed while it runs.
 * It is one table: a row says what a name stands for, a number with its bounds or a text. Names are
 * here only if what they set is obeyed.
 *
 * A write is read as Linux reads it: whole numbers, decimal or with 0x or 0 in front, blanks between
 * them; the bytes behind the last one that the row has room for are left over. Only a write at the
 * beginning of the file counts, so that a number is never put together from two writes.
 */
#include <tine/epoll.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/params.h>
#include <tine/pid.h>
#include <tine/pipe.h>
#include <tine/printk.h>
#include <tine/proc_fs.h>
#include <tine/random.h>
#include <tine/sem.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/utsname.h>
#include <tine/vma.h>

struct sysctl {
	int *numbers; /* count of them, each in [min, max] */
	unsigned int count;
	int min, max;
	int (*set)(int number); /* instead of storing it: 0 or -errno */
	const char *text;       /* that never changes */
	void (*show)(struct seq_buffer *m);
	ssize_t (*write)(const char *text, size_t n, loff_t pos); /* bytes taken */
};

int sysctl_show(struct seq_buffer *m, const struct sysctl *s)
{
	if (s->show)
		s->show(m);
	for (unsigned int i = 0; i < s->count; i++)
		seq_printf(m, i ? "\t%d" : "%d", READ_ONCE(s->numbers[i]));
	if (s->text)
		seq_puts(m, s->text);
	seq_puts(m, "\n");
	return 0;
}

/* --- Numbers --- */

static const char *skip_blanks(const char *at)
{
	while (*at == ' ' || (*at >= '\t' && *at <= '\r'))
		at++;
	return at;
}

/* A number at *at, which moves behind it; a blank or the end must follow. */
static int take_number(const char **at, long *value)
{
	bool negative = **at == '-';
	u64 n;
	const char *end = parse_digits(*at + negative, 0, &n);

	if (!end || (*end && skip_blanks(end) == end))
		return -EINVAL;
	n = MIN(n, 1ull << 40);
	*value = negative ? -(long)n : (long)n;
	*at = end;
	return 0;
}

static int store_number(const struct sysctl *s, unsigned int i, long value)
{
	if (value < s->min || value > s->max)
		return -EINVAL;
	if (s->set)
		return s->set(value);
	WRITE_ONCE(s->numbers[i], value);
	return 0;
}

ssize_t sysctl_write(const struct sysctl *s, const char *text, size_t n, loff_t pos)
{
	const char *at = text;
	long value;
	int error = 0;

	if (s->write)
		return s->write(text, n, pos);
	if (n == 0 || pos != 0)
		return n;
	for (unsigned int i = 0; i < s->count && error == 0; i++) {
		at = skip_blanks(at);
		if (!*at)
			return i ? (ssize_t)n : -EINVAL;
		error = take_number(&at, &value);
		if (error == 0)
			error = store_number(s, i, value);
	}
	return error ?: skip_blanks(at) - text;
}

int proc_parse_int(const char *text, int min, int max, int *value)
{
	long n;

	text = skip_blanks(text);
	if (take_number(&text, &n) != 0 || *skip_blanks(text) || n < min || n > max)
		return -EINVAL;
	*value = n;
	return 0;
}

/* --- Names of the system --- */

static ssize_t write_name(enum uts_name which, const char *text, size_t n, loff_t pos)
{
	char name[UTS_LEN + 1];
	size_t end = n, length;

	get_uts_name(which, name);
	if (pos > (loff_t)strlen(name))
		return n;
	for (length = pos, end = 0; end < n && length < UTS_LEN; end++) {
		if (!text[end] || text[end] == '\n')
			break;
		name[length++] = text[end];
	}
	set_uts_name(which, name, length);
	return n;
}

static void show_name(struct seq_buffer *m, enum uts_name which)
{
	char name[UTS_LEN + 1];

	get_uts_name(which, name);
	seq_puts(m, name);
}

static void show_hostname(struct seq_buffer *m)
{
	show_name(m, UTS_NODENAME);
}

static ssize_t write_hostname(const char *text, size_t n, loff_t pos)
{
	return write_name(UTS_NODENAME, text, n, pos);
}

static void show_domainname(struct seq_buffer *m)
{
	show_name(m, UTS_DOMAINNAME);
}

static ssize_t write_domainname(const char *text, size_t n, loff_t pos)
{
	return write_name(UTS_DOMAINNAME, text, n, pos);
}

/* --- Others with a text of their own --- */

/* RFC 4122, section 4.4: version 4. */
static void show_uuid_of(struct seq_buffer *m, u8 id[16])
{
	id[6] = (id[6] & 0x0f) | 0x40;
	id[8] = (id[8] & 0x3f) | 0x80;
	for (unsigned int i = 0; i < 16; i++)
		seq_printf(m, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", id[i]);
}

static void show_uuid(struct seq_buffer *m)
{
	u8 id[16];

	get_random_bytes(id, sizeof(id));
	show_uuid_of(m, id);
}

static void show_boot_id(struct seq_buffer *m)
{
	u8 id[16];

	memcpy(id, random_boot_id, sizeof(id));
	show_uuid_of(m, id);
}

/* Open files have no limit of their own but memory. */
static void show_file_max(struct seq_buffer *m)
{
	seq_printf(m, "%ld", INT64_MAX);
}

static void show_file_nr(struct seq_buffer *m)
{
	seq_printf(m, "%ld\t0\t%ld", open_file_count(), INT64_MAX);
}

static int drop_caches(int what)
{
	if (what & 2)
		kmem_cache_shrink_all();
	return 0;
}

/* All four are taken, or the last one is not: it is bounded, and told so in its own way. */
static ssize_t write_sem(const char *text, size_t n, loff_t pos)
{
	static const struct sysctl numbers = {
		.numbers = sem_limits,
		.count = SEM_LIMITS,
		.min = -INT32_MAX - 1,
		.max = INT32_MAX,
	};
	int objects = sem_limits[LIMIT_SEMMNI];
	ssize_t taken = sysctl_write(&numbers, text, n, pos);

	if (sem_limits[LIMIT_SEMMNI] < 0 || sem_limits[LIMIT_SEMMNI] > IPC_MAX_OBJECTS)
		taken = -ERANGE;
	if (taken < 0)
		WRITE_ONCE(sem_limits[LIMIT_SEMMNI], objects);
	return taken;
}

/* --- The table --- */

#define NAME(n, m, ...)                                                \
	{                                                              \
		.name = n, .mode = m, .sysctl = &(const struct sysctl) \
		{                                                      \
			__VA_ARGS__                                    \
		}                                                      \
	}
#define NUMBER(n, variable, low, high, ...) \
	NAME(n, 0644, .numbers = &(variable), .count = 1, .min = low, .max = high, __VA_ARGS__)
#define CONSTANT(n, number) NAME(n, 0444, .numbers = &(int){number}, .count = 1)
#define TEXT(n, string)     NAME(n, 0444, .text = string)

static const struct proc_entry epoll_entries[] = {
	NUMBER("max_user_watches", epoll_max_user_watches, 0, INT32_MAX),
	{.name = NULL},
};

static const struct proc_entry fs_entries[] = {
	{.name = "epoll", .mode = 0555, .children = epoll_entries},
	NAME("file-max", 0444, .show = show_file_max),
	NAME("file-nr", 0444, .show = show_file_nr),
	NUMBER("nr_open", max_open_files, FD_CHUNK, INT32_MAX & -(int)FD_CHUNK),
	CONSTANT("overflowgid", 65534),
	CONSTANT("overflowuid", 65534),
	NUMBER("pipe-max-size", pipe_max_bytes, 0, INT32_MAX, .set = set_pipe_max_bytes),
	CONSTANT("protected_fifos", 0),
	CONSTANT("protected_hardlinks", 1),
	CONSTANT("protected_regular", 0),
	CONSTANT("protected_symlinks", 1),
	CONSTANT("suid_dumpable", 0),
	{.name = NULL},
};

static const struct proc_entry random_entries[] = {
	NAME("boot_id", 0444, .show = show_boot_id),
	CONSTANT("entropy_avail", 256),
	CONSTANT("poolsize", 256),
	NAME("uuid", 0444, .show = show_uuid),
	{.name = NULL},
};

static const struct proc_entry kernel_entries[] = {
	TEXT("arch", UTS_MACHINE),
	CONSTANT("cap_last_cap", CAP_LAST),
	CONSTANT("dmesg_restrict", 1),
	NAME("domainname", 0644, .show = show_domainname, .write = write_domainname),
	NAME("hostname", 0644, .show = show_hostname, .write = write_hostname),
	CONSTANT("ngroups_max", NGROUPS_MAX),
	TEXT("osrelease", UTS_RELEASE),
	TEXT("ostype", UTS_SYSNAME),
	CONSTANT("overflowgid", 65534),
	CONSTANT("overflowuid", 65534),
	NUMBER("panic", boot_params.panic_timeout, -INT32_MAX - 1, INT32_MAX),
	NUMBER("pid_max", pid_max, PID_MAX_MIN, PID_MAX_MAX, .set = set_pid_max),
	NAME("printk", 0644, .numbers = console_printk, .count = 4, .min = 0, .max = INT32_MAX),
	{.name = "random", .mode = 0555, .children = random_entries},
	NUMBER("randomize_va_space", randomize_va_space, -INT32_MAX - 1, INT32_MAX),
	NAME("sem", 0644, .numbers = sem_limits, .count = SEM_LIMITS, .write = write_sem),
	CONSTANT("tainted", 0),
	NUMBER("threads-max", max_threads, 20, 0x3fffffff),
	TEXT("version", UTS_VERSION),
	{.name = NULL},
};

static const struct proc_entry vm_entries[] = {
	NAME("drop_caches", 0200, .numbers = &(int){0}, .count = 1, .min = 1, .max = 4,
	     .set = drop_caches),
	NUMBER("max_map_count", max_map_count, 0, INT32_MAX),
	NUMBER("overcommit_memory", overcommit_memory, OVERCOMMIT_GUESS, OVERCOMMIT_NEVER),
	NUMBER("overcommit_ratio", overcommit_ratio, 0, INT32_MAX),
	{.name = NULL},
};

const struct proc_entry proc_sys_entries[] = {
	{.name = "fs", .mode = 0555, .children = fs_entries},
	{.name = "kernel", .mode = 0555, .children = kernel_entries},
	{.name = "vm", .mode = 0555, .children = vm_entries},
	{.name = NULL},
};
