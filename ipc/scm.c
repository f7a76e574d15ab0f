/*
 * What travels beside the bytes of a Unix-domain socket: descriptors (SCM_RIGHTS) and the sender's
 * identity (SCM_CREDENTIALS); cmsg(3), unix(7).
 *
 * A file in a message is in flight: it stays open though no process has a descriptor for it. So a
 * socket that is sent into its own queue, or two that are sent into each other's, would live for
 * ever. The collector finds them. Each socket counts how many references of its file are in flight;
 * one that has others is reached, and so is what is in the queue of one that is reached. What is
 * left cannot be got at by anybody, now or later, and its queue is emptied.
 *
 * The flight lock makes that a matter of one moment: under it files enter a message, arrive in a
 * queue, and leave it for a process, also as the copies that MSG_PEEK makes.
 *
 * Dropping files may close sockets with files in their queues, and so on, to any depth: what comes
 * up while files are being dropped is put in a chain, and the outermost call works it off.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/pid.h>
#include <tine/slab.h>
#include <tine/socket.h>
#include <tine/task.h>
#include <tine/uaccess.h>

#define MAX_CONTROL     20480u /* bytes of control messages in one send */
#define MANY_IN_FLIGHT  16000u /* sockets, when a sender of more looks for garbage first */
#define CMSG_ALIGN(len) (((len) + sizeof(long) - 1) & ~(sizeof(long) - 1))
#define CMSG_LEN(len)   (sizeof(struct cmsghdr) + (len))

static struct mutex flight_lock;
static struct list_head in_flight = LIST_HEAD_INIT(in_flight); /* flight_lock: passed_files */
static unsigned int sockets_in_flight;                         /* flight_lock */

/* --- Files in flight --- */

static void count_sockets(const struct passed_files *files, int by)
{
	for (unsigned int i = 0; i < files->n; i++)
		if (is_socket(files->file[i])) {
			file_sock(files->file[i])->in_flight += by;
			sockets_in_flight += by;
		}
}

/* ETOOMANYREFS: a user with more files in flight than it may have descriptors sends no others. */
static int take_off(struct passed_files *files)
{
	struct user_struct *user = current->cred->user;

	if (atomic_read(&user->files_in_flight) > (long)rlimit(RLIMIT_NOFILE) &&
	    !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN))
		return -ETOOMANYREFS;
	atomic_add_return(&user->files_in_flight, files->n);
	files->user = user;
	atomic_inc(&user->count);
	mutex_lock(&flight_lock);
	list_add_tail(&files->link, &in_flight);
	count_sockets(files, 1);
	mutex_unlock(&flight_lock);
	return 0;
}

static void land(struct passed_files *files)
{
	if (!files->user)
		return;
	mutex_lock(&flight_lock);
	list_del(&files->link);
	count_sockets(files, -1);
	mutex_unlock(&flight_lock);
	atomic_add_return(&files->user->files_in_flight, -(int)files->n);
	put_user_struct(files->user);
	files->user = NULL;
}

void passed_files_arrive(struct passed_files *files, struct unix_sock *owner)
{
	if (!files)
		return;
	MUTEX_LOCKED(&flight_lock, files->owner = owner);
}

static void drop(struct passed_files *files)
{
	for (unsigned int i = 0; i < files->n; i++)
		fput(files->file[i]);
	kfree(files);
}

void passed_files_put(struct passed_files *files)
{
	struct passed_files *chain = files;

	if (!files)
		return;
	land(files);
	if (current->dropping_files) {
		files->next = *current->dropping_files;
		*current->dropping_files = files;
		return;
	}
	files->next = NULL;
	current->dropping_files = &chain;
	while ((files = chain)) {
		chain = files->next;
		drop(files);
	}
	current->dropping_files = NULL;
}

static struct passed_files *files_alloc(void)
{
	struct passed_files *files = kmalloc(sizeof(*files));

	if (!files)
		return NULL;
	list_init(&files->link);
	files->owner = NULL;
	files->user = NULL;
	files->n = 0;
	return files;
}

struct passed_files *passed_files_take(struct unix_message *message, bool peek)
{
	struct passed_files *files = message->files;

	if (!files)
		return NULL;
	if (!peek) {
		message->files = NULL;
		land(files);
		return files;
	}
	files = files_alloc();
	if (!files)
		return NULL;
	mutex_lock(&flight_lock);
	files->n = message->files->n;
	for (unsigned int i = 0; i < files->n; i++)
		files->file[i] = get_file(message->files->file[i]);
	mutex_unlock(&flight_lock);
	return files;
}

/* --- Sockets that nobody can reach --- */

void unix_set_listener(struct unix_sock *sock, struct unix_sock *listener)
{
	MUTEX_LOCKED(&flight_lock, sock->listener = listener);
}

/* sock's queue can be read: by a process, or it is in a queue that can. */
static bool is_reached(const struct unix_sock *sock)
{
	if (sock->listener)
		sock = sock->listener;
	return sock->in_flight == 0 || sock->reached;
}

/* Marks the sockets among files; true if one was not marked before. */
static bool mark_sockets(struct passed_files *files, bool all)
{
	bool news = false;

	for (unsigned int i = 0; i < files->n; i++) {
		struct unix_sock *sock;

		if (!is_socket(files->file[i]))
			continue;
		sock = file_sock(files->file[i]);
		if (sock->reached)
			continue;
		sock->reached = all || atomic_read(&files->file[i]->count) > (int)sock->in_flight;
		news |= sock->reached;
	}
	return news;
}

/* Sets reached on every socket in flight that is, and collects the others. flight_lock held. */
static void find_unreached(struct list_head *found)
{
	struct passed_files *files;
	bool news;

	list_for_each_entry(files, &in_flight, link)
		for (unsigned int i = 0; i < files->n; i++)
			if (is_socket(files->file[i]))
				file_sock(files->file[i])->reached = false;
	do {
		news = false;
		list_for_each_entry(files, &in_flight, link)
			news |= mark_sockets(files, !files->owner || is_reached(files->owner));
	} while (news);
	list_for_each_entry(files, &in_flight, link) {
		struct unix_sock *owner = files->owner;

		if (owner && !is_reached(owner) && list_empty(&owner->unreached))
			list_add_tail(&unix_get(owner)->unreached, found);
	}
}

void unix_collect_garbage(void)
{
	struct list_head found, messages;
	struct unix_sock *sock, *next;

	if (list_empty(&in_flight))
		return;
	list_init(&found);
	list_init(&messages);
	mutex_lock(&flight_lock);
	find_unreached(&found);
	mutex_unlock(&flight_lock);
	list_for_each_entry_safe(sock, next, &found, unreached) {
		list_del(&sock->unreached);
		mutex_lock(&sock->lock);
		list_splice_tail(&sock->messages, &messages);
		sock->queued = 0;
		mutex_unlock(&sock->lock);
		unix_put(sock);
	}
	unix_free_messages(&messages);
}

/* --- Reading what a sender passes --- */

static int import_files(struct socket_message *message, const int *fds, unsigned int n)
{
	if (n == 0)
		return 0;
	if (!message->files && !(message->files = files_alloc()))
		return -ENOMEM;
	if (message->files->n + n > SCM_MAX_FD)
		return -EINVAL;
	for (unsigned int i = 0; i < n; i++) {
		struct fd f = fdget_raw(fds[i]);

		if (!f.file)
			return -EBADF;
		message->files->file[message->files->n++] = get_file(f.file);
		fdput(f);
	}
	return 0;
}

static bool may_claim_id(u32 id, u32 real, u32 effective, u32 saved, int cap)
{
	return id == real || id == effective || id == saved || capable(cap);
}

static int import_credentials(struct socket_message *message, const struct ucred *claim)
{
	const struct cred *cred = current->cred;
	struct pid *pid;

	if (((int)claim->pid != task_tgid_vnr(current) && !capable(CAP_SYS_ADMIN)) ||
	    !may_claim_id(claim->uid, cred->uid, cred->euid, cred->suid, CAP_SETUID) ||
	    !may_claim_id(claim->gid, cred->gid, cred->egid, cred->sgid, CAP_SETGID))
		return -EPERM;
	pid = find_get_pid(claim->pid);
	if (!pid)
		return -ESRCH;
	put_pid(message->sender.pid);
	message->sender = (struct sender){pid, claim->uid, claim->gid};
	return 0;
}

static int import_one(struct socket_message *message, const struct cmsghdr *cmsg)
{
	size_t len = cmsg->cmsg_len - sizeof(*cmsg);

	if (cmsg->cmsg_level != SOL_SOCKET)
		return 0;
	if (cmsg->cmsg_type == SCM_RIGHTS)
		return import_files(message, (const int *)(cmsg + 1), len / sizeof(int));
	if (cmsg->cmsg_type == SCM_CREDENTIALS && len == sizeof(struct ucred))
		return import_credentials(message, (const struct ucred *)(cmsg + 1));
	return -EINVAL;
}

static int import_all(struct socket_message *message, const char *control)
{
	size_t left = message->control_len;
	int error = 0;

	while (error == 0 && left >= sizeof(struct cmsghdr)) {
		const struct cmsghdr *cmsg = (const struct cmsghdr *)control;
		size_t step;

		if (cmsg->cmsg_len < sizeof(*cmsg) || cmsg->cmsg_len > left)
			return -EINVAL;
		error = import_one(message, cmsg);
		step = MIN(CMSG_ALIGN(cmsg->cmsg_len), left);
		control += step;
		left -= step;
	}
	return error;
}

static int import_control(struct socket_message *message)
{
	char *control SCOPED(kfree) = NULL;

	if (message->control_len > MAX_CONTROL)
		return -ENOBUFS;
	control = kmalloc(message->control_len);
	if (!control)
		return -ENOBUFS;
	if (copy_from_user(control, message->control, message->control_len))
		return -EFAULT;
	return import_all(message, control);
}

int scm_import(struct socket_message *message)
{
	int error = 0;

	message->files = NULL;
	message->sender = (struct sender){get_pid(current->signal->pids[PIDTYPE_TGID]),
					  current->cred->uid, current->cred->gid};
	if (message->control_len)
		error = import_control(message);
	if (READ_ONCE(sockets_in_flight) > MANY_IN_FLIGHT)
		unix_collect_garbage();
	if (error == 0 && message->files)
		error = take_off(message->files);
	if (error != 0)
		scm_drop(message);
	return error;
}

void scm_drop(struct socket_message *message)
{
	put_pid(message->sender.pid);
	message->sender.pid = NULL;
	passed_files_put(message->files);
	message->files = NULL;
}

/* --- Telling a receiver --- */

/* Puts one control message into what is left of the receiver's buffer, cut off if it must be. */
static void put_control(struct socket_message *to, int type, const void *data, size_t len)
{
	struct cmsghdr header = {CMSG_LEN(len), SOL_SOCKET, type};
	size_t step;

	if (to->control_len < sizeof(header)) {
		to->msg_flags |= MSG_CTRUNC;
		return;
	}
	if (to->control_len < header.cmsg_len) {
		to->msg_flags |= MSG_CTRUNC;
		header.cmsg_len = to->control_len;
	}
	if (copy_to_user(to->control, &header, sizeof(header)) ||
	    copy_to_user((char __user *)to->control + sizeof(header), data,
			 header.cmsg_len - sizeof(header)))
		return;
	step = MIN(CMSG_ALIGN(CMSG_LEN(len)), to->control_len);
	to->control = (char __user *)to->control + step;
	to->control_len -= step;
}

/* One descriptor for file; its number is stored at where. -errno: nothing has happened. */
static int install_file(struct file *file, int __user *where, bool close_on_exec)
{
	int fd = get_unused_fd(0, close_on_exec);

	if (fd < 0)
		return fd;
	if (put_user(fd, where)) {
		put_unused_fd(fd);
		return -EFAULT;
	}
	fd_install(fd, get_file(file));
	return 0;
}

static void export_files(struct socket_message *to, struct passed_files *files)
{
	struct cmsghdr __user *cmsg = to->control;
	int __user *fds = (int __user *)(cmsg + 1);
	size_t room = to->control_len < sizeof(*cmsg) ? 0 : to->control_len - sizeof(*cmsg);
	unsigned int n = MIN(files->n, room / sizeof(int)), done = 0;
	struct cmsghdr header;
	size_t step;

	while (done < n &&
	       install_file(files->file[done], &fds[done], to->flags & MSG_CMSG_CLOEXEC) == 0)
		done++;
	if (done < files->n)
		to->msg_flags |= MSG_CTRUNC;
	header = (struct cmsghdr){CMSG_LEN(done * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	if (done == 0 || copy_to_user(cmsg, &header, sizeof(header)))
		return;
	step = MIN(CMSG_ALIGN(header.cmsg_len), to->control_len);
	to->control = (char __user *)to->control + step;
	to->control_len -= step;
}

void scm_export(struct socket_message *to, bool credentials, const struct sender *sender,
		struct passed_files *files)
{
	if (credentials && (to->control_len || to->control)) {
		struct ucred ucred = {pid_vnr(sender->pid), sender->uid, sender->gid};

		put_control(to, SCM_CREDENTIALS, &ucred, sizeof(ucred));
	} else if (credentials) {
		to->msg_flags |= MSG_CTRUNC;
	}
	if (files)
		export_files(to, files);
	passed_files_put(files);
}

void scm_init(void)
{
	mutex_init(&flight_lock, LOCK_CLASS_FLIGHT);
}
