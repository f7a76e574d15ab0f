/*
 * How exec loads an image: small ELF files, made on the spot, of which each shows one thing.
 */
#include "helpers.h"

#include <elf.h>

extern const char zero_registers[], zero_registers_end[], zero_bss[], zero_bss_end[],
	jump_to_stack[], jump_to_stack_end[];

/*
 * Entered as a program: exit with 0 if all general registers but rsp are zero, rsp is aligned and
 * argc is 1.
 */
__asm__(".text\n"
	"zero_registers:\n\t"
	"or %rbx, %rax\n\t"
	"or %rcx, %rax\n\t"
	"or %rdx, %rax\n\t"
	"or %rsi, %rax\n\t"
	"or %rdi, %rax\n\t"
	"or %rbp, %rax\n\t"
	"or %r8, %rax\n\t"
	"or %r9, %rax\n\t"
	"or %r10, %rax\n\t"
	"or %r11, %rax\n\t"
	"or %r12, %rax\n\t"
	"or %r13, %rax\n\t"
	"or %r14, %rax\n\t"
	"or %r15, %rax\n\t"
	"mov $1, %edi\n\t"
	"test %rax, %rax\n\t"
	"jnz 1f\n\t"
	"mov $2, %edi\n\t"
	"test $15, %spl\n\t"
	"jnz 1f\n\t"
	"mov $3, %edi\n\t"
	"cmpq $1, (%rsp)\n\t"
	"jne 1f\n\t"
	"xor %edi, %edi\n"
	"1:\tmov $231, %eax\n\t"
	"syscall\n"
	"zero_registers_end:\n");

/*
 * Exit with 0 if what follows the program up to 8 KiB from its beginning is zero, and can be
 * written.
 */
__asm__(".text\n"
	"zero_bss:\n\t"
	"lea zero_bss_end(%rip), %rbx\n\t"
	"lea zero_bss(%rip), %rcx\n\t"
	"add $8192 - 120, %rcx\n\t"
	"mov $1, %edi\n"
	"1:\tcmpb $0, (%rbx)\n\t"
	"jne 2f\n\t"
	"movb $1, (%rbx)\n\t"
	"inc %rbx\n\t"
	"cmp %rcx, %rbx\n\t"
	"jb 1b\n\t"
	"xor %edi, %edi\n"
	"2:\tmov $231, %eax\n\t"
	"syscall\n"
	"zero_bss_end:\n");

/* Run one `ret` on the stack, which faults where the stack is not executable. */
__asm__(".text\n"
	"jump_to_stack:\n\t"
	"sub $16, %rsp\n\t"
	"movb $0xc3, (%rsp)\n\t"
	"call *%rsp\n\t"
	"xor %edi, %edi\n\t"
	"mov $231, %eax\n\t"
	"syscall\n"
	"jump_to_stack_end:\n");

struct image {
	Elf64_Ehdr header;
	Elf64_Phdr load;
	char code[256];
};

/* An image of one segment: headers and code, 8 KiB in memory. */
static size_t make_image(struct image *image, const char *code, const char *end, int type,
			 unsigned long base)
{
	size_t size = offsetof(struct image, code) + (end - code);

	memset(image, 0, sizeof(*image));
	memcpy(image->header.e_ident, ELFMAG, SELFMAG);
	image->header.e_ident[EI_CLASS] = ELFCLASS64;
	image->header.e_ident[EI_DATA] = ELFDATA2LSB;
	image->header.e_ident[EI_VERSION] = EV_CURRENT;
	image->header.e_type = type;
	image->header.e_machine = EM_X86_64;
	image->header.e_version = EV_CURRENT;
	image->header.e_entry = base + offsetof(struct image, code);
	image->header.e_phoff = offsetof(struct image, load);
	image->header.e_ehsize = sizeof(image->header);
	image->header.e_phentsize = sizeof(image->load);
	image->header.e_phnum = 1;
	image->load = (Elf64_Phdr){.p_type = PT_LOAD,
				   .p_flags = PF_R | PF_W | PF_X,
				   .p_vaddr = base,
				   .p_paddr = base,
				   .p_filesz = size,
				   .p_memsz = 8192,
				   .p_align = 4096};
	memcpy(image->code, code, end - code);
	return size;
}

#define IMAGE_PATH "/tmp/exec-image"
#define IMAGE_BASE 0x10000000UL

/* Write the image and run it in a child; the wait status, or -errno if it was refused. */
static int run_image(const struct image *image, size_t size)
{
	volatile int *error = tap_shared(4096);
	pid_t pid;
	int status;

	write_file(IMAGE_PATH, image, size, 0755);
	pid = tap_fork();
	if (pid == 0) {
		*error = try_exec(IMAGE_PATH);
		_exit(0);
	}
	status = tap_wait(pid);
	check_call(unlink(IMAGE_PATH));
	return *error ? *error : status;
}

static void registers_are_zero_at_entry(void)
{
	struct image image;
	size_t size = make_image(&image, zero_registers, zero_registers_end, ET_EXEC, IMAGE_BASE);

	check_eq(run_image(&image, size), 0);
}

static void position_independent_image_runs(void)
{
	struct image image;
	size_t size = make_image(&image, zero_registers, zero_registers_end, ET_DYN, 0);

	check_eq(run_image(&image, size), 0);
}

static void memory_beyond_the_file_is_zero(void)
{
	struct image image;
	size_t size = make_image(&image, zero_bss, zero_bss_end, ET_EXEC, IMAGE_BASE);

	check_eq(run_image(&image, size), 0);
	memset(image.code + (zero_bss_end - zero_bss), 0xee,
	       sizeof(image.code) - (zero_bss_end - zero_bss));
	check_eq(run_image(&image, sizeof(image)), 0);
}

static void stack_is_not_executable_if_the_image_says_so(void)
{
	struct {
		struct image image;
		Elf64_Phdr headers[2];
	} file;

	make_image(&file.image, jump_to_stack, jump_to_stack_end, ET_EXEC, IMAGE_BASE);
	file.image.header.e_phoff = sizeof(file.image);
	file.image.header.e_phnum = 2;
	file.image.load.p_filesz = sizeof(file);
	file.headers[0] = file.image.load;
	file.headers[1] = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W};
	check_eq(run_image(&file.image, sizeof(file)), SIGSEGV);
}

static void segment_without_x_does_not_run(void)
{
	struct image image;
	size_t size = make_image(&image, zero_registers, zero_registers_end, ET_EXEC, IMAGE_BASE);
	Elf64_Phdr *load = &image.load;

	load->p_flags = PF_R | PF_W;
	/* With no PT_GNU_STACK at all, x86-64 still keeps data from running. */
	check_eq(run_image(&image, size), SIGSEGV);
}

static void segment_without_w_cannot_be_written(void)
{
	struct image image;
	size_t size = make_image(&image, zero_bss, zero_bss_end, ET_EXEC, IMAGE_BASE);

	image.load.p_flags = PF_R | PF_X;
	image.load.p_memsz = image.load.p_filesz;
	check_eq(run_image(&image, size), SIGSEGV);
}

static void images_that_are_no_images(void)
{
	struct image good, image;
	size_t size = make_image(&good, zero_registers, zero_registers_end, ET_EXEC, IMAGE_BASE);

	check_eq(run_image(&good, 0), -ENOEXEC);
	check_eq(run_image(&good, 4), -ENOEXEC);
	check_eq(run_image(&good, 63), -ENOEXEC);
	image = good, image.header.e_ident[3] = 'G';
	check_eq(run_image(&image, size), -ENOEXEC);
	image = good, image.header.e_machine = EM_AARCH64;
	check_eq(run_image(&image, size), -ENOEXEC);
	image = good, image.header.e_type = ET_REL;
	check_eq(run_image(&image, size), -ENOEXEC);
	image = good, image.header.e_type = ET_CORE;
	check_eq(run_image(&image, size), -ENOEXEC);
	image = good, image.header.e_phentsize = 55;
	check_eq(run_image(&image, size), -ENOEXEC);
	image = good, image.header.e_phnum = 0;
	check_eq(run_image(&image, size), -ENOEXEC);
	image = good, image.header.e_phnum = 0xffff;
	check_eq(run_image(&image, size), -ENOEXEC);
}

static void interpreter_that_is_missing(void)
{
	struct {
		struct image image;
		Elf64_Phdr headers[2];
		char path[32];
	} file = {.path = "/no/such/interpreter"};

	make_image(&file.image, zero_registers, zero_registers_end, ET_EXEC, IMAGE_BASE);
	file.image.header.e_phoff = sizeof(file.image);
	file.image.header.e_phnum = 2;
	file.headers[0] = (Elf64_Phdr){
		.p_type = PT_INTERP, .p_offset = offsetof(__typeof__(file), path), .p_filesz = 21};
	file.headers[1] = file.image.load;
	check_eq(run_image(&file.image, sizeof(file)), -ENOENT);
}

static const struct test_case cases[] = {
	TEST(registers_are_zero_at_entry,
	     "exec: registers are zero at entry, the stack is aligned and begins with argc"),
	TEST(position_independent_image_runs, "exec: a position-independent image runs"),
	TEST(memory_beyond_the_file_is_zero,
	     "exec: memory of a segment beyond its file part is zero"),
	TEST(stack_is_not_executable_if_the_image_says_so, "exec: the stack is not executable"),
	TEST(segment_without_x_does_not_run, "exec: a segment without the x flag does not run"),
	TEST(segment_without_w_cannot_be_written,
	     "exec: a segment without the w flag cannot be written"),
	TEST(images_that_are_no_images, "exec: images with a bad header are ENOEXEC"),
	TEST(interpreter_that_is_missing, "exec: an image whose interpreter is missing is ENOENT"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
