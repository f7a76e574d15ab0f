/*
 * Clone's flags in combination, as many as there is time for: each flag, each two, and a sample of
 * larger sets, by clone and by clone3 in changing circumstances. What is refused is what
 * clone_rules.h says, with that errno. What is accepted makes a child of which everything that the
 * flags ask for is true, and nothing that they do not ask for: the child reports on itself and
 * changes one thing of each kind, and the parent looks which of the changes it sees.
 *
 * Calls that make a namespace or enter a control group are left out where Linux would not refuse
 * them: what they come to is not the subject here.
 *
 * As the first program of a system (rdinit=) it makes the calls as init and ends the machine.
 */
#include "clone_calls.h"

#include <sys/reboot.h>

#define SPARE_FD   77 /* free, until a child makes it */
#define EXIT_CODE  7
#define UMASK      0022
#define NEW_UMASK  0123
#define HANDLED_BY SIGUSR2

/* ---- the child ---- */

struct kernel_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	unsigned long mask;
};

/* What the child saw. In shared memory, whether the child shares the rest or not. */
static volatile struct report {
	int tid, pid, ppid, child_word;
	void *handler;
	unsigned long fs_base;
	int finished;
} * report;

static volatile int private_word;

static void exchange_action(void *handler, struct kernel_action *old)
{
	const struct kernel_action action = {.handler = handler};

	raw4(SYS_rt_sigaction, HANDLED_BY, &action, old, 8);
}

static int report_and_change(void *argument)
{
	struct kernel_action old;

	report->tid = raw_gettid();
	report->pid = raw0(SYS_getpid);
	report->ppid = raw0(SYS_getppid);
	report->child_word = child_word;
	raw2(SYS_arch_prctl, ARCH_GET_FS, &report->fs_base);
	exchange_action(SIG_IGN, &old);
	report->handler = old.handler;
	private_word = 1;
	raw1(SYS_umask, NEW_UMASK);
	raw2(SYS_dup2, 1, SPARE_FD);
	report->finished = 1;
	return EXIT_CODE;
}

/* ---- the parent ---- */

static unsigned long own_fs_base;

static void start_clean(void)
{
	memset((void *)report, 0, sizeof(*report));
	private_word = 0;
	exchange_action(count_signal, NULL);
	raw1(SYS_umask, UMASK);
	raw1(SYS_close, SPARE_FD);
}

/* A thread's or a sibling's end: somebody else has buried it, and its number is nobody's. */
static void await_nobody(long pid)
{
	while (raw2(SYS_tkill, pid, 0) == 0)
		raw0(SYS_sched_yield);
}

static int take_signal(int number)
{
	static const struct timespec at_once;
	unsigned long set = 1UL << (number - 1);

	return raw4(SYS_rt_sigtimedwait, &set, NULL, &at_once, 8) == number;
}

/* The child's end, heard of in the way that it was made for; what is wrong with that, or NULL. */
static const char *bury(const struct clone_call *c, long pid)
{
	int signal = c->exit_signal, status = 0;
	int sent = signal >= 1 && signal <= 64;

	if (has(c, BIT(THREAD)) || has(c, BIT(PARENT))) {
		if (raw_wait4(pid, NULL, __WALL | WNOHANG, NULL) != -ECHILD)
			return "it is no child of the caller's";
		await_nobody(pid);
		return NULL;
	}
	if (raw_wait4(pid, NULL, WNOHANG | (signal == SIGCHLD ? __WCLONE : 0), NULL) != -ECHILD)
		return "only waits of the right kind see it";
	if (raw_wait4(pid, &status, __WALL, NULL) != pid || status != EXIT_CODE << 8)
		return "it ends with the code that it returned";
	if (sent && !take_signal(signal))
		return "its end sends the exit signal";
	if (signal != SIGCHLD && take_signal(SIGCHLD))
		return "its end sends no other signal";
	return NULL;
}

/* Something that is true or false of a child. */
struct claim {
	const char *words;
	int asked, seen;
};

/* The first claim that is not as asked for, NULL if none. */
static const char *false_claim(const struct clone_call *c, long pid)
{
	int is_thread = has(c, BIT(THREAD)), is_sibling = is_thread || has(c, BIT(PARENT));
	int pidfd = c->same_address ? parent_word : pidfd_word;
	struct kernel_action action;
	const struct claim claims[] = {
		{"the call returns its number", 1, report->tid == pid},
		{"CLONE_THREAD: the process is the caller's", is_thread, report->pid == getpid()},
		{"CLONE_PARENT: the parent is the caller's", is_sibling, report->ppid == getppid()},
		{"the parent is the caller", !is_sibling, report->ppid == getpid()},
		{"set_tid: it has the number", c->clone3 && c->set_tid_size && c->size >= 80,
		 pid == CHOSEN_NUMBER},
		{"CLONE_VM: its writes are seen", has(c, BIT(VM)), private_word == 1},
		{"CLONE_FS: its umask is the caller's", has(c, BIT(FS)),
		 raw1(SYS_umask, UMASK) == NEW_UMASK},
		{"CLONE_PIDFD: a descriptor is stored", has(c, BIT(PIDFD)),
		 has(c, BIT(PIDFD)) ? raw1(SYS_close, pidfd) == 0 : pidfd_word != NOTHING_STORED},
		{"CLONE_FILES: its descriptors are the caller's", has(c, BIT(FILES)),
		 raw1(SYS_close, SPARE_FD) == 0},
		{"CLONE_CLEAR_SIGHAND: it has no handler", has(c, BIT(CLEAR_SIGHAND)),
		 report->handler == SIG_DFL},
		{"CLONE_SIGHAND: its handlers are the caller's", has(c, BIT(SIGHAND)),
		 (exchange_action(count_signal, &action), action.handler == SIG_IGN)},
		{"CLONE_SETTLS: it has the base", has(c, BIT(SETTLS)), report->fs_base == c->tls},
		{"without CLONE_SETTLS it has the caller's", !has(c, BIT(SETTLS)),
		 report->fs_base == own_fs_base},
		{"CLONE_PARENT_SETTID: its number is stored", has(c, BIT(PARENT_SETTID)),
		 parent_word == pid},
		{"CLONE_CHILD_SETTID: its number is stored with it", has(c, BIT(CHILD_SETTID)),
		 report->child_word == pid},
		{"CLONE_CHILD_CLEARTID: the word is cleared", has(c, BIT(CHILD_CLEARTID) | BIT(VM)),
		 child_word == 0},
	};

	for (size_t i = 0; i < TAP_COUNT(claims); i++)
		if (!claims[i].asked != !claims[i].seen)
			return claims[i].words;
	return NULL;
}

/* Issues a call that is accepted. */
static const char *wrong_about_child(const struct clone_call *c)
{
	const char *words;
	long pid;

	start_clean();
	pid = issue(c, report_and_change, NULL);
	if (pid < 0)
		return strerror(-pid);
	if (has(c, BIT(VFORK)) && !report->finished)
		return "CLONE_VFORK: the parent waits";
	words = bury(c, pid);
	return words ? words : false_claim(c, pid);
}

static int return_zero(void *argument)
{
	return 0;
}

static unsigned int accepted, refused;

/* Ends the case at the first call that does not go as Linux's would. */
static void try_call(const struct clone_call *c, const struct clone_who *who)
{
	int error = clone_refused(c, who);
	const char *words;
	long result;

	if (asks_for_more(c) &&
	    (error == 0 || error == EEXIST || (has(c, BIT(NEWPID)) && c->set_tid_size)))
		return;
	if (error == 0) {
		accepted++;
		words = wrong_about_child(c);
		if (words)
			tap_note("%s: %s", clone_call_words(c), words);
		check(words == NULL);
		return;
	}
	refused++;
	result = issue(c, return_zero, NULL);
	if (result != -error)
		tap_note("%s", clone_call_words(c));
	check_eq(result, -error);
}

/* ---- the sample ---- */

static uint64_t random_state;

static unsigned int random_below(unsigned int n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 16) % n;
}

/* One circumstance of a clone3 call that is not the plain one; most of them are refused. */
static void change_circumstance(struct clone_call *c)
{
	static const uint64_t signals[] = {SIGCHLD, SIGUSR1, 65, 200, 256, 1UL << 32 | 17, -1UL};
	static const uint64_t sizes[] = {0, 63, 64, 72, 80, 96, 4096, 4097};
	static const uint64_t stacks[][2] = {
		{8, 0}, {0, 8}, {BEYOND_USER, 8}, {4096, -1UL}, {0, 0}};
	static const uint64_t set_tids[][2] = {{1, 0}, {0, 1}, {1, 33}, {1, 2}, {1, 1}, {1, 1}};
	static const int numbers[] = {0, -1, PID_MAX, 1, CHOSEN_NUMBER, CHOSEN_NUMBER};
	unsigned int n = random_below(6), i;

	if (n == 0)
		c->exit_signal = signals[random_below(TAP_COUNT(signals))];
	if (n == 1) {
		c->size = sizes[random_below(TAP_COUNT(sizes))];
		c->bytes_beyond = random_below(2);
	}
	if (n == 2) {
		i = random_below(TAP_COUNT(stacks) - !!has(c, BIT(VM)));
		c->stack = stacks[i][0];
		c->stack_size = stacks[i][1];
	}
	if (n == 3) {
		i = random_below(TAP_COUNT(set_tids));
		c->set_tid = set_tids[i][0];
		c->set_tid_size = set_tids[i][1];
		c->number = numbers[random_below(TAP_COUNT(numbers))];
		c->number_taken = c->number == 1;
	}
	if (n == 4)
		c->tls = BEYOND_USER << random_below(8);
	if (n == 5)
		c->same_address = 1;
}

static void try_clone(uint64_t flags, const struct clone_who *who)
{
	static const unsigned char signals[] = {SIGCHLD, 0, SIGUSR1, 64, 65, 128 + SIGCHLD, 255};
	struct clone_call call = plain_clone();

	call.flags = flags;
	call.exit_signal = signals[random_below(TAP_COUNT(signals))];
	if (!has(&call, BIT(VM)) && random_below(4) == 0)
		call.stack = call.stack_size = 0;
	try_call(&call, who);
}

static void try_clone3(uint64_t flags, const struct clone_who *who)
{
	static const unsigned char signals[] = {SIGCHLD, 0, SIGUSR1, 64};
	struct clone_call call = plain_clone3();

	call.flags = flags;
	if (!has(&call, BIT(THREAD)) && !has(&call, BIT(PARENT)))
		call.exit_signal = signals[random_below(TAP_COUNT(signals))];
	if (random_below(4) == 0)
		change_circumstance(&call);
	try_call(&call, who);
}

static void each_flag_and_pair(const struct clone_who *who)
{
	for (int i = 0; i < 64; i++)
		for (int j = i; j < 64; j++) {
			uint64_t flags = UINT64_C(1) << i | UINT64_C(1) << j;

			if (i >= 8 && (j < 32 || j == 63))
				try_clone(flags, who);
			/* Of the bits that are no flags, a few. */
			if ((i >= 7 && j <= 34) || (i == j) || j == 63)
				try_clone3(flags, who);
		}
}

/* Half of the sets are made whole, so that they are not all refused for what they lack. */
static uint64_t random_flags(void)
{
	uint64_t flags = 0;

	for (unsigned int n = 3 + random_below(8); n > 0; n--)
		flags |= UINT64_C(1) << (8 + random_below(25));
	if (random_below(3))
		flags &= ~(NAMESPACE_BITS | BIT(NEWUSER));
	if (random_below(2)) {
		flags &= flags & BIT(THREAD) ? ~BIT(PIDFD) : ~UINT64_C(0);
		flags |= flags & BIT(THREAD) ? BIT(SIGHAND) : 0;
		flags |= flags & BIT(SIGHAND) ? BIT(VM) : 0;
		flags &= flags & BIT(SIGHAND) ? ~BIT(CLEAR_SIGHAND) : ~UINT64_C(0);
		flags &= ~BIT(DETACHED);
	}
	return flags;
}

static void sample(const struct clone_who *who, unsigned int sets)
{
	random_state = 0x9e3779b97f4a7c15;
	accepted = refused = 0;
	check_eq(raw2(SYS_arch_prctl, ARCH_GET_FS, &own_fs_base), 0);
	block_all_signals();
	if (who->sys_admin == who->checkpoint_restore)
		each_flag_and_pair(who);
	for (unsigned int i = 0; i < sets; i++) {
		try_clone(random_flags(), who);
		try_clone3(random_flags(), who);
	}
	/* A sample of refusals only would show little. */
	check(accepted > sets / 2 && refused > sets / 2);
}

/* ---- by whom ---- */

static void sample_as(void *argument)
{
	const struct clone_who *who = argument;

	if (!who->sys_admin && !who->checkpoint_restore) {
		check_call(setgid(65534));
		check_call(setuid(65534));
	} else if (!who->sys_admin || !who->checkpoint_restore) {
		keep_only(who);
	}
	sample(who, 400);
}

/* Children of CLONE_PARENT are this process's: it buries them until the one that samples has ended. */
static void sample_in_child(struct clone_who who)
{
	pid_t sampler, pid;
	int status;

	report = tap_shared(sizeof(*report));
	sampler = tap_child(sample_as, &who);
	while ((pid = raw_wait4(-1, &status, __WALL, NULL)) != sampler) {
		check(pid > 0);
		check_eq(status, EXIT_CODE << 8);
	}
	check_eq(status, 0);
	check_eq(raw_wait4(-1, NULL, __WALL, NULL), -ECHILD);
}

static void root(void)
{
	sample_in_child(
		(struct clone_who){.sys_admin = 1, .checkpoint_restore = 1, .pid_max = PID_MAX});
}

static void unprivileged(void)
{
	sample_in_child((struct clone_who){.pid_max = PID_MAX});
}

static void administrator(void)
{
	sample_in_child((struct clone_who){.sys_admin = 1, .pid_max = PID_MAX});
}

static void restorer(void)
{
	sample_in_child((struct clone_who){.checkpoint_restore = 1, .pid_max = PID_MAX});
}

static const struct test_case cases[] = {
	TEST(root, "matrix: by root, what is refused and what a child is, as Linux has it"),
	TEST(unprivileged, "matrix: the same without privilege"),
	TEST(administrator, "matrix: the same with CAP_SYS_ADMIN alone"),
	TEST(restorer, "matrix: the same with CAP_CHECKPOINT_RESTORE alone"),
};

/* ---- as init ---- */

static void sample_as_init(void)
{
	const struct clone_who init = {
		.init = 1, .sys_admin = 1, .checkpoint_restore = 1, .pid_max = PID_MAX};

	report = tap_shared(sizeof(*report));
	sample(&init, 200);
	printf("as init: %u children, %u refusals\n", accepted, refused);
	fflush(stdout);
	reboot(RB_POWER_OFF);
}

int main(int argc, char **argv)
{
	if (getpid() == 1)
		sample_as_init();
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
