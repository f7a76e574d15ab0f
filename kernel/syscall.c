/*
 * The system-call table: from a number and registers to a function with typed arguments. It is made
 * from the rows of include/tine/syscall_table.h, so that table, prototypes and names cannot
 * disagree.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/mm.h>
#include <tine/namei.h>
#include <tine/pid.h>
#include <tine/printk.h>
#include <tine/priority.h>
#include <tine/readdir.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/uaccess.h>
#include <tine/task.h>
#include <tine/syscall_names.h>
#include <tine/utsname.h>
#include <tine/xattr.h>
#include <uapi/fcntl.h>
#include <uapi/sched.h>

/* clang-format off */
/*
 * The entry passes registers as they are. An argument of less than an int would be a risk: who widens it, caller or
 * callee, compilers do not agree on.
 */
#define SYSCALL0(number, name)
#define SYSCALL1(number, name, a1) _Static_assert(sizeof(a1) >= sizeof(int), #name);
#define SYSCALL2(number, name, a1, a2) SYSCALL1(number, name, a1) SYSCALL1(number, name, a2)
#define SYSCALL3(number, name, a1, ...) SYSCALL1(number, name, a1) SYSCALL2(number, name, __VA_ARGS__)
#define SYSCALL4(number, name, a1, ...) SYSCALL1(number, name, a1) SYSCALL3(number, name, __VA_ARGS__)
#define SYSCALL5(number, name, a1, ...) SYSCALL1(number, name, a1) SYSCALL4(number, name, __VA_ARGS__)
#define SYSCALL6(number, name, a1, ...) SYSCALL1(number, name, a1) SYSCALL5(number, name, __VA_ARGS__)
#define CALL0(number, name, result) \
	static long sys_##name(void) { return result; } SYSCALL0(number, name)
#define CALL1(number, name, result, a1) \
	static long sys_##name(a1 a) { return result; } SYSCALL1(number, name, a1)
#define CALL2(number, name, result, a1, a2) \
	static long sys_##name(a1 a, a2 b) { return result; } SYSCALL2(number, name, a1, a2)
#define CALL3(number, name, result, a1, a2, a3) \
	static long sys_##name(a1 a, a2 b, a3 c) { return result; } SYSCALL3(number, name, a1, a2, a3)
#define CALL4(number, name, result, a1, a2, a3, a4) \
	static long sys_##name(a1 a, a2 b, a3 c, a4 d) { return result; } SYSCALL4(number, name, a1, a2, a3, a4)
#define CALL5(number, name, result, a1, a2, a3, a4, a5) \
	static long sys_##name(a1 a, a2 b, a3 c, a4 d, a5 e) { return result; } SYSCALL5(number, name, a1, a2, a3, a4, a5)
#include <tine/syscall_table.h>

/* clang-format on */

/* The upper half of rax says nothing, as on Linux. */
static __cold long unknown_syscall(void)
{
	unsigned int number = task_pt_regs(current)->orig_ax;
	const char *name = number < ARRAY_SIZE(syscall_names) ? syscall_names[number] : NULL;

	if (log_explains())
		printk(LOG_INFO, "%s[%d]: system call %u (%s) is not implemented\n", current->comm,
		       current->pid, number, name ? name : "unknown");
	return -ENOSYS;
}

/* clang-format off */
#define SYSCALL0(number, name, ...) [number] = (syscall_fn)sys_##name,
#define SYSCALL1 SYSCALL0
#define SYSCALL2 SYSCALL0
#define SYSCALL3 SYSCALL0
#define SYSCALL4 SYSCALL0
#define SYSCALL5 SYSCALL0
#define SYSCALL6 SYSCALL0
#define CALL0 SYSCALL0
#define CALL1 SYSCALL0
#define CALL2 SYSCALL0
#define CALL3 SYSCALL0
#define CALL4 SYSCALL0
#define CALL5 SYSCALL0
#pragma GCC diagnostic ignored "-Woverride-init" /* all are unknown but those in the rows */
const syscall_fn syscall_table[MAX_SYSCALLS + 1] = {
	[0 ... MAX_SYSCALLS] = (syscall_fn)unknown_syscall,
#include <tine/syscall_table.h>
};
/* clang-format on */

int copy_struct_from_user(void *dst, size_t size, const void __user *src, size_t user_size)
{
	const char __user *tail = (const char __user *)src + size;
	char byte;

	for (size_t i = size; i < user_size; i++, tail++) {
		if (get_user(byte, tail))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	memset(dst, 0, size);
	return copy_from_user(dst, src, MIN(size, user_size)) ? -EFAULT : 0;
}
