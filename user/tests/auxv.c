/*
 * What a new program finds on its stack: the auxiliary vector, entry by entry and in order, for a
 * program with and without an interpreter, and what lies where. A tiny program writes its whole
 * stack into a pipe before it has changed anything.
 */
#include "helpers.h"

#include <elf.h>
#include <sys/auxv.h>

#define PAGE        4096UL
#define BASE        0x10000000UL
#define ENTRY       0x200UL
#define IMAGE       "/tmp/auxv-image"
#define INTERPRETER "/tmp/auxv-interpreter"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

extern const char dump_stack[], dump_stack_end[];

/* Eight bytes at a time, upwards until there is no more stack: first the stack pointer itself. */
__asm__(".text\n"
	"dump_stack:\n\t"
	"push %rsp\n\t"
	"mov %rsp, %rsi\n"
	"1:\tmov $1, %edi\n\t"
	"mov $8, %edx\n\t"
	"mov $1, %eax\n\t"
	"syscall\n\t"
	"add $8, %rsi\n\t"
	"cmp $8, %rax\n\t"
	"je 1b\n\t"
	"xor %edi, %edi\n\t"
	"mov $231, %eax\n\t"
	"syscall\n"
	"dump_stack_end:\n");

static struct {
	unsigned long sp;
	union {
		unsigned long words[8 * PAGE / 8]; /* from sp to the top */
		char bytes[8 * PAGE];
	};
	size_t size;
	const unsigned long *auxv;
} stack;

struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[3];
	char interpreter[32], code[1024];
};

static void write_image(const char *path, int type, unsigned long base, int interpreted)
{
	struct image image = {.interpreter = INTERPRETER};
	const unsigned long at = offsetof(struct image, interpreter);

	image.header = (Elf64_Ehdr){.e_ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
				    .e_type = type,
				    .e_machine = EM_X86_64,
				    .e_version = 1,
				    .e_entry = base + ENTRY,
				    .e_phoff = offsetof(struct image, segments),
				    .e_ehsize = sizeof(Elf64_Ehdr),
				    .e_phentsize = sizeof(Elf64_Phdr),
				    .e_phnum = interpreted ? 2 : 1};
	image.segments[interpreted] = (Elf64_Phdr){.p_type = PT_LOAD,
						   .p_flags = PF_R | PF_W | PF_X,
						   .p_vaddr = base,
						   .p_filesz = sizeof(image),
						   .p_memsz = sizeof(image),
						   .p_align = PAGE};
	if (interpreted)
		image.segments[0] = (Elf64_Phdr){.p_type = PT_INTERP,
						 .p_flags = PF_R,
						 .p_offset = at,
						 .p_vaddr = base + at,
						 .p_filesz = sizeof(INTERPRETER),
						 .p_memsz = sizeof(INTERPRETER)};
	memcpy((char *)&image + ENTRY, dump_stack, dump_stack_end - dump_stack);
	write_file(path, &image, sizeof(image), 0755);
}

static void read_stack(int fd)
{
	ssize_t n;

	check_eq(read(fd, &stack.sp, 8), 8);
	while ((n = read(fd, stack.bytes + stack.size, sizeof(stack.bytes) - stack.size)) > 0)
		stack.size += n;
}

/* Runs the image with these arguments and environment, and finds what it had on its stack. */
static void run_image(int interpreted, const char *const *argv, const char *const *envp)
{
	const unsigned long *word = stack.words;
	int ends[2];
	pid_t pid;

	write_image(IMAGE, ET_EXEC, BASE, interpreted);
	write_image(INTERPRETER, ET_DYN, 0, 0);
	make_pipe(ends);
	pid = tap_fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		raw3(SYS_execve, IMAGE, argv, envp);
		_exit(1);
	}
	close(ends[1]);
	read_stack(ends[0]);
	check_exits(pid, 0);
	check_call(unlink(IMAGE));
	check_call(unlink(INTERPRETER));
	for (word += 1; *word; word++)
		;
	for (word++; *word; word++)
		;
	stack.auxv = word + 1;
}

static void run_plain(int interpreted)
{
	static const char *const argv[] = {"one", "two", NULL}, *const envp[] = {"A=1", NULL};

	run_image(interpreted, argv, envp);
}

static unsigned long entry(unsigned long type)
{
	const unsigned long *at = stack.auxv;

	while (*at && *at != type)
		at += 2;
	check_eq(*at, type);
	return at[1];
}

/* What the program's address shows. */
static const char *at(unsigned long address)
{
	check(address >= stack.sp && address < stack.sp + stack.size);
	return stack.bytes + (address - stack.sp);
}

static void order(void)
{
	static const unsigned long types[] = {
		AT_SYSINFO_EHDR, AT_MINSIGSTKSZ, AT_HWCAP, AT_PAGESZ, AT_CLKTCK, AT_PHDR,
		AT_PHENT,        AT_PHNUM,       AT_BASE,  AT_FLAGS,  AT_ENTRY,  AT_UID,
		AT_EUID,         AT_GID,         AT_EGID,  AT_SECURE, AT_RANDOM, AT_HWCAP2,
		AT_EXECFN,       AT_PLATFORM,    AT_NULL};

	for (int interpreted = 0; interpreted < 2; interpreted++) {
		stack.size = 0;
		run_plain(interpreted);
		for (size_t i = 0; i < TAP_COUNT(types); i++)
			check_eq(stack.auxv[2 * i], types[i]);
		check_eq(stack.auxv[2 * TAP_COUNT(types) - 1], 0);
	}
}

static void fixed_values(void)
{
	run_plain(0);
	check_eq(entry(AT_PAGESZ), PAGE);
	check_eq(entry(AT_CLKTCK), 100);
	check_eq(entry(AT_PHENT), sizeof(Elf64_Phdr));
	check_eq(entry(AT_FLAGS), 0);
	check_eq(entry(AT_SECURE), 0);
	check(entry(AT_MINSIGSTKSZ) >= 1000 && entry(AT_MINSIGSTKSZ) < 16384);
	check_eq(entry(AT_MINSIGSTKSZ) % 8, 0);
	check_eq(entry(AT_HWCAP2) & ~2UL, 0);
}

static void hwcap_is_cpuid(void)
{
	unsigned int a = 1, b, c = 0, d;

	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	run_plain(0);
	check_eq(entry(AT_HWCAP) & (1 << 0 | 1 << 4 | 1 << 8 | 1 << 15 | 1 << 25 | 1 << 26),
		 d & (1 << 0 | 1 << 4 | 1 << 8 | 1 << 15 | 1 << 25 | 1 << 26));
}

static void of_a_static_program(void)
{
	run_plain(0);
	check_eq(entry(AT_PHDR), BASE + offsetof(struct image, segments));
	check_eq(entry(AT_PHNUM), 1);
	check_eq(entry(AT_BASE), 0);
	check_eq(entry(AT_ENTRY), BASE + ENTRY);
}

static void of_a_dynamic_program(void)
{
	run_plain(1);
	check_eq(entry(AT_PHDR), BASE + offsetof(struct image, segments));
	check_eq(entry(AT_PHNUM), 2);
	check(entry(AT_BASE) != 0);
	check_eq(entry(AT_BASE) % PAGE, 0);
	check_eq(entry(AT_ENTRY), BASE + ENTRY);
}

static void as_a_user(void *unused)
{
	(void)unused;
	check_call(setresgid(1001, 1002, 1002));
	check_call(setresuid(1003, 1004, 1004));
	run_plain(0);
	check_eq(entry(AT_UID), 1003);
	check_eq(entry(AT_EUID), 1004);
	check_eq(entry(AT_GID), 1001);
	check_eq(entry(AT_EGID), 1002);
	check_eq(entry(AT_SECURE), 1);
}

static void ids_of_the_caller(void)
{
	struct stat tmp;

	check_call(stat("/tmp", &tmp));
	check_call(chmod("/tmp", 01777));
	check_child(as_a_user, NULL);
	check_call(chmod("/tmp", tmp.st_mode & 07777));
	run_plain(0);
	check_eq(entry(AT_UID) + entry(AT_EUID) + entry(AT_GID) + entry(AT_EGID), 0);
}

/* What follows the stack on Linux is now and then the vDSO, so the top is where the zero ends. */
static void strings_are_at_the_top(void)
{
	const char *name, *top;

	run_plain(0);
	name = at(entry(AT_EXECFN));
	top = name + sizeof(IMAGE) + 8;
	check(!strcmp(name, IMAGE));
	check(top <= stack.bytes + stack.size);
	check_eq(*(const unsigned long *)(top - 8), 0);
	check_eq((entry(AT_EXECFN) + sizeof(IMAGE) + 8) % PAGE, 0);
	check(!memcmp(name - 12, "one\0two\0A=1", 12));
}

static void random_bytes_and_platform(void)
{
	const char *platform, *random, *first;

	run_plain(0);
	platform = at(entry(AT_PLATFORM));
	random = at(entry(AT_RANDOM));
	first = at(stack.words[1]);
	check(!strcmp(platform, "x86_64"));
	check(platform == random + 16);
	check(random > (const char *)stack.auxv && platform < first);
}

static void pointers(void)
{
	run_plain(0);
	check_eq(stack.words[0], 2);
	check(!strcmp(at(stack.words[1]), "one"));
	check(!strcmp(at(stack.words[2]), "two"));
	check_eq(stack.words[3], 0);
	check(!strcmp(at(stack.words[4]), "A=1"));
	check_eq(stack.words[5], 0);
}

static void alignment(void)
{
	const char *argv[6] = {NULL}, *envp[6] = {NULL};

	for (int i = 0; i < 5; i++) {
		stack.size = 0;
		argv[i] = "x";
		envp[i] = i % 2 ? "y" : NULL;
		run_image(i % 2, argv, envp);
		check_eq(stack.sp % 16, 0);
		check_eq(stack.words[0], i + 1);
	}
}

static const struct test_case cases[] = {
	TEST(order, "auxv: its entries and their order"),
	TEST(fixed_values, "auxv: values that are always the same"),
	TEST(hwcap_is_cpuid, "auxv: AT_HWCAP is what CPUID says"),
	TEST(of_a_static_program, "auxv: of a program without an interpreter"),
	TEST(of_a_dynamic_program, "auxv: of a program with one"),
	TEST(ids_of_the_caller, "auxv: the ids, and AT_SECURE where they differ"),
	TEST(strings_are_at_the_top, "new stack: strings, the file's name and a zero at the top"),
	TEST(random_bytes_and_platform, "new stack: random bytes below the platform's name"),
	TEST(pointers, "new stack: the count, arguments, environment"),
	TEST(alignment, "new stack: the stack pointer is a multiple of 16"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
