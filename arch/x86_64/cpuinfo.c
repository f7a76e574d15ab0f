/*
 * /proc/cpuinfo: what CPUID says of the processors, under Linux's names. They are taken to be alike:
 * the one that reads answers for all but their numbers.
 */
#include <arch/clock.h>
#include <arch/cpufeature.h>
#include <arch/x86_cpu.h>
#include <tine/proc_fs.h>
#include <tine/string.h>

struct identity {
	char vendor[13], model_name[49];
	unsigned int family, model, stepping, clflush, physical_bits, virtual_bits, max_leaf;
};

/* A word of feature bits, and what each is called from bit 0 on; "-": it is not told. */
static const struct feature_word {
	u32 leaf;
	enum { EBX, ECX, EDX } reg;
	const char *names;
} feature_words[] = {
	{1, EDX,
	 "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn "
	 "clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"},
	{0x80000001, EDX,
	 "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - "
	 "fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow"},
	{1, ECX,
	 "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 "
	 "xtpr pdcm - pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes "
	 "xsave - avx f16c rdrand hypervisor"},
	{0x80000001, ECX,
	 "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse "
	 "3dnowprefetch osvw ibs xop skinit wdt"},
	{7, EBX,
	 "fsgsbase - - bmi1 - avx2 - smep bmi2 erms invpcid - - - - - avx512f avx512dq "
	 "rdseed adx smap avx512ifma - clflushopt clwb - - - avx512cd sha_ni avx512bw "
	 "avx512vl"},
	{7, ECX,
	 "- avx512vbmi umip pku - - - - gfni vaes vpclmulqdq - - - avx512_vpopcntdq - "
	 "la57 - - - - - rdpid"},
};

static bool has_leaf(u32 leaf)
{
	return cpuid_max_leaf(leaf & 0x80000000u) >= leaf;
}

/* Intel SDM volume 2, CPUID: how family, model and stepping are put together. */
static void identify(struct identity *id)
{
	struct cpuid_result r = cpuid(0, 0);
	unsigned int family, model;

	memset(id, 0, sizeof(*id));
	id->max_leaf = r.eax;
	memcpy(id->vendor, &r.ebx, 4);
	memcpy(id->vendor + 4, &r.edx, 4);
	memcpy(id->vendor + 8, &r.ecx, 4);
	r = cpuid(1, 0);
	family = r.eax >> 8 & 15;
	model = r.eax >> 4 & 15;
	id->stepping = r.eax & 15;
	id->family = family == 15 ? family + (r.eax >> 20 & 255) : family;
	id->model = family == 6 || family == 15 ? model + (r.eax >> 12 & 0xf0) : model;
	id->clflush = (r.ebx >> 8 & 255) * 8;
	for (u32 i = 0; i < 3 && has_leaf(0x80000004); i++) {
		r = cpuid(0x80000002 + i, 0);
		memcpy(id->model_name + 16 * i, &r, 16);
	}
	r = has_leaf(0x80000008) ? cpuid(0x80000008, 0)
				 : (struct cpuid_result){.eax = 48 << 8 | 36};
	id->physical_bits = r.eax & 255;
	id->virtual_bits = r.eax >> 8 & 255;
}

static void show_word(struct seq_buffer *m, const char *name, u32 bits)
{
	const char *end;

	for (; *name; name = *end ? end + 1 : end, bits >>= 1) {
		end = strchr(name, ' ') ?: name + strlen(name);
		if ((bits & 1) && *name != '-')
			seq_printf(m, " %.*s", (int)(end - name), name);
	}
}

static void show_features(struct seq_buffer *m)
{
	seq_puts(m, "flags\t\t:");
	for (unsigned int i = 0; i < ARRAY_SIZE(feature_words); i++) {
		const struct feature_word *w = &feature_words[i];
		struct cpuid_result r = {0};

		if (has_leaf(w->leaf))
			r = cpuid(w->leaf, 0);
		show_word(m, w->names, w->reg == EBX ? r.ebx : w->reg == ECX ? r.ecx : r.edx);
	}
	seq_puts(m, "\n");
}

void arch_show_cpuinfo(struct seq_buffer *m, unsigned int cpu)
{
	u64 khz = clock_tsc_khz();
	u32 apic_id = x86_cpus[cpu]->cpu.apic_id;
	struct identity id;

	identify(&id);
	seq_printf(m, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", cpu,
		   id.vendor, id.family, id.model);
	seq_printf(m, "model name\t: %s\nstepping\t: %u\n", id.model_name, id.stepping);
	seq_printf(m, "cpu MHz\t\t: %lu.%03lu\n", khz / 1000, khz % 1000);
	seq_printf(m, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n",
		   nr_cpus, cpu, nr_cpus);
	seq_printf(m, "apicid\t\t: %u\ninitial apicid\t: %u\n", apic_id, apic_id);
	seq_printf(m, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n",
		   id.max_leaf);
	show_features(m);
	seq_printf(m, "bogomips\t: %lu.%02lu\nclflush size\t: %u\ncache_alignment\t: %u\n",
		   khz / 500, khz / 5 % 100, id.clflush, id.clflush);
	seq_printf(m, "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
		   id.physical_bits, id.virtual_bits);
}
