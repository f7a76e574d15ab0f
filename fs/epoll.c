/*
 * epoll(7): a set of watched files that remembers which of them may be ready.
 *
 *	eventpoll --items--> epitem --file--> file          one epitem for each (file, descriptor)
 *	   |  |                |  ^            |  |
 *	   |  +---ready--------+  +--watchers--+  |
 *	   |                   hook ------------> wait queue of the file
 *	 wait: epoll_wait; poll_wait: who polls the epoll itself
 *
 * A watch hangs a hook into the file's wait queues. When one is woken the hook puts the item on the
 * list of ready ones and wakes whoever waits for the epoll. epoll_wait takes items off that list
 * and asks each file what is really there; a level-triggered item that was reported goes back on
 * the list, to be asked again next time, an edge-triggered one only when its hook is called again.
 *
 * An item does not count its file. It lives as long as the open file, whichever descriptors lead
 * there; the last fput takes it out (epoll_forget_file) before the file's release operation runs.
 *
 * Locks. One mutex, watch_lock, guards what watches what: every link between items, files and
 * epolls. It is the machine's, since the search for loops goes from epoll to epoll; system calls
 * hold it for a few list operations, and epoll_wait not at all. eventpoll.lock is held while items
 * are reported, and by who removes or changes one: so the file of an item that is being asked
 * cannot go. It nests, watcher before watched; there are no loops. ready_lock guards the list of
 * ready items and is taken by hooks, in any context, inside a wait queue's lock.
 *
 * Epolls may watch epolls, four links deep, and a file may be watched through so many paths at each
 * depth: that bounds what one wake-up can set off, on the stack and in time.
 */
#include <tine/cred.h>
#include <tine/epoll.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/mutex.h>
#include <tine/page.h>
#include <tine/poll.h>
#include <tine/poll_time.h>
#include <tine/printk.h>
#include <tine/pseudo_fs.h>
#include <tine/rw.h>
#include <tine/sched.h>
#include <tine/signal.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/eventpoll.h>

#define MAX_LINKS 4 /* from the outermost epoll to the innermost */

/* Paths by which one file may wake epolls that nobody watches, by links on the way. */
static const unsigned int path_limits[MAX_LINKS + 1] = {~0u, 500, 100, 50, 10};

/* Not events but ways to report them. */
#define REPORT_BITS (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define EXCLUSIVE_BITS \
	(POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)
#define MAX_EVENTS (0x7fffffff / (int)sizeof(struct epoll_event))

/* Locks: t = watch_lock; l = eventpoll.lock; r = ready_lock; c = constant. */
struct eventpoll {
	struct mutex lock;
	struct spinlock ready_lock;
	struct list_head ready;      /* r */
	struct wait_queue wait;      /* in epoll_wait */
	struct wait_queue poll_wait; /* poll, select and other epolls */
	struct list_head items;      /* t */
	struct file *file;           /* c: not counted: its release frees this */
	u64 visited;                 /* t: by which walk last */
	unsigned int links;          /* t: what that walk found */
};

/* A place in one wait queue of a watched file. */
struct hook {
	struct wait_entry wait;
	struct wait_queue *wq;
	struct epitem *item;
	struct hook *next;
};

struct epitem {
	struct eventpoll *ep;     /* c */
	struct file *file;        /* c */
	int fd;                   /* c: as it was called when it was added */
	struct epoll_event event; /* l, and r to write */
	struct list_head ready;   /* r: in ep->ready, or in what is being reported */
	struct list_head link;    /* t: in ep->items */
	struct epitem *next_watcher, **prev_watcher; /* t: among file->watchers */
	struct hook *hooks;                          /* l: owned, but for the first */
	struct hook first_hook;
};

struct hook_table {
	struct poll_table table;
	struct epitem *item;
	int error;
};

int epoll_max_user_watches;

static struct kmem_cache *eventpoll_cache, *epitem_cache;
static struct mutex watch_lock;
static u64 walks; /* t */
static const struct file_operations epoll_operations;

void epoll_init(void)
{
	mutex_init(&watch_lock, LOCK_CLASS_EPOLL_WATCH);
	eventpoll_cache = kmem_cache_create("eventpoll", sizeof(struct eventpoll), 0);
	epitem_cache = kmem_cache_create("epitem", sizeof(struct epitem), 0);
	/* A twenty-fifth of memory, as on Linux. */
	epoll_max_user_watches = total_page_count() * PAGE_SIZE / 25 / sizeof(struct epitem);
}

static struct eventpoll *epoll_of(const struct file *file)
{
	return file->ops == &epoll_operations ? file->private_data : NULL;
}

/* --- What is ready --- */

static void mark_ready(struct epitem *item)
{
	struct eventpoll *ep = item->ep;
	irq_state_t irq = spin_lock_irqsave(&ep->ready_lock);

	if (list_empty(&item->ready))
		list_add_tail(&item->ready, &ep->ready);
	spin_unlock_irqrestore(&ep->ready_lock, irq);
}

static void announce(struct eventpoll *ep)
{
	wake_up(&ep->wait);
	wake_up_poll(&ep->poll_wait, POLLIN | POLLRDNORM);
}

/*
 * Called under the lock of a watched file's wait queue, in any context. True: somebody was woken
 * who will look, so that no other exclusive watcher needs to.
 */
static bool hook_wake(struct wait_entry *wait, u64 key)
{
	struct epitem *item = container_of(wait, struct hook, wait)->item;
	struct eventpoll *ep = item->ep;
	u32 wanted = READ_ONCE(item->event.events) & ~REPORT_BITS;
	bool watched;

	if (!wanted || (key && !(key & wanted)))
		return false;
	mark_ready(item);
	smp_mb();
	watched = !list_empty(&ep->wait.entries);
	announce(ep);
	return watched;
}

static u32 events_of(struct epitem *item)
{
	return vfs_poll(item->file, NULL) & item->event.events & ~REPORT_BITS;
}

/* Takes the whole list, to be looked at in peace. ep's lock held, until give_back. */
static void take_ready(struct eventpoll *ep, struct list_head *todo)
{
	irq_state_t irq = spin_lock_irqsave(&ep->ready_lock);

	list_init(todo);
	list_splice(&ep->ready, todo);
	spin_unlock_irqrestore(&ep->ready_lock, irq);
}

/* What was not looked at comes first next time; who has seen an empty list meanwhile is told. */
static void give_back(struct eventpoll *ep, struct list_head *todo)
{
	irq_state_t irq = spin_lock_irqsave(&ep->ready_lock);
	bool more;

	list_splice(todo, &ep->ready);
	more = !list_empty(&ep->ready);
	spin_unlock_irqrestore(&ep->ready_lock, irq);
	if (more)
		wake_up(&ep->wait);
}

/*
 * The next item, off the list before its file is asked: if the hook is called from now on, the item
 * becomes ready once more.
 */
static struct epitem *next_ready(struct eventpoll *ep, struct list_head *todo)
{
	struct epitem *item = NULL;
	irq_state_t irq = spin_lock_irqsave(&ep->ready_lock);

	if (!list_empty(todo)) {
		item = list_first_entry(todo, struct epitem, ready);
		list_del(&item->ready);
	}
	spin_unlock_irqrestore(&ep->ready_lock, irq);
	return item;
}

/* Reports up to max events. How many, or -EFAULT: then nothing is lost. */
static int report(struct eventpoll *ep, struct epoll_event __user *to, int max)
{
	struct list_head todo;
	struct epitem *item;
	int n = 0;

	mutex_lock(&ep->lock);
	take_ready(ep, &todo);
	while (n < max && (item = next_ready(ep, &todo))) {
		struct epoll_event event = {events_of(item), item->event.data};

		if (!event.events)
			continue;
		if (copy_to_user(&to[n], &event, sizeof(event))) {
			mark_ready(item);
			n = n ? n : -EFAULT;
			break;
		}
		n++;
		if (item->event.events & EPOLLONESHOT)
			WRITE_ONCE(item->event.events, item->event.events & REPORT_BITS);
		else if (!(item->event.events & EPOLLET))
			mark_ready(item);
	}
	give_back(ep, &todo);
	mutex_unlock(&ep->lock);
	return n;
}

static u32 epoll_poll(struct file *file, struct poll_table *table)
{
	struct eventpoll *ep = file->private_data;
	struct list_head todo;
	struct epitem *item;
	u32 events = 0;

	poll_wait(file, &ep->poll_wait, table);
	mutex_lock(&ep->lock);
	take_ready(ep, &todo);
	while (!events && (item = next_ready(ep, &todo))) {
		if (!events_of(item))
			continue;
		events = POLLIN | POLLRDNORM;
		mark_ready(item);
	}
	give_back(ep, &todo);
	mutex_unlock(&ep->lock);
	return events;
}

/* --- Watches. watch_lock is held in all of this part. --- */

/* A file is seldom watched more than a few times. */
static struct epitem *find_item(const struct eventpoll *ep, const struct file *file, int fd)
{
	struct epitem *item = file->watchers;

	while (item && (item->ep != ep || item->fd != fd))
		item = item->next_watcher;
	return item;
}

struct file *epoll_watched_file(struct file *file, int fd, unsigned int skip)
{
	struct file *found = ERR_PTR(-ENOENT);
	struct epitem *item;

	if (file->ops != &epoll_operations)
		return ERR_PTR(-EINVAL);
	mutex_lock(&watch_lock);
	list_for_each_entry(item, &epoll_of(file)->items, link)
		if (item->fd == fd && skip-- == 0) {
			/* Its last reference goes before it leaves the list. */
			if (atomic_inc_not_zero(&item->file->count))
				found = item->file;
			break;
		}
	mutex_unlock(&watch_lock);
	return found;
}

static bool charge_watch(struct user_struct *user)
{
	if (__atomic_add_fetch(&user->epoll_watches, 1, __ATOMIC_RELAXED) <=
	    READ_ONCE(epoll_max_user_watches))
		return true;
	__atomic_sub_fetch(&user->epoll_watches, 1, __ATOMIC_RELAXED);
	return false;
}

static void link_item(struct epitem *item)
{
	struct file *file = item->file;

	list_add_tail(&item->link, &item->ep->items);
	item->next_watcher = file->watchers;
	item->prev_watcher = &file->watchers;
	if (file->watchers)
		file->watchers->prev_watcher = &item->next_watcher;
	file->watchers = item;
}

/* Takes the item out and frees it. ep's lock held, or nobody else knows ep any more. */
static void remove_item(struct epitem *item)
{
	struct eventpoll *ep = item->ep;
	struct hook *hook;
	irq_state_t irq;

	/* From here on no hook is called. */
	while ((hook = item->hooks)) {
		item->hooks = hook->next;
		remove_wait_entry(hook->wq, &hook->wait);
		if (hook != &item->first_hook)
			kfree(hook);
	}
	irq = spin_lock_irqsave(&ep->ready_lock);
	list_del(&item->ready);
	spin_unlock_irqrestore(&ep->ready_lock, irq);
	list_del(&item->link);
	__atomic_sub_fetch(&ep->file->cred->user->epoll_watches, 1, __ATOMIC_RELAXED);
	if (item->next_watcher)
		item->next_watcher->prev_watcher = item->prev_watcher;
	/* The file may be closed by who sees that this was the last watcher. */
	__atomic_store_n(item->prev_watcher, item->next_watcher, __ATOMIC_RELEASE);
	kmem_cache_free(epitem_cache, item);
}

static void add_hook(struct file *file, struct wait_queue *wq, struct poll_table *table)
{
	struct hook_table *t = container_of(table, struct hook_table, table);
	struct epitem *item = t->item;
	struct hook *hook = item->hooks ? kmalloc(sizeof(*hook)) : &item->first_hook;

	if (!hook) {
		t->error = -ENOMEM;
		return;
	}
	wait_entry_init(&hook->wait);
	hook->wait.wake = hook_wake;
	hook->wait.exclusive = item->event.events & EPOLLEXCLUSIVE;
	hook->wq = wq;
	hook->item = item;
	hook->next = item->hooks;
	item->hooks = hook;
	add_wait_entry(wq, &hook->wait);
}

/* Links on the longest way to ep from an epoll above it. */
static unsigned int links_above(struct eventpoll *ep, u64 walk)
{
	if (ep->visited == walk)
		return ep->links;
	ep->visited = walk;
	ep->links = 0;
	for (struct epitem *item = ep->file->watchers; item; item = item->next_watcher)
		ep->links = MAX(ep->links, 1 + links_above(item->ep, walk));
	return ep->links;
}

/* Links on the longest way down from ep; too many if one leads to banned. */
static unsigned int links_below(struct eventpoll *ep, const struct eventpoll *banned, u64 walk)
{
	struct epitem *item;

	if (ep->visited == walk)
		return ep->links;
	ep->visited = walk;
	ep->links = ep == banned ? MAX_LINKS : 0;
	list_for_each_entry(item, &ep->items, link) {
		struct eventpoll *below = epoll_of(item->file);

		if (below)
			ep->links = MAX(ep->links, 1 + links_below(below, banned, walk));
	}
	return ep->links;
}

/* Counts the ways up from a file's watchers; false: too many of one length. */
static bool count_paths(struct epitem *watchers, unsigned int depth, unsigned int *counts)
{
	for (struct epitem *item = watchers; item; item = item->next_watcher) {
		struct epitem *above = item->ep->file->watchers;

		if (above ? !count_paths(above, depth + 1, counts)
			  : counts[depth]++ >= path_limits[depth])
			return false;
	}
	return true;
}

/* None of the files below file, or itself, wakes too many. */
static bool paths_allowed(const struct file *file, u64 walk)
{
	unsigned int counts[MAX_LINKS + 1] = {0};
	struct eventpoll *ep = epoll_of(file);
	struct epitem *item;

	if (!ep)
		return count_paths(file->watchers, 0, counts);
	if (ep->visited == walk)
		return true;
	ep->visited = walk;
	list_for_each_entry(item, &ep->items, link)
		if (!paths_allowed(item->file, walk))
			return false;
	return true;
}

static int check_depth(struct eventpoll *ep, struct eventpoll *target)
{
	unsigned int above = links_above(ep, ++walks);

	return above + 1 + links_below(target, ep, ++walks) > MAX_LINKS ? -ELOOP : 0;
}

static int hook_up(struct epitem *item)
{
	struct hook_table t = {.table = {add_hook, item->event.events}, .item = item};
	bool nested = epoll_of(item->file) || item->ep->file->watchers;

	if (nested && !paths_allowed(item->file, ++walks))
		return -EINVAL;
	if (vfs_poll(item->file, &t.table) & item->event.events & ~REPORT_BITS) {
		mark_ready(item);
		announce(item->ep);
	}
	return t.error;
}

static int add_item(struct eventpoll *ep, struct file *file, int fd,
		    const struct epoll_event *event)
{
	struct eventpoll *target = epoll_of(file);
	int error = target ? check_depth(ep, target) : 0;
	struct epitem *item;

	if (error != 0)
		return error;
	if (find_item(ep, file, fd))
		return -EEXIST;
	if (!charge_watch(ep->file->cred->user))
		return -ENOSPC;
	item = kmem_cache_zalloc(epitem_cache);
	if (!item) {
		__atomic_sub_fetch(&ep->file->cred->user->epoll_watches, 1, __ATOMIC_RELAXED);
		return -ENOMEM;
	}
	item->ep = ep;
	item->file = file;
	item->fd = fd;
	item->event = *event;
	list_init(&item->ready);
	mutex_lock(&ep->lock);
	link_item(item);
	error = hook_up(item);
	if (error != 0)
		remove_item(item);
	mutex_unlock(&ep->lock);
	return error;
}

static int change_item(struct epitem *item, const struct epoll_event *event)
{
	struct eventpoll *ep = item->ep;

	if (item->event.events & EPOLLEXCLUSIVE)
		return -EINVAL;
	mutex_lock(&ep->lock);
	item->event.data = event->data;
	WRITE_ONCE(item->event.events, event->events);
	smp_mb(); /* the hook sees the new events, or the file shows what it would have told */
	if (events_of(item)) {
		mark_ready(item);
		announce(ep);
	}
	mutex_unlock(&ep->lock);
	return 0;
}

static int delete_item(struct epitem *item)
{
	struct eventpoll *ep = item->ep;

	mutex_lock(&ep->lock);
	remove_item(item);
	mutex_unlock(&ep->lock);
	return 0;
}

void epoll_forget_file(struct file *file)
{
	mutex_lock(&watch_lock);
	while (file->watchers)
		delete_item(file->watchers);
	mutex_unlock(&watch_lock);
}

static void epoll_release(struct file *file)
{
	struct eventpoll *ep = file->private_data;

	mutex_lock(&watch_lock);
	while (!list_empty(&ep->items))
		remove_item(list_first_entry(&ep->items, struct epitem, link));
	mutex_unlock(&watch_lock);
	kmem_cache_free(eventpoll_cache, ep);
}

static const struct file_operations epoll_operations = {
	.poll = epoll_poll,
	.llseek = noop_llseek,
	.release = epoll_release,
};

/* --- System calls --- */

long sys_epoll_create1(int flags)
{
	struct eventpoll *ep;
	int fd;

	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	ep = kmem_cache_zalloc(eventpoll_cache);
	if (!ep)
		return -ENOMEM;
	mutex_init(&ep->lock, LOCK_CLASS_EPOLL);
	spin_lock_init(&ep->ready_lock, LOCK_CLASS_EPOLL_READY);
	list_init(&ep->ready);
	list_init(&ep->items);
	wait_queue_init(&ep->wait);
	wait_queue_init(&ep->poll_wait);

	fd = get_unused_fd(0, flags & O_CLOEXEC);
	ep->file = fd < 0 ? ERR_PTR(fd)
			  : anon_inode_file("[eventpoll]", O_RDWR, &epoll_operations, ep);
	if (!IS_ERR(ep->file)) {
		fd_install(fd, ep->file);
		return fd;
	}
	if (fd >= 0)
		put_unused_fd(fd);
	fd = PTR_ERR(ep->file);
	kmem_cache_free(eventpoll_cache, ep);
	return fd;
}

/* The checks that need no lock, in Linux's order. */
static int check_control(const struct file *file, int op, const struct file *target,
			 const struct epoll_event *event)
{
	if (!target->ops->poll)
		return -EPERM;
	if (file == target || !epoll_of(file))
		return -EINVAL;
	if (op == EPOLL_CTL_DEL || !(event->events & EPOLLEXCLUSIVE))
		return 0;
	if (op == EPOLL_CTL_MOD)
		return -EINVAL;
	return op == EPOLL_CTL_ADD && (epoll_of(target) || (event->events & ~EXCLUSIVE_BITS))
		       ? -EINVAL
		       : 0;
}

static int control(struct eventpoll *ep, int op, struct file *target, int fd,
		   struct epoll_event *event)
{
	struct epitem *item;
	int result = -EINVAL;

	event->events |= POLLERR | POLLHUP;
	mutex_lock(&watch_lock);
	item = find_item(ep, target, fd);
	if (op == EPOLL_CTL_ADD)
		result = add_item(ep, target, fd, event);
	else if (op == EPOLL_CTL_MOD)
		result = item ? change_item(item, event) : -ENOENT;
	else if (op == EPOLL_CTL_DEL)
		result = item ? delete_item(item) : -ENOENT;
	mutex_unlock(&watch_lock);
	return result;
}

long sys_epoll_ctl(int epfd, int op, int fd, struct epoll_event __user *user)
{
	struct fd f SCOPED(fdput) = {}, target SCOPED(fdput) = {};
	struct epoll_event event = {0};
	int error;

	if (op != EPOLL_CTL_DEL && copy_from_user(&event, user, sizeof(event)))
		return -EFAULT;
	f = fdget(epfd);
	target = fdget(fd);
	if (!f.file || !target.file)
		return -EBADF;
	error = check_control(f.file, op, target.file, &event);
	return error ? error : control(f.file->private_data, op, target.file, fd, &event);
}

/* Sleeps until something may be ready, a signal comes, or *left is over and becomes 0. */
static void sleep_for_events(struct eventpoll *ep, u64 *left)
{
	struct wait_entry entry;

	wait_entry_init(&entry);
	entry.exclusive = true;
	prepare_to_wait(&ep->wait, &entry, TASK_INTERRUPTIBLE);
	if (list_empty(&ep->ready))
		*left = schedule_timeout(*left);
	finish_wait(&ep->wait, &entry);
}

/*
 * Whoever was woken looks, even if a signal came too: the wake-up was for nobody else. Nothing
 * restarts this call.
 */
static int wait_for_events(struct eventpoll *ep, struct epoll_event __user *events, int max,
			   u64 left)
{
	int n;

	while ((n = report(ep, events, max)) == 0 && left) {
		if (signal_pending(current))
			return -EINTR;
		sleep_for_events(ep, &left);
	}
	return n;
}

static long do_epoll_wait(int epfd, struct epoll_event __user *events, int max, u64 left)
{
	struct fd f SCOPED(fdput) = {};

	if (max <= 0 || max > MAX_EVENTS)
		return -EINVAL;
	if (!access_ok(events, max * sizeof(*events)))
		return -EFAULT;
	f = fdget(epfd);
	if (!f.file)
		return -EBADF;
	return epoll_of(f.file) ? wait_for_events(f.file->private_data, events, max, left)
				: -EINVAL;
}

static u64 timeout_from_ms(int ms)
{
	return ms < 0 ? ~0ull : (u64)ms * 1000000;
}

static long wait_with_mask(int epfd, struct epoll_event __user *events, int max, u64 left,
			   const sigset_t __user *mask, size_t mask_size)
{
	long result = set_user_sigmask(mask, mask_size);

	if (result != 0)
		return result;
	result = do_epoll_wait(epfd, events, max, left);
	restore_saved_sigmask_unless(result == -EINTR);
	return result;
}

long sys_epoll_pwait(int epfd, struct epoll_event __user *events, int max, int timeout_ms,
		     const sigset_t __user *mask, size_t mask_size)
{
	return wait_with_mask(epfd, events, max, timeout_from_ms(timeout_ms), mask, mask_size);
}

long sys_epoll_pwait2(int epfd, struct epoll_event __user *events, int max,
		      const struct uapi_timespec __user *timeout, const sigset_t __user *mask,
		      size_t mask_size)
{
	u64 left;
	int error = get_timeout(timeout, &left);

	return error ? error : wait_with_mask(epfd, events, max, left, mask, mask_size);
}
