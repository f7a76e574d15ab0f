/*
 * Physical pages: one struct page for each, a buddy allocator, and a reference count
 * (mm/page_alloc.c). Allocation may be done from any context but interrupts.
 */
#pragma once

#include <tine/arch.h>
#include <tine/atomic.h>
#include <tine/list.h>
#include <tine/printk.h>
#include <tine/types.h>

#define MAX_ORDER 10 /* largest block: 2^10 pages, 4 MiB */

enum page_kind {
	PAGE_RESERVED, /* not managed: firmware, kernel image, the zero page */
	PAGE_FREE,     /* in the buddy lists or a CPU's cache */
	PAGE_DATA,     /* user memory or file contents; count = references */
	PAGE_TABLE,    /* page-table node; count = entries that point to it */
	PAGE_SLAB,     /* objects of a cache */
	PAGE_KERNEL,   /* anything else the kernel allocated */
};

/* Whose a PAGE_DATA page is. */
enum page_owner {
	PAGE_ANON,  /* the processes' that map it */
	PAGE_SHMEM, /* also counted by the file in memory that it is part of (tmpfs) */
	PAGE_OWNERS,
};

struct page {
	struct atomic count;
	u8 kind;  /* enum page_kind */
	u8 order; /* of a free or allocated block, in its first page */
	u8 level; /* PAGE_TABLE: 1 to 4 */
	union {
		u8 owner;   /* PAGE_DATA: enum page_owner */
		u8 columns; /* PAGE_TABLE: bit n clear: no entry 8m+n is in use, whatever m */
	};
	union {
		struct list_head list; /* PAGE_FREE */
		struct {
			u64 groups; /* PAGE_TABLE: bit n: some of entries 8n to 8n+7 is in use */
			struct page *next; /* PAGE_TABLE: in the cache of zeroed nodes */
		};
		struct { /* PAGE_SLAB: see mm/slab.c */
			struct kmem_cache *cache;
			struct slab *slab;
		};
	};
	u64 private; /* PAGE_DATA: the owner's */
};

_Static_assert(sizeof(struct page) == 32, "struct page is 32 bytes");

struct boot_info;
struct kmem_cache;
struct slab;
extern struct page *page_array; /* indexed by page frame number */
extern u64 page_count;          /* entries in it */

/* An index into page_array and an address differ by this factor, which saves a shift each way. */
#define BYTES_PER_STRUCT (PAGE_SIZE / sizeof(struct page))

static inline struct page *phys_to_page(u64 phys)
{
	return (struct page *)((u8 *)page_array + ALIGN_DOWN(phys, PAGE_SIZE) / BYTES_PER_STRUCT);
}

static inline u64 page_to_phys(const struct page *page)
{
	return (u64)((const u8 *)page - (const u8 *)page_array) * BYTES_PER_STRUCT;
}

static inline void *page_address(const struct page *page)
{
	return phys_to_virt(page_to_phys(page));
}

/* Of an address that page_address() led to. */
static inline struct page *virt_to_page(const void *virt)
{
	return phys_to_page((const u8 *)virt - (const u8 *)phys_to_virt(0));
}

/*
 * Builds page_array and hands every usable page to the allocator. Called once, before anything
 * allocates.
 */
void page_alloc_init(const struct boot_info *info);

/*
 * 2^order pages, contents undefined, count 1, kind PAGE_KERNEL; NULL if there is no such block. May
 * not sleep.
 */
struct page *alloc_pages(unsigned int order);
/* Gives back a whole block whose count nobody else holds. */
void free_pages(struct page *page, unsigned int order);

/* One page with count 1 and kind PAGE_DATA; contents undefined, or zero. NULL: out of memory. */
struct page *alloc_data_page(void);
struct page *alloc_zeroed_data_page(void);

static inline void get_page(struct page *page)
{
	atomic_inc(&page->count);
}

void free_data_page(struct page *page);

/* Drops a reference on a data page; the last one frees it. */
static inline void put_page(struct page *page)
{
	ASSERT(page->kind == PAGE_DATA);
	if (atomic_dec_and_test(&page->count))
		free_data_page(page);
}

/* The page that reads of untouched anonymous memory see. Never counted: PTE_UNCOUNTED. */
extern struct page *zero_page;

/* Pages that alloc_pages could hand out now, and all it ever had. */
u64 free_page_count(void);
u64 total_page_count(void);
/*
 * User memory would be refused now. False after a failed allocation: what it lacked has been freed
 * meanwhile.
 */
bool memory_is_short(void);
/*
 * Pages that are free or only cached: in slabs (whose objects are counted one by one), as zeroed
 * page-table nodes, and the tables that map kernel stacks, which stay for the next ones
 * (mm/accounting.c). When nobody uses memory, the same number comes back whatever happened in
 * between.
 */
u64 unowned_page_count(void);
/*
 * How many pages the tables of the kernel's half have taken since boot; they are never given back.
 * arch.
 */
unsigned long kernel_table_pages(void);
/* Pages in use: of processes' memory that is no file's; of page tables. Walks all pages; sleeps. */
struct page_census {
	u64 anonymous, tables;
};
struct page_census page_census(void);
/*
 * Empties this and other caches of free pages into the buddy lists (before declaring that memory is
 * out).
 */
void drain_page_caches(void);

/*
 * Hands memory that was reserved at boot (the initial archive) to the allocator; partial pages at
 * the ends stay out.
 */
void free_reserved_range(u64 start, u64 end);

/*
 * The page of such memory at an address, NULL if it is not reserved; and making it a data page, count
 * 1, with the bytes that are in it, which free_reserved_range then leaves alone.
 */
struct page *reserved_page(const void *at);
void adopt_reserved_page(struct page *page);

void clear_page(void *page);                /* arch/x86_64 */
void copy_page(void *dst, const void *src); /* arch/x86_64 */
