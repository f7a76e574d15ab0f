/*
 * Loading ELF programs: static, position-independent static, and dynamic ones with their
 * interpreter.
 *
 * Where things go, from the top of user space down (distances drawn anew for each exec):
 *
 *	stack         up to 16 GiB below the end of user space
 *	mmap_base     room for the stack to grow, a random distance below: libraries, the
 *	              interpreter, and position-independent programs that have none
 *	ET_DYN_BASE   position-independent programs with an interpreter, so kept away from it;
 *	              then their heap
 *	p_vaddr       programs with fixed addresses; then their heap, a random distance behind
 *
 * All is mapped into the new mm (mm/image.c) as a program would map its own files, so that text is
 * shared by all who run it.
 *
 * What can be known from the headers is checked by elf_check, while the caller of execve can still
 * be told. As on Linux a segment that cannot be mapped kills the program instead.
 */
#include <tine/binprm.h>
#include <tine/elf.h>
#include <tine/err.h>
#include <tine/file.h>
#include <tine/fs.h>
#include <tine/page.h>
#include <tine/pgtable.h>
#include <tine/printk.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/time.h>
#include <uapi/auxvec.h>
#include <uapi/fcntl.h>
#include <uapi/mman.h>

#define ET_DYN_BASE      (TASK_SIZE_MAX / 3 * 2)
#define RANDOM_PAGES     0xffffffful /* of mmap_base and of images: 28 bits */
#define BRK_RANDOM_PAGES 0x1ffful    /* 32 MiB */
#define STACK_MAX_RANDOM (0x3ffffful * PAGE_SIZE)
#define STACK_GUARD      (256 * PAGE_SIZE)
#define MMAP_GAP_MIN     (128ul << 20) /* the least and the most that is kept free for the stack */
#define MMAP_GAP_MAX     (TASK_SIZE_MAX / 6 * 5)

/* Where an image was put. */
struct placement {
	unsigned long bias, entry, table, end;
};

/* --- Checking --- */

static int read_exactly(struct file *file, void *buf, size_t n, u64 pos)
{
	ssize_t got;

	if (pos > MAX_LFS_FILESIZE - n)
		return -EINVAL;
	got = kernel_read(file, buf, n, (loff_t)pos);
	return got < 0 ? (int)got : got == (ssize_t)n ? 0 : -EIO;
}

/* The table of segments in memory of its own, NULL on any failure. */
static struct elf64_segment *read_table(struct file *file, const struct elf64_header *header)
{
	size_t size = header->e_phnum * sizeof(struct elf64_segment);
	struct elf64_segment *table = kmalloc(size);

	if (table && read_exactly(file, table, size, header->e_phoff)) {
		kfree(table);
		return NULL;
	}
	return table;
}

/* The program's own table, which nearly always is in what was read of the file already. */
static const struct elf64_segment *find_table(const struct binprm *b,
					      const struct elf64_header *header)
{
	size_t size = header->e_phnum * sizeof(struct elf64_segment);

	if (header->e_phoff % sizeof(u64) == 0 && header->e_phoff <= b->header_size &&
	    size <= b->header_size - header->e_phoff)
		return (const struct elf64_segment *)(b->header + header->e_phoff);
	return read_table(b->file, header);
}

/* Opens the interpreter that segment names. */
static int open_interpreter(struct binprm *b, const struct elf64_segment *segment)
{
	struct file *file;
	char *path;
	int error;

	if (segment->p_filesz < 2 || segment->p_filesz > PATH_MAX)
		return -ENOEXEC;
	path = kmalloc(segment->p_filesz);
	if (!path)
		return -ENOMEM;
	error = read_exactly(b->file, path, segment->p_filesz, segment->p_offset);
	if (!error && path[segment->p_filesz - 1])
		error = -ENOEXEC;
	if (!error) {
		file = open_exec(AT_FDCWD, path, 0);
		error = IS_ERR(file) ? (int)PTR_ERR(file) : 0;
		b->program.interp_file = error ? NULL : file;
	}
	kfree(path);
	if (!error)
		exec_note_readable(b, file);
	return error;
}

static int check_interpreter(struct elf_program *program)
{
	int error = read_exactly(program->interp_file, &program->interp_header,
				 sizeof(program->interp_header), 0);

	if (error)
		return error;
	if (elf_check_header(&program->interp_header))
		return -ELIBBAD;
	program->interp_table = read_table(program->interp_file, &program->interp_header);
	return program->interp_table ? 0 : -ELIBBAD;
}

int elf_check(struct binprm *b)
{
	struct elf_program *program = &b->program;
	const struct elf64_segment *interp;
	int error;

	memcpy(&program->header, b->header, sizeof(program->header));
	if (elf_check_header(&program->header) || !elf_has_program_type(&program->header) ||
	    !b->file->ops->get_page)
		return -ENOEXEC;
	program->table = find_table(b, &program->header);
	if (!program->table)
		return -ENOEXEC;
	interp = elf_find_interpreter(program->table, program->header.e_phnum);
	if (!interp)
		return 0;
	error = open_interpreter(b, interp);
	return error ? error : check_interpreter(program);
}

void elf_release(struct binprm *b)
{
	struct elf_program *program = &b->program;
	const char *table = (const char *)program->table;

	if (table < b->header || table >= b->header + sizeof(b->header))
		kfree((void *)program->table);
	kfree((void *)program->interp_table);
	fput(program->interp_file);
}

/* --- Mapping --- */

/* A program that has just begun touches all of its segments: what is in memory of their first pages,
 * or of those about the entry, is mapped before it faults. */
static int map_segment(struct binprm *b, struct file *file, const struct image_part *part,
		       unsigned long entry)
{
	bool holds_entry = entry - part->start < part->file_end - part->start;

	/* The stack's pages are there already, and are written to by their kernel addresses. */
	if (part->start < b->top && part->end > b->bottom)
		return -EEXIST;
	return mm_map_image_part(b->mm, file, part, holds_entry ? entry : part->start);
}

/* How far from its addresses in the file an image goes. */
static int choose_bias(struct binprm *b, const struct elf64_header *header,
		       const struct elf_extent *extent, bool has_interpreter, unsigned long *bias)
{
	unsigned long base;
	long address;

	*bias = 0;
	if (extent->end == extent->start)
		return -EINVAL;
	if (header->e_type == ET_EXEC)
		return 0;
	if (has_interpreter) {
		base = ET_DYN_BASE + (b->random.image & RANDOM_PAGES) * PAGE_SIZE;
		*bias = ALIGN_DOWN(base, extent->alignment) - extent->start;
		return 0;
	}
	address = mm_find_room(b->mm, extent->end - extent->start);
	*bias = (unsigned long)address - extent->start;
	return address < 0 ? -EINVAL : 0; /* it is not memory that is out */
}

/* What the program's own image says about code and data, for /proc and brk. */
static void note_segment(struct mm_struct *mm, const struct elf64_segment *segment,
			 unsigned long bias)
{
	unsigned long start = segment->p_vaddr + bias, end = start + segment->p_filesz;

	if (segment->p_flags & PF_X) {
		if (!mm->start_code || start < mm->start_code)
			mm->start_code = start;
		mm->end_code = MAX(mm->end_code, end);
	}
	mm->start_data = MAX(mm->start_data, start);
	mm->end_data = MAX(mm->end_data, end);
}

/* Maps all PT_LOADs of an image. */
static int map_image(struct binprm *b, struct file *file, const struct elf64_header *header,
		     const struct elf64_segment *table, struct placement *place)
{
	struct image_part part;
	u32 flags = 0; /* of private mappings: nothing for the file to decide */
	int error = file->ops->mmap ? file->ops->mmap(file, &flags) : 0;

	place->end = 0;
	for (unsigned int i = 0; i < header->e_phnum && !error; i++) {
		if (table[i].p_type != PT_LOAD)
			continue;
		error = elf_plan_segment(&table[i], place->bias, &part);
		if (!error)
			error = map_segment(b, file, &part, header->e_entry + place->bias);
		if (error)
			break;
		place->end = MAX(place->end, part.end);
		if (file == b->file)
			note_segment(b->mm, &table[i], place->bias);
	}
	place->entry = header->e_entry + place->bias;
	if (!error && place->entry >= TASK_SIZE_MAX)
		error = -EINVAL;
	return error;
}

static int load_program(struct binprm *b, const struct elf_program *program,
			struct placement *place)
{
	struct elf_extent extent;
	int error = elf_find_extent(program->table, program->header.e_phnum, &extent);

	if (!error)
		error = choose_bias(b, &program->header, &extent, program->interp_file,
				    &place->bias);
	if (!error)
		error = map_image(b, b->file, &program->header, program->table, place);
	place->table = elf_find_table(&program->header, program->table) + place->bias;
	return error;
}

static int load_interpreter(struct binprm *b, const struct elf_program *program,
			    struct placement *place)
{
	const struct elf64_header *header = &program->interp_header;
	struct elf_extent extent;
	int error;

	if (!program->interp_file)
		return 0;
	if (!elf_has_program_type(header) || !program->interp_file->ops->get_page)
		return -EINVAL;
	error = elf_find_extent(program->interp_table, header->e_phnum, &extent);
	if (!error)
		error = choose_bias(b, header, &extent, false, &place->bias);
	if (!error)
		error = map_image(b, program->interp_file, header, program->interp_table, place);
	return error;
}

/* --- The rest of the new memory --- */

/*
 * Nothing is mapped into the page table of level 2 that the stack is in: every process writes to its
 * stack after a fork, and then copies that table.
 */
static void choose_mmap_base(struct binprm *b)
{
	const unsigned long covered = 1ul << pt_level_shift(3);
	unsigned long gap = b->limit, pad = STACK_GUARD + (b->randomize ? STACK_MAX_RANDOM : 0);

	if (gap + pad > gap)
		gap += pad;
	gap = MIN(MAX(gap, MMAP_GAP_MIN), MMAP_GAP_MAX);
	b->mm->mmap_base = ALIGN_UP(
		TASK_SIZE_MAX - gap - (b->random.mmap & RANDOM_PAGES) * PAGE_SIZE, PAGE_SIZE);
	b->mm->mmap_base = MIN(b->mm->mmap_base, ALIGN_DOWN(b->top, covered));
}

/* The heap begins behind the program; behind ET_DYN_BASE if that is among the libraries, where
 * there is no room to grow. */
static void choose_brk(struct binprm *b, const struct elf_program *program,
		       const struct placement *place)
{
	bool among_libraries = program->header.e_type == ET_DYN && !program->interp_file;
	unsigned long start = among_libraries ? ALIGN_DOWN(ET_DYN_BASE, PAGE_SIZE) : place->end;

	mm_set_brk(b->mm, start + (b->random.brk & BRK_RANDOM_PAGES) * PAGE_SIZE);
}

struct auxv {
	unsigned long *word;
	unsigned int n;
};

static void add_aux(struct auxv *auxv, unsigned long key, unsigned long value)
{
	auxv->word[auxv->n++] = key;
	auxv->word[auxv->n++] = value;
}

static void add_ids(struct auxv *auxv, const struct cred *cred)
{
	add_aux(auxv, AT_UID, cred->uid);
	add_aux(auxv, AT_EUID, cred->euid);
	add_aux(auxv, AT_GID, cred->gid);
	add_aux(auxv, AT_EGID, cred->egid);
}

/* Tells the program about itself; p is where its random bytes are, and its platform's name above
 * them. */
static int finish_stack(struct binprm *b, const struct elf_program *program,
			const struct placement *main, const struct placement *interp)
{
	static const char platform[] = "x86_64";
	struct auxv auxv = {.word = b->mm->auxv};
	int error;

	b->p = ALIGN_DOWN(b->p - (b->random.stack >> 23 & 0x1f0), 16);
	error = stack_push_bytes(b, platform, sizeof(platform));
	if (!error)
		error = stack_push_bytes(b, b->random.bytes, sizeof(b->random.bytes));
	if (error)
		return error;
	add_aux(&auxv, AT_SYSINFO_EHDR, b->mm->vdso);
	add_aux(&auxv, AT_MINSIGSTKSZ, arch_signal_frame_size());
	add_aux(&auxv, AT_HWCAP, arch_hwcap());
	add_aux(&auxv, AT_PAGESZ, PAGE_SIZE);
	add_aux(&auxv, AT_CLKTCK, USER_HZ);
	add_aux(&auxv, AT_PHDR, main->table);
	add_aux(&auxv, AT_PHENT, sizeof(struct elf64_segment));
	add_aux(&auxv, AT_PHNUM, program->header.e_phnum);
	add_aux(&auxv, AT_BASE, interp->bias);
	add_aux(&auxv, AT_FLAGS, 0);
	add_aux(&auxv, AT_ENTRY, main->entry);
	add_ids(&auxv, b->cred ? b->cred : current->cred);
	add_aux(&auxv, AT_SECURE, b->secure);
	add_aux(&auxv, AT_RANDOM, b->p);
	add_aux(&auxv, AT_HWCAP2, arch_hwcap2());
	add_aux(&auxv, AT_EXECFN, b->filename_at);
	add_aux(&auxv, AT_PLATFORM, b->p + sizeof(b->random.bytes));
	add_aux(&auxv, AT_NULL, 0);
	ASSERT(auxv.n == ARRAY_SIZE(b->mm->auxv));
	return stack_finish(b, auxv.word, auxv.n);
}

int elf_load(struct binprm *b)
{
	const struct elf_program *program = &b->program;
	struct placement main = {0}, interp = {0};
	int error;

	choose_mmap_base(b);
	error = stack_map(b, elf_wants_executable_stack(program->table, program->header.e_phnum));
	if (!error)
		error = load_program(b, program, &main);
	if (!error)
		error = load_interpreter(b, program, &interp);
	if (!error)
		error = mm_map_vdso(b->mm, b->top, b->random.vdso);
	if (error)
		return error;
	choose_brk(b, program, &main);
	b->mm->exe_file = get_file(b->file);
	b->entry = program->interp_file ? interp.entry : main.entry;
	return finish_stack(b, program, &main, &interp);
}
