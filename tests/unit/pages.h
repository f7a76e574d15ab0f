/*
 * Physical memory for unit tests: a small block of pages with the allocator's contract. Allocations
 * fail on demand (failing.h), freed pages are filled with rubbish, and the number in use is known.
 */
#ifndef UNIT_PAGES_H
#define UNIT_PAGES_H

#include <stdlib.h>
#include <string.h>

#include <tine/page.h>

#include "failing.h"
#include "tap.h"

#define HOST_PAGES 4096

struct page *page_array;
u64 page_count = HOST_PAGES;
struct page *zero_page;
char *host_memory;

static struct page *free_stack[HOST_PAGES];
static unsigned int free_stack_size;

static inline void pages_init(void)
{
	page_array = calloc(HOST_PAGES, sizeof(struct page));
	host_memory = aligned_alloc(PAGE_SIZE, HOST_PAGES * PAGE_SIZE);
	memset(host_memory, 0xdd, HOST_PAGES * PAGE_SIZE);
	for (unsigned int i = HOST_PAGES - 1; i > 0; i--)
		free_stack[free_stack_size++] = &page_array[i];
	zero_page = &page_array[0];
	zero_page->kind = PAGE_RESERVED;
	memset(page_address(zero_page), 0, PAGE_SIZE);
}

static inline unsigned int pages_used(void)
{
	return HOST_PAGES - 1 - free_stack_size;
}

struct page *alloc_pages(unsigned int order)
{
	struct page *page;

	CHECK(order == 0);
	if (allocation_fails())
		return NULL;
	CHECK(free_stack_size > 0);
	page = free_stack[--free_stack_size];
	page->kind = PAGE_KERNEL;
	page->count.value = 1;
	return page;
}

void free_pages(struct page *page, unsigned int order)
{
	CHECK(page->kind != PAGE_FREE && page != zero_page);
	page->kind = PAGE_FREE;
	page->count.value = 0;
	memset(page_address(page), 0xdd, PAGE_SIZE);
	free_stack[free_stack_size++] = page;
}

struct page *alloc_data_page(void)
{
	struct page *page = alloc_pages(0);

	if (page) {
		page->kind = PAGE_DATA;
		page->owner = PAGE_ANON;
	}
	return page;
}

struct page *alloc_zeroed_data_page(void)
{
	struct page *page = alloc_data_page();

	if (page)
		memset(page_address(page), 0, PAGE_SIZE);
	return page;
}

void free_data_page(struct page *page)
{
	CHECK(page->kind == PAGE_DATA && page->count.value == 0);
	free_pages(page, 0);
}

void clear_page(void *page)
{
	memset(page, 0, PAGE_SIZE);
}

void copy_page(void *dst, const void *src)
{
	memcpy(dst, src, PAGE_SIZE);
}

unsigned int nr_cpus = 1;

u64 total_page_count(void)
{
	return HOST_PAGES;
}

u64 free_page_count(void)
{
	return free_stack_size;
}

unsigned long kernel_table_pages(void)
{
	return 0;
}

u64 slab_page_count(void)
{
	return 0;
}

void arch_init_root_table(void *table)
{
}

#endif
