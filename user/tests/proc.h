#ifndef PROC_H
#define PROC_H

/* What the tests of /proc share: reading a file whole, and taking lines and fields out of it. */
#include "helpers.h"

#include <dirent.h>

#define TEXT_SIZE 262144

static char proc_text[TEXT_SIZE] UNUSED;

/* The file as a string; bytes, or -errno of what failed. */
static inline UNUSED long try_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	long n, done = 0;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + done, size - 1 - done)) > 0)
		done += n;
	if (n < 0)
		done = -errno;
	else
		text[done] = '\0';
	close(fd);
	return done;
}

/* The file's text, good until the next call. */
static inline UNUSED const char *read_text(const char *path)
{
	long n = try_read(path, proc_text, sizeof(proc_text));

	if (n < 0)
		tap_fail(__FILE__, __LINE__, "cannot read %s: error %ld", path, -n);
	return proc_text;
}

/* The same for /proc/PID/NAME. */
static inline UNUSED const char *read_of(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return read_text(path);
}

static inline UNUSED long try_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	long n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

/* What follows "NAME:" and blanks at the beginning of a line; NULL if there is no such line. */
static inline UNUSED const char *line_of(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = text; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (strncmp(at, name, length) == 0 && at[length] == ':') {
			at += length + 1;
			while (*at == ' ' || *at == '\t')
				at++;
			return at;
		}
	return NULL;
}

static inline UNUSED long number_of(const char *text, const char *name)
{
	const char *value = line_of(text, name);

	if (!value)
		tap_fail(__FILE__, __LINE__, "there is no line %s", name);
	return strtol(value, NULL, 0);
}

/* The lines with these names are all there, in this order. */
static inline UNUSED void check_order(const char *text, const char *const *names, size_t n)
{
	const char *last = text, *at;

	for (size_t i = 0; i < n; i++) {
		at = line_of(text, names[i]);
		if (!at || at < last)
			tap_fail(__FILE__, __LINE__, "%s is %s", names[i],
				 at ? "in another place" : "missing");
		last = at;
	}
}

/* The fields of /proc/PID/stat, numbered from 1 as in proc(5); 2 is the name. */
#define STAT_FIELDS 52
struct stat_fields {
	char name[64], state;
	long value[STAT_FIELDS + 1];
	int count;
};

static inline UNUSED void parse_stat(const char *text, struct stat_fields *s)
{
	const char *open = strchr(text, '('), *end = strrchr(text, ')');
	char *next;

	check(open && end && end[1] == ' ');
	memset(s, 0, sizeof(*s));
	s->value[1] = strtol(text, NULL, 10);
	snprintf(s->name, sizeof(s->name), "%.*s", (int)(end - open - 1), open + 1);
	s->state = end[2];
	s->count = 3;
	for (const char *at = end + 3; *at == ' '; at = next) {
		unsigned long value;

		value = at[1] == '-' ? (unsigned long)strtol(at + 1, &next, 10)
				     : strtoul(at + 1, &next, 10);
		check(next > at + 1);
		if (++s->count <= STAT_FIELDS)
			s->value[s->count] = value;
		at = next;
	}
}

static inline UNUSED void stat_of(pid_t pid, struct stat_fields *s)
{
	parse_stat(read_of(pid, "stat"), s);
}

/* A child that waits until it is killed; it has written a byte, so it runs. */
static inline UNUSED pid_t idle_child(void)
{
	int ends[2];
	pid_t pid;

	make_pipe(ends);
	pid = tap_fork();
	if (pid == 0) {
		give_byte(ends[1], 'x');
		for (;;)
			pause();
	}
	take_byte(ends[0]);
	close(ends[0]);
	close(ends[1]);
	return pid;
}

static inline UNUSED void end_child(pid_t pid)
{
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

/* The caller becomes an ordinary user. */
static inline UNUSED void become_user(int id)
{
	check_call(setresgid(id, id, id));
	check_call(setresuid(id, id, id));
	check_call(prctl(PR_SET_DUMPABLE, 1));
}

#endif
