/*
 * Bad pointers in clone3's structure, and to it, of every kind: what is refused leaves no child, no
 * descriptor and no word; what is ignored makes the child all the same.
 */
#include "clone.h"

enum kind {
	NOTHING,
	LOW_ADDRESS,
	NOT_MAPPED,
	NO_RIGHTS,
	READ_ONLY,
	CUT_OFF, /* the first two bytes of it are there */
	NOT_CANONICAL_LOW,
	NOT_CANONICAL_HIGH,
	KERNEL_IMAGE,
	LAST_BYTES,
	KINDS
};

static char *pointers[KINDS];
static int lowest;

static char *page_with(int rights)
{
	char *page = new_page();

	check_call(mprotect(page, 4096, rights));
	return page;
}

static void prepare(void)
{
	pointers[NOTHING] = NULL;
	pointers[LOW_ADDRESS] = UNMAPPED_ADDRESS;
	pointers[NOT_MAPPED] = end_of_memory();
	pointers[NO_RIGHTS] = page_with(PROT_NONE);
	pointers[READ_ONLY] = page_with(PROT_READ);
	pointers[CUT_OFF] = end_of_memory() - 2;
	pointers[NOT_CANONICAL_LOW] = (char *)0x800000000000;
	pointers[NOT_CANONICAL_HIGH] = (char *)0xffff7ffffffffffc;
	pointers[KERNEL_IMAGE] = KERNEL_ADDRESS;
	pointers[LAST_BYTES] = (char *)-4L;
	lowest = lowest_free_descriptor();
	block_all_signals();
}

static void check_no_trace(void)
{
	check_errno(waitpid(-1, NULL, __WALL | WNOHANG), ECHILD);
	check_eq(is_pending(SIGCHLD), 0);
	check_eq(lowest_free_descriptor(), lowest);
	check_eq(number_of(read_text("/proc/self/status"), "Threads"), 1);
}

static int run_not(void *unused)
{
	(void)unused;
	return 1;
}

static int run(void *unused)
{
	(void)unused;
	return 7;
}

/* With a stack of its own, so that it may share the memory. */
static struct clone_args args_for(uint64_t flags)
{
	return (struct clone_args){
		.flags = flags,
		.exit_signal = flags & CLONE_THREAD ? 0 : SIGCHLD,
		.stack = (uint64_t)new_stack() - STACK_SIZE,
		.stack_size = STACK_SIZE,
	};
}

static const uint64_t sharing[] = {0, CLONE_VM, CLONE_VM | CLONE_VFORK, CLONE_VM | CLONE_FILES};

static void structure(void)
{
	prepare();
	for (int kind = 0; kind < KINDS; kind++)
		if (kind != READ_ONLY) {
			check_eq(raw_clone3((void *)pointers[kind], CLONE_ARGS_SIZE_VER0), -EFAULT);
			check_eq(raw_clone3((void *)pointers[kind], sizeof(struct clone_args)),
				 -EFAULT);
			check_no_trace();
		}
}

static void pidfds(void)
{
	volatile int word = -7;

	prepare();
	for (int kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < TAP_COUNT(sharing); i++) {
			struct clone_args args =
				args_for(sharing[i] | CLONE_PIDFD | CLONE_PARENT_SETTID);

			args.pidfd = (uint64_t)pointers[kind];
			args.parent_tid = (uint64_t)&word;
			check_eq(raw_clone3_call(&args, sizeof(args), run_not, NULL), -EFAULT);
			check_eq(word, -7);
			check_no_trace();
		}
}

static void numbers_asked_for(void)
{
	prepare();
	for (int kind = 0; kind < KINDS; kind++) {
		struct clone_args args = args_for(0);

		args.set_tid = (uint64_t)pointers[kind];
		args.set_tid_size = 1;
		/* Without an array there can be no size; and 0 is no number. */
		check_eq(raw_clone3_call(&args, sizeof(args), run_not, NULL),
			 kind == NOTHING || kind == READ_ONLY ? -EINVAL : -EFAULT);
		check_no_trace();
	}
}

/* The whole array is read before it is judged: also numbers for more namespaces than there are. */
static void array_that_ends_nowhere(void)
{
	pid_t *end = (pid_t *)end_of_memory();

	prepare();
	for (unsigned int size = 1; size <= 33; size++)
		for (unsigned int there = 0; there < size; there++) {
			struct clone_args args = args_for(0);

			end[-1] = end[-2] = -1;
			args.set_tid = (uint64_t)(end - there);
			args.set_tid_size = size;
			check_eq(raw_clone3(&args, sizeof(args)), size > 32 ? -EINVAL : -EFAULT);
			check_call(munmap((char *)args.stack, STACK_SIZE));
		}
	check_no_trace();
}

#define WORDS (CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID)

static void words_of_processes(void)
{
	prepare();
	for (int kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < TAP_COUNT(sharing); i++) {
			struct clone_args args = args_for(sharing[i] | WORDS);
			long pid;

			args.parent_tid = args.child_tid = (uint64_t)pointers[kind];
			pid = raw_clone3_call(&args, sizeof(args), run, NULL);
			check(pid > 0);
			check_exits(pid, 7);
		}
	check_eq(*(int *)pointers[READ_ONLY], 0);
	check_eq(pointers[CUT_OFF][0] | pointers[CUT_OFF][1], 0);
}

static void words_of_threads(void)
{
	prepare();
	for (int kind = 0; kind < KINDS; kind++)
		for (int call = 0; call < 2; call++) {
			struct clone_args args = args_for(THREAD_FLAGS | WORDS);
			int *word = (int *)pointers[kind];
			long tid;

			args.parent_tid = args.child_tid = (uint64_t)word;
			tid = call ? raw_clone3_call(&args, sizeof(args), run, NULL)
				   : raw_clone_call(args.flags, (char *)args.stack + STACK_SIZE,
						    word, word, 0, run, NULL);
			check(tid > 0);
			while (raw3(SYS_tgkill, getpid(), tid, 0) == 0)
				raw0(SYS_sched_yield);
		}
	check_eq(*(int *)pointers[READ_ONLY], 0);
	check_eq(pointers[CUT_OFF][0] | pointers[CUT_OFF][1], 0);
	check_no_trace();
}

static const struct test_case cases[] = {
	TEST(structure, "clone3: a structure at a bad address is EFAULT, and no child"),
	TEST(pidfds, "clone3: a bad place for the pidfd is EFAULT, and no child, shared or not"),
	TEST(numbers_asked_for, "clone3: numbers at a bad address are EFAULT, and no child"),
	TEST(array_that_ends_nowhere, "clone3: numbers of which some are not there are EFAULT"),
	TEST(words_of_processes, "clone3: bad places for a process's number are ignored"),
	TEST(words_of_threads, "clone and clone3: bad places for a thread's number are ignored"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
