/*
 * From the architecture's first C function to process 1. Each line of start_kernel() brings up what
 * the next ones need; what runs on CPU 0 meanwhile becomes its idle task, and a kernel thread goes
 * on as init.
 */
#include <tine/boot_info.h>
#include <tine/console.h>
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/exec.h>
#include <tine/file.h>
#include <tine/fork.h>
#include <tine/futex.h>
#include <tine/kcmp.h>
#include <tine/loadavg.h>
#include <tine/log.h>
#include <tine/main.h>
#include <tine/mm.h>
#include <tine/page.h>
#include <tine/params.h>
#include <tine/pid.h>
#include <tine/printk.h>
#include <tine/random.h>
#include <tine/sched.h>
#include <tine/sem.h>
#include <tine/signal.h>
#include <tine/slab.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/tty.h>

/* Why a file may not become the first program. */
static const struct {
	int error;
	const char *text;
} init_errors[] = {
	{E2BIG, "E2BIG (too many arguments)"},
	{EACCES, "EACCES (not an executable file)"},
	{EINVAL, "EINVAL (a malformed program)"},
	{EISDIR, "EISDIR (a directory)"},
	{ELIBBAD, "ELIBBAD (its interpreter is no program)"},
	{ELOOP, "ELOOP (too many symbolic links)"},
	{ENAMETOOLONG, "ENAMETOOLONG (the path is too long)"},
	{ENOENT, "ENOENT (no such file)"},
	{ENOEXEC, "ENOEXEC (not a program)"},
	{ENOMEM, "ENOMEM (out of memory)"},
	{ENOTDIR, "ENOTDIR (a part of the path is not a directory)"},
};

static void __noreturn no_init(int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(init_errors); i++)
		if (init_errors[i].error == error)
			panic("No working init: %s: %s", boot_params.init, init_errors[i].text);
	panic("No working init: %s: error %d", boot_params.init, error);
}

static void unpack_initrd(void)
{
	struct boot_range *initrd = &boot_info.initrd;
	const char *error;

	if (initrd->start == initrd->end)
		panic("No initrd: the boot loader gave no archive with /init in it");
	error = initramfs_unpack(phys_to_virt(initrd->start), initrd->end - initrd->start);
	if (error)
		panic("The initrd is no good: %s", error);
	free_reserved_range(initrd->start, initrd->end);
}

/* Process 1, still inside the kernel. Returns into its program. */
static int run_init(void *arg)
{
	int error;

	unpack_initrd();
	error = open_console_descriptors();
	if (error)
		panic("No console for init: error %d", -error);
	console_enable_input();
	printk(LOG_NOTICE, "Run %s as init process\n", boot_params.init);
	error = kernel_execve(boot_params.init, boot_params.argv, boot_params.envp);
	if (error)
		no_init(-error);
	return 0;
}

void start_kernel(void)
{
	params_parse(boot_info.command_line);
	arch_init_early();
	console_init();
	log_show_on_console();
	printk(LOG_NOTICE, "Tine, started by %s, command line: %s\n", boot_info.loader,
	       boot_info.command_line);

	page_alloc_init(&boot_info);
	slab_init();
	arch_init();
	timer_init();
	time_init();
	random_init();
	mm_init();
	cred_init();
	pid_init();
	task_init();
	signals_init();
	futex_init();
	sched_init();
	kcmp_init();
	sem_init();
	fs_init();
	loadavg_init();
	arch_start_cpus(boot_params.max_cpus);
	printk(LOG_NOTICE, "Memory: %lu MiB, %lu MiB free\n", total_page_count() >> 8,
	       free_page_count() >> 8);

	if (kernel_thread(run_init, NULL, "init", CLONE_FS) != 1)
		panic("init is not process 1");
	if (kernel_thread(tty_thread, NULL, "ttyd", 0) < 0)
		panic("no memory for ttyd");
	irq_enable();
	cpu_idle();
}

void secondary_main(void)
{
	sched_init_cpu();
	__atomic_or_fetch(&cpu_online_mask, 1ull << cpu_id(), __ATOMIC_SEQ_CST);
	cpu_idle();
}
