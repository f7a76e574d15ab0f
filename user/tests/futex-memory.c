/*
 * Which futex a word is, by the memory that it lies in: private and shared, of a file and of none,
 * read-only, moved, taken away, replaced. Each case is a thread that waits and somebody who wakes.
 */
#include "futex_waiters.h"
#include "raw_threads.h"

#define PAGE    4096
#define PRIVATE FUTEX_PRIVATE_FLAG

static volatile int *new_pages(int n, int protection)
{
	void *at = mmap(NULL, (size_t)n * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(at != MAP_FAILED);
	return at;
}

static int new_file(int pages)
{
	int fd = check_call(open("/tmp/futex-memory", O_RDWR | O_CREAT | O_TRUNC, 0600));

	check_call(unlink("/tmp/futex-memory"));
	check_call(ftruncate(fd, (long)pages * PAGE));
	return fd;
}

static volatile int *map_file(int fd, int protection, int flags)
{
	void *at = mmap(NULL, PAGE, protection, flags, fd, 0);

	check(at != MAP_FAILED);
	return at;
}

/* ---- a thread that waits ---- */

struct waiting {
	struct thread thread;
	volatile int *word;
	int op, value;
	volatile long result;
	volatile int begun;
};

/*
 * A child that ends while its parent's fork() still blocks all signals sends a SIGCHLD that is
 * ignored only later: it would wake this thread, whose wait then begins anew.
 */
static int wait_here(void *argument)
{
	unsigned long child_ends = 1ul << (SIGCHLD - 1);
	struct waiting *w = argument;

	raw4(SYS_rt_sigprocmask, SIG_BLOCK, &child_ends, NULL, sizeof(child_ends));
	set(&w->begun, 1);
	w->result = futex(w->word, FUTEX_WAIT | w->op, w->value, NULL, NULL, 0);
	return 0;
}

/* A thread waits for the word, at its present value. */
static void start(struct waiting *w, volatile int *word, int op)
{
	*w = (struct waiting){.word = word, .op = op, .value = *word};
	thread_start(&w->thread, wait_here, w);
	raw_await(&w->begun, 1);
	await_thread_state(getpid(), w->thread.tid, 'S');
}

static long wake(volatile int *word, int op)
{
	return futex(word, FUTEX_WAKE | op, 10, NULL, NULL, 0);
}

/* It was woken. */
static void end(struct waiting *w)
{
	thread_join(&w->thread);
	check_eq(w->result, 0);
}

/* ---- memory that is nobody else's ---- */

/* Memory that cannot change is nothing to wait for, if the kernel has to look. */
static void read_only_memory(void)
{
	volatile int *word = new_pages(2, PROT_READ | PROT_WRITE), *touched = word + PAGE / 4;
	struct waiting w;

	*touched = 3;
	check_call(mprotect((void *)word, 2 * PAGE, PROT_READ));
	check_eq(futex(word, FUTEX_WAIT, 0, NULL, NULL, 0), -EFAULT);
	check_eq(futex(touched, FUTEX_WAIT, 3, NULL, NULL, 0), -EFAULT);
	check_eq(futex(touched, FUTEX_WAIT, 4, NULL, NULL, 0), -EFAULT);
	check_eq(wake(word, 0), -EFAULT);
	check_eq(wake(touched, 0), -EFAULT);
	check_eq(futex(touched, FUTEX_WAIT | PRIVATE, 4, NULL, NULL, 0), -EAGAIN);
	check_eq(wake(touched, PRIVATE), 0);
	start(&w, touched, PRIVATE);
	check_eq(wake(touched, PRIVATE), 1);
	end(&w);
}

static void memory_without_access(void)
{
	volatile int *word = new_pages(1, PROT_READ | PROT_WRITE);

	*word = 1;
	check_call(mprotect((void *)word, PAGE, PROT_NONE));
	check_eq(futex(word, FUTEX_WAIT, 1, NULL, NULL, 0), -EFAULT);
	check_eq(futex(word, FUTEX_WAIT | PRIVATE, 1, NULL, NULL, 0), -EFAULT);
	check_eq(wake(word, 0), -EFAULT);
	check_eq(wake(word, PRIVATE), 0);
}

/* Calls that say that a futex is private do not meet those that do not, whatever the memory. */
static void both_kinds_of_call_for(volatile int *word)
{
	struct waiting w;

	start(&w, word, PRIVATE);
	check_eq(wake(word, 0), 0);
	check_eq(wake(word, PRIVATE), 1);
	end(&w);
	start(&w, word, 0);
	check_eq(wake(word, PRIVATE), 0);
	check_eq(wake(word, 0), 1);
	end(&w);
}

static void both_kinds_of_call(void)
{
	both_kinds_of_call_for(new_pages(1, PROT_READ | PROT_WRITE));
	both_kinds_of_call_for(tap_shared(PAGE));
}

/* The words of one page, and of two. */
static void neighbours_are_others(void)
{
	volatile int *word = new_pages(2, PROT_READ | PROT_WRITE);
	struct waiting w[3];

	start(&w[0], word, 0);
	start(&w[1], word + 1, 0);
	start(&w[2], word + PAGE / 4, 0);
	check_eq(wake(word + 2, 0), 0);
	for (int i = 2; i >= 0; i--) {
		check_eq(wake(w[i].word, 0), 1);
		end(&w[i]);
	}
}

/* ---- memory of a file ---- */

static void file_at_two_addresses(void)
{
	int fd = new_file(1);
	volatile int *a = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	volatile int *b = map_file(fd, PROT_READ, MAP_SHARED);
	struct waiting w;

	start(&w, a, 0);
	check_eq(wake(b + 1, 0), 0);
	check_eq(wake(b, 0), 1);
	end(&w);
	start(&w, b, 0);
	check_eq(wake(a, 0), 1);
	end(&w);
	start(&w, a, PRIVATE);
	check_eq(wake(b, PRIVATE), 0);
	check_eq(wake(a, PRIVATE), 1);
	end(&w);
}

/* A private mapping that can be written is the process's own, also before it was. */
static void private_mapping_of_a_file(void)
{
	int fd = new_file(1);
	volatile int *shared_word = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	volatile int *own = map_file(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	struct waiting w;

	start(&w, own, 0);
	check_eq(wake(shared_word, 0), 0);
	check_eq(wake(own, 0), 1);
	end(&w);
	start(&w, shared_word, 0);
	check_eq(wake(own, 0), 0);
	check_eq(wake(shared_word, 0), 1);
	end(&w);
}

/* One that can only be read shows the file itself. */
static void private_mapping_that_is_read_only(void)
{
	int fd = new_file(1);
	volatile int *shared_word = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	volatile int *read_only = map_file(fd, PROT_READ, MAP_PRIVATE);
	struct waiting w;

	start(&w, read_only, 0);
	check_eq(wake(shared_word, 0), 1);
	end(&w);
	start(&w, shared_word, 0);
	check_eq(wake(read_only, 0), 1);
	end(&w);
}

static void beyond_the_end_of_a_file(void)
{
	int fd = new_file(1);
	volatile int *word = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	*word = 0;
	check_call(ftruncate(fd, 0));
	check_eq(futex(word, FUTEX_WAIT, 0, NULL, NULL, 0), -EFAULT);
	check_eq(futex(word, FUTEX_WAIT | PRIVATE, 0, NULL, NULL, 0), -EFAULT);
	check_eq(wake(word, 0), -EFAULT);
	check_eq(wake(word, PRIVATE), 0);
}

/* What another process maps, at an address of its own. */
static void another_process(void)
{
	int fd = new_file(1);
	volatile int *word = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	struct waiting w;
	pid_t pid;

	start(&w, word, 0);
	pid = tap_fork();
	if (pid == 0) {
		volatile int *other = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

		check_call(munmap((void *)word, PAGE));
		check_eq(wake(other, 0), 1);
		_exit(0);
	}
	check_exits(pid, 0);
	end(&w);
}

/* ---- memory that changes while somebody waits ---- */

static volatile int *move_away(volatile int *word)
{
	void *to = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(to != MAP_FAILED);
	check(mremap((void *)word, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	return to;
}

/* The process's own memory is known by its address. */
static void own_memory_that_moves(void)
{
	volatile int *word = new_pages(1, PROT_READ | PROT_WRITE), *moved;
	struct waiting w;

	*word = 5;
	start(&w, word, PRIVATE);
	moved = move_away(word);
	check_eq(*moved, 5);
	check_eq(wake(moved, PRIVATE), 0);
	check_eq(wake(word, 0), -EFAULT);
	check_eq(wake(word, PRIVATE), 1);
	end(&w);
}

static void shared_memory_that_moves(void)
{
	volatile int *word = tap_shared(PAGE), *moved;
	struct waiting w;

	start(&w, word, 0);
	moved = move_away(word);
	check_eq(wake(word, PRIVATE), 0);
	check_eq(wake(moved, 0), 1);
	end(&w);
}

static void memory_that_goes(void)
{
	volatile int *word = new_pages(1, PROT_READ | PROT_WRITE);
	struct waiting w;

	start(&w, word, PRIVATE);
	check_call(munmap((void *)word, PAGE));
	check_eq(wake(word, PRIVATE), 1);
	end(&w);
}

/* Other memory in its place is the same futex if both are the process's own, else another. */
static void memory_that_is_replaced(void)
{
	volatile int *word = new_pages(1, PROT_READ | PROT_WRITE);
	const int fixed = MAP_FIXED | MAP_ANONYMOUS;
	struct waiting w;

	start(&w, word, 0);
	check(mmap((void *)word, PAGE, PROT_READ | PROT_WRITE, fixed | MAP_SHARED, -1, 0) == word);
	check_eq(wake(word, 0), 0);
	check(mmap((void *)word, PAGE, PROT_READ | PROT_WRITE, fixed | MAP_PRIVATE, -1, 0) == word);
	check_eq(wake(word, 0), 1);
	end(&w);
}

static void contents_that_are_dropped(void)
{
	volatile int *word = new_pages(1, PROT_READ | PROT_WRITE);
	struct waiting w;

	*word = 5;
	start(&w, word, 0);
	check_call(madvise((void *)word, PAGE, MADV_DONTNEED));
	check_eq(*word, 0);
	check_eq(wake(word, 0), 1);
	end(&w);
}

/* The last reference to a file is the waiter's mapping, and then not even that. */
static void file_that_goes(void)
{
	int fd = new_file(1);
	volatile int *word = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	struct waiting w;

	start(&w, word, 0);
	check_call(close(fd));
	check_call(munmap((void *)word, PAGE));
	for (int i = 0; i < 50; i++) { /* others in its place, of the same place in them */
		fd = new_file(1);
		word = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
		check_eq(wake(word, 0), 0);
		check_call(munmap((void *)word, PAGE));
		check_call(close(fd));
	}
	check_eq(raw3(SYS_tgkill, getpid(), w.thread.tid, SIGCONT), 0); /* it sleeps on */
	check_call(kill(getpid(), SIGKILL));
}

static void files_that_go(void)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		file_that_goes();
	check_killed(pid, SIGKILL);
}

/* A child's copy is another futex from the first moment, though they share the page. */
static void memory_over_fork(void)
{
	volatile int *word = new_pages(1, PROT_READ | PROT_WRITE);
	struct waiting w;
	pid_t pid;

	*word = 1;
	start(&w, word, 0);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(wake(word, 0), 0);
		check_eq(wake(word, PRIVATE), 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(wake(word, 0), 1);
	end(&w);
}

static const struct test_case cases[] = {
	TEST(read_only_memory,
	     "futex-memory: read-only memory is EFAULT for calls that are shared"),
	TEST(memory_without_access, "futex-memory: memory without access"),
	TEST(both_kinds_of_call, "futex-memory: private calls do not meet those that are not"),
	TEST(neighbours_are_others, "futex-memory: each word of a page is a futex of its own"),
	TEST(file_at_two_addresses, "futex-memory: a file's word, at two addresses"),
	TEST(private_mapping_of_a_file, "futex-memory: a private mapping is the process's own"),
	TEST(private_mapping_that_is_read_only,
	     "futex-memory: a read-only private mapping is the file's"),
	TEST(beyond_the_end_of_a_file, "futex-memory: words that a file no longer has"),
	TEST(another_process, "futex-memory: another process's mapping of the file"),
	TEST(own_memory_that_moves,
	     "futex-memory: own memory that moves leaves its waiters behind"),
	TEST(shared_memory_that_moves, "futex-memory: shared memory that moves takes them along"),
	TEST(memory_that_goes, "futex-memory: memory that is unmapped"),
	TEST(memory_that_is_replaced, "futex-memory: memory that is replaced, and replaced again"),
	TEST(contents_that_are_dropped, "futex-memory: contents that are dropped"),
	TEST(files_that_go, "futex-memory: a file that is gone is no other file's futex"),
	TEST(memory_over_fork, "futex-memory: a child's copy is another futex"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
