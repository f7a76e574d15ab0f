/*
 * reboot(2): power off, halt, restart, and what Ctrl-Alt-Del does. There are no disks to write
 * back: the other CPUs are stopped and the machine told.
 */
#include <tine/arch.h>
#include <tine/cred.h>
#include <tine/printk.h>
#include <tine/reboot.h>
#include <tine/signal.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/reboot.h>

#define COMMAND_SIZE 256

static bool cad_reboots = true;

static void __noreturn restart(const char *command)
{
	if (command)
		printk(LOG_EMERG, "reboot: Restarting system with command '%s'\n", command);
	else
		printk(LOG_EMERG, "reboot: Restarting system\n");
	arch_stop_other_cpus();
	arch_reboot();
}

static void __noreturn power_off(void)
{
	printk(LOG_EMERG, "reboot: Power down\n");
	arch_stop_other_cpus();
	arch_power_off();
}

static void __noreturn halt(void)
{
	printk(LOG_EMERG, "reboot: System halted\n");
	arch_stop_other_cpus();
	arch_halt();
}

static long restart_with_command(const char __user *from)
{
	char *command = kmalloc(COMMAND_SIZE);
	long n;

	if (!command)
		return -ENOMEM;
	n = strncpy_from_user(command, from, COMMAND_SIZE - 1);
	if (n < 0) {
		kfree(command);
		return -EFAULT;
	}
	command[n] = 0;
	restart(command);
}

static bool magic_is_right(int magic1, int magic2)
{
	return (u32)magic1 == LINUX_REBOOT_MAGIC1 &&
	       (magic2 == LINUX_REBOOT_MAGIC2 || magic2 == LINUX_REBOOT_MAGIC2A ||
		magic2 == LINUX_REBOOT_MAGIC2B || magic2 == LINUX_REBOOT_MAGIC2C);
}

long sys_reboot(int magic1, int magic2, unsigned int command, void __user *arg)
{
	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (!magic_is_right(magic1, magic2))
		return -EINVAL;
	switch (command) {
	case LINUX_REBOOT_CMD_RESTART:
		restart(NULL);
	case LINUX_REBOOT_CMD_RESTART2:
		return restart_with_command(arg);
	case LINUX_REBOOT_CMD_HALT:
		halt();
	case LINUX_REBOOT_CMD_POWER_OFF:
		power_off();
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF:
		WRITE_ONCE(cad_reboots, command == LINUX_REBOOT_CMD_CAD_ON);
		return 0;
	default:
		return -EINVAL;
	}
}

void ctrl_alt_del(void)
{
	if (READ_ONCE(cad_reboots))
		restart(NULL);
	else if (child_reaper)
		group_send_sig_info(SIGINT, SEND_SIG_PRIV, child_reaper);
}
