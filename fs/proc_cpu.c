/*
 * /proc/stat, cpuinfo, loadavg and uptime: the processors and what they spend their time on.
 *
 * How long a CPU was idle is measured; what it did otherwise is system time as far as scheduler
 * ticks met it in the kernel, and user time for the rest. Interrupts are part of either.
 */
#include <tine/loadavg.h>
#include <tine/pid.h>
#include <tine/proc_fs.h>
#include <tine/sched.h>
#include <tine/task.h>
#include <tine/time.h>

struct cpu_times {
	u64 user, system, idle; /* ns */
};

static struct cpu_times times_of(unsigned int cpu)
{
	u64 now = ktime_get(), idle = MIN(sched_idle_ns(cpu), now), busy = now - idle;
	u64 system = MIN(sched_system_ns(cpu), busy);

	return (struct cpu_times){.user = busy - system, .system = system, .idle = idle};
}

/* The first online CPU from cpu on; nr_cpus: none. */
static unsigned int next_cpu(unsigned int cpu)
{
	while (cpu < nr_cpus && !(cpu_online_mask >> cpu & 1))
		cpu++;
	return cpu;
}

static struct cpu_times all_times(void)
{
	struct cpu_times sum = {0}, t;

	for (unsigned int cpu = next_cpu(0); cpu < nr_cpus; cpu = next_cpu(cpu + 1)) {
		t = times_of(cpu);
		sum.user += t.user;
		sum.system += t.system;
		sum.idle += t.idle;
	}
	return sum;
}

static void show_times(struct seq_buffer *m, const struct cpu_times *t)
{
	seq_printf(m, " %lu 0 %lu %lu 0 0 0 0 0 0\n", proc_ticks(t->user), proc_ticks(t->system),
		   proc_ticks(t->idle));
}

int proc_show_cpu_stat(struct seq_buffer *m, struct task_struct *task)
{
	struct cpu_times t = all_times();
	u64 boot = ktime_get_real() - ktime_get();

	seq_puts(m, "cpu ");
	show_times(m, &t);
	for (unsigned int cpu = next_cpu(0); cpu < nr_cpus; cpu = next_cpu(cpu + 1)) {
		t = times_of(cpu);
		seq_printf(m, "cpu%u", cpu);
		show_times(m, &t);
	}
	seq_printf(m, "intr 0\nctxt %lu\nbtime %lu\nprocesses %lu\n", nr_context_switches(),
		   boot / NSEC_PER_SEC, READ_ONCE(total_forks));
	seq_printf(m, "procs_running %lu\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
		   nr_running());
	return 0;
}

int proc_show_cpuinfo(struct seq_buffer *m, struct task_struct *task)
{
	unsigned int cpu = next_cpu(m->cursor);
	size_t start;

	do {
		start = m->len;
		arch_show_cpuinfo(m, cpu);
		cpu = next_cpu(cpu + 1);
	} while (seq_next(m, start, cpu) && cpu < nr_cpus);
	return 0;
}

int proc_show_loadavg(struct seq_buffer *m, struct task_struct *task)
{
	u64 load[3];

	get_load_average(load);
	for (int i = 0; i < 3; i++)
		seq_printf(m, "%lu.%02lu ", load[i] >> LOAD_SHIFT,
			   (load[i] & ((1u << LOAD_SHIFT) - 1)) * 100 >> LOAD_SHIFT);
	seq_printf(m, "%lu/%d %d\n", nr_running(), READ_ONCE(nr_threads), last_pid());
	return 0;
}

static void show_seconds(struct seq_buffer *m, u64 ns, const char *after)
{
	seq_printf(m, "%lu.%02lu%s", ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / 10000000, after);
}

int proc_show_uptime(struct seq_buffer *m, struct task_struct *task)
{
	show_seconds(m, ktime_get(), " ");
	show_seconds(m, all_times().idle, "\n");
	return 0;
}
