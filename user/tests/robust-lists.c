/*
 * Robust lists: what becomes of the locks of a thread that ends, whom that wakes, and that a list may
 * hold anything: the walk ends at the first entry that is not to be trusted.
 */
#include "futex_waiters.h"

struct robust_lock {
	struct robust_list entry;
	volatile int word;
};

#define LOCK_OFFSET ((long)offsetof(struct robust_lock, word))

static struct robust_list_head *robust_head;

/* A list of n locks in shared memory, its head first. */
static struct robust_lock *make_robust(int n)
{
	struct {
		struct robust_list_head head;
		struct robust_lock lock[8];
	} *all = tap_shared(sizeof(*all));
	struct robust_list *last = &all->head.list;

	robust_head = &all->head;
	robust_head->futex_offset = LOCK_OFFSET;
	for (int i = 0; i < n; i++) {
		last->next = &all->lock[i].entry;
		last = &all->lock[i].entry;
	}
	last->next = &robust_head->list;
	return all->lock;
}

static void register_robust(void)
{
	check_eq(raw2(SYS_set_robust_list, robust_head, sizeof(*robust_head)), 0);
}

static void locks_of_the_dead_are_marked(void)
{
	struct robust_lock *locks = make_robust(3);
	pid_t pid;

	locks[2].word = 12345;
	pid = tap_fork();
	if (pid == 0) {
		register_robust();
		locks[0].word = getpid();
		locks[1].word = getpid() | FUTEX_WAITERS;
		raise(SIGKILL);
	}
	check_killed(pid, SIGKILL);
	check_eq(locks[0].word, FUTEX_OWNER_DIED);
	check_eq((unsigned)locks[1].word, (unsigned)FUTEX_OWNER_DIED | FUTEX_WAITERS);
	check_eq(locks[2].word, 12345);
}

static void waiter_for_a_dead_owner_is_woken(void)
{
	struct robust_lock *locks = make_robust(1);
	volatile int *ready = tap_shared(sizeof(*ready));
	pid_t owner;
	int seen;

	owner = tap_fork();
	if (owner == 0) {
		register_robust();
		locks[0].word = getpid() | FUTEX_WAITERS;
		set(ready, 1);
		settle();
		settle();
		_exit(0);
	}
	tap_await(ready, 1);
	while (((seen = get(&locks[0].word)) & FUTEX_OWNER_DIED) == 0)
		raw_futex_wait(&locks[0].word, seen);
	check_exits(owner, 0);
}

static void exec_gives_up_locks_too(void)
{
	struct robust_lock *locks = make_robust(1);
	pid_t pid = tap_fork();

	if (pid == 0) {
		register_robust();
		locks[0].word = getpid();
		raw_exec_helper("nothing", NULL, NULL);
		_exit(1);
	}
	check_exits(pid, 0);
	check_eq(locks[0].word, FUTEX_OWNER_DIED);
}

static void pending_lock_is_given_up(void)
{
	struct robust_lock *locks = make_robust(0);
	pid_t pid = tap_fork();

	if (pid == 0) {
		register_robust();
		locks[5].word = getpid();
		robust_head->list_op_pending = &locks[5].entry;
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(locks[5].word, FUTEX_OWNER_DIED);
}

static void end_with_list(struct robust_list *first)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		register_robust();
		robust_head->list.next = first;
		_exit(0);
	}
	check_exits(pid, 0);
}

static void bad_lists_are_harmless(void)
{
	struct robust_lock *locks = make_robust(2);

	locks[1].entry.next = &locks[0].entry; /* for ever */
	end_with_list(&locks[0].entry);
	end_with_list(NULL);
	end_with_list(UNMAPPED_ADDRESS);
	end_with_list(KERNEL_ADDRESS);
	end_with_list((struct robust_list *)((char *)&locks[0].entry + 2));
	robust_head->futex_offset = -1;
	end_with_list(&locks[0].entry);
	robust_head = KERNEL_ADDRESS;
	check_child((void (*)(void *))register_robust, NULL);
}

static void robust_list_is_told(void)
{
	void *head = NULL;
	size_t size = 0;

	make_robust(0);
	check_eq(raw2(SYS_set_robust_list, robust_head, 23), -EINVAL);
	check_eq(raw2(SYS_set_robust_list, robust_head, 25), -EINVAL);
	register_robust();
	check_eq(raw3(SYS_get_robust_list, 0, &head, &size), 0);
	check(head == robust_head);
	check_eq(size, sizeof(*robust_head));
	check_eq(raw3(SYS_get_robust_list, getpid(), &head, &size), 0);
	check_eq(raw3(SYS_get_robust_list, NO_SUCH_PID, &head, &size), -ESRCH);
	check_eq(raw3(SYS_get_robust_list, 0, KERNEL_ADDRESS, &size), -EFAULT);
	if (tap_fork() == 0) {
		raw3(SYS_get_robust_list, 0, &head, &size);
		_exit(head == NULL ? 0 : 1);
	}
	reap(1);
}

/* ---- whom it wakes ---- */

/*
 * Three wait for the lock when a process ends that has put value into it (its own number is added if
 * `own`) and let *link, in the head of its list, lead there; how many are left to be woken.
 */
static int left_by(struct robust_list **link, struct robust_lock *lock, unsigned value, int own,
		   unsigned long pi)
{
	pid_t owner;
	int left;

	make_shared();
	for (int i = 0; i < 3; i++)
		start_waiter_for(&lock->word, FUTEX_WAIT, get(&lock->word), 0);
	owner = tap_fork();
	if (owner == 0) {
		register_robust();
		set(&lock->word, (int)(value | (own ? (unsigned)getpid() : 0)));
		*link = (struct robust_list *)((unsigned long)&lock->entry | pi);
		_exit(0);
	}
	check_exits(owner, 0);
	left = (int)futex(&lock->word, FUTEX_WAKE, 9, NULL, NULL, 0);
	reap(3);
	return left;
}

static int waiters_left(struct robust_lock *lock, unsigned value, int own, unsigned long pi)
{
	return left_by(&robust_head->list.next, lock, value, own, pi);
}

/* The same for a lock that is only about to be taken or given up. */
static int waiters_left_pending(struct robust_lock *lock, unsigned value, unsigned long pi)
{
	return left_by(&robust_head->list_op_pending, lock, value, 0, pi);
}

static void one_waiter_is_woken(void)
{
	struct robust_lock *lock = make_robust(1);

	check_eq(waiters_left(lock, FUTEX_WAITERS, 1, 0), 2);
	check_eq((unsigned)lock->word, FUTEX_WAITERS | FUTEX_OWNER_DIED);
	check_eq(waiters_left(lock, 0, 1, 0), 3); /* nobody said that he waits */
	check_eq((unsigned)lock->word, FUTEX_OWNER_DIED);
	check_eq(waiters_left(lock, FUTEX_WAITERS | FUTEX_OWNER_DIED, 1, 0), 2);
	check_eq((unsigned)lock->word, FUTEX_WAITERS | FUTEX_OWNER_DIED);
}

static void other_owners_keep_theirs(void)
{
	struct robust_lock *lock = make_robust(1);
	const unsigned kept[] = {FUTEX_WAITERS | 1, FUTEX_WAITERS, FUTEX_WAITERS | FUTEX_OWNER_DIED,
				 FUTEX_TID_MASK, 0};

	for (size_t i = 0; i < TAP_COUNT(kept); i++) {
		check_eq(waiters_left(lock, kept[i], 0, 0), 3);
		check_eq((unsigned)lock->word, kept[i]);
	}
}

static void locks_that_lend_wake_nobody_here(void)
{
	struct robust_lock *lock = make_robust(1);

	check_eq(waiters_left(lock, FUTEX_WAITERS, 1, 1), 3);
	check_eq((unsigned)lock->word, FUTEX_WAITERS | FUTEX_OWNER_DIED);
}

/* It may have been given up already, with those who wait not yet woken. */
static void pending_lock_without_owner_wakes_one(void)
{
	struct robust_lock *lock = make_robust(0) + 5;

	check_eq(waiters_left_pending(lock, 0, 0), 2);
	check_eq(lock->word, 0);
	check_eq(waiters_left_pending(lock, FUTEX_WAITERS, 0), 2);
	check_eq((unsigned)lock->word, FUTEX_WAITERS);
	check_eq(waiters_left_pending(lock, FUTEX_OWNER_DIED, 0), 2);
	check_eq((unsigned)lock->word, FUTEX_OWNER_DIED);
	check_eq(waiters_left_pending(lock, 0, 1), 3);
	check_eq(waiters_left_pending(lock, FUTEX_WAITERS | 1, 0), 3);
}

/* ---- lists that cannot be trusted ---- */

/*
 * A page of locks, in reach of a process that is to end, before one that is not there. The list goes
 * from lock 0 on; lock 10 is pending. All are the process's.
 */
struct locks {
	struct robust_list_head head;
	struct robust_lock lock[12];
};

static struct locks *locks;

enum { PENDING = 10, LOCKS = 12 };

static void make_locks(void)
{
	char *page = tap_shared(8192);

	check_call(munmap(page + 4096, 4096));
	locks = (struct locks *)page;
	robust_head = &locks->head;
	robust_head->futex_offset = LOCK_OFFSET;
	robust_head->list_op_pending = &locks->lock[PENDING].entry;
	robust_head->list.next = &locks->lock[0].entry;
	for (int i = 0; i < 4; i++)
		locks->lock[i].entry.next = i < 3 ? &locks->lock[i + 1].entry : &robust_head->list;
}

/* A process ends with the list; which locks have been given up, as bits. */
static int given_up(void)
{
	int bits = 0;
	pid_t pid = tap_fork();

	if (pid == 0) {
		for (int i = 0; i < LOCKS; i++)
			locks->lock[i].word = getpid();
		register_robust();
		_exit(0);
	}
	check_exits(pid, 0);
	for (int i = 0; i < LOCKS; i++)
		bits |= (locks->lock[i].word == (int)FUTEX_OWNER_DIED) << i;
	return bits;
}

#define ALL_FOUR     0xf
#define WITH_PENDING (1 << PENDING)

static void whole_list_and_pending(void)
{
	make_locks();
	check_eq(given_up(), ALL_FOUR | WITH_PENDING);
	robust_head->list_op_pending = &locks->lock[2].entry; /* it may be in the list as well */
	check_eq(given_up(), ALL_FOUR);
	robust_head->list_op_pending = NULL;
	check_eq(given_up(), ALL_FOUR);
	robust_head->list.next = &robust_head->list;
	check_eq(given_up(), 0);
}

/* Neither what follows the bad entry nor the pending one is looked at. */
static void bad_entry_ends_the_walk(void)
{
	void *bad[] = {NULL, UNMAPPED_ADDRESS, KERNEL_ADDRESS, (void *)0x800000000000};

	make_locks();
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		locks->lock[1].entry.next = bad[i];
		check_eq(given_up(), 3);
	}
	robust_head->list.next = UNMAPPED_ADDRESS;
	check_eq(given_up(), 0);
}

static void word_of_an_unreadable_entry(void)
{
	char *page_end;

	make_locks();
	page_end = (char *)locks + 4096;
	/* The entry is not there, but its word, by the offset, is lock 7's. */
	robust_head->futex_offset = (char *)&locks->lock[7].word - page_end;
	robust_head->list.next = (struct robust_list *)page_end;
	check_eq(given_up(), 1 << 7);
}

static void misaligned_word_ends_the_walk(void)
{
	struct robust_list *odd;

	make_locks();
	odd = (struct robust_list *)((char *)&locks->lock[8].entry - 2);
	memcpy(odd, &locks->lock[2].entry.next, sizeof(*odd));
	locks->lock[1].entry.next = odd;
	check_eq(given_up(), 3);
	robust_head->futex_offset = LOCK_OFFSET + 1;
	check_eq(given_up(), 0);
}

static void unwritable_word_ends_the_walk(void)
{
	struct robust_lock *lock = tap_shared(4096);
	int *ends = tap_shared(4096);
	pid_t pid;

	make_locks();
	lock->entry.next = &locks->lock[2].entry;
	locks->lock[1].entry.next = &lock->entry;
	/* Another's word there is only read. */
	lock->word = 1;
	check_call(mprotect(lock, 4096, PROT_READ));
	check_eq(given_up(), 0xf | WITH_PENDING);
	check_call(mprotect(lock, 4096, PROT_READ | PROT_WRITE));
	pid = tap_fork();
	if (pid == 0) {
		lock->word = locks->lock[2].word = locks->lock[0].word = getpid();
		*ends = getpid();
		check_call(mprotect(lock, 4096, PROT_READ));
		register_robust();
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(locks->lock[0].word, FUTEX_OWNER_DIED);
	check_eq(lock->word, *ends);
	check_eq(locks->lock[2].word, *ends);
}

static void head_that_is_there_in_part(void)
{
	char *end;

	make_locks();
	end = (char *)locks + 4096;
	for (int missing = 8; missing <= 24; missing += 8) {
		robust_head = (struct robust_list_head *)(end - 24 + missing);
		if (missing < 24)
			robust_head->list.next = &locks->lock[0].entry;
		if (missing < 16)
			robust_head->futex_offset = LOCK_OFFSET;
		check_eq(given_up(), 0);
	}
}

static void odd_offsets(void)
{
	static const long offsets[] = {0x7fffffffffffffff, -0x7fffffffffffffff - 1, -1,
				       0x800000000000, -8};

	make_locks();
	for (size_t i = 0; i < TAP_COUNT(offsets); i++) {
		robust_head->futex_offset = offsets[i];
		given_up();
	}
	/* Words may stand before their entries. */
	robust_head->futex_offset = LOCK_OFFSET - (long)sizeof(struct robust_lock);
	robust_head->list.next = &locks->lock[1].entry;
	check_eq(given_up(), 7 | 1 << (PENDING - 1));
}

/* ---- long lists ---- */

#define LIMIT 2048

static void long_list_is_cut(void)
{
	struct {
		struct robust_list_head head;
		struct robust_lock pending, lock[LIMIT + 2];
	} *all = tap_shared(sizeof(*all));
	pid_t pid;

	robust_head = &all->head;
	all->head.futex_offset = LOCK_OFFSET;
	all->head.list_op_pending = &all->pending.entry;
	all->head.list.next = &all->lock[0].entry;
	for (int i = 0; i <= LIMIT; i++)
		all->lock[i].entry.next = &all->lock[i + 1].entry;
	all->lock[LIMIT + 1].entry.next = &all->head.list;
	pid = tap_fork();
	if (pid == 0) {
		for (int i = 0; i < LIMIT + 2; i++)
			all->lock[i].word = getpid();
		all->pending.word = getpid();
		register_robust();
		_exit(0);
	}
	check_exits(pid, 0);
	for (int i = 0; i < LIMIT; i++)
		check_eq(all->lock[i].word, FUTEX_OWNER_DIED);
	check_eq(all->lock[LIMIT].word, pid);
	check_eq(all->lock[LIMIT + 1].word, pid);
	check_eq(all->pending.word, FUTEX_OWNER_DIED); /* the list was long, not bad */
}

static void circle_ends(void)
{
	make_locks();
	locks->lock[3].entry.next = &locks->lock[0].entry;
	check_eq(given_up(), ALL_FOUR | WITH_PENDING);
	locks->lock[0].entry.next = &locks->lock[0].entry;
	check_eq(given_up(), 1 | WITH_PENDING);
}

/* ---- threads ---- */

static int take_all_and_end(void *unused)
{
	(void)unused;
	for (int i = 0; i < LOCKS; i++)
		set(&locks->lock[i].word, (int)raw0(SYS_gettid));
	set(&locks->lock[2].word, (int)raw0(SYS_getpid));
	raw2(SYS_set_robust_list, robust_head, sizeof(*robust_head));
	return 0;
}

/* The thread's number is meant, not its process's. */
static void list_of_a_thread(void)
{
	struct thread thread;

	make_locks();
	thread_start(&thread, take_all_and_end, NULL);
	thread_join(&thread);
	check_eq(locks->lock[0].word, FUTEX_OWNER_DIED);
	check_eq(locks->lock[1].word, FUTEX_OWNER_DIED);
	check_eq(locks->lock[2].word, getpid());
	check_eq(locks->lock[3].word, FUTEX_OWNER_DIED);
	check_eq(locks->lock[PENDING].word, FUTEX_OWNER_DIED);
	check_eq(locks->lock[PENDING + 1].word, thread.tid);
}

static void list_of_another_user(void *head)
{
	void *seen = NULL;
	size_t size = 0;

	(void)head;
	check_call(setresuid(1000, 1000, 1000));
	check_eq(raw3(SYS_get_robust_list, getppid(), &seen, &size), -EPERM);
	check_eq(raw3(SYS_get_robust_list, getppid(), KERNEL_ADDRESS, &size), -EPERM);
	check_eq(raw3(SYS_get_robust_list, NO_SUCH_PID, KERNEL_ADDRESS, &size), -ESRCH);
	check_eq(raw3(SYS_get_robust_list, -1, &seen, &size), -ESRCH);
	check_eq(raw3(SYS_get_robust_list, 0, &seen, KERNEL_ADDRESS), -EFAULT);
	check(seen == NULL);
}

static void asking_needs_the_right_to(void)
{
	check_child(list_of_another_user, NULL);
}

static const struct test_case cases[] = {
	TEST(locks_of_the_dead_are_marked, "robust: locks of a killed process are marked"),
	TEST(waiter_for_a_dead_owner_is_woken, "robust: who waits for such a lock is woken"),
	TEST(exec_gives_up_locks_too, "robust: exec gives up locks"),
	TEST(pending_lock_is_given_up, "robust: a lock about to be taken is given up"),
	TEST(bad_lists_are_harmless, "robust: lists that are nonsense are harmless"),
	TEST(robust_list_is_told, "robust: a thread's list is told, a child has none"),
	TEST(one_waiter_is_woken, "robust: one is woken, if the lock says that there are any"),
	TEST(other_owners_keep_theirs, "robust: locks of others stay as they are and wake nobody"),
	TEST(locks_that_lend_wake_nobody_here,
	     "robust: a lock with priority inheritance is marked and wakes no plain waiter"),
	TEST(pending_lock_without_owner_wakes_one,
	     "robust: a lock that was given up while pending wakes one"),
	TEST(whole_list_and_pending, "robust: the whole list, then what is pending"),
	TEST(bad_entry_ends_the_walk,
	     "robust: a bad entry ends the walk, and what is pending stays"),
	TEST(word_of_an_unreadable_entry, "robust: the word of an entry that cannot be read"),
	TEST(misaligned_word_ends_the_walk, "robust: so does a misaligned word"),
	TEST(unwritable_word_ends_the_walk,
	     "robust: so does one's own in memory that is read-only"),
	TEST(head_that_is_there_in_part, "robust: a head of which a part is missing"),
	TEST(odd_offsets, "robust: offsets of any size and sign"),
	TEST(long_list_is_cut,
	     "robust: of a long list 2048 locks are given up, and the pending one"),
	TEST(circle_ends, "robust: circles end"),
	TEST(list_of_a_thread, "robust: a thread gives up what has its number"),
	TEST(asking_needs_the_right_to, "robust: to ask for another's list needs the right to"),
};

static int helper(int argc, char **argv)
{
	return 0;
}

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
