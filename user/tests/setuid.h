#ifndef SETUID_H
#define SETUID_H

/*
 * A program that is executed and writes its rights into a pipe: a copy of the suite itself, at
 * PROGRAM, with any owner and mode.
 */
#include "rights.h"

#define PROGRAM "/tmp/home/program"
#define USER    1000
#define GROUP   2000

static UNUSED int helper(int argc, char **argv)
{
	struct rights rights;

	if (argc < 2)
		return 1;
	read_rights(&rights);
	if (raw3(SYS_write, atoi(argv[1]), &rights, sizeof(rights)) != sizeof(rights))
		return 2;
	if (strcmp(argv[0], "stay") == 0)
		pause();
	return 0;
}

static UNUSED void copy_program(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	static char bytes[65536];
	int from = check_call(open(self_path, O_RDONLY));
	int to = check_call(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700));
	long n;

	while ((n = check_call(read(from, bytes, sizeof(bytes)))) > 0)
		check_eq(write(to, bytes, n), n);
	close(from);
	close(to);
	check_call(chown(path, uid, gid));
	check_call(chmod(path, mode));
}

static UNUSED void make_program(uid_t uid, gid_t gid, mode_t mode)
{
	go_home();
	copy_program(PROGRAM, uid, gid, mode);
}

static UNUSED void set_program(uid_t uid, gid_t gid, mode_t mode)
{
	check_call(chown(PROGRAM, uid, gid));
	check_call(chmod(PROGRAM, mode));
}

static UNUSED void remove_program(void)
{
	check_call(unlink(PROGRAM));
	leave_home();
}

static int report_fd;
static UNUSED const char *verb = "report"; /* or "stay": report and wait for the end */

static UNUSED int exec_program(void *unused)
{
	char number[16];
	const char *argv[] = {"program", "--helper", verb, number, NULL}, *envp[] = {NULL};

	snprintf(number, sizeof(number), "%d", report_fd);
	raw_exit(-raw3(SYS_execve, PROGRAM, argv, envp));
	return 0;
}

/* What PROGRAM may do if a child with these clone flags executes it after prepare(). */
static UNUSED struct rights rights_by(void (*prepare)(void), unsigned long flags)
{
	struct rights rights;
	int ends[2];
	pid_t pid;

	make_pipe(ends);
	report_fd = ends[1];
	pid = tap_fork();
	if (pid == 0) {
		if (prepare)
			prepare();
		if (flags)
			check_exits(clone_call(flags | SIGCHLD, exec_program, NULL), 0);
		else
			exec_program(NULL);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(read(ends[0], &rights, sizeof(rights)), (long)sizeof(rights));
	close(ends[0]);
	close(ends[1]);
	return rights;
}

static UNUSED struct rights rights_after(void (*prepare)(void))
{
	return rights_by(prepare, 0);
}

static UNUSED void check_ids(const unsigned int *ids, unsigned int real, unsigned int effective)
{
	check_eq(ids[0], real);
	check_eq(ids[1], effective);
	check_eq(ids[2], effective);
	check_eq(ids[3], effective);
}

static UNUSED void be_user(void)
{
	check_call(setgid(USER));
	check_call(setuid(USER));
}

#endif
