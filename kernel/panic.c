/*
 * When the kernel cannot go on. The words are Linux's, since people and programs search for them.
 */
#include <tine/arch.h>
#include <tine/console.h>
#include <tine/log.h>
#include <tine/params.h>
#include <tine/printk.h>
#include <tine/symtab.h>
#include <tine/task.h>
#include <tine/time.h>

#define NOBODY -1

static int panicking_cpu = NOBODY;
static char message[256];

static void print_address(unsigned long address, void *arg)
{
	unsigned long offset;
	/* A return address may be the first byte after a function that does not return. */
	const char *name = symtab_lookup(address - 1, &offset);

	if (name)
		printk(LOG_EMERG, " %s+0x%lx\n", name, offset + 1);
	else
		printk(LOG_EMERG, " %016lx\n", address);
}

/* Prints the call chain of the caller, innermost first, function+offset. */
static void dump_stack(void)
{
	printk(LOG_EMERG, "Call trace:\n");
	arch_walk_stack(print_address, NULL);
}

/*
 * One CPU panics, once. Another one that wants to waits to be stopped; a panic within the panic
 * stops.
 */
static void claim_panic(void)
{
	int nobody = NOBODY;

	if (__atomic_compare_exchange_n(&panicking_cpu, &nobody, (int)cpu_id(), false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	if (nobody == (int)cpu_id()) {
		console_panic();
		console_write_text("panic: another one, within the panic\n", 37);
	}
	arch_halt();
}

static void __noreturn end_panic(void)
{
	int timeout = boot_params.panic_timeout;

	if (timeout == 0) {
		printk(LOG_EMERG, "---[ end Kernel panic - not syncing: %s ]---\n", message);
		arch_halt();
	}
	if (timeout > 0) {
		u64 end = arch_clock_ns() + timeout * NSEC_PER_SEC;

		printk(LOG_EMERG, "Rebooting in %d seconds..\n", timeout);
		while (arch_clock_ns() < end)
			cpu_relax();
	}
	arch_reboot();
}

void panic(const char *fmt, ...)
{
	va_list args;

	irq_disable();
	claim_panic();
	arch_stop_other_cpus();
	log_panic();

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	printk(LOG_EMERG, "Kernel panic - not syncing: %s\n", message);
	printk(LOG_EMERG, "CPU: %lu PID: %d Comm: %.16s\n", cpu_id(), current->pid, current->comm);
	dump_stack();
	end_panic();
}

/* The compiler's call when a function's canary is not what it was. */
void __stack_chk_fail(void) __noreturn;
void __stack_chk_fail(void)
{
	panic("stack-protector: Kernel stack is corrupted in: %p", __builtin_return_address(0));
}
