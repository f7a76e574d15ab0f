/*
 * What each page of a process must hold.
 *
 * A page is 512 words. Word 0 and each 64th after it are checked words: in a page that the process has
 * written to they are made of the tag, in one of the base file of its index there, elsewhere they are
 * zero. In the pages of shared objects word 1 + n belongs to the process with id n, alone, who counts
 * in it; what it has come to is in the ledger.
 */
#define _GNU_SOURCE
#include "stress.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORDS_APART 64
#define BASE_TAG    0x80000000u

struct page_model model[AREAS + 1][AREA_PAGES];

static uint64_t heap_start;
static int own_pipe[2] = {-1, -1};

/* Some touch, some lie across the ends of what one node of the page tables covers, at every level. */
static const uint64_t area_start[AREAS] = {
	0x100000000000, 0x100000020000, 0x100000040000, 0x1000001f0000,
	0x100000800000, 0x10003fff0000, 0x100040400000, 0x107ffffe0000,
	0x108000000000, 0x17ffffff0000, 0x200000000000, 0x200000020000,
};

uint64_t *page_at(int area, int page)
{
	return (uint64_t *)((area == HEAP ? heap_start : area_start[area]) + page * PAGE);
}

/* ---- contents ---- */

static uint64_t word_of(uint32_t tag, int n)
{
	uint64_t x = (uint64_t)tag * CHECKED_WORDS + n + 1;

	x *= 0x9e3779b97f4a7c15;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9;
	return x ^ x >> 32;
}

static void fill(volatile uint64_t *words, uint32_t tag)
{
	for (int n = 0; n < CHECKED_WORDS; n++)
		words[n * WORDS_APART] = word_of(tag, n);
}

void fill_base_page(uint64_t *words, int index)
{
	fill(words, BASE_TAG + index);
}

static uint64_t expected(const struct page_model *page, uint32_t tag, int n)
{
	if (tag)
		return word_of(tag, n);
	return page->source == BASE_FILE ? word_of(BASE_TAG + page->index, n) : 0;
}

static int has_own_word(const struct page_model *page)
{
	return page->source >= SHARED_FILE && !page->tag && !page->next;
}

static void wrong(int area, int page, int word, uint64_t wanted, uint64_t found)
{
	static const char *const sources[] = {"nothing", "base file", "shared file",
					      "shared anonymous"};
	const struct page_model *m = &model[area][page];

	fail("area %d page %d at %p: word %d is %#lx, not %#lx; a %s mapping of page %d of %s, rights %d, tag %#x, next %#x",
	     area, page, (void *)page_at(area, page), word, found, wanted,
	     m->shared ? "shared" : "private", m->index, sources[m->source], m->rights, m->tag,
	     m->next);
}

void check_bytes(int area, int page, const uint64_t *words)
{
	const volatile uint64_t *word = words;
	const struct page_model *m = &model[area][page];
	uint64_t found;

	for (int n = 0; n < CHECKED_WORDS; n++) {
		found = word[n * WORDS_APART];
		if (found != expected(m, m->tag, n) && found != expected(m, m->next, n))
			wrong(area, page, n * WORDS_APART, expected(m, m->tag, n), found);
	}
	found = word[1 + my_id];
	if (has_own_word(m) && found != *ledger_of(m, my_id))
		wrong(area, page, 1 + my_id, *ledger_of(m, my_id), found);
}

void check_page(int area, int page)
{
	if (model[area][page].mapped && model[area][page].rights != PROT_NONE)
		check_bytes(area, page, page_at(area, page));
}

void check_area(int area)
{
	for (int page = 0; page < AREA_PAGES; page++)
		check_page(area, page);
}

/* ---- writing ---- */

static uint32_t new_tag(void)
{
	return 1 + below(BASE_TAG - 1);
}

/* The order in which a look from outside must find things, since a parent may end us at any moment. */
static void count_in_own_word(const struct page_model *m,
			      void (*store)(uint64_t *at, uint64_t value), uint64_t *at)
{
	uint64_t *place = ledger_of(m, my_id);
	volatile uint32_t *writing = &control->slots[my_id].writing;

	*writing = 1 + (m->source == SHARED_ANON) * OBJECT_PAGES + m->index;
	store(at, *place + 1);
	++*(volatile uint64_t *)place;
	*writing = 0;
}

static void store_word(uint64_t *at, uint64_t value)
{
	*(volatile uint64_t *)at = value;
}

static void store_word_by_kernel(uint64_t *at, uint64_t value)
{
	must(write(own_pipe[1], &value, sizeof(value)) == sizeof(value));
	must(read(own_pipe[0], at, sizeof(value)) == sizeof(value));
}

void write_page(int area, int page)
{
	struct page_model *m = &model[area][page];

	if (m->shared) {
		count_in_own_word(m, store_word, page_at(area, page) + 1 + my_id);
		return;
	}
	write_page_with(area, page, new_tag());
}

void write_page_with(int area, int page, uint32_t tag)
{
	struct page_model *m = &model[area][page];

	m->next = tag;
	fill(page_at(area, page), tag);
	m->tag = tag;
}

void write_page_by_kernel(int area, int page)
{
	static uint64_t words[PAGE / sizeof(uint64_t)];
	struct page_model *m = &model[area][page];
	uint32_t tag = new_tag();

	if (m->shared) {
		count_in_own_word(m, store_word_by_kernel, page_at(area, page) + 1 + my_id);
		return;
	}
	fill(words, tag);
	must(write(own_pipe[1], words, PAGE) == PAGE);
	must(read(own_pipe[0], page_at(area, page), PAGE) == PAGE);
	m->tag = m->next = tag;
}

/* ---- a new process ---- */

static void make_pipe(void)
{
	for (int i = 0; i < 2; i++)
		if (own_pipe[i] >= 0)
			close(own_pipe[i]);
	must(pipe2(own_pipe, O_CLOEXEC) == 0);
}

static void inherit_page(int area, int page)
{
	struct page_model *m = &model[area][page];
	uint32_t tag = m->next;

	if (m->at_fork == LEFT_OUT) {
		m->mapped = 0;
		return;
	}
	if (m->at_fork == WIPED)
		m->tag = m->next = 0;
	else if (m->tag != tag) {
		check_page(area, page);
		fill(page_at(area, page), tag);
		m->tag = tag;
	}
}

void inherit_model(void)
{
	make_pipe();
	for (int area = 0; area <= HEAP; area++)
		for (int page = 0; page < AREA_PAGES; page++)
			inherit_page(area, page);
}

void empty_model(void)
{
	memset(model, 0, sizeof(model));
	heap_start = (syscall(SYS_brk, 0) + PAGE - 1) & -PAGE;
	must(syscall(SYS_brk, heap_start) == (long)heap_start);
	make_pipe();
}
