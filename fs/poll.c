/*
 * poll(2), and what it shares with select(2): a task that waits on any number of files.
 *
 * Asking a file for its events also registers the waiter with each wait queue of the file, the
 * first time round. Each registration is a wait entry of its own with a wake function that marks
 * the waiter triggered; so an event between asking and sleeping is not missed: the sleep sees the
 * mark. The first few entries are in the waiter, on the stack; more come in pages.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/page.h>
#include <tine/poll.h>
#include <tine/poll_time.h>
#include <tine/sched.h>
#include <tine/signal.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>

struct poll_page {
	struct poll_page *next;
	unsigned int used;
	struct poll_entry entries[];
};

#define ENTRIES_PER_PAGE ((PAGE_SIZE - sizeof(struct poll_page)) / sizeof(struct poll_entry))

u32 vfs_poll(struct file *file, struct poll_table *table)
{
	if (unlikely(!file->ops->poll))
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	return file->ops->poll(file, table);
}

static bool poll_wake(struct wait_entry *wait, u64 key)
{
	struct poll_entry *entry = container_of(wait, struct poll_entry, wait);
	struct poll_waiter *waiter = entry->waiter;

	if (key && !(key & entry->events))
		return false;
	WRITE_ONCE(waiter->triggered, true);
	smp_mb();
	return try_to_wake_up(waiter->task, TASK_NORMAL);
}

static struct poll_entry *new_entry(struct poll_waiter *waiter)
{
	struct poll_page *page = waiter->pages;

	if (waiter->inline_used < POLL_INLINE_ENTRIES)
		return &waiter->inline_entries[waiter->inline_used++];
	if (!page || page->used == ENTRIES_PER_PAGE) {
		page = kmalloc(PAGE_SIZE);
		if (!page) {
			waiter->error = -ENOMEM;
			return NULL;
		}
		page->next = waiter->pages;
		page->used = 0;
		waiter->pages = page;
	}
	return &page->entries[page->used++];
}

static void poll_queue(struct file *file, struct wait_queue *wq, struct poll_table *table)
{
	struct poll_waiter *waiter = container_of(table, struct poll_waiter, table);
	struct poll_entry *entry = new_entry(waiter);

	if (!entry)
		return;
	wait_entry_init(&entry->wait);
	entry->wait.wake = poll_wake;
	entry->wq = wq;
	entry->file = get_file(file);
	entry->events = table->events;
	entry->waiter = waiter;
	add_wait_entry(wq, &entry->wait);
}

static void poll_waiter_init(struct poll_waiter *waiter)
{
	waiter->table.queue = poll_queue;
	waiter->task = current;
	waiter->triggered = false;
	waiter->error = 0;
	waiter->inline_used = 0;
	waiter->pages = NULL;
}

static void end_entry(struct poll_entry *entry)
{
	remove_wait_entry(entry->wq, &entry->wait);
	fput(entry->file);
}

static void poll_waiter_end(struct poll_waiter *waiter)
{
	struct poll_page *page;

	for (unsigned int i = 0; i < waiter->inline_used; i++)
		end_entry(&waiter->inline_entries[i]);
	while ((page = waiter->pages)) {
		waiter->pages = page->next;
		for (unsigned int i = 0; i < page->used; i++)
			end_entry(&page->entries[i]);
		kfree(page);
	}
}

static void poll_waiter_sleep(struct poll_waiter *waiter, u64 *left)
{
	set_current_state(TASK_INTERRUPTIBLE);
	if (!READ_ONCE(waiter->triggered))
		*left = schedule_timeout(*left);
	set_current_state(TASK_RUNNING);
	WRITE_ONCE(waiter->triggered, false);
	smp_mb();
}

/* Events of one descriptor, POLLERR, POLLHUP and POLLNVAL unasked. */
static short poll_one(struct pollfd *pollfd, struct poll_waiter *waiter, bool wait)
{
	u32 wanted = (unsigned short)pollfd->events | POLLERR | POLLHUP;
	struct fd f SCOPED(fdput) = {};

	if (pollfd->fd < 0)
		return 0;
	f = fdget(pollfd->fd);
	if (!f.file)
		return POLLNVAL;
	waiter->table.events = wanted;
	return wanted & vfs_poll(f.file, wait ? &waiter->table : NULL);
}

int poll_until(int (*look)(void *arg, struct poll_waiter *waiter, bool wait), void *arg, u64 *left)
{
	struct poll_waiter waiter;
	bool wait = *left != 0;
	int ready;

	poll_waiter_init(&waiter);
	for (;;) {
		ready = look(arg, &waiter, wait);
		wait = false;
		if (!ready)
			ready = waiter.error;
		if (!ready && signal_pending(current))
			ready = -ERESTARTNOHAND;
		if (ready || *left == 0)
			break;
		poll_waiter_sleep(&waiter, left);
	}
	poll_waiter_end(&waiter);
	return ready;
}

struct poll_list {
	struct pollfd *fds;
	unsigned int n;
};

static int look_at_list(void *arg, struct poll_waiter *waiter, bool wait)
{
	const struct poll_list *list = arg;
	int ready = 0;

	for (struct pollfd *p = list->fds; p < list->fds + list->n; p++) {
		p->revents = poll_one(p, waiter, wait && !ready);
		ready += p->revents != 0;
	}
	return ready;
}

#define POLL_ON_STACK 16

static int do_poll(struct pollfd __user *user, unsigned int n, u64 *left)
{
	struct pollfd few[POLL_ON_STACK], *fds = few;
	int ready = 0;

	if (n > rlimit(RLIMIT_NOFILE))
		return -EINVAL;
	if (n > POLL_ON_STACK && !(fds = kcalloc(n, sizeof(*fds))))
		return -ENOMEM;
	if (copy_from_user(fds, user, n * sizeof(*fds)))
		ready = -EFAULT;
	if (ready == 0)
		ready = poll_until(look_at_list, &(struct poll_list){fds, n}, left);
	for (unsigned int i = 0; ready >= 0 && i < n; i++)
		if (put_user(fds[i].revents, &user[i].revents) != 0)
			ready = -EFAULT;
	if (fds != few)
		kfree(fds);
	return ready;
}

/* poll is restarted with what is left of its time, unless a handler ran. */
static long poll_restart(struct restart_block *restart)
{
	u64 now = arch_clock_ns();
	u64 left = restart->expires == ~0ull ? ~0ull
		   : restart->expires > now  ? restart->expires - now
					     : 0;
	long ready = do_poll(restart->poll_fds, restart->poll_count, &left);

	return ready == -ERESTARTNOHAND ? -ERESTART_RESTARTBLOCK : ready;
}

long sys_poll(struct pollfd __user *fds, unsigned int n, int timeout_ms)
{
	u64 left = timeout_ms < 0 ? ~0ull : (u64)timeout_ms * 1000000;
	u64 expires = timeout_ms < 0 ? ~0ull : arch_clock_ns() + left;
	long ready = do_poll(fds, n, &left);

	if (ready != -ERESTARTNOHAND)
		return ready;
	current->restart.fn = poll_restart;
	current->restart.poll_fds = fds;
	current->restart.poll_count = n;
	current->restart.expires = expires;
	return -ERESTART_RESTARTBLOCK;
}

int get_timeout(const struct uapi_timespec __user *user, u64 *left)
{
	struct uapi_timespec ts;

	*left = ~0ull;
	if (!user)
		return 0;
	if (copy_from_user(&ts, user, sizeof(ts)))
		return -EFAULT;
	return timespec_to_ns(&ts, left);
}

long put_time_left(long result, struct uapi_timespec __user *user, u64 end)
{
	u64 now = arch_clock_ns();
	struct uapi_timespec left = ns_to_timespec(end > now ? end - now : 0);

	/*
	 * The result stays even if the time cannot be stored; but then the call must not be
	 * restarted with the old time.
	 */
	if (user && copy_to_user(user, &left, sizeof(left)) && result == -ERESTARTNOHAND)
		return -EINTR;
	return result;
}

long sys_ppoll(struct pollfd __user *fds, unsigned int n, struct uapi_timespec __user *timeout,
	       const sigset_t __user *mask, size_t mask_size)
{
	u64 left, end;
	long result = get_timeout(timeout, &left);

	if (result != 0)
		return result;
	end = timeout ? arch_clock_ns() + left : 0;
	result = set_user_sigmask(mask, mask_size);
	if (result != 0)
		return result;
	result = do_poll(fds, n, &left);
	restore_saved_sigmask_unless(result == -ERESTARTNOHAND);
	return put_time_left(result, timeout, end);
}
