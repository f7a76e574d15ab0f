/*
 * The names of the system: uname(2), sethostname(2). Of the six only the host name changes; its
 * lock keeps readers from seeing half of each.
 */
#include <tine/cred.h>
#include <tine/spinlock.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <tine/utsname.h>

static struct spinlock hostname_lock = SPINLOCK_INIT(LOCK_CLASS_HOSTNAME);
static char hostname[UTS_LEN + 1] = "tine";

void get_hostname(char name[UTS_LEN + 1])
{
	spin_lock(&hostname_lock);
	memcpy(name, hostname, sizeof(hostname));
	spin_unlock(&hostname_lock);
}

void set_hostname(const char *name, unsigned int n)
{
	spin_lock(&hostname_lock);
	memset(hostname, 0, sizeof(hostname));
	memcpy(hostname, name, n);
	spin_unlock(&hostname_lock);
}

long sys_uname(struct new_utsname __user *to)
{
	static const struct new_utsname names = {
		.sysname = UTS_SYSNAME,
		.release = UTS_RELEASE,
		.version = UTS_VERSION,
		.machine = UTS_MACHINE,
		.domainname = "(none)",
	};
	char nodename[UTS_LEN + 1];

	get_hostname(nodename);
	if (copy_to_user(to, &names, sizeof(names)) ||
	    copy_to_user(to->nodename, nodename, sizeof(nodename)))
		return -EFAULT;
	return 0;
}

long sys_sethostname(char __user *from, int n)
{
	char name[UTS_LEN];

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (n < 0 || n > UTS_LEN)
		return -EINVAL;
	if (copy_from_user(name, from, (size_t)n))
		return -EFAULT;
	set_hostname(name, (unsigned int)n);
	return 0;
}
