/*
 * The page allocator: which physical pages are free.
 *
 * Free memory is kept as blocks of 2^order pages, aligned to their size, in one list for each
 * order. A block that is too large is split in halves; a freed block merges with its buddy (the
 * other half of the block twice its size) as often as the buddy is free as a whole.
 *
 *   order 2   [ 0 1 2 3 ]                    alloc_pages(0):  [ 0 ] taken, [ 1 ] -> order 0, [ 2 3 ] -> order 1
 *
 * In front of the lists each CPU has a small stack of single pages, since nearly all requests are
 * for one page: it is used without a lock (the kernel is not preempted, and interrupt handlers do
 * not allocate), and filled and emptied in batches under page_lock.
 *
 * User memory (alloc_data_page) is refused while fewer than data_reserve pages are free, so that
 * the kernel can still allocate what it needs to report that, and to kill.
 *
 * page_array and the blocks' struct page fields kind, order and list are guarded by page_lock while
 * a page is free, and belong to the page's owner while it is allocated.
 */
#include <tine/boot_info.h>
#include <tine/fail.h>
#include <tine/page.h>
#include <tine/printk.h>
#include <tine/spinlock.h>
#include <tine/string.h>

#define CPU_CACHE_SIZE  64
#define CPU_CACHE_BATCH 32

struct cpu_cache {
	unsigned int n;
	struct page *pages[CPU_CACHE_SIZE];
} __aligned(64);

struct page *page_array;
u64 page_count;
struct page *zero_page;

static struct spinlock page_lock = SPINLOCK_INIT(LOCK_CLASS_PAGE_ALLOC);
static struct list_head free_lists[MAX_ORDER + 1]; /* page_lock */
static u64 free_count;                             /* page_lock: pages in free_lists */
static u64 total_count; /* page_lock: grows when reserved pages come into use */
static u64 data_reserve;
static struct cpu_cache cpu_caches[MAX_CPUS];

static void insert_free(struct page *page, unsigned int order)
{
	page->kind = PAGE_FREE;
	page->order = order;
	list_add(&page->list, &free_lists[order]);
	free_count += 1ul << order;
}

static void remove_free(struct page *page)
{
	list_del(&page->list);
	page->kind = PAGE_KERNEL;
	free_count -= 1ul << page->order;
}

/* The buddy of a block if it is free as a whole, else NULL. */
static struct page *free_buddy(struct page *page, unsigned int order)
{
	u64 pfn = (u64)(page - page_array) ^ (1ul << order);

	if (order == MAX_ORDER || pfn >= page_count)
		return NULL;
	page = &page_array[pfn];
	return page->kind == PAGE_FREE && page->order == order ? page : NULL;
}

static void free_block_locked(struct page *page, unsigned int order)
{
	struct page *buddy;

	while ((buddy = free_buddy(page, order)) != NULL) {
		remove_free(buddy);
		page = MIN(page, buddy);
		order++;
	}
	insert_free(page, order);
}

static struct page *alloc_block_locked(unsigned int order)
{
	unsigned int have = order;
	struct page *page;

	while (have <= MAX_ORDER && list_empty(&free_lists[have]))
		have++;
	if (have > MAX_ORDER)
		return NULL;
	page = list_first_entry(&free_lists[have], struct page, list);
	remove_free(page);
	while (have > order) {
		have--;
		insert_free(page + (1ul << have), have);
	}
	page->order = order;
	return page;
}

/*
 * A block of at most max single pages, added to the cache: the smallest that is free, or else a part
 * of a larger one. False: no page is free.
 */
static bool take_block(struct cpu_cache *cache, unsigned int max)
{
	unsigned int order = 0;
	struct page *page;

	while (2u << order <= max && list_empty(&free_lists[order]))
		order++;
	page = alloc_block_locked(order);
	for (unsigned int i = 0; page && i < 1u << order; i++) {
		page[i].kind = PAGE_KERNEL;
		cache->pages[cache->n++] = &page[i];
	}
	return page;
}

/* Moves up to a batch of pages into the empty cache, leaving reserve pages in the lists. */
static __noinline void refill(struct cpu_cache *cache, u64 reserve)
{
	spin_lock(&page_lock);
	while (cache->n < CPU_CACHE_BATCH && free_count > reserve)
		if (!take_block(cache, MIN(CPU_CACHE_BATCH - cache->n, free_count - reserve)))
			break;
	spin_unlock(&page_lock);
}

static __noinline void flush_cache(struct cpu_cache *cache, unsigned int keep)
{
	spin_lock(&page_lock);
	while (cache->n > keep)
		free_block_locked(cache->pages[--cache->n], 0);
	spin_unlock(&page_lock);
}

static struct page *alloc_one(u64 reserve)
{
	struct cpu_cache *cache = &cpu_caches[cpu_id()];

	if (should_fail_alloc())
		return NULL;
	if (unlikely(cache->n == 0)) {
		refill(cache, reserve);
		if (cache->n == 0)
			return NULL;
	}
	return cache->pages[--cache->n];
}

static void free_one(struct page *page)
{
	struct cpu_cache *cache = &cpu_caches[cpu_id()];

	page->kind = PAGE_KERNEL;
	cache->pages[cache->n++] = page;
	if (unlikely(cache->n == CPU_CACHE_SIZE))
		flush_cache(cache, CPU_CACHE_SIZE - CPU_CACHE_BATCH);
}

struct page *alloc_pages(unsigned int order)
{
	struct page *page;

	ASSERT(order <= MAX_ORDER);
	if (order == 0) {
		page = alloc_one(0);
	} else {
		if (should_fail_alloc())
			return NULL;
		page = SPIN_LOCKED(&page_lock, alloc_block_locked(order));
	}
	if (!page)
		return NULL;
	page->kind = PAGE_KERNEL;
	page->order = order;
	atomic_set(&page->count, 1);
	return page;
}

void free_pages(struct page *page, unsigned int order)
{
	ASSERT(page->kind != PAGE_FREE && page->kind != PAGE_RESERVED && page->order == order);
	if (order == 0) {
		free_one(page);
		return;
	}
	spin_lock(&page_lock);
	free_block_locked(page, order);
	spin_unlock(&page_lock);
}

static void init_data_page(struct page *page)
{
	page->kind = PAGE_DATA;
	page->order = 0;
	page->owner = PAGE_ANON;
	page->private = 0;
	atomic_set(&page->count, 1);
}

struct page *alloc_data_page(void)
{
	struct page *page = alloc_one(data_reserve);

	if (!page)
		return NULL;
	init_data_page(page);
	return page;
}

struct page *alloc_zeroed_data_page(void)
{
	struct page *page = alloc_data_page();

	if (page)
		clear_page(page_address(page));
	return page;
}

void free_data_page(struct page *page)
{
	free_one(page);
}

u64 free_page_count(void)
{
	u64 n = READ_ONCE(free_count);

	for (unsigned int i = 0; i < MAX_CPUS; i++)
		n += READ_ONCE(cpu_caches[i].n);
	return n;
}

bool memory_is_short(void)
{
	return READ_ONCE(free_count) <= data_reserve;
}

u64 total_page_count(void)
{
	return total_count;
}

void drain_page_caches(void)
{
	flush_cache(&cpu_caches[cpu_id()], 0);
}

/* Gives [pfn, end) to the lists in the largest aligned blocks that fit. */
static void add_pages(u64 pfn, u64 end)
{
	unsigned int order;

	total_count += pfn < end ? end - pfn : 0;
	while (pfn < end) {
		order = pfn ? MIN((unsigned int)__builtin_ctzl(pfn), MAX_ORDER) : MAX_ORDER;
		while (pfn + (1ul << order) > end)
			order--;
		free_block_locked(&page_array[pfn], order);
		pfn += 1ul << order;
	}
}

struct page *reserved_page(const void *at)
{
	u64 pfn = virt_to_phys(at) >> PAGE_SHIFT;

	return pfn < page_count && page_array[pfn].kind == PAGE_RESERVED ? &page_array[pfn] : NULL;
}

void adopt_reserved_page(struct page *page)
{
	ASSERT(page->kind == PAGE_RESERVED);
	init_data_page(page);
	SPIN_LOCKED(&page_lock, total_count++);
}

void free_reserved_range(u64 start, u64 end)
{
	u64 first = DIV_ROUND_UP(start, PAGE_SIZE), next;

	end = MIN(end >> PAGE_SHIFT, page_count);
	spin_lock(&page_lock);
	for (; first < end; first = next + 1) {
		for (next = first; next < end && page_array[next].kind == PAGE_RESERVED;)
			next++;
		add_pages(first, next);
	}
	spin_unlock(&page_lock);
}

/*
 * The end of the range in use that covers address, or 0; *next is lowered to the start of the next
 * range in use.
 */
static u64 in_use_until(const struct boot_range *range, u64 address, u64 *next)
{
	u64 start = ALIGN_DOWN(range->start, PAGE_SIZE), end = ALIGN_UP(range->end, PAGE_SIZE);

	if (range->start == range->end || end <= address)
		return 0;
	if (start <= address)
		return end;
	*next = MIN(*next, start);
	return 0;
}

/*
 * Finds the first stretch at or above *start, below limit, that nothing uses; *start and the result
 * are its ends. Returns limit in both if there is none.
 */
static u64 next_free_stretch(const struct boot_info *info, u64 *start, u64 limit)
{
	u64 until, next;

again:
	next = limit;
	until = in_use_until(&info->kernel, *start, &next);
	if (!until)
		until = in_use_until(&info->initrd, *start, &next);
	for (unsigned int i = 0; !until && i < info->reserved_count; i++)
		until = in_use_until(&info->reserved[i], *start, &next);
	if (until && until < limit) {
		*start = until;
		goto again;
	}
	if (until)
		*start = limit;
	return until ? limit : next;
}

/*
 * Calls visit for each stretch of usable, unused memory (page-aligned physical addresses) until it
 * returns true.
 */
static bool for_each_free_stretch(const struct boot_info *info,
				  bool (*visit)(u64 start, u64 end, void *arg), void *arg)
{
	for (unsigned int i = 0; i < info->usable_count; i++) {
		u64 start = MAX(ALIGN_UP(info->usable[i].start, PAGE_SIZE), PAGE_SIZE);
		u64 limit = ALIGN_DOWN(info->usable[i].end, PAGE_SIZE);

		while (start < limit) {
			u64 end = next_free_stretch(info, &start, limit);

			if (start < end && visit(start, end, arg))
				return true;
			start = end;
		}
	}
	return false;
}

static u64 array_bytes, array_phys;

static bool place_array(u64 start, u64 end, void *arg)
{
	if (end - start < array_bytes)
		return false;
	array_phys = start;
	return true;
}

static bool add_stretch(u64 start, u64 end, void *arg)
{
	u64 array_end = array_phys + array_bytes;

	if (start <= array_phys && array_phys < end) {
		add_pages(start >> PAGE_SHIFT, array_phys >> PAGE_SHIFT);
		start = array_end;
	}
	add_pages(start >> PAGE_SHIFT, end >> PAGE_SHIFT);
	return false;
}

void page_alloc_init(const struct boot_info *info)
{
	for (unsigned int order = 0; order <= MAX_ORDER; order++)
		list_init(&free_lists[order]);
	for (unsigned int i = 0; i < info->usable_count; i++)
		page_count = MAX(page_count, info->usable[i].end >> PAGE_SHIFT);
	array_bytes = ALIGN_UP(page_count * sizeof(struct page), PAGE_SIZE);
	if (!for_each_free_stretch(info, place_array, NULL))
		panic("no room for the page array (%lu KiB)", (unsigned long)array_bytes >> 10);
	page_array = phys_to_virt(array_phys);
	memset(page_array, 0, array_bytes);
	for_each_free_stretch(info, add_stretch, NULL);
	data_reserve = MIN(total_count / 64, 512);

	zero_page = alloc_pages(0);
	if (!zero_page)
		panic("no memory at all");
	clear_page(page_address(zero_page));
	zero_page->kind = PAGE_RESERVED;
}
