/*
 * The names of the system: uname(2), sethostname(2), setdomainname(2). Of the six only the host name
 * and the NIS domain name change; their lock keeps readers from seeing half of each.
 */
#include <tine/cred.h>
#include <tine/spinlock.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <tine/utsname.h>

static struct spinlock names_lock = SPINLOCK_INIT(LOCK_CLASS_HOSTNAME);
static char names[UTS_NAMES][UTS_LEN + 1] = {
	[UTS_NODENAME] = "tine",
	[UTS_DOMAINNAME] = "(none)",
};

void get_uts_name(enum uts_name which, char name[UTS_LEN + 1])
{
	spin_lock(&names_lock);
	memcpy(name, names[which], UTS_LEN + 1);
	spin_unlock(&names_lock);
}

void set_uts_name(enum uts_name which, const char *name, unsigned int n)
{
	spin_lock(&names_lock);
	memset(names[which], 0, UTS_LEN + 1);
	memcpy(names[which], name, n);
	spin_unlock(&names_lock);
}

long sys_uname(struct new_utsname __user *to)
{
	static const struct new_utsname constant = {
		.sysname = UTS_SYSNAME,
		.release = UTS_RELEASE,
		.version = UTS_VERSION,
		.machine = UTS_MACHINE,
	};
	struct new_utsname uts = constant;

	get_uts_name(UTS_NODENAME, uts.nodename);
	get_uts_name(UTS_DOMAINNAME, uts.domainname);
	personality_uname(&uts);
	return copy_to_user(to, &uts, sizeof(uts)) ? -EFAULT : 0;
}

long set_user_uts_name(enum uts_name which, const char __user *from, int n)
{
	char name[UTS_LEN];

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (n < 0 || n > UTS_LEN)
		return -EINVAL;
	if (copy_from_user(name, from, (size_t)n))
		return -EFAULT;
	set_uts_name(which, name, (unsigned int)n);
	return 0;
}
