/*
 * The stack that a new program finds (System V ABI, AMD64 supplement, section 3.4.1):
 *
 *	top          8 bytes of zero
 *	             the file's name
 *	             environment strings          <- env_end
 *	             argument strings             <- env_start, arg_end
 *	                                          <- arg_start
 *	             a random number of bytes, the platform's name, 16 random bytes
 *	             auxiliary vector, environment pointers, NULL, argument pointers, NULL
 *	sp           argc                         16-byte aligned
 *
 * It is built from the top down, in the new mm, which nobody else knows: straight in its pages, by
 * way of the kernel's map of all memory. So no byte is copied twice, and the page that the
 * program's first frames will use is there already. Pages are mapped as they are reached; the
 * mapping around them is made when the image has said whether the stack is executable.
 *
 * Since strings are pushed last to first, a script's interpreter can be put in front of them. Where
 * each of them begins is noted as it is pushed, as a distance from the top in 32 bits: the strings
 * and their pointers together are 6 MiB at most (E2BIG), so that is enough.
 */
#include <tine/binprm.h>
#include <tine/err.h>
#include <tine/page.h>
#include <tine/pgtable.h>
#include <tine/printk.h>
#include <tine/sched.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/uaccess.h>

#define ARG_MAX            131072ul      /* strings and pointers: always allowed */
#define STRINGS_MAX        (6ul << 20)   /* never allowed: three quarters of the default stack */
#define STACK_FIRST_SIZE   (128ul << 10) /* mapped below what is in use */
#define STACK_RANDOM_PAGES 0x3ffffful    /* how far below the end of user space the top may be */
#define TABLE_EXTRA        2048ul /* no less than what stack_finish writes besides pointers */
#define SCRIPT_STRINGS \
	(2 * (MAX_SCRIPT_DEPTH + 1) + 1) /* what scripts add, two each at most, and an empty argv */

/* The page of the new stack at start, made if it is not there. Beyond RLIMIT_STACK: E2BIG, as on
 * Linux. */
static __noinline int find_page(struct binprm *b, unsigned long start)
{
	struct mm_struct *mm = b->mm;
	struct page *page;
	bool writable;
	int error = 0;

	if (start != b->top - PAGE_SIZE && b->top - start > b->limit)
		return -E2BIG;
	mutex_lock(&mm->lock);
	page = pgtable_lookup(mm, start, &writable);
	if (!page) {
		page = alloc_zeroed_data_page();
		error = page ? pgtable_map(mm, start, page, PG_WRITE) : -ENOMEM;
		if (page && error)
			put_page(page);
		mm->touched_pages++;
	}
	mutex_unlock(&mm->lock);
	if (error)
		return error;
	b->page = page_address(page);
	b->page_start = start;
	return 0;
}

/* Makes the page that contains address the current one. */
static inline int stack_reach(struct binprm *b, unsigned long address)
{
	unsigned long start = address & PAGE_MASK;

	return likely(b->page_start == start) ? 0 : find_page(b, start);
}

/* Where bytes come from: one of the two. */
struct source {
	const char *kernel;
	const char __user *user;
};

static int copy_part(char *to, const struct source *from, size_t offset, size_t n)
{
	if (from->kernel)
		memcpy(to, from->kernel + offset, n);
	else if (copy_from_user(to, from->user + offset, n))
		return -EFAULT;
	return 0;
}

/* Puts n bytes below b->p, the last part first, so that pages are reached in falling order. */
static int push(struct binprm *b, const struct source *from, size_t n)
{
	unsigned long p = b->p;
	size_t part;
	int error;

	if (p - n < b->p_min || n > p)
		return -E2BIG;
	while (n) {
		error = stack_reach(b, p - 1);
		if (error)
			return error;
		part = MIN(n, p - b->page_start);
		n -= part;
		p -= part;
		error = copy_part(b->page + (p - b->page_start), from, n, part);
		if (error)
			return error;
	}
	b->p = p;
	return 0;
}

int stack_push_bytes(struct binprm *b, const void *bytes, size_t n)
{
	struct source from = {.kernel = bytes};

	return push(b, &from, n);
}

int stack_push_string(struct binprm *b, const char *string)
{
	size_t n = strlen(string) + 1;

	return n > MAX_ARG_STRLEN ? -E2BIG : stack_push_bytes(b, string, n);
}

static int push_user_string(struct binprm *b, const char __user *string)
{
	struct source from = {.user = string};
	size_t n = strnlen_user(string, MAX_ARG_STRLEN);
	int error;

	if (!n)
		return -EFAULT;
	if (n > MAX_ARG_STRLEN)
		return -E2BIG;
	error = push(b, &from, n);
	/* Another thread may have changed the string meanwhile. */
	if (!error)
		error = stack_reach(b, b->p + n - 1);
	if (!error)
		b->page[b->p + n - 1 - b->page_start] = 0;
	return error;
}

/* Lets others run during a long copy, and ends it if current is being killed. */
static int breathe(void)
{
	if (fatal_signal_pending(current))
		return -ERESTARTNOHAND;
	if (READ_ONCE(current->work) & TIF_RESCHED)
		schedule();
	return 0;
}

/* Notes that the string at b->p is the next in front. */
static void note_string(struct binprm *b)
{
	b->strings[b->nr_strings++] = (u32)(b->top - b->p);
}

static int push_element(struct binprm *b, const struct string_array *array, unsigned int i)
{
	const char __user *string;

	if (!array->user)
		return stack_push_string(b, array->kernel[i]);
	if (get_user(string, &array->user[i]))
		return -EFAULT;
	return push_user_string(b, string);
}

int stack_push_array(struct binprm *b, const struct string_array *array)
{
	int error = 0;

	for (unsigned int i = array->n; i-- > 0 && !error;) {
		error = push_element(b, array, i);
		if (!error)
			error = breathe();
		note_string(b);
	}
	return error;
}

void stack_pop_argument(struct binprm *b)
{
	ASSERT(b->argc > 0);
	b->nr_strings--;
	b->argc--;
	b->p = b->nr_strings ? b->top - b->strings[b->nr_strings - 1] : b->filename_at;
}

int stack_push_argument(struct binprm *b, const char *string)
{
	int error = stack_push_string(b, string);

	note_string(b);
	b->argc++;
	return error;
}

static int count_user_strings(struct string_array *array)
{
	const char __user *string;

	for (;;) {
		if (get_user(string, &array->user[array->n]))
			return -EFAULT;
		if (!string)
			return 0;
		if (++array->n == MAX_ARG_STRINGS)
			return -E2BIG;
		if (fatal_signal_pending(current))
			return -ERESTARTNOHAND;
	}
}

static int count_strings(struct string_array *array)
{
	array->n = 0;
	if (array->user)
		return count_user_strings(array);
	while (array->kernel && array->kernel[array->n])
		array->n++;
	return 0;
}

/* A quarter of RLIMIT_STACK is for strings and pointers, so that most of the stack is left to run
 * on. */
static int set_limit(struct binprm *b)
{
	unsigned long limit = MAX(MIN(STRINGS_MAX, b->limit / 4), ARG_MAX);
	unsigned long pointers = (MAX(b->argc, 1ul) + b->envc) * sizeof(void *);

	if (limit <= pointers)
		return -E2BIG;
	b->p_min = b->p - (limit - pointers);
	return 0;
}

int stack_prepare(struct binprm *b, struct string_array *argv, struct string_array *envp)
{
	int error = count_strings(argv);

	if (!error)
		error = count_strings(envp);
	if (error)
		return error;
	b->argc = argv->n;
	b->envc = envp->n;
	b->top = TASK_SIZE_MAX - (b->random.stack & STACK_RANDOM_PAGES) * PAGE_SIZE;
	b->p = b->top - sizeof(void *);
	error = set_limit(b);
	if (error)
		return error;
	b->strings = kmalloc((b->argc + b->envc + SCRIPT_STRINGS) * sizeof(*b->strings));
	return b->strings ? 0 : -ENOMEM;
}

int stack_map(struct binprm *b, bool executable)
{
	unsigned long tables = (b->argc + b->envc) * sizeof(void *) + TABLE_EXTRA;
	unsigned long used = b->top - ((b->p - tables) & PAGE_MASK), size;
	int error;

	b->p_min = 0; /* the limit on strings is behind us */
	size = MAX(used, MIN(used + STACK_FIRST_SIZE, b->limit & PAGE_MASK));
	b->bottom = b->top - size;
	error = mm_map_stack(b->mm, b->top, size, executable);
	if (error || !executable)
		return error;
	error = MUTEX_LOCKED(&b->mm->lock,
			     pgtable_protect(b->mm, b->bottom, b->top, PG_WRITE | PG_EXEC));
	return error;
}

/* Writes n words at *at and moves *at behind them. */
static int put_words(struct binprm *b, unsigned long *at, const unsigned long *words, size_t n)
{
	size_t part, left = n * sizeof(*words);
	const char *from = (const char *)words;
	int error;

	while (left) {
		error = stack_reach(b, *at);
		if (error)
			return error;
		part = MIN(left, b->page_start + PAGE_SIZE - *at);
		memcpy(b->page + (*at - b->page_start), from, part);
		*at += part;
		from += part;
		left -= part;
	}
	return 0;
}

static int put_word(struct binprm *b, unsigned long *at, unsigned long word)
{
	int error = stack_reach(b, *at);

	if (error)
		return error;
	*(unsigned long *)(b->page + (*at - b->page_start)) = word;
	*at += sizeof(word);
	return 0;
}

/* Pointers to the strings noted in [from, to), the last first, and NULL. */
static int put_pointers(struct binprm *b, unsigned long *at, unsigned int from, unsigned int to)
{
	int error = 0;

	while (to > from && !error)
		error = put_word(b, at, b->top - b->strings[--to]);
	return error ? error : put_word(b, at, 0);
}

static void note_addresses(struct binprm *b)
{
	struct mm_struct *mm = b->mm;

	mm->env_end = b->filename_at;
	mm->env_start = b->envc ? b->top - b->strings[b->envc - 1] : b->filename_at;
	mm->arg_end = mm->env_start;
	mm->arg_start = b->top - b->strings[b->nr_strings - 1];
	mm->start_stack = b->p;
}

int stack_finish(struct binprm *b, const unsigned long *auxv, unsigned int n)
{
	unsigned long argc = b->argc, words = 1 + argc + 1 + b->envc + 1 + n, at;
	int error;

	ASSERT(b->nr_strings == b->argc + b->envc && b->argc > 0);
	b->p = ALIGN_DOWN(b->p - words * sizeof(at), 16);
	at = b->p;
	error = put_word(b, &at, argc);
	if (!error)
		error = put_pointers(b, &at, b->envc, b->nr_strings);
	if (!error)
		error = put_pointers(b, &at, 0, b->envc);
	if (!error)
		error = put_words(b, &at, auxv, n);
	note_addresses(b);
	return error;
}
