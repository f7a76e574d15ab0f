/*
 * execve(2): the program of a process is replaced by another.
 *
 *   check    the caller's limits, the path, the arguments; what file it is
 *   build    the new memory: a stack with the strings, the image, its interpreter; credentials
 *   commit   de_thread: the other threads die; then files, handlers, memory, credentials, name
 *   run      the registers of the new program; the system call returns into it
 *
 * Until the commit nothing of the caller has changed, so whatever fails is an errno and the caller
 * goes on. As on Linux there are two exceptions: an image whose segments cannot be mapped kills the
 * caller with SIGSEGV although the old program would still be there, since callers can rely on an
 * exec that got so far not to come back; and so does a failure after the other threads are gone.
 *
 * The old memory is let go only when the new one is complete, which is what makes exec in a vfork
 * child or under CLONE_VM safe: the memory that is shared with the parent is never written to, only
 * dropped. mm_release() then wakes a vfork parent.
 *
 * Scripts are resolved first: each `#!` replaces the file by its interpreter and puts that in front
 * of the arguments, until an ELF image is found (kernel/script.c, kernel/elf.c).
 *
 * Lock: signal_struct.exec_lock makes exec one at a time in a process, so that credentials worked
 * out before the commit are still the right ones at the commit.
 */
#include <tine/binprm.h>
#include <tine/err.h>
#include <tine/exec.h>
#include <tine/fdtable.h>
#include <tine/file.h>
#include <tine/fork.h>
#include <tine/fs_struct.h>
#include <tine/namei.h>
#include <tine/printk.h>
#include <tine/random.h>
#include <tine/signal.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/timers.h>
#include <tine/uaccess.h>
#include <tine/vma.h>
#include <uapi/fcntl.h>

/* What execve, execveat and the kernel ask for. */
struct exec_request {
	int dirfd;
	const char *path;
	int flags;           /* AT_ */
	bool must_randomize; /* whatever the caller's personality says */
	struct string_array argv, envp;
};

#define EXEC_AGAIN    1  /* no error, no success */
#define FD_PATH_EXTRA 24 /* "/dev/fd/", a number, "/" and NUL */

/* --- Check --- */

/* A setuid that went over RLIMIT_NPROC succeeded, so that programs which do not look at its result
 * stay harmless; it is here that it fails. */
static int check_process_limit(void)
{
	unsigned long processes = (unsigned long)atomic_read(&current->cred->user->processes);

	if ((current->flags & PF_NPROC_EXCEEDED) && processes > rlimit(RLIMIT_NPROC))
		return -EAGAIN;
	current->flags &= ~PF_NPROC_EXCEEDED;
	return 0;
}

/* The name by which a program finds a file that was named relative to a descriptor. */
static int make_fd_path(struct binprm *b, const struct exec_request *r)
{
	size_t size = strlen(r->path) + FD_PATH_EXTRA;

	b->fd_path = kmalloc(size);
	if (!b->fd_path)
		return -ENOMEM;
	snprintf(b->fd_path, size, *r->path ? "/dev/fd/%d/%s" : "/dev/fd/%d", r->dirfd, r->path);
	b->filename = b->interp = b->fd_path;
	b->by_descriptor = !*r->path;
	b->path_goes = fd_close_on_exec((unsigned int)r->dirfd);
	return 0;
}

static int name_program(struct binprm *b, const struct exec_request *r)
{
	if (r->dirfd != AT_FDCWD && r->path[0] != '/')
		return make_fd_path(b, r);
	b->filename = b->interp = r->path;
	return 0;
}

static void binprm_free(struct binprm *b)
{
	if (b->alone)
		fs_exec_end();
	if (b->mm)
		mm_put(b->mm);
	put_cred(b->cred);
	elf_release(b);
	fput(b->file);
	kfree(b->strings);
	kfree(b->fd_path);
	kfree(b);
}

static struct binprm *binprm_alloc(const struct exec_request *r)
{
	struct binprm *b = kmalloc(sizeof(*b));

	if (!b)
		return NULL;
	memset(b, 0, offsetof(struct binprm, program.header));
	get_random_bytes(&b->random, sizeof(b->random));
	b->randomize = personality_randomize(r->must_randomize);
	if (b->randomize < 2)
		b->random.brk = 0;
	if (!b->randomize)
		b->random.stack = b->random.mmap = b->random.image = b->random.vdso = 0;
	b->limit = rlimit(RLIMIT_STACK);
	b->mm = mm_alloc();
	if (!b->mm) {
		binprm_free(b);
		return NULL;
	}
	return b;
}

/* The file's name and the caller's strings, on the new stack. */
static int copy_strings(struct binprm *b, struct exec_request *r)
{
	int error = stack_prepare(b, &r->argv, &r->envp);

	if (!error)
		error = stack_push_string(b, b->filename);
	b->filename_at = b->p;
	if (!error)
		error = stack_push_array(b, &r->envp);
	if (!error)
		error = stack_push_array(b, &r->argv);
	/* A program that takes argv[0] for granted must not run into its environment. */
	if (!error && !b->argc)
		error = stack_push_argument(b, "");
	return error;
}

static int read_header(struct binprm *b)
{
	ssize_t n = kernel_read(b->file, b->header, sizeof(b->header), 0);

	if (n < 0)
		return (int)n;
	b->header_size = (unsigned int)n;
	memset(b->header + n, 0, sizeof(b->header) - (size_t)n);
	return 0;
}

/* Puts the script's interpreter in its place, and in front of its arguments. The script's own name
 * stands for argv[0]. */
static int run_interpreter(struct binprm *b, const char *interpreter, const char *argument)
{
	struct file *file;
	int error;

	if (b->path_goes)
		return -ENOENT;
	stack_pop_argument(b);
	error = stack_push_argument(b, b->interp);
	if (!error && argument)
		error = stack_push_argument(b, argument);
	if (!error)
		error = stack_push_argument(b, interpreter);
	if (error)
		return error;
	file = open_exec(AT_FDCWD, interpreter, 0);
	if (IS_ERR(file))
		return (int)PTR_ERR(file);
	fput(b->file);
	b->file = file;
	return 0;
}

/* Goes from script to interpreter until b->file is no script. */
static int resolve_scripts(struct binprm *b)
{
	char *interpreter, *argument;
	int error;

	for (unsigned int depth = 0; depth <= MAX_SCRIPT_DEPTH; depth++) {
		error = read_header(b);
		if (error)
			return error;
		if (b->header[0] != '#' || b->header[1] != '!')
			return 0;
		error = script_parse(b->header, &interpreter, &argument);
		if (!error)
			error = run_interpreter(b, interpreter, argument);
		if (error)
			return error;
		memcpy(b->interp_name, interpreter, strlen(interpreter) + 1);
		b->interp = b->interp_name;
	}
	return -ELOOP;
}

static int open_program(struct binprm *b, const struct exec_request *r)
{
	struct file *file = open_exec(r->dirfd, r->path, r->flags);

	if (IS_ERR(file))
		return (int)PTR_ERR(file);
	b->file = file;
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The new name of the process: the program's, as the caller called it; if by a descriptor, the
 * file's own. */
static int set_name(struct binprm *b)
{
	char *buffer SCOPED(kfree) = NULL, *path;

	(void)strscpy(b->comm, base_name(b->filename), sizeof(b->comm));
	if (!b->by_descriptor)
		return 0;
	buffer = kmalloc(PATH_MAX);
	if (!buffer)
		return -ENOMEM;
	path = file_path(b->file, buffer, PATH_MAX);
	if (!IS_ERR(path))
		(void)strscpy(b->comm, base_name(path), sizeof(b->comm));
	return 0;
}

/* --- Commit --- */

/* May others look into the new memory (ptrace, /proc, core dumps)? Not if it runs as somebody else
 * than who started it, or is secret. */
static bool is_dumpable(const struct binprm *b)
{
	const struct cred *cred = b->cred ? b->cred : current->cred;

	return !b->unreadable && !b->new_identity && cred->euid == cred->uid &&
	       cred->egid == cred->gid;
}

/* Current leaves its old memory, if it has any, for the new. */
static void exec_mmap(struct binprm *b)
{
	struct mm_struct *old = current->mm;

	mutex_lock(&b->mm->lock);
	vma_make_tree(b->mm);
	b->mm->unborn = false;
	mutex_unlock(&b->mm->lock);
	b->mm->dumpable = is_dumpable(b);
	b->mm->thp_disabled = old ? old->thp_disabled : 0;
	if (old)
		mm_release(current);
	spin_lock(&current->alloc_lock);
	current->mm = b->mm;
	switch_mm(old, b->mm);
	spin_unlock(&current->alloc_lock);
	b->mm = NULL;
	if (old)
		mm_put(old);
}

static void lower_stack_limit(unsigned long limit)
{
	struct rlimit *stack = &current->signal->rlim[RLIMIT_STACK];

	SPIN_LOCKED(&current->group_leader->alloc_lock,
		    stack->rlim_cur = MIN(stack->rlim_cur, limit));
}

/* What belongs to the thread that was, rather than to the process. */
static void reset_thread(struct binprm *b)
{
	current->flags &= ~(PF_KTHREAD | PF_FORKNOEXEC);
	current->exec_id++;
	current->altstack = (stack_t){.ss_flags = SS_DISABLE};
	current->set_child_tid = NULL;
	current->rseq = NULL;
	if (b->secure || b->new_identity)
		current->pdeath_signal = 0;
	if (b->secure)
		lower_stack_limit(b->limit);
	personality_exec(b->clears_personality);
	set_task_comm(current, b->comm);
}

/* Installs the new program. An error means that the old one is past saving. */
static int commit_exec(struct binprm *b)
{
	int error = de_thread(current);

	if (!error)
		error = unshare_files();
	if (!error)
		error = unshare_sighand(current);
	if (error)
		return error;

	/* Commit: nothing below may fail. */
	exec_mmap(b);
	exec_timers(current->signal);
	flush_signal_handlers(current, false);
	reset_thread(b);
	if (b->cred) {
		commit_creds(b->cred);
		b->cred = NULL;
	}
	close_on_exec();
	start_thread(task_pt_regs(current), b->entry, b->p);
	return 0;
}

/* --- Build, and all of it together --- */

/* Ends the process as Linux does when exec fails too late. */
static int die(int error)
{
	force_fatal_sig(SIGSEGV);
	return error;
}

static int load_and_commit(struct binprm *b)
{
	int error = elf_check(b);

	if (error)
		return error;
	error = elf_load(b);
	if (error && error != -ENOMEM)
		die(error);
	if (error)
		return error;
	error = commit_exec(b);
	return error ? die(error) : 0;
}

/*
 * Where the stack is has been decided before it was known that the program's addresses are no
 * business of its caller's.
 */
static bool is_misplaced(const struct binprm *b)
{
	return b->clears_personality && !b->randomize && personality_randomize(true);
}

/* May answer EXEC_AGAIN: with r->must_randomize. */
static int exec_locked(struct binprm *b, const struct exec_request *r)
{
	int error = open_program(b, r);

	if (!error)
		error = resolve_scripts(b);
	if (!error)
		error = set_name(b);
	if (!error)
		error = exec_prepare_creds(b);
	if (error)
		return error;
	if (is_misplaced(b))
		return EXEC_AGAIN;
	exec_note_readable(b, b->file);
	return load_and_commit(b);
}

static int exec_strings_copied(struct binprm *b, const struct exec_request *r)
{
	struct mutex *lock = &current->signal->exec_lock;
	int error;

	if (mutex_lock_killable(lock))
		return -ERESTARTNOINTR;
	error = exec_locked(b, r);
	mutex_unlock(lock);
	return error;
}

static int exec_once(struct exec_request *r)
{
	struct binprm *b = binprm_alloc(r);
	int error;

	if (!b)
		return -ENOMEM;
	error = name_program(b, r);
	if (!error)
		error = copy_strings(b, r);
	if (!error)
		error = exec_strings_copied(b, r);
	binprm_free(b);
	return error;
}

static int do_execveat(struct exec_request *r)
{
	int error = check_process_limit();

	if (!error)
		error = exec_once(r);
	if (error != EXEC_AGAIN)
		return error;
	r->must_randomize = true;
	return exec_once(r);
}

int kernel_execve(const char *path, const char *const *argv, const char *const *envp)
{
	struct exec_request r = {
		.dirfd = AT_FDCWD,
		.path = path,
		.argv.kernel = argv,
		.envp.kernel = envp,
	};

	ASSERT((current->flags & PF_KTHREAD) && !current->mm);
	return do_execveat(&r);
}

static long exec_user(int dirfd, char *path, const char __user *const __user *argv,
		      const char __user *const __user *envp, int flags)
{
	struct exec_request r = {
		.dirfd = dirfd,
		.path = path,
		.flags = flags,
		.argv.user = argv,
		.envp.user = envp,
	};
	long error;

	if (IS_ERR(path))
		return PTR_ERR(path);
	error = do_execveat(&r);
	putname(path);
	return error;
}

long sys_execve(const char __user *path, const char __user *const __user *argv,
		const char __user *const __user *envp)
{
	return exec_user(AT_FDCWD, getname(path), argv, envp, 0);
}

long sys_execveat(int dirfd, const char __user *path, const char __user *const __user *argv,
		  const char __user *const __user *envp, int flags)
{
	char *name = flags & AT_EMPTY_PATH ? getname_empty(path) : getname(path);

	return exec_user(dirfd, name, argv, envp, flags);
}
