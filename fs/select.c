/*
 * select(2) and pselect6(2): three bit sets of descriptors in, three out. Both directions are kept
 * in one allocation of six bitmaps, on the stack for up to 256 descriptors; waiting is fs/poll.c's.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/poll.h>
#include <tine/poll_time.h>
#include <tine/signal.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>

#define READ_EVENTS    (POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR | POLLNVAL)
#define WRITE_EVENTS   (POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR | POLLNVAL)
#define EXCEPT_EVENTS  (POLLPRI | POLLNVAL)
#define WORDS_ON_STACK 4

static const u32 set_events[3] = {READ_EVENTS, WRITE_EVENTS, EXCEPT_EVENTS};

struct fd_sets {
	unsigned int n;     /* descriptors */
	unsigned int words; /* of a bitmap */
	unsigned long *in[3], *out[3];
};

/* Asks one descriptor; sets its bits in out. Returns how many. */
static int select_one(struct fd_sets *sets, unsigned int fd, struct poll_waiter *waiter, bool wait)
{
	unsigned long bit = 1ul << (fd % 64);
	u32 wanted = 0, events = POLLNVAL;
	int found = 0;
	struct fd f;

	for (int i = 0; i < 3; i++)
		if (sets->in[i][fd / 64] & bit)
			wanted |= set_events[i];
	if (!wanted)
		return 0;
	f = fdget(fd);
	if (f.file) {
		waiter->table.events = wanted | POLLERR | POLLHUP;
		events = vfs_poll(f.file, wait ? &waiter->table : NULL);
		fdput(f);
	}
	for (int i = 0; i < 3; i++) {
		if (!(sets->in[i][fd / 64] & bit) || !(events & set_events[i]))
			continue;
		sets->out[i][fd / 64] |= bit;
		found++;
	}
	return found;
}

static int look_at_sets(void *arg, struct poll_waiter *waiter, bool wait)
{
	struct fd_sets *sets = arg;
	int ready = 0;

	for (unsigned int fd = 0; fd < sets->n; fd++)
		ready += select_one(sets, fd, waiter, wait && !ready);
	return ready;
}

/* Every descriptor asked for is open. */
static bool all_open(const struct fd_sets *sets)
{
	for (unsigned int fd = 0; fd < sets->n; fd++) {
		unsigned int word = fd / 64;
		struct fd f;

		if (!((sets->in[0][word] | sets->in[1][word] | sets->in[2][word]) >> (fd % 64) & 1))
			continue;
		f = fdget_raw(fd);
		if (!f.file)
			return false;
		fdput(f);
	}
	return true;
}

static int copy_sets(struct fd_sets *sets, unsigned long __user *user[3])
{
	for (int i = 0; i < 3; i++)
		if (user[i] && copy_from_user(sets->in[i], user[i], sets->words * 8))
			return -EFAULT;
	return 0;
}

static int store_sets(struct fd_sets *sets, unsigned long __user *user[3])
{
	for (int i = 0; i < 3; i++)
		if (user[i] && copy_to_user(user[i], sets->out[i], sets->words * 8))
			return -EFAULT;
	return 0;
}

static long do_select(int n, unsigned long __user *user[3], u64 *left)
{
	unsigned long few[6 * WORDS_ON_STACK] = {}, *bits = few;
	unsigned int max = current->files ? READ_ONCE(current->files->capacity) * FD_CHUNK : 0;
	struct fd_sets sets;
	long ready;

	if (n < 0)
		return -EINVAL;
	sets.n = MIN((unsigned int)n, max);
	sets.words = DIV_ROUND_UP(sets.n, 64u);
	if (sets.words > WORDS_ON_STACK && !(bits = kcalloc(6 * sets.words, 8)))
		return -ENOMEM;
	for (unsigned int i = 0; i < 3; i++) {
		sets.in[i] = bits + i * sets.words;
		sets.out[i] = bits + (i + 3) * sets.words;
	}
	ready = copy_sets(&sets, user);
	if (ready == 0 && !all_open(&sets))
		ready = -EBADF;
	if (ready == 0)
		ready = poll_until(look_at_sets, &sets, left);
	if (ready >= 0 && store_sets(&sets, user) != 0)
		ready = -EFAULT;
	if (bits != few)
		kfree(bits);
	return ready;
}

long sys_select(int n, unsigned long __user *in, unsigned long __user *out,
		unsigned long __user *except, struct uapi_timeval __user *timeout)
{
	unsigned long __user *user[3] = {in, out, except};
	struct uapi_timeval tv;
	u64 left = ~0ull, end = 0, now;
	long result;

	if (timeout) {
		if (copy_from_user(&tv, timeout, sizeof(tv)))
			return -EFAULT;
		struct uapi_timespec ts = {tv.tv_sec + tv.tv_usec / 1000000,
					   tv.tv_usec % 1000000 * 1000};
		if (tv.tv_sec < 0 || tv.tv_usec < 0 || timespec_to_ns(&ts, &left) != 0)
			return -EINVAL;
		end = arch_clock_ns() + left;
	}
	result = do_select(n, user, &left);
	if (!timeout)
		return result;
	now = arch_clock_ns();
	tv = ns_to_timeval(end > now ? end - now : 0);
	if (copy_to_user(timeout, &tv, sizeof(tv)) && result == -ERESTARTNOHAND)
		return -EINTR;
	return result;
}

/* The sixth argument: the mask and its size. */
struct pselect_mask {
	const sigset_t __user *mask;
	size_t size;
};

long sys_pselect6(int n, unsigned long __user *in, unsigned long __user *out,
		  unsigned long __user *except, struct uapi_timespec __user *timeout,
		  void __user *user_mask)
{
	unsigned long __user *user[3] = {in, out, except};
	struct pselect_mask mask = {};
	u64 left, end;
	long result;

	if (user_mask && copy_from_user(&mask, user_mask, sizeof(mask)))
		return -EFAULT;
	result = get_timeout(timeout, &left);
	if (result != 0)
		return result;
	end = timeout ? arch_clock_ns() + left : 0;
	result = set_user_sigmask(mask.mask, mask.size);
	if (result != 0)
		return result;
	result = do_select(n, user, &left);
	restore_saved_sigmask_unless(result == -ERESTARTNOHAND);
	return put_time_left(result, timeout, end);
}
