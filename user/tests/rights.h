#ifndef RIGHTS_H
#define RIGHTS_H

/*
 * What a process may do, as one structure that can be compared, and the calls that change it. None
 * of them uses errno, so they serve threads as well.
 */
#include "helpers.h"

#include <sys/auxv.h>

#define ALL_CAPS 0x1ffffffffffUL
#define CAP(n)   (1UL << (n))

#define CAP_CHOWN        0
#define CAP_DAC_OVERRIDE 1
#define CAP_KILL         5
#define CAP_SETGID       6
#define CAP_SETUID       7
#define CAP_SETPCAP      8
#define CAP_SYS_CHROOT   18
#define CAP_SYS_PTRACE   19
#define CAP_SYSLOG       34

#define CAP_VERSION_1 0x19980330u
#define CAP_VERSION_2 0x20071026u
#define CAP_VERSION_3 0x20080522u

#define SECBIT_NOROOT               0x01
#define SECBIT_NO_SETUID_FIXUP      0x04
#define SECBIT_KEEP_CAPS            0x10
#define SECBIT_KEEP_CAPS_LOCKED     0x20
#define SECBIT_NO_CAP_AMBIENT_RAISE 0x40

struct cap_header {
	uint32_t version;
	int pid;
};

struct cap_data {
	uint32_t effective, permitted, inheritable;
};

struct rights {
	uid_t uids[4], gids[4]; /* real, effective, saved, of files */
	unsigned long effective, permitted, inheritable, bounding, ambient;
	long securebits, no_new_privs, dumpable;
	long secure, personality; /* AT_SECURE */
	int death_signal;
	unsigned long stack;
	uid_t owner; /* of /proc/self/stat */
};

static inline UNUSED long read_caps(pid_t pid, struct rights *rights)
{
	struct cap_header header = {CAP_VERSION_3, pid};
	struct cap_data data[2] = {{0}};
	long result = raw2(SYS_capget, &header, data);

	rights->effective = data[0].effective | (unsigned long)data[1].effective << 32;
	rights->permitted = data[0].permitted | (unsigned long)data[1].permitted << 32;
	rights->inheritable = data[0].inheritable | (unsigned long)data[1].inheritable << 32;
	return result;
}

static inline UNUSED long set_caps(unsigned long effective, unsigned long permitted,
				   unsigned long inheritable)
{
	struct cap_header header = {CAP_VERSION_3, 0};
	struct cap_data data[2] = {{effective, permitted, inheritable},
				   {effective >> 32, permitted >> 32, inheritable >> 32}};

	return raw2(SYS_capset, &header, data);
}

static inline UNUSED long privilege_call(int option, long a, long b)
{
	return raw5(SYS_prctl, option, a, b, 0, 0);
}

static inline UNUSED long raise_ambient(int cap)
{
	return privilege_call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
}

/* These too become inheritable and then ambient. */
static inline UNUSED void make_ambient(unsigned long caps)
{
	struct rights now;

	check_eq(read_caps(0, &now), 0);
	check_eq(set_caps(now.effective, now.permitted, now.inheritable | caps), 0);
	for (int cap = 0; cap <= 40; cap++)
		if (caps & CAP(cap))
			check_eq(raise_ambient(cap), 0);
}

static inline UNUSED unsigned long read_set(int option, int what, int last)
{
	unsigned long set = 0;

	for (int cap = 0; cap <= last; cap++)
		if (raw5(SYS_prctl, option, what < 0 ? cap : what, what < 0 ? 0 : cap, 0, 0) == 1)
			set |= CAP(cap);
	return set;
}

static inline UNUSED void read_rights(struct rights *rights)
{
	struct stat status = {0};

	memset(rights, 0, sizeof(*rights));
	raw3(SYS_getresuid, &rights->uids[0], &rights->uids[1], &rights->uids[2]);
	raw3(SYS_getresgid, &rights->gids[0], &rights->gids[1], &rights->gids[2]);
	rights->uids[3] = raw1(SYS_setfsuid, -1);
	rights->gids[3] = raw1(SYS_setfsgid, -1);
	read_caps(0, rights);
	rights->bounding = read_set(PR_CAPBSET_READ, -1, 40);
	rights->ambient = read_set(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 40);
	rights->securebits = privilege_call(PR_GET_SECUREBITS, 0, 0);
	rights->no_new_privs = privilege_call(PR_GET_NO_NEW_PRIVS, 0, 0);
	rights->dumpable = privilege_call(PR_GET_DUMPABLE, 0, 0);
	raw5(SYS_prctl, PR_GET_PDEATHSIG, &rights->death_signal, 0, 0, 0);
	rights->secure = getauxval(AT_SECURE);
	rights->personality = raw1(SYS_personality, 0xffffffff);
	rights->stack = getauxval(AT_RANDOM);
	stat("/proc/self/stat", &status);
	rights->owner = status.st_uid;
}

static inline UNUSED void check_caps(const struct rights *rights, unsigned long effective,
				     unsigned long permitted, unsigned long inheritable,
				     unsigned long ambient)
{
	check_eq(rights->effective, effective);
	check_eq(rights->permitted, permitted);
	check_eq(rights->inheritable, inheritable);
	check_eq(rights->ambient, ambient);
}

/* The caller's own. */
static inline UNUSED void check_own_caps(unsigned long effective, unsigned long permitted,
					 unsigned long inheritable, unsigned long ambient)
{
	struct rights now;

	read_rights(&now);
	check_caps(&now, effective, permitted, inheritable, ambient);
}

#endif
