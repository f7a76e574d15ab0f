/*
 * What a worker does, one thing at a time and at random, to its memory, to the model of it, and to
 * its children.
 */
#define _GNU_SOURCE
#include "stress.h"

#include <errno.h>
#include <uapi/futex.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_THREADS 3

/* Pages of one area, one behind the other. */
struct run {
	int area, first, n;
};

static struct page_model *page_of(struct run run, int i)
{
	return &model[run.area][run.first + i];
}

static void *start_of(struct run run)
{
	return page_at(run.area, run.first);
}

static struct run any_run(int areas)
{
	struct run run = {.area = (int)below(areas), .first = (int)below(AREA_PAGES)};

	run.n = 1 + (int)below(8);
	if (run.n > AREA_PAGES - run.first)
		run.n = AREA_PAGES - run.first;
	return run;
}

/* Does the page behind look as if it were the same mapping's? */
static int continues(const struct page_model *page, const struct page_model *next)
{
	return page->shared == next->shared && page->source == next->source &&
	       page->rights == next->rights && page->at_fork == next->at_fork &&
	       (page->source == ZEROES || page->index + 1 == next->index);
}

/* A run of mapped pages, of one kind if it is to be `uniform`; n is 0 if none was found. */
static struct run mapped_run(int areas, int uniform)
{
	struct run run = any_run(areas);
	int n = 0;

	for (int tries = 0; tries < 8 && !page_of(run, 0)->mapped; tries++)
		run = any_run(areas);
	while (n < run.n && page_of(run, n)->mapped &&
	       (!n || !uniform || continues(page_of(run, n - 1), page_of(run, n))))
		n++;
	run.n = n;
	return run;
}

/* A page that may be written to; n is 0 if none was found. */
static struct run writable_page(void)
{
	struct run run;

	for (int tries = 0; tries < 4; tries++) {
		run = mapped_run(HEAP + 1, 0);
		run.n = run.n && (page_of(run, 0)->rights & PROT_WRITE) ? 1 : 0;
		if (run.n)
			break;
	}
	return run;
}

/* The same, of a private mapping, and written to. */
static struct run written_page(void)
{
	struct run run = writable_page();

	if (run.n && page_of(run, 0)->shared)
		run.n = 0;
	if (run.n && !page_of(run, 0)->tag)
		write_page(run.area, run.first);
	return run;
}

/* ---- reading and writing ---- */

static void write_some(void)
{
	struct run run = mapped_run(HEAP + 1, 0);

	for (int i = 0; i < run.n; i++)
		if (page_of(run, i)->rights & PROT_WRITE)
			write_page(run.area, run.first + i);
}

static void write_one_by_kernel(void)
{
	struct run run = writable_page();

	if (run.n)
		write_page_by_kernel(run.area, run.first);
}

static void check_some(void)
{
	struct run run = any_run(HEAP + 1);

	for (int i = 0; i < run.n; i++)
		check_page(run.area, run.first + i);
}

static void check_one_area(void)
{
	check_area(below(HEAP + 1));
}

static void close_pipe(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

/* The kernel reads it, or refuses to. */
static void check_by_kernel(void)
{
	static uint64_t words[PAGE / sizeof(uint64_t)];
	struct run run = any_run(HEAP + 1);
	int readable = page_of(run, 0)->mapped && page_of(run, 0)->rights != PROT_NONE, fds[2];
	long n;

	must(pipe(fds) == 0);
	n = write(fds[1], start_of(run), PAGE);
	if (!readable) {
		must(n < 0 && errno == EFAULT);
	} else {
		must(n == PAGE && read(fds[0], words, PAGE) == PAGE);
		check_bytes(run.area, run.first, words);
	}
	close_pipe(fds);
}

static sigjmp_buf after_fault;
static volatile int fault_expected;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	if (!fault_expected)
		fail("signal %d at %p, which may be used", signal, info->si_addr);
	siglongjmp(after_fault, 1);
}

static void catch_faults(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

/* What the rights do not allow is refused to the program, and to the kernel on its behalf. */
static void try_what_is_forbidden(void)
{
	struct run run = any_run(HEAP + 1);
	volatile uint64_t *at = start_of(run);
	int rights = page_of(run, 0)->mapped ? page_of(run, 0)->rights : PROT_NONE, fds[2];

	if (rights & PROT_WRITE)
		return;
	fault_expected = 1;
	if (sigsetjmp(after_fault, 1) == 0) {
		if (rights == PROT_NONE && below(2))
			(void)*at;
		else
			*at = 1;
		fail("%p may be used, which the mapping forbids: rights %d", (void *)at, rights);
	}
	fault_expected = 0;
	must(pipe(fds) == 0);
	must(write(fds[1], "12345678", 8) == 8);
	must(read(fds[0], (void *)at, 8) < 0 && errno == EFAULT);
	close_pipe(fds);
}

/* ---- mappings ---- */

static const int some_rights[] = {
	PROT_READ | PROT_WRITE,
	PROT_READ | PROT_WRITE,
	PROT_READ | PROT_WRITE | PROT_EXEC,
	PROT_READ,
	PROT_READ | PROT_EXEC,
	PROT_NONE,
};

static int any_rights(void)
{
	return some_rights[below(COUNT(some_rights))];
}

static void forget(struct run run)
{
	for (int i = 0; i < run.n; i++)
		*page_of(run, i) = (struct page_model){.mapped = 0};
}

static void map_some(void)
{
	static const int fds[] = {-1, BASE_FD, SHARED_FD};
	struct run run = any_run(AREAS);
	struct page_model page = {.mapped = 1, .rights = any_rights(), .source = below(3)};
	int flags = MAP_FIXED | (page.source == ZEROES ? MAP_ANONYMOUS : 0);
	int index = below(OBJECT_PAGES - run.n);

	page.shared = page.source == SHARED_FILE && below(2);
	flags |= page.shared ? MAP_SHARED : MAP_PRIVATE;
	must(mmap(start_of(run), run.n * PAGE, page.rights, flags, fds[page.source],
		  page.source == ZEROES ? 0 : index * PAGE) == start_of(run));
	for (int i = 0; i < run.n; i++) {
		page.index = index + i;
		*page_of(run, i) = page;
	}
}

static void unmap_some(void)
{
	struct run run = any_run(AREAS);

	must(munmap(start_of(run), run.n * PAGE) == 0);
	forget(run);
}

static void protect_some(void)
{
	struct run run = mapped_run(HEAP + 1, 0);
	int rights = any_rights();

	if (!run.n)
		return;
	must(mprotect(start_of(run), run.n * PAGE, rights) == 0);
	for (int i = 0; i < run.n; i++)
		page_of(run, i)->rights = rights;
}

static void drop_some(void)
{
	struct run run = mapped_run(HEAP + 1, 0);

	if (!run.n)
		return;
	must(madvise(start_of(run), run.n * PAGE, MADV_DONTNEED) == 0);
	for (int i = 0; i < run.n; i++)
		page_of(run, i)->tag = page_of(run, i)->next = 0;
}

/* What looks like one mapping may be several to the kernel: then it refuses. */
static void move_some(void)
{
	struct run from = mapped_run(AREAS, 1), to = any_run(AREAS);

	if (from.n > AREA_PAGES - to.first)
		from.n = AREA_PAGES - to.first;
	to.n = from.n;
	if (!from.n || (from.area == to.area && from.first < to.first + to.n &&
			to.first < from.first + from.n))
		return;
	if (mremap(start_of(from), from.n * PAGE, from.n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   start_of(to)) == MAP_FAILED) {
		must(errno == EFAULT);
		must(munmap(start_of(to), to.n * PAGE) == 0);
		forget(to);
		return;
	}
	for (int i = 0; i < from.n; i++)
		*page_of(to, i) = *page_of(from, i);
	forget(from);
}

/* As many pages as there is room for behind the run, in the area and in what it shows. */
static int room_behind(struct run run)
{
	int end = run.first + run.n, n = 0;
	const struct page_model *last = page_of(run, run.n - 1);

	while (end + n < AREA_PAGES && !model[run.area][end + n].mapped &&
	       (last->source == ZEROES || last->index + n + 1 < OBJECT_PAGES))
		n++;
	return n;
}

static void grow_some(void)
{
	struct run run = mapped_run(AREAS, 1), more;
	int room = run.n ? room_behind(run) : 0;

	if (!room)
		return;
	more = (struct run){run.area, run.first + run.n, 1 + (int)below(room)};
	if (mremap(start_of(run), run.n * PAGE, (run.n + more.n) * PAGE, 0) == MAP_FAILED) {
		must(errno == EFAULT);
		return;
	}
	for (int i = 0; i < more.n; i++) {
		*page_of(more, i) = *page_of(run, run.n - 1);
		page_of(more, i)->tag = page_of(more, i)->next = 0;
		page_of(more, i)->index += i + 1;
	}
}

static void shrink_some(void)
{
	struct run run = mapped_run(AREAS, 1);
	int keep = run.n > 1 ? 1 + (int)below(run.n - 1) : 0;

	if (!keep)
		return;
	if (mremap(start_of(run), run.n * PAGE, keep * PAGE, 0) == MAP_FAILED) {
		must(errno == EFAULT);
		return;
	}
	run.first += keep;
	run.n -= keep;
	forget(run);
}

static void set_break(void)
{
	int pages = below(AREA_PAGES + 1);
	struct run heap = {HEAP, 0, AREA_PAGES};

	must(syscall(SYS_brk, page_at(HEAP, pages)) == (long)page_at(HEAP, pages));
	for (int i = 0; i < AREA_PAGES; i++) {
		struct page_model *page = page_of(heap, i);

		if (i >= pages)
			*page = (struct page_model){.mapped = 0};
		else if (!page->mapped)
			*page = (struct page_model){.mapped = 1, .rights = PROT_READ | PROT_WRITE};
	}
}

static void choose_at_fork(void)
{
	struct run run = mapped_run(AREAS, 1);
	int choice = below(3);
	size_t size = run.n * PAGE;

	if (!run.n || (choice == WIPED && (page_of(run, 0)->source != ZEROES)))
		return;
	must(madvise(start_of(run), size, MADV_DOFORK) == 0);
	must(madvise(start_of(run), size, MADV_KEEPONFORK) == 0);
	if (choice != COPIED)
		must(madvise(start_of(run), size,
			     choice == WIPED ? MADV_WIPEONFORK : MADV_DONTFORK) == 0);
	for (int i = 0; i < run.n; i++)
		page_of(run, i)->at_fork = choice;
}

/* ---- processes ---- */

/* With the numbers stored by the kernel, the parent's in the parent's memory alone. */
static void fork_some(void)
{
	struct run run = written_page();
	int stores = run.n && page_of(run, 0)->at_fork == COPIED && below(2);

	start_worker(any(), stores ? (int *)(page_at(run.area, run.first) + TID_WORD) : NULL);
}

static void wait_for_one(void)
{
	reap(below(8) ? WNOHANG : 0);
}

static void kill_one(void)
{
	int id = below(MOST_WORKERS);
	struct slot *slot = &control->slots[id];

	if (__atomic_load_n(&slot->state, __ATOMIC_SEQ_CST) != TAKEN || slot->parent != getpid() ||
	    slot->pid <= 0)
		return;
	slot->killed = 1;
	kill(slot->pid, SIGKILL);
	__atomic_fetch_add(&control->kills, 1, __ATOMIC_RELAXED);
}

/* The child uses this process's memory until it executes the helper. */
static void vfork_and_execute(void)
{
	static char *const arguments[] = {"forkstress", "helper", NULL};
	static char *const environment[] = {NULL};
	struct run run = writable_page();
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		if (run.n)
			write_page(run.area, run.first);
		execve("/proc/self/exe", arguments, environment);
		_exit(1);
	}
	must(pid > 0);
	while (waitpid(pid, &status, 0) < 0)
		must(errno == EINTR);
	must(WIFEXITED(status) && WEXITSTATUS(status) == HELPER_STATUS);
	if (run.n)
		check_page(run.area, run.first);
	__atomic_fetch_add(&control->execs, 1, __ATOMIC_RELAXED);
}

/* This program again, in this process, with new memory. */
static void execute_anew(void)
{
	static char id[16], seed[24];
	static char *const arguments[] = {"forkstress", "worker", id, seed, NULL};
	static char *const environment[] = {NULL};

	snprintf(id, sizeof(id), "%d", my_id);
	snprintf(seed, sizeof(seed), "%lu", any());
	__atomic_fetch_add(&control->execs, 1, __ATOMIC_RELAXED);
	execve("/proc/self/exe", arguments, environment);
	fail("execve: errno %d", errno);
}

static void leave(void)
{
	if (below(2))
		for (int area = 0; area <= HEAP; area++)
			check_area(area);
	_exit(0);
}

/* ---- threads ---- */

static struct worker_thread {
	volatile int tid; /* 0: it has ended */
	int share;        /* it has the pages whose number is this, modulo the number of shares */
	uint64_t random;
	char stack[16384] __attribute__((aligned(16)));
} threads[MOST_THREADS];
static int shares;

/*
 * Writes to and checks pages of its share; touches nothing else. Of what shows a shared object it could not
 * tell what to expect, since the process's first thread counts there.
 */
static int run_thread(void *arg)
{
	struct worker_thread *thread = arg;
	int page, area;

	for (int i = 0; i < 300; i++) {
		thread->random = thread->random * 6364136223846793005 + 1442695040888963407;
		area = (thread->random >> 33) % (HEAP + 1);
		page = (thread->random >> 48) % AREA_PAGES;
		page -= page % shares - thread->share;
		if (page >= AREA_PAGES || !model[area][page].mapped || model[area][page].shared)
			continue;
		if ((model[area][page].rights & PROT_WRITE) && (thread->random >> 60) < 10)
			write_page_with(area, page, (thread->random >> 20 & 0x3fffffff) + 1);
		else if (model[area][page].source < SHARED_FILE)
			check_page(area, page);
	}
	return 0;
}

static void start_thread(struct worker_thread *thread, int share)
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

	thread->share = share;
	thread->random = any();
	must(clone(run_thread, thread->stack + sizeof(thread->stack), flags, thread, &thread->tid,
		   NULL, &thread->tid) > 0);
}

static void join(struct worker_thread *thread)
{
	int tid;

	while ((tid = thread->tid) != 0)
		syscall(SYS_futex, &thread->tid, FUTEX_WAIT, tid, NULL, NULL, 0);
}

/* Threads write to the memory while it is forked, and while the kernel writes to it. */
static void run_threads(void)
{
	struct run run;

	shares = 2 + below(MOST_THREADS);
	for (int i = 0; i < shares - 1; i++)
		start_thread(&threads[i], 1 + i);
	for (int i = 0; i < 12; i++) {
		run = writable_page();
		run.first -= run.first % shares;
		if (!below(4))
			start_worker(any(), NULL);
		else if (page_of(run, 0)->mapped && (page_of(run, 0)->rights & PROT_WRITE) &&
			 below(2))
			write_page_by_kernel(run.area, run.first);
		else
			check_page(run.area, run.first);
	}
	for (int i = 0; i < shares - 1; i++)
		join(&threads[i]);
}

/* ---- all of it ---- */

static const struct {
	int weight;
	void (*act)(void);
} actions[] = {
	{60, write_some},       {20, write_one_by_kernel},
	{60, check_some},       {6, check_one_area},
	{15, check_by_kernel},  {10, try_what_is_forbidden},
	{25, map_some},         {12, unmap_some},
	{25, protect_some},     {10, drop_some},
	{12, move_some},        {6, grow_some},
	{6, shrink_some},       {6, set_break},
	{4, choose_at_fork},    {14, fork_some},
	{10, wait_for_one},     {2, kill_one},
	{2, vfork_and_execute}, {1, execute_anew},
	{4, run_threads},       {5, leave},
};

static void act(void)
{
	int left = 0;

	for (size_t i = 0; i < COUNT(actions); i++)
		left += actions[i].weight;
	left = below(left);
	for (size_t i = 0; i < COUNT(actions); i++) {
		left -= actions[i].weight;
		if (left >= 0)
			continue;
		actions[i].act();
		return;
	}
}

void work(void)
{
	catch_faults();
	for (int n = 0; !control->stop && !control->failed; n++) {
		act();
		if (n % 64 == 63)
			__atomic_fetch_add(&control->actions, 64, __ATOMIC_RELAXED);
	}
	_exit(control->failed);
}
