/*
 * timer_create(2) and its relatives: any number of timers a process, each on a clock of its choice,
 * with a signal of its choice, to the process or to one thread.
 *
 *	          settime                 expires                 signal taken
 *	   idle ----------> armed  -----------------> sent ---------------------> armed again
 *	    ^                 |  once: idle            |  periods that passed     if it repeats
 *	    +---- settime 0 --+                        |  meanwhile: overruns
 *	    +----- settime 0: the signal stays --------+
 *
 * A timer has one queue entry (struct sigqueue) from the beginning, so expiring needs no memory and
 * can be queued once at a time. It counts against RLIMIT_SIGPENDING, which so limits the number of
 * timers. A repeating timer stands still while its signal is pending: the periods that passed are
 * found by a division when the signal is taken, and it is armed for the next. If the signal is
 * ignored, nobody will take it, and the timer is armed again at once.
 *
 * Timers by the clock are armed as struct clock_timer. Those that count CPU time stand in
 * process_timers.cpu_timers, which the timer interrupt looks through (kernel/cpu_timers.c).
 *
 * A deleted timer may leave its entry in a queue: the entry's timer is then NULL, and whoever takes
 * the signal frees it. exec deletes all timers and takes their signals back; exit deletes them.
 *
 * Lock: sighand->lock ("h"). A function that expires in an interrupt looks whether the timer is
 * still armed for a time now past, since it may have been changed while it waited for the lock.
 */
#include <tine/err.h>
#include <tine/rusage.h>
#include <tine/signal_internal.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/timers.h>
#include <tine/uaccess.h>

#define FIRST_TABLE_SIZE 8

struct posix_timer {
	int id;
	bool silent;                   /* c: SIGEV_NONE: only to be read */
	clockid_t clock;               /* c */
	struct task_struct *thread;    /* c: whose CPU time clock is; counted; NULL: no thread's */
	struct task_struct *target;    /* c: who gets the signal; counted; NULL: the process */
	struct process_timers *timers; /* c */
	struct sigqueue *entry;        /* c */

	clockid_t base;          /* h: the clock that value is on */
	struct interval value;   /* h */
	bool armed;              /* h: value.expires is to come */
	bool repeats_when_taken; /* h: its signal is pending, and then the next period begins */
	s64 overrun;             /* h: periods since the signal was last taken, less one */
	s64 last_overrun;        /* h: what that was for the signal last taken */
	struct clock_timer by_clock;
	struct list_head cpu_link; /* h: in timers->cpu_timers, while armed on CPU time */
};

/* --- Arming and expiring. h held. --- */

/* Of a CPU clock: current is of the process. */
static u64 timer_now(const struct posix_timer *timer)
{
	struct cpu_time used;

	if (!clock_is_cpu(timer->base))
		return wall_clock_now(timer->base);
	used = timer->thread ? thread_cpu_time(timer->thread) : process_cpu_time_locked(current);
	return cpu_clock_value(timer->base, &used);
}

static void arm(struct posix_timer *timer)
{
	timer->armed = true;
	if (!clock_is_cpu(timer->base)) {
		clock_timer_arm(&timer->by_clock, timer->base, timer->value.expires);
		return;
	}
	list_del(&timer->cpu_link);
	list_add_tail(&timer->cpu_link, &timer->timers->cpu_timers);
}

static void disarm(struct posix_timer *timer)
{
	timer->armed = false;
	list_del(&timer->cpu_link);
	clock_timer_disarm(&timer->by_clock);
}

/* The thread that timer names has been reaped. */
static bool is_gone(const struct task_struct *thread)
{
	return thread && !thread->sighand;
}

/* Nobody takes an ignored signal, so the next period begins now; no sooner than with the next tick,
 * so that a short period does not keep the CPU busy. */
static void repeat_ignored(struct posix_timer *timer, u64 now)
{
	u64 until = timer->value.period < TICK_NS ? add_saturated(now, TICK_NS) : now;

	timer->repeats_when_taken = false;
	timer->overrun += interval_forward(&timer->value, until);
	arm(timer);
}

/* leader: the process's. */
static void expire(struct posix_timer *timer, u64 now, struct task_struct *leader)
{
	struct task_struct *target = timer->target ? timer->target : leader;
	bool sent;

	timer->armed = false;
	list_del(&timer->cpu_link);
	timer->repeats_when_taken = timer->value.period != 0;
	if (is_gone(timer->target))
		return;
	sent = send_timer_signal(timer->entry, target, timer->target ? PIDTYPE_PID : PIDTYPE_TGID);
	if (!sent && timer->repeats_when_taken)
		repeat_ignored(timer, now);
}

static void clock_expired(struct timer *by_clock, u64 unused)
{
	struct posix_timer *timer = by_clock->arg;
	struct task_struct *leader = lock_process_timers(timer->timers);
	u64 now;

	if (!leader)
		return;
	now = timer->armed ? wall_clock_now(timer->base) : 0;
	if (timer->armed && timer->value.expires <= now)
		expire(timer, now, leader);
	else if (timer->armed) /* the clock was set */
		arm(timer);
	unlock_process_timers(timer->timers, leader);
}

void check_posix_cpu_timers(struct process_timers *timers, const struct cpu_time *used)
{
	struct cpu_time thread = thread_cpu_time(current);
	struct posix_timer *timer, *next;
	u64 now;

	list_for_each_entry_safe(timer, next, &timers->cpu_timers, cpu_link) {
		if (timer->thread && timer->thread != current)
			continue;
		now = cpu_clock_value(timer->base, timer->thread ? &thread : used);
		if (timer->value.expires <= now)
			expire(timer, now, current->group_leader);
	}
}

static int clamp_overrun(s64 overrun)
{
	return overrun > INT32_MAX ? INT32_MAX : (int)overrun;
}

void posix_timer_taken(struct posix_timer *timer, siginfo_t *info)
{
	if (!timer->repeats_when_taken)
		return;
	timer->repeats_when_taken = false;
	timer->overrun += interval_forward(&timer->value, timer_now(timer));
	timer->last_overrun = timer->overrun;
	timer->overrun = -1;
	info->si_overrun = clamp_overrun(timer->last_overrun + info->si_overrun);
	arm(timer);
}

/* --- Setting and reading. h held. --- */

/* What is left and the period, as gettime shows them. */
static struct interval get_timer(struct posix_timer *timer)
{
	struct interval value = {.period = timer->value.period};
	bool once = !value.period;
	u64 now;

	if (is_gone(timer->thread))
		return (struct interval){0};
	if (!timer->value.expires || (once && !timer->armed && !timer->silent))
		return value;
	now = timer_now(timer);
	if (timer->repeats_when_taken || timer->silent)
		timer->overrun += interval_forward(&timer->value, now);
	value.expires = interval_left(&timer->value, now, once && timer->silent ? 0 : 1);
	return value;
}

/* ESRCH: the thread whose CPU time it counts is no more. */
static int set_timer(struct posix_timer *timer, int flags, struct interval value)
{
	bool absolute = flags & TIMER_ABSTIME;
	u64 now;

	if (is_gone(timer->thread))
		return -ESRCH;
	disarm(timer);
	timer->repeats_when_taken = false;
	timer->overrun = -1;
	timer->last_overrun = 0;
	timer->value = (struct interval){0};
	if (!value.expires)
		return 0;
	/* How long an interval is does not depend on what the time of day is set to. */
	timer->base = timer->clock == CLOCK_REALTIME && !absolute ? CLOCK_MONOTONIC : timer->clock;
	now = timer_now(timer);
	if (!absolute)
		value.expires = add_saturated(now, value.expires);
	timer->value = value;
	if (timer->silent)
		return 0;
	if (clock_is_cpu(timer->base) && value.expires <= now)
		expire(timer, now, current->group_leader);
	else
		arm(timer);
	return 0;
}

/* --- The table. h held. --- */

/* Where id is in the table, or would be. */
static unsigned int find_place(const struct process_timers *timers, int id)
{
	unsigned int low = 0, high = timers->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (timers->table[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct posix_timer *find_timer(const struct process_timers *timers, int id)
{
	unsigned int place = timers ? find_place(timers, id) : 0;

	if (!timers || place == timers->count || timers->table[place]->id != id)
		return NULL;
	return timers->table[place];
}

/* The next number that no timer has. */
static int take_id(struct process_timers *timers)
{
	int id;

	do {
		id = timers->next_id;
		timers->next_id = id == INT32_MAX ? 0 : id + 1;
	} while (find_timer(timers, id));
	return id;
}

static int grow_table(struct process_timers *timers)
{
	unsigned int size = timers->size ? timers->size * 2 : FIRST_TABLE_SIZE;
	struct posix_timer **table = kmalloc(size * sizeof(struct posix_timer *));

	if (!table)
		return -EAGAIN;
	if (timers->count)
		memcpy(table, timers->table, timers->count * sizeof(struct posix_timer *));
	kfree(timers->table);
	timers->table = table;
	timers->size = size;
	return 0;
}

static int insert_timer(struct process_timers *timers, struct posix_timer *timer)
{
	unsigned int place;
	int error = timers->count == timers->size ? grow_table(timers) : 0;

	if (error)
		return error;
	place = find_place(timers, timer->id);
	memmove(&timers->table[place + 1], &timers->table[place],
		(timers->count - place) * sizeof(timer));
	timers->table[place] = timer;
	timers->count++;
	return 0;
}

static void remove_timer(struct process_timers *timers, struct posix_timer *timer)
{
	unsigned int place = find_place(timers, timer->id);

	timers->count--;
	memmove(&timers->table[place], &timers->table[place + 1],
		(timers->count - place) * sizeof(timer));
	disarm(timer);
	timer->entry->timer = NULL;
	if (!list_empty(&timer->entry->link))
		timer->entry = NULL; /* it is freed by who takes the signal */
}

/* --- Making and freeing. No lock held. --- */

static void free_timer(struct posix_timer *timer)
{
	clock_timer_cancel(&timer->by_clock);
	if (timer->entry)
		sigqueue_free(timer->entry);
	if (timer->thread)
		put_task_struct(timer->thread);
	if (timer->target)
		put_task_struct(timer->target);
	kfree(timer);
}

void delete_posix_timers(struct process_timers *timers)
{
	struct spinlock *lock = &current->sighand->lock;
	struct posix_timer *timer;
	irq_state_t irq;

	for (;;) {
		irq = spin_lock_irqsave(lock);
		timer = timers->count ? timers->table[timers->count - 1] : NULL;
		if (timer)
			remove_timer(timers, timer);
		spin_unlock_irqrestore(lock, irq);
		if (!timer)
			break;
		free_timer(timer);
	}
}

static struct posix_timer *alloc_timer(struct process_timers *timers)
{
	struct posix_timer *timer = kzalloc(sizeof(*timer));

	if (!timer)
		return NULL;
	timer->entry = sigqueue_alloc(current, false);
	if (!timer->entry) {
		kfree(timer);
		return NULL;
	}
	list_init(&timer->entry->link);
	timer->timers = timers;
	list_init(&timer->cpu_link);
	clock_timer_setup(&timer->by_clock, clock_expired, timer);
	return timer;
}

static struct task_struct *find_own_thread(pid_t nr)
{
	struct task_struct *task = find_get_task_by_vpid(nr);

	if (!task || same_thread_group(task, current))
		return task;
	put_task_struct(task);
	return NULL;
}

/* What is to happen, as event says; NULL: SIGALRM to the process. EINVAL. */
static int set_event(struct posix_timer *timer, const struct uapi_sigevent *event)
{
	siginfo_t *info = &timer->entry->info;
	int notify = event ? event->sigev_notify : SIGEV_SIGNAL;

	memset(info, 0, sizeof(*info));
	info->si_code = SI_TIMER;
	info->si_timerid = timer->id;
	info->si_signo = event ? event->sigev_signo : SIGALRM;
	if (event)
		info->si_timer_value = event->sigev_value;
	else
		info->si_timer_value.sival_int = timer->id;
	if (notify == SIGEV_NONE) {
		timer->silent = true;
		return 0;
	}
	if (notify == (SIGEV_SIGNAL | SIGEV_THREAD_ID)) {
		timer->target = find_own_thread(event->sigev_thread_id);
		if (!timer->target)
			return -EINVAL;
	} else if (notify != SIGEV_SIGNAL && notify != SIGEV_THREAD) {
		return -EINVAL;
	}
	return info->si_signo < 1 || info->si_signo > NSIG ? -EINVAL : 0;
}

/* In the order in which Linux checks. */
static int fill_timer(struct posix_timer *timer, clockid_t clock, const struct uapi_sigevent *event,
		      int __user *id)
{
	int error = set_event(timer, event);

	if (error)
		return error;
	if (put_user(timer->id, id))
		return -EFAULT;
	error = get_timer_clock(clock, &timer->clock, &timer->thread);
	timer->base = timer->clock;
	return error;
}

static int create_timer(clockid_t clock, const struct uapi_sigevent *event, int __user *id)
{
	struct process_timers *timers = get_process_timers();
	struct posix_timer *timer = timers ? alloc_timer(timers) : NULL;
	struct spinlock *lock = &current->sighand->lock;
	irq_state_t irq;
	int error;

	if (!timer)
		return -EAGAIN;
	irq = spin_lock_irqsave(lock);
	timer->id = take_id(timers);
	spin_unlock_irqrestore(lock, irq);
	error = fill_timer(timer, clock, event, id);
	if (!error) {
		irq = spin_lock_irqsave(lock);
		free_dead_entries(timers);
		error = insert_timer(timers, timer);
		if (!error)
			timer->entry->timer = timer;
		spin_unlock_irqrestore(lock, irq);
	}
	if (error)
		free_timer(timer);
	return error;
}

/* --- System calls --- */

long sys_timer_create(clockid_t clock, const struct uapi_sigevent __user *from, int __user *id)
{
	struct uapi_sigevent event;
	int error;

	if (from && get_user(event, from))
		return -EFAULT;
	error = clock_check_timer(clock);
	return error ? error : create_timer(clock, from ? &event : NULL, id);
}

long sys_timer_delete(int id)
{
	struct process_timers *timers = current->signal->timers;
	irq_state_t irq = spin_lock_irqsave(&current->sighand->lock);
	struct posix_timer *timer = find_timer(timers, id);

	if (timer) {
		remove_timer(timers, timer);
		free_dead_entries(timers);
	}
	spin_unlock_irqrestore(&current->sighand->lock, irq);
	if (!timer)
		return -EINVAL;
	free_timer(timer);
	return 0;
}

long sys_timer_getoverrun(int id)
{
	irq_state_t irq = spin_lock_irqsave(&current->sighand->lock);
	struct posix_timer *timer = find_timer(current->signal->timers, id);
	int overrun = timer ? clamp_overrun(timer->last_overrun) : -EINVAL;

	spin_unlock_irqrestore(&current->sighand->lock, irq);
	return overrun;
}

long sys_timer_gettime(int id, struct uapi_itimerspec __user *to)
{
	irq_state_t irq = spin_lock_irqsave(&current->sighand->lock);
	struct posix_timer *timer = find_timer(current->signal->timers, id);
	struct interval value = {0};

	if (timer)
		value = get_timer(timer);
	spin_unlock_irqrestore(&current->sighand->lock, irq);
	return timer ? put_itimerspec(&value, to) : -EINVAL;
}

long sys_timer_settime(int id, int flags, const struct uapi_itimerspec __user *from,
		       struct uapi_itimerspec __user *to)
{
	struct interval value, old = {0};
	struct posix_timer *timer;
	irq_state_t irq;
	int error = from ? get_itimerspec(from, &value) : -EINVAL;

	if (error)
		return error;
	irq = spin_lock_irqsave(&current->sighand->lock);
	timer = find_timer(current->signal->timers, id);
	error = -EINVAL;
	if (timer) {
		free_dead_entries(timer->timers);
		old = get_timer(timer);
		error = set_timer(timer, flags, value);
	}
	spin_unlock_irqrestore(&current->sighand->lock, irq);
	return error || !to ? error : put_itimerspec(&old, to);
}
