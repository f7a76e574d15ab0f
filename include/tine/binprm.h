/*
 * A program about to replace another: what the parts of execve hand on to each other
 * (kernel/exec.c, exec_stack.c, exec_cred.c, script.c, elf.c). Nobody else sees it, so it has no
 * lock.
 */
#pragma once

#include <tine/cred.h>
#include <tine/mm.h>
#include <tine/types.h>
#include <uapi/elf.h>

#define BINPRM_HEADER_SIZE 512 /* read of the file before its format is known */
#define SCRIPT_LINE_SIZE   256 /* of which a script's first line may use this */
#define MAX_SCRIPT_DEPTH   5   /* scripts run by scripts */
#define MAX_ARG_STRLEN     (32 * PAGE_SIZE)
#define MAX_ARG_STRINGS    0x7fffffffu

/* An array of strings ended by NULL, in user space (NULL: empty) or in the kernel. */
struct string_array {
	const char __user *const __user *user;
	const char *const *kernel;
	unsigned int n; /* counted by stack_prepare */
};

/* Drawn once for each exec: how far things are from where they would be. */
struct exec_random {
	u8 bytes[16]; /* AT_RANDOM */
	u32 stack, mmap, image;
	u16 brk, vdso;
};

/* An ELF image (elf.c). */
struct elf_program {
	const struct elf64_segment *table, *interp_table; /* in b->header, or owned */
	struct file *interp_file;                         /* owned; NULL: none */
	struct elf64_header header, interp_header;        /* not zeroed */
};

struct binprm {
	const char *filename;    /* as the caller named it; AT_EXECFN */
	const char *interp;      /* the same, or of a script the interpreter */
	char *fd_path;           /* owned: filename, if it was made up from a descriptor */
	struct file *file;       /* owned: what is to be run */
	struct mm_struct *mm;    /* owned: the new memory */
	struct cred *cred;       /* owned: the new credentials, NULL if they stay */
	bool secure;             /* AT_SECURE: it may do more than its caller */
	bool clears_personality; /* of what makes a program easier to attack */
	bool new_identity; /* it has other ids than its caller, or capabilities that it had not */
	bool alone; /* nobody may begin to share current's directories: fs_exec_end() is to come */
	bool unreadable;     /* its caller may run, but not read it */
	bool by_descriptor;  /* filename is a descriptor and nothing else */
	bool path_goes;      /* filename names a descriptor that exec closes */
	unsigned long entry; /* where the program starts */

	/* The stack (exec_stack.c). */
	unsigned long limit;       /* RLIMIT_STACK when exec began, no more than sane if secure */
	unsigned long top, bottom; /* of the stack as it will be mapped first */
	unsigned long p;           /* lowest byte used */
	unsigned long p_min;       /* limit on strings */
	u32 *strings;              /* owned: top - address of each string, the last argv[0] */
	unsigned int nr_strings;
	unsigned int argc, envc;
	unsigned long filename_at;
	char *page; /* the page that was touched last, NULL: none; and its address */
	unsigned long page_start;

	struct exec_random random;
	unsigned int randomize;   /* personality_randomize() */
	unsigned int header_size; /* bytes of header that the file has; the rest is zero */
	char comm[16];            /* the process's new name */
	struct elf_program program;
	char header[BINPRM_HEADER_SIZE] __aligned(8);
	char interp_name[SCRIPT_LINE_SIZE]; /* interp, if there is a script */
};

/* exec_stack.c. All return 0 or -errno. */
/* Makes room for the strings in a new mm: counts them, checks the limits. E2BIG, EFAULT, ENOMEM. */
int stack_prepare(struct binprm *b, struct string_array *argv, struct string_array *envp);
/* Puts a string below what is there already. E2BIG, ENOMEM. */
int stack_push_string(struct binprm *b, const char *string);
/* Puts the strings, the last first, below what is there already, and counts them in b->strings.
 * E2BIG, EFAULT, ENOMEM. */
int stack_push_array(struct binprm *b, const struct string_array *array);
/* For scripts: argv[0] away, one string to the front of argv. */
void stack_pop_argument(struct binprm *b);
int stack_push_argument(struct binprm *b, const char *string);
/* Maps the stack. */
int stack_map(struct binprm *b, bool executable);
/* Writes argc, the pointers and the auxiliary vector (n words, AT_NULL at the end) below the
 * strings; b->p is then the stack pointer. */
int stack_finish(struct binprm *b, const unsigned long *auxv, unsigned int n);
/* Pushes bytes that are no string. */
int stack_push_bytes(struct binprm *b, const void *bytes, size_t n);

/* exec_cred.c: b->cred, b->secure, b->clears_personality, b->new_identity, b->limit for b->file.
 * ENOMEM; EPERM: the file has capabilities that it cannot give. */
int exec_prepare_creds(struct binprm *b);
/* Sets b->unreadable if current may not read file, a part of the program. */
void exec_note_readable(struct binprm *b, const struct file *file);

/* script.c, pure. If line (SCRIPT_LINE_SIZE bytes, of which n came from the file, the others zero)
 * begins with "#!", cuts it into the interpreter's path and its argument (NULL if there is none).
 * ENOEXEC. */
int script_parse(char *line, char **interpreter, char **argument);

/*
 * elf.c: the program in b->file as an ELF image, in two steps. What elf_check finds wrong is an
 * error to the caller of execve, which goes on: ENOEXEC, ELIBBAD, or what opening the interpreter
 * said. What elf_load finds wrong is the new program's death, except for ENOMEM.
 */
int elf_check(struct binprm *b);
int elf_load(struct binprm *b);
/* Of b->program. Tolerates one that was not checked. */
void elf_release(struct binprm *b);
