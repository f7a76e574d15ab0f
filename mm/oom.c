/*
 * Out of memory: somebody has to go.
 *
 * An allocation for user memory that fails ends here, and is tried again afterwards. First what the
 * kernel itself keeps in reserve is given back. Else the process whose end frees the most is
 * killed: the one that maps the most pages, page tables counted, shifted by its oom_score_adj (a
 * thousandth of memory for each point; -1000: never). Init is spared, and with it the machine.
 *
 * While a process that was chosen is still on its way out, nobody else is chosen: who comes here
 * meanwhile waits a little and tries again. Only when a victim does not end for long (it waits for
 * a lock of somebody who waits for memory) is another chosen.
 *
 * One caller at a time; the others wait a little too. Victims are marked in their mm, so processes
 * that share one are one victim. The caller may hold the lock of its own mm, and no other.
 */
#include <tine/atomic.h>
#include <tine/pgtable.h>
#include <tine/printk.h>
#include <tine/sched.h>
#include <tine/slab.h>
#include <tine/task.h>
#include <tine/vma.h>

#define OOM_WAIT_NS       10000000ull /* how long to wait before an allocation is tried again */
#define OOM_PATIENCE      100         /* so many waits, then somebody is chosen all the same */
#define OOM_SCORE_ADJ_MIN (-1000)

static struct atomic busy; /* somebody is choosing */
static unsigned int waits; /* busy: since somebody was chosen */

struct choice {
	struct task_struct *task; /* counted; NULL: none so far */
	long points;
	bool wait; /* a victim is still on its way out, or somebody's pages could not be counted */
};

static void wait_a_little(void)
{
	set_current_state(TASK_KILLABLE);
	schedule_timeout(OOM_WAIT_NS);
}

static bool may_be_killed(const struct task_struct *task)
{
	return !(task->flags & PF_KTHREAD) && !(task->signal->flags & SIGNAL_UNKILLABLE) &&
	       READ_ONCE(task->signal->oom_score.adj) > OOM_SCORE_ADJ_MIN;
}

/*
 * The pages that mm maps and its page tables take, -1 if they cannot be counted now. Its lock is
 * not waited for: who holds it may be waiting for memory. It may be the caller's own.
 */
static long count_pages(struct mm_struct *mm)
{
	bool mine = mutex_is_mine(&mm->lock);
	struct mm_usage usage = {0};

	if (!mine && !mutex_trylock(&mm->lock))
		return -1;
	mm_measure(mm, 0, TASK_SIZE_MAX, &usage);
	if (!mine)
		mutex_unlock(&mm->lock);
	return usage.nodes + mm_usage_pages(&usage);
}

static long points_of(const struct task_struct *task, long pages)
{
	long adjust = READ_ONCE(task->signal->oom_score.adj);

	return pages + adjust * (long)(total_page_count() / 1000);
}

long oom_points(struct task_struct *task)
{
	struct mm_struct *mm = may_be_killed(task) ? get_process_mm(task) : NULL;
	long points = 0;
	struct mm_usage usage;

	if (mm) {
		usage = mm_usage(mm);
		points = points_of(task, usage.nodes + mm_usage_pages(&usage));
		mm_put(mm);
	}
	return points;
}

static bool is_dying(const struct task_struct *task, const struct mm_struct *mm)
{
	return mm->oom_victim || (READ_ONCE(task->signal->flags) & SIGNAL_GROUP_EXIT);
}

/* What killing the process would be worth; 0 if it is not to be killed. */
static long appraise(struct choice *choice, struct task_struct *task)
{
	struct mm_struct *mm = may_be_killed(task) ? get_process_mm(task) : NULL;
	long pages;

	if (!mm)
		return 0;
	pages = is_dying(task, mm) ? -1 : count_pages(mm);
	mm_put(mm);
	if (pages < 0)
		choice->wait = true;
	return pages < 0 ? 0 : MAX(points_of(task, pages), 1);
}

/* Makes task the choice if it is the best so far; drops or keeps its reference. */
static void consider(struct choice *choice, struct task_struct *task)
{
	long points = appraise(choice, task);

	if (points <= choice->points) {
		put_task_struct(task);
		return;
	}
	if (choice->task)
		put_task_struct(choice->task);
	choice->task = task;
	choice->points = points;
}

static struct choice choose(void)
{
	struct choice choice = {.task = NULL};
	struct task_struct *task;
	int tgid = 0;

	while ((task = get_next_process(tgid)) != NULL) {
		tgid = task->tgid;
		consider(&choice, task);
	}
	return choice;
}

/* Whoever shares the victim's memory must go as well, or nothing is freed. */
static void kill_sharers(const struct mm_struct *mm)
{
	struct task_struct *leader, *thread;

	spin_lock(&tasklist_lock);
	list_for_each_entry(leader, &task_list, tasks_link) {
		for (thread = leader; thread && READ_ONCE(thread->mm) != mm;)
			thread = next_thread(thread);
		if (thread && !(thread->flags & PF_KTHREAD) &&
		    !(thread->signal->flags & SIGNAL_UNKILLABLE))
			group_send_sig_info(SIGKILL, SEND_SIG_PRIV, thread);
	}
	spin_unlock(&tasklist_lock);
}

static void kill(struct choice *choice)
{
	struct mm_struct *mm = get_process_mm(choice->task);

	if (mm) {
		mm->oom_victim = true;
		printk(LOG_ERR, "Out of memory: Killed process %d (%s) points:%ld\n",
		       choice->task->tgid, choice->task->comm, choice->points);
		kill_sharers(mm);
		mm_put(mm);
	}
	waits = 0;
}

/* busy is the caller's. False: there is nobody to kill. */
static bool choose_and_kill(void)
{
	struct choice choice = choose();
	bool found = choice.task || choice.wait;

	if (choice.wait && ++waits < OOM_PATIENCE)
		wait_a_little();
	else if (choice.task)
		kill(&choice);
	else if (choice.wait)
		wait_a_little();
	if (choice.task)
		put_task_struct(choice.task);
	return found;
}

bool out_of_memory(void)
{
	bool found = true;

	drain_page_caches();
	if (!memory_is_short() ||
	    kmem_cache_shrink_all() + drain_kernel_stacks() + drain_node_caches() > 0)
		return true;
	if (atomic_add_return(&busy, 1) == 1) {
		found = choose_and_kill();
		atomic_dec(&busy);
	} else {
		atomic_dec(&busy);
		wait_a_little();
	}
	return found;
}
