/*
 * Tasks: their allocation, publication in lists, and end.
 *
 *   alloc_task_struct -> (copy_process fills it) -> published -> runs -> zombie -> reaped -> last put_task_struct: freed
 *
 * A task_struct has a reference for being unreaped, one while it can still run (dropped after its
 * last switch), and one for everybody who remembers it. The last put walks clone's table of
 * resources upwards; the same walk ends a task that copy_process gave up half-built, since release
 * functions tolerate what was never copied.
 *
 * tasklist_lock guards the relations between tasks: parents and children, thread groups, process
 * groups and sessions, and who is a zombie. It is not taken in interrupts.
 */
#include <tine/err.h>
#include <tine/fork.h>
#include <tine/ioprio.h>
#include <tine/mm.h>
#include <tine/page.h>
#include <tine/printk.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/timers.h>

struct spinlock tasklist_lock = SPINLOCK_INIT(LOCK_CLASS_TASKLIST);
struct list_head task_list = LIST_HEAD_INIT(task_list);
struct task_struct *child_reaper;
int nr_threads;
u64 total_forks;
int max_threads;

static struct kmem_cache *task_cache, *signal_cache;

static struct signal_struct init_signal;

/* CPU 0's idle task, running since the loader jumped here; everybody's ancestor, in no list. */
struct task_struct init_task = {
	.count = ATOMIC_INIT(2),
	.flags = PF_KTHREAD | PF_IDLE,
	.comm = "swapper/0",
	.cred = &init_cred,
	.signal = &init_signal,
	.sighand = &init_sighand,
	.cpus_allowed = ~0ul,
	.sched = {.rank = 1, .cost = SCHED_COST_UNIT},
	.timer_slack_ns = 50000,
	.real_parent = &init_task,
	.parent = &init_task,
	.group_leader = &init_task,
};

static void init_task_lists(struct task_struct *task)
{
	list_init(&task->children);
	list_init(&task->sibling);
	list_init(&task->thread_link);
	list_init(&task->tasks_link);
	for (int type = 0; type < PIDTYPE_LISTS; type++)
		list_init(&task->pid_link[type]);
	list_init(&task->run_link);
	spin_lock_init(&task->alloc_lock, LOCK_CLASS_TASK);
	sigpending_init(&task->pending);
}

struct task_struct *alloc_task_struct(void)
{
	struct task_struct *task = kmem_cache_alloc(task_cache);

	if (!task)
		return NULL;
	memset(task, 0, TASK_ZEROED);
	task->stack = alloc_kernel_stack();
	if (!task->stack) {
		kmem_cache_free(task_cache, task);
		return NULL;
	}
	atomic_set(&task->count, 1);
	task->restart.fn = NULL;
	init_task_lists(task);
	return task;
}

void put_task_struct(struct task_struct *task)
{
	if (!atomic_dec_and_test(&task->count))
		return;
	ASSERT(list_empty(&task->sibling) && list_empty(&task->run_link) && !task->mm);
	release_io(task); /* somebody may have given it one since it exited */
	release_resources(task, true);
	free_kernel_stack(task->stack);
	kmem_cache_free(task_cache, task);
}

/* --- Thread groups --- */

static void init_signal_struct(struct signal_struct *signal)
{
	atomic_set(&signal->count, 1);
	atomic_set(&signal->live, 1);
	signal->nr_threads = 1;
	list_init(&signal->threads);
	wait_queue_init(&signal->wait_child);
	sigpending_init(&signal->shared_pending);
	mutex_init(&signal->exec_lock, LOCK_CLASS_EXEC);
}

int copy_signal(struct task_struct *child, const struct kernel_clone_args *args)
{
	const struct signal_struct *parent = current->signal;
	struct signal_struct *signal;

	if (args->flags & CLONE_THREAD) {
		atomic_inc(&current->signal->count);
		child->signal = current->signal;
		return 0;
	}
	signal = kmem_cache_alloc(signal_cache);
	if (!signal)
		return -ENOMEM;
	memset(signal, 0, offsetof(struct signal_struct, rlim));
	init_signal_struct(signal);
	spin_lock(&current->group_leader->alloc_lock);
	memcpy(signal->rlim, parent->rlim, sizeof(signal->rlim));
	spin_unlock(&current->group_leader->alloc_lock);
	signal->oom_score = parent->oom_score;
	child->signal = signal;
	return 0;
}

void release_signal(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;

	task->signal = NULL;
	if (!signal || !atomic_dec_and_test(&signal->count))
		return;
	flush_sigqueue(&signal->shared_pending);
	if (unlikely(signal->timers))
		free_process_timers(signal->timers);
	for (int type = 0; type < PIDTYPE_PID; type++)
		put_pid(signal->pids[type]);
	kmem_cache_free(signal_cache, signal);
}

struct task_struct *next_thread(const struct task_struct *task)
{
	if (task->thread_link.next == &task->signal->threads)
		return NULL;
	return list_entry(task->thread_link.next, struct task_struct, thread_link);
}

struct task_struct *get_next_process(int tgid)
{
	struct task_struct *task = NULL;
	struct pid *pid;

	while (!task && (pid = find_ge_pid(tgid + 1, &tgid)) != NULL) {
		task = get_pid_task(pid, PIDTYPE_TGID);
		put_pid(pid);
	}
	return task;
}

struct mm_struct *get_process_mm(struct task_struct *task)
{
	struct mm_struct *mm = NULL;
	struct task_struct *thread;

	spin_lock(&tasklist_lock);
	list_for_each_entry(thread, &task->signal->threads, thread_link)
		mm = mm ? mm : get_task_mm(thread);
	spin_unlock(&tasklist_lock);
	return mm;
}

bool fatal_signal_pending(const struct task_struct *task)
{
	return signal_pending(task) && (READ_ONCE(task->pending.set) >> (SIGKILL - 1) & 1);
}

void set_task_comm(struct task_struct *task, const char *name)
{
	spin_lock(&task->alloc_lock);
	(void)strscpy(task->comm, name, sizeof(task->comm));
	spin_unlock(&task->alloc_lock);
}

void get_task_comm(char name[TASK_COMM_LEN], struct task_struct *task)
{
	spin_lock(&task->alloc_lock);
	memcpy(name, task->comm, TASK_COMM_LEN);
	spin_unlock(&task->alloc_lock);
}

/* --- Boot --- */

void task_init(void)
{
	u64 threads = total_page_count() * PAGE_SIZE / (8 * KERNEL_STACK_SIZE);

	task_cache = kmem_cache_create("task_struct", sizeof(struct task_struct), 64);
	signal_cache = kmem_cache_create("signal_struct", sizeof(struct signal_struct), 0);
	max_threads = MIN(MAX(threads, 20ul), 0x3ffffffful);
	init_task_lists(&init_task);
	init_task.start_time = arch_clock_ns();
	init_signal_struct(&init_signal);
	init_rlimits(init_signal.rlim);
}
