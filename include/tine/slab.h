/*
 * Object caches (mm/slab.c): allocation of small objects of one type, with a free list for each CPU
 * in front. Not for use in interrupt handlers. Every cache counts its objects; /proc/tine/counters
 * shows the counts.
 */
#pragma once

#include <tine/types.h>

struct kmem_cache;

/*
 * Cannot fail: called at boot. Objects are size bytes, aligned to align (a power of two; 0: 8).
 * name must last for ever.
 */
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align);

/* Contents undefined / all zero. NULL: out of memory. */
void *kmem_cache_alloc(struct kmem_cache *cache) __must_check __attribute__((assume_aligned(8)));
void *kmem_cache_zalloc(struct kmem_cache *cache) __must_check;
/* obj may be NULL. */
void kmem_cache_free(struct kmem_cache *cache, void *obj);

/* Objects allocated and not freed, over all CPUs; exact when nobody is allocating. */
long kmem_cache_in_use(const struct kmem_cache *cache);
/* A cache as /proc/slabinfo shows it. */
struct kmem_cache_info {
	const char *name;
	long in_use;
	unsigned int size, per_slab,
		order; /* bytes of an object; objects, log2 of pages of a slab */
};
/* Calls visit(info, arg) for each cache. */
void kmem_cache_for_each(void (*visit)(const struct kmem_cache_info *info, void *arg), void *arg);
/* Gives completely free slabs back to the page allocator; returns how many pages. */
unsigned long kmem_cache_shrink_all(void);
/* Pages in slabs, whether their objects are in use or not. */
unsigned long slab_page_count(void);

/*
 * Memory by size: from caches up to 2 KiB, from whole pages (rounded up to a power of two) above,
 * up to 4 MiB.
 */
void *kmalloc(size_t size) __must_check;
void *kzalloc(size_t size) __must_check;
/* Whole array; NULL as well if n * size overflows. */
void *kcalloc(size_t n, size_t size) __must_check;
void kfree(void *ptr);
static inline void scoped_kfree(void *at)
{
	kfree(*(void **)at);
}
char *kstrdup(const char *s) __must_check;

void slab_init(void);
