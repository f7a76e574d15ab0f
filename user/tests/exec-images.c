/*
 * Images that are odd or broken, made on the spot: what is mapped where, what a program finds there, and which
 * mistake is an errno for the caller, which the program's death.
 */
#include "helpers.h"

#include <elf.h>
#include <sys/auxv.h>
#include <sys/resource.h>

#define PAGE        4096UL
#define BASE        0x10000000UL
#define USER_END    (1UL << 56) /* with page tables of five levels; else it is 1 << 47 */
#define IMAGE_PATH  "/tmp/exec-images"
#define INTERP_PATH "/tmp/exec-images-interp"

#ifndef ELIBBAD
#define ELIBBAD 80
#endif

extern const char exit_42[], exit_42_end[], probe[], probe_address[], probe_end[], stack_code[],
	stack_code_end[], auxv_code[], auxv_key[], auxv_end[];

__asm__(".text\n"
	"exit_42:\n\t"
	"mov $42, %edi\n\t"
	"mov $231, %eax\n\t"
	"syscall\n"
	"exit_42_end:\n"
	/* Exits with the byte at an address. */
	"probe:\n\t"
	"movabs $0x1122334455667788, %rax\n"
	"probe_address:\n\t"
	"movzbl (%rax), %edi\n\t"
	"mov $231, %eax\n\t"
	"syscall\n"
	"probe_end:\n"
	/* Runs a `ret` on the stack. */
	"stack_code:\n\t"
	"sub $16, %rsp\n\t"
	"movb $0xc3, (%rsp)\n\t"
	"call *%rsp\n\t"
	"mov $42, %edi\n\t"
	"mov $231, %eax\n\t"
	"syscall\n"
	"stack_code_end:\n"
	/* Exits with the second page-number byte of an entry of the auxiliary vector: 1, no environment. */
	"auxv_code:\n\t"
	"mov (%rsp), %rax\n\t"
	"lea 24(%rsp,%rax,8), %rax\n"
	"1:\tcmpq $0x11, (%rax)\n"
	"auxv_key:\n\t"
	"je 2f\n\t"
	"add $16, %rax\n\t"
	"jmp 1b\n"
	"2:\tmovzbl 9(%rax), %edi\n\t"
	"shr $4, %edi\n\t"
	"mov $231, %eax\n\t"
	"syscall\n"
	"auxv_end:\n");

enum { SEGMENTS = 6, CODE = sizeof(Elf64_Ehdr) + SEGMENTS * sizeof(Elf64_Phdr) };

/* Four pages: headers and code, then pages full of 2, 3 and 4. */
struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segment[SEGMENTS];
	char code[PAGE - CODE];
	char page[3][PAGE];
};

static struct image image;

static void add_segment(unsigned long address, unsigned long offset, unsigned long in_file,
			unsigned long in_memory, int flags)
{
	image.segment[image.header.e_phnum++] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = flags,
		.p_offset = offset,
		.p_vaddr = address,
		.p_filesz = in_file,
		.p_memsz = in_memory,
		.p_align = PAGE,
	};
}

#define FIRST  (image.segment[0])
#define SECOND (image.segment[1])

/* An image of type with this code, its first page mapped at base. */
static void start_image(int type, unsigned long base, const char *code, const char *end)
{
	memset(&image, 0, sizeof(image));
	memcpy(image.header.e_ident, ELFMAG, SELFMAG);
	image.header.e_ident[EI_CLASS] = ELFCLASS64;
	image.header.e_ident[EI_DATA] = ELFDATA2LSB;
	image.header.e_ident[EI_VERSION] = EV_CURRENT;
	image.header.e_type = type;
	image.header.e_machine = EM_X86_64;
	image.header.e_version = EV_CURRENT;
	image.header.e_entry = base + CODE;
	image.header.e_phoff = sizeof(Elf64_Ehdr);
	image.header.e_ehsize = sizeof(Elf64_Ehdr);
	image.header.e_phentsize = sizeof(Elf64_Phdr);
	memcpy(image.code, code, end - code);
	for (int i = 0; i < 3; i++)
		memset(image.page[i], i + 2, PAGE);
	add_segment(base, 0, PAGE, PAGE, PF_R | PF_X);
}

static void start_plain(void)
{
	start_image(ET_EXEC, BASE, exit_42, exit_42_end);
}

/* An image that exits with the byte at an address. */
static void start_probe(int type, unsigned long base)
{
	start_image(type, base, probe, probe_end);
}

static void aim_probe(unsigned long address)
{
	memcpy(image.code + (probe_address - probe) - 8, &address, 8);
}

static void write_image(const char *path, size_t size, int mode)
{
	int fd = check_call(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));

	check_eq(write(fd, &image, size), (long)size);
	check_call(close(fd));
	check_call(chmod(path, mode));
}

/* Runs the file in a child: what it exits with, 256 + signal, or -errno if exec refused it. */
static int run_file(const char *path)
{
	const char *argv[] = {"x", NULL};
	volatile int *error = tap_shared(PAGE);
	struct rlimit none = {0, 0};
	pid_t pid = tap_fork();
	int status;

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &none);
		*error = raw3(SYS_execve, path, argv, NULL);
		_exit(0);
	}
	status = tap_wait(pid);
	if (*error)
		return *error;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static int run_bytes(size_t size)
{
	int result;

	write_image(IMAGE_PATH, size, 0755);
	result = run_file(IMAGE_PATH);
	check_call(unlink(IMAGE_PATH));
	return result;
}

static int run(void)
{
	return run_bytes(sizeof(image));
}

static int byte_at(unsigned long address)
{
	aim_probe(address);
	return run();
}

#define KILLED (256 + SIGSEGV)

/* ---- what is mapped ---- */

static void segments_show_the_file(void)
{
	start_probe(ET_EXEC, BASE);
	add_segment(BASE + 4 * PAGE, PAGE, 2 * PAGE, 2 * PAGE, PF_R);
	check_eq(byte_at(BASE), 0x7f);
	check_eq(byte_at(BASE + 4 * PAGE), 2);
	check_eq(byte_at(BASE + 6 * PAGE - 1), 3);
	check_eq(byte_at(BASE + 6 * PAGE), KILLED);
	check_eq(byte_at(BASE + 4 * PAGE - 1), KILLED);
}

static void rest_of_memory_is_zero(void)
{
	start_probe(ET_EXEC, BASE);
	add_segment(BASE + 4 * PAGE + 0x100, PAGE + 0x100, 0x800, 3 * PAGE, PF_R | PF_W);
	check_eq(byte_at(BASE + 4 * PAGE), 2);
	check_eq(byte_at(BASE + 4 * PAGE + 0x8ff), 2);
	check_eq(byte_at(BASE + 4 * PAGE + 0x900), 0);
	check_eq(byte_at(BASE + 5 * PAGE - 1), 0);
	check_eq(byte_at(BASE + 5 * PAGE), 0);
	check_eq(byte_at(BASE + 8 * PAGE - 1), 0);
	check_eq(byte_at(BASE + 8 * PAGE), KILLED);
}

static void zeroes_in_the_middle(void)
{
	start_probe(ET_EXEC, BASE);
	add_segment(BASE + 4 * PAGE, PAGE, 0x10, 2 * PAGE, PF_R | PF_W);
	add_segment(BASE + 8 * PAGE, 2 * PAGE, PAGE, PAGE, PF_R);
	check_eq(byte_at(BASE + 4 * PAGE + 0xf), 2);
	check_eq(byte_at(BASE + 4 * PAGE + 0x10), 0);
	check_eq(byte_at(BASE + 5 * PAGE + 5), 0);
	check_eq(byte_at(BASE + 8 * PAGE), 3);
}

static void without_leave_to_write_nothing_is_cleared(void)
{
	start_probe(ET_EXEC, BASE);
	add_segment(BASE + 4 * PAGE, PAGE, 0x10, 2 * PAGE, PF_R);
	check_eq(byte_at(BASE + 5 * PAGE - 1), 2);
	check_eq(byte_at(BASE + 5 * PAGE), 0);
}

static void segment_of_zeroes_alone(void)
{
	start_probe(ET_EXEC, BASE);
	add_segment(BASE + 4 * PAGE, 0, 0, 2 * PAGE, PF_R | PF_W);
	check_eq(byte_at(BASE + 4 * PAGE), 0);
	check_eq(byte_at(BASE + 6 * PAGE - 1), 0);
	check_eq(byte_at(BASE + 6 * PAGE), KILLED);
}

static void whole_pages_need_no_clearing(void)
{
	start_probe(ET_EXEC, BASE);
	add_segment(BASE + 4 * PAGE, PAGE, PAGE, 2 * PAGE, PF_R | PF_W);
	check_eq(byte_at(BASE + 5 * PAGE - 1), 2);
	check_eq(byte_at(BASE + 5 * PAGE), 0);
}

static void later_segment_covers_an_earlier_one(void)
{
	start_probe(ET_EXEC, BASE);
	add_segment(BASE + 4 * PAGE, PAGE, 2 * PAGE, 2 * PAGE, PF_R);
	add_segment(BASE + 5 * PAGE, 3 * PAGE, PAGE, PAGE, PF_R);
	check_eq(byte_at(BASE + 4 * PAGE), 2);
	check_eq(byte_at(BASE + 5 * PAGE), 4);
}

static void segments_in_any_order(void)
{
	start_probe(ET_EXEC, BASE);
	add_segment(BASE - 4 * PAGE, PAGE, PAGE, PAGE, PF_R);
	check_eq(byte_at(BASE - 4 * PAGE), 2);
}

static void file_shorter_than_a_segment(void)
{
	start_probe(ET_EXEC, BASE);
	add_segment(BASE + 8 * PAGE, PAGE, 8 * PAGE, 8 * PAGE, PF_R);
	check_eq(byte_at(BASE + 8 * PAGE), 2);
	check_eq(byte_at(BASE + 11 * PAGE), 256 + SIGBUS);
	/* So is the part to be cleared, if it is not there. */
	SECOND.p_flags |= PF_W;
	SECOND.p_filesz -= 8;
	check_eq(byte_at(BASE + 8 * PAGE), 2);
	check_eq(byte_at(BASE + 16 * PAGE - 1), 256 + SIGBUS);
}

static void position_independent_images(void)
{
	start_image(ET_DYN, 0, exit_42, exit_42_end);
	check_eq(run(), 42);
	add_segment(64 * PAGE, PAGE, PAGE, PAGE, PF_R);
	check_eq(run(), 42);
	start_image(ET_DYN, 0x200000, exit_42, exit_42_end);
	check_eq(run(), 42);
}

static void lowest_and_highest_addresses(void)
{
	start_image(ET_EXEC, 0x10000, exit_42, exit_42_end);
	check_eq(run(), 42);
	start_image(ET_EXEC, 0, exit_42, exit_42_end);
	check_eq(run(), 42);
	start_plain();
	add_segment(USER_END, 0, PAGE, PAGE, PF_R);
	check_eq(run(), KILLED);
}

/* Run by somebody without rights, or with no more than so many bytes of address space. */
static int run_limited(uid_t uid, rlim_t bytes)
{
	const struct rlimit limit = {bytes, bytes};
	volatile int *result = tap_shared(PAGE);
	pid_t pid;

	write_image(IMAGE_PATH, sizeof(image), 0755);
	pid = tap_fork();
	if (pid == 0) {
		check_call(setrlimit(RLIMIT_AS, &limit));
		check_call(setuid(uid));
		*result = run_file(IMAGE_PATH);
		_exit(0);
	}
	check_exits(pid, 0);
	check_call(unlink(IMAGE_PATH));
	return *result;
}

static void lowest_addresses_need_a_right(void)
{
	start_image(ET_EXEC, 0x10000, exit_42, exit_42_end);
	check_eq(run_limited(1000, RLIM_INFINITY), 42);
	start_image(ET_EXEC, 0xf000, exit_42, exit_42_end);
	check_eq(run_limited(1000, RLIM_INFINITY), KILLED);
	check_eq(run_limited(0, RLIM_INFINITY), 42);
}

/* What replaces memory counts once. */
static void address_space_is_limited(void)
{
	const unsigned long size = 64ul << 20;

	start_plain();
	add_segment(BASE + 16 * PAGE, PAGE, PAGE, size, PF_R | PF_W);
	check_eq(run_limited(0, size + (8ul << 20)), 42);
	check_eq(run_limited(0, size - PAGE), KILLED);
	add_segment(BASE + 16 * PAGE, PAGE, PAGE, size, PF_R | PF_W);
	check_eq(run_limited(0, size + (8ul << 20)), 42);
}

static void auxv_tells_of_the_image(void)
{
	start_image(ET_EXEC, BASE + 0x3000, auxv_code, auxv_end);
	image.code[auxv_key - auxv_code - 1] = AT_ENTRY;
	check_eq(run(), 3);
	image.code[auxv_key - auxv_code - 1] = AT_PHDR;
	check_eq(run(), 3);
	image.code[auxv_key - auxv_code - 1] = AT_BASE;
	check_eq(run(), 0);
	/* The table is in no segment. */
	FIRST.p_filesz = 0;
	image.segment[image.header.e_phnum++] = FIRST;
	SECOND.p_filesz = SECOND.p_memsz = PAGE - CODE;
	SECOND.p_offset = CODE;
	SECOND.p_vaddr += CODE;
	image.code[auxv_key - auxv_code - 1] = AT_PHDR;
	check_eq(run(), 0);
}

static void stack_is_executable_on_request(void)
{
	start_image(ET_EXEC, BASE, stack_code, stack_code_end);
	check_eq(run(), KILLED);
	image.segment[image.header.e_phnum++] =
		(Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W | PF_X};
	check_eq(run(), 42);
	image.segment[image.header.e_phnum++] =
		(Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W};
	check_eq(run(), KILLED);
}

/* ---- mistakes ---- */

static void mistakes_in_the_header(void)
{
	start_plain();
	image.header.e_ident[EI_CLASS] = ELFCLASS32;
	image.header.e_ident[EI_DATA] = ELFDATA2MSB;
	check_eq(run(), 42);
	start_plain();
	image.header.e_phoff = sizeof(image);
	check_eq(run(), -ENOEXEC);
	image.header.e_phoff = -1;
	check_eq(run(), -ENOEXEC);
	image.header.e_phoff = sizeof(image) - 55;
	check_eq(run(), -ENOEXEC);
	image.header.e_phoff = 1UL << 63;
	check_eq(run(), -ENOEXEC);
	start_plain();
	image.header.e_phnum = 74;
	check_eq(run(), -ENOEXEC);
	image.header.e_phnum = 73;
	check_eq(run(), 42);
	start_plain();
	image.header.e_entry = 0;
	check_eq(run(), KILLED);
	image.header.e_entry = 1UL << 63;
	check_eq(run(), KILLED);
	image.header.e_entry = USER_END;
	check_eq(run(), KILLED);
}

static void table_at_an_odd_place(void)
{
	start_plain();
	memcpy(image.page[1] + 5, &FIRST, sizeof(FIRST));
	image.header.e_phoff = 2 * PAGE + 5;
	check_eq(run(), 42);
	memcpy((char *)&image + 67, &image.page[1][5], sizeof(FIRST));
	image.header.e_phoff = 67;
	check_eq(run(), 42);
}

static int run_with(unsigned long address, unsigned long offset, unsigned long in_file,
		    unsigned long in_memory)
{
	start_plain();
	add_segment(address, offset, in_file, in_memory, PF_R | PF_W);
	return run();
}

static void segments_that_cannot_be(void)
{
	unsigned long high = BASE + 16 * PAGE;

	check_eq(run_with(high, PAGE, PAGE + 1, PAGE), KILLED);
	check_eq(run_with(high, PAGE + 1, PAGE, PAGE), KILLED);
	check_eq(run_with(high + 1, PAGE, PAGE, PAGE), KILLED);
	check_eq(run_with(high, PAGE, PAGE, USER_END), KILLED);
	check_eq(run_with(high, PAGE, PAGE, -1), KILLED);
	check_eq(run_with(high, PAGE, -1, -1), KILLED);
	check_eq(run_with(high, PAGE, -PAGE, -PAGE), KILLED);
	check_eq(run_with(high, -PAGE, PAGE, PAGE), KILLED);
	check_eq(run_with(1UL << 63, PAGE, PAGE, PAGE), KILLED);
	check_eq(run_with(-PAGE, PAGE, PAGE, PAGE), KILLED);
	check_eq(run_with(-PAGE, PAGE, PAGE, 2 * PAGE), KILLED);
	check_eq(run_with(USER_END - PAGE, PAGE, PAGE, 2 * PAGE), KILLED);
	check_eq(run_with(USER_END, 0, 0, 0), KILLED);
	check_eq(run_with(high, 0, 0, 0), 42);
}

static void image_without_segments(void)
{
	start_plain();
	FIRST.p_type = PT_NULL;
	check_eq(run(), KILLED);
	image.header.e_type = ET_DYN;
	check_eq(run(), KILLED);
}

/* ---- interpreters ---- */

static const char interp_path[] = INTERP_PATH;

/* An image whose interpreter is named by n bytes at its second page. */
static void start_interpreted(const char *path, size_t n)
{
	start_plain();
	memcpy(image.page[0], path, strlen(path) + 1);
	image.segment[image.header.e_phnum++] =
		(Elf64_Phdr){.p_type = PT_INTERP, .p_offset = PAGE, .p_filesz = n, .p_memsz = n};
}

static void interpreters_names(void)
{
	start_interpreted(interp_path, sizeof(interp_path));
	check_eq(run(), -ENOENT);
	SECOND.p_filesz--;
	check_eq(run(), -ENOEXEC);
	SECOND.p_filesz = 1;
	check_eq(run(), -ENOEXEC);
	SECOND.p_filesz = 0;
	check_eq(run(), -ENOEXEC);
	SECOND.p_filesz = 4097;
	check_eq(run(), -ENOEXEC);
	SECOND.p_filesz = -1;
	check_eq(run(), -ENOEXEC);
	SECOND.p_filesz = 4096;
	SECOND.p_offset = 3 * PAGE + 1;
	check_eq(run(), -EIO);
	SECOND.p_offset = 1UL << 60;
	check_eq(run(), -EIO);
	SECOND.p_offset = -PAGE;
	check_eq(run(), -EINVAL);
	start_interpreted("/tmp", 5);
	check_eq(run(), -EACCES);
	start_interpreted("/dev/null", 10);
	check_eq(run(), -EACCES);
}

/* What exec says when the image in `image` is the interpreter of another. */
static int interpret_by(size_t size, int mode)
{
	int result;

	write_image(INTERP_PATH, size, mode);
	start_interpreted(interp_path, sizeof(interp_path));
	result = run();
	check_call(unlink(INTERP_PATH));
	return result;
}

static void interpreters_that_are_none(void)
{
	start_plain();
	check_eq(interpret_by(sizeof(image), 0644), -EACCES);
	start_plain();
	check_eq(interpret_by(0, 0755), -EIO);
	start_plain();
	check_eq(interpret_by(63, 0755), -EIO);
	start_plain();
	check_eq(interpret_by(64, 0755), -ELIBBAD);
	start_plain();
	image.header.e_ident[0] = '#';
	check_eq(interpret_by(sizeof(image), 0755), -ELIBBAD);
	start_plain();
	image.header.e_machine = EM_386;
	check_eq(interpret_by(sizeof(image), 0755), -ELIBBAD);
	start_plain();
	image.header.e_phnum = 0;
	check_eq(interpret_by(sizeof(image), 0755), -ELIBBAD);
	start_plain();
	image.header.e_type = ET_REL;
	check_eq(interpret_by(sizeof(image), 0755), KILLED);
	start_plain();
	FIRST.p_type = PT_NULL;
	check_eq(interpret_by(sizeof(image), 0755), KILLED);
}

static void interpreter_runs_instead(void)
{
	start_image(ET_DYN, 0, stack_code, stack_code_end);
	image.segment[1] = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W | PF_X};
	image.header.e_phnum = 2;
	/* Whether the stack is executable is the program's word, not the interpreter's. */
	check_eq(interpret_by(sizeof(image), 0755), KILLED);
	start_image(ET_DYN, 0, auxv_code, auxv_end);
	image.code[auxv_key - auxv_code - 1] = AT_ENTRY;
	check_eq(interpret_by(sizeof(image), 0755), 0);
	start_image(ET_EXEC, BASE + 64 * PAGE, probe, probe_end);
	aim_probe(BASE + 1);
	check_eq(interpret_by(sizeof(image), 0755), 'E');
}

static void first_interpreter_counts(void)
{
	start_image(ET_DYN, 0, exit_42, exit_42_end);
	write_image(INTERP_PATH, sizeof(image), 0755);
	start_interpreted(interp_path, sizeof(interp_path));
	image.segment[image.header.e_phnum++] =
		(Elf64_Phdr){.p_type = PT_INTERP, .p_offset = PAGE, .p_filesz = 1};
	check_eq(run(), 42);
	check_call(unlink(INTERP_PATH));
}

/* ---- at random ---- */

static unsigned long random_state;

static unsigned long random_number(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static unsigned long odd_number(void)
{
	static const unsigned long edges[] = {0, 1, PAGE, BASE, USER_END, 1UL << 47, 1UL << 63, -1};
	unsigned long n = edges[random_number() % TAP_COUNT(edges)];

	return n + (random_number() % 3 - 1) * (random_number() % 3 * PAGE / 2);
}

/* Whatever it says, it must come to an end. */
static void run_for_a_while(void)
{
	const char *argv[] = {"x", NULL};
	struct rlimit none = {0, 0};
	pid_t pid = tap_fork();
	int status;

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &none);
		raw3(SYS_execve, IMAGE_PATH, argv, NULL);
		_exit(0);
	}
	for (int i = 0; waitpid(pid, &status, WNOHANG) == 0; i++) {
		if (i == 100)
			kill(pid, SIGKILL);
		tap_sleep_ms(1);
	}
}

static void images_changed_at_random(void)
{
	random_state = 4711;
	for (int round = 0; round < 300; round++) {
		start_plain();
		add_segment(BASE + 4 * PAGE, PAGE, 0x123, 2 * PAGE, PF_R | PF_W);
		add_segment(BASE + 8 * PAGE, 2 * PAGE, PAGE, PAGE, PF_R);
		for (unsigned long i = random_number() % 5; i > 0; i--) {
			unsigned long *words = (unsigned long *)&image.segment[random_number() % 3];

			words[1 + random_number() % 6] = odd_number();
		}
		if (random_number() % 4 == 0)
			image.header.e_entry = odd_number();
		if (random_number() % 4 == 0)
			image.header.e_type = ET_DYN;
		write_image(IMAGE_PATH, random_number() % 8 ? sizeof(image) : 2 * PAGE, 0755);
		run_for_a_while();
	}
	check_call(unlink(IMAGE_PATH));
}

static const struct test_case cases[] = {
	TEST(segments_show_the_file,
	     "exec-images: segments show the file, and nothing around them"),
	TEST(rest_of_memory_is_zero, "exec-images: memory behind a segment's file part is zero"),
	TEST(zeroes_in_the_middle, "exec-images: so it is between two segments"),
	TEST(without_leave_to_write_nothing_is_cleared,
	     "exec-images: but not where the segment must not be written"),
	TEST(segment_of_zeroes_alone, "exec-images: a segment may have no file part"),
	TEST(whole_pages_need_no_clearing, "exec-images: a file part may end with a page"),
	TEST(later_segment_covers_an_earlier_one,
	     "exec-images: a later segment covers an earlier one"),
	TEST(segments_in_any_order, "exec-images: segments may come in any order"),
	TEST(file_shorter_than_a_segment, "exec-images: behind the end of the file is SIGBUS"),
	TEST(position_independent_images, "exec-images: position-independent images"),
	TEST(lowest_and_highest_addresses,
	     "exec-images: the lowest addresses may be used, the end not"),
	TEST(lowest_addresses_need_a_right,
	     "exec-images: the lowest addresses of all need a capability"),
	TEST(address_space_is_limited, "exec-images: RLIMIT_AS holds for the parts of an image"),
	TEST(auxv_tells_of_the_image, "exec-images: the auxiliary vector tells of entry and table"),
	TEST(stack_is_executable_on_request,
	     "exec-images: the last PT_GNU_STACK decides about the stack"),
	TEST(mistakes_in_the_header, "exec-images: mistakes in the header"),
	TEST(table_at_an_odd_place,
	     "exec-images: the table of segments may be anywhere in the file"),
	TEST(segments_that_cannot_be,
	     "exec-images: segments that cannot be mapped kill the program"),
	TEST(image_without_segments, "exec-images: an image without segments is killed"),
	TEST(interpreters_names, "exec-images: mistakes in an interpreter's name"),
	TEST(interpreters_that_are_none, "exec-images: interpreters that are none"),
	TEST(interpreter_runs_instead,
	     "exec-images: the interpreter runs, and is told of the program"),
	TEST(first_interpreter_counts, "exec-images: the first interpreter counts"),
	TEST(images_changed_at_random, "exec-images: images changed at random come to an end"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
