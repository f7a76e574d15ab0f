/*
 * Object caches: small objects of one size, cut from slabs.
 *
 *   cache ── cpu[0] ── free ─> object ─> object            each CPU's own stack of free objects: no lock
 *        ├── cpu[1] ── ...
 *        └── partial ─> slab ─> slab                        slabs with objects that no CPU has, under cache->lock
 *
 * A slab is a block of pages: a struct slab, then the objects. The first word of a free object
 * links it to the next. A CPU whose stack runs empty takes a batch from the partial slabs; one
 * whose stack is full gives half of it back, and a slab that gets all its objects back is freed
 * when the cache keeps another.
 *
 * A CPU's stack needs no lock because the kernel is not preempted and interrupt handlers neither
 * allocate nor free. Each CPU counts what it allocated less what it freed; only the sum over the
 * CPUs means something.
 *
 * Debug builds fill free objects with 0x6b and check on allocation that nobody wrote to them.
 */
#include <tine/fail.h>
#include <tine/list.h>
#include <tine/page.h>
#include <tine/printk.h>
#include <tine/slab.h>
#include <tine/spinlock.h>
#include <tine/string.h>

#define CPU_STACK_BYTES 8192 /* a CPU keeps at most about this much of a cache */

struct slab {
	struct list_head link; /* in cache->partial while it has free objects */
	struct page *page;
	void *free;
	unsigned int in_use; /* objects that are out: allocated, or in a CPU's stack */
};

struct cpu_stack {
	void *free;
	unsigned int n;
	long balance;
} __aligned(64);

struct kmem_cache {
	const char *name;
	unsigned int size;  /* of an object, rounded up to the alignment */
	unsigned int start; /* of the first object in a slab */
	unsigned int order, per_slab;
	unsigned int limit; /* of a CPU's stack */
	struct cpu_stack *cpu[MAX_CPUS];
	struct spinlock lock;
	struct list_head partial; /* lock */
	unsigned int empty_slabs; /* lock: slabs in partial with nothing in use */
	long balance;             /* lock: of what passed no CPU's stack */
	struct list_head link;    /* in caches */
};

static struct list_head caches = LIST_HEAD_INIT(caches); /* grows at boot only */
static struct kmem_cache cache_of_caches;
static struct kmem_cache cache_of_stacks; /* itself without CPU stacks */
static struct atomic slab_pages;

static const unsigned short kmalloc_sizes[] = {16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048};
static struct kmem_cache *kmalloc_caches[ARRAY_SIZE(kmalloc_sizes)];
static const char *const kmalloc_names[ARRAY_SIZE(kmalloc_sizes)] = {
	"kmalloc-16",  "kmalloc-32",  "kmalloc-64",  "kmalloc-96",   "kmalloc-128",
	"kmalloc-192", "kmalloc-256", "kmalloc-512", "kmalloc-1024", "kmalloc-2048"};

#ifdef CONFIG_DEBUG
#define POISON 0x6b

static void poison(const struct kmem_cache *cache, void *obj)
{
	memset((char *)obj + sizeof(void *), POISON, cache->size - sizeof(void *));
}

static void check_poison(const struct kmem_cache *cache, const void *obj)
{
	const u64 *word = obj;

	for (unsigned int i = 1; i < cache->size / sizeof(u64); i++)
		if (word[i] != POISON * 0x0101010101010101ul)
			panic("%s object %p written to after it was freed (+%u: %lx)", cache->name,
			      obj, i * 8, (unsigned long)word[i]);
}
#else
static inline void poison(const struct kmem_cache *cache, void *obj)
{
}

static inline void check_poison(const struct kmem_cache *cache, const void *obj)
{
}
#endif

static void *pop(void **head)
{
	void *obj = *head;

	*head = *(void **)obj;
	return obj;
}

static void push(void **head, void *obj)
{
	*(void **)obj = *head;
	*head = obj;
}

static void setup_cache(struct kmem_cache *cache, const char *name, size_t size, size_t align)
{
	align = MAX(align, 8ul);
	cache->name = name;
	cache->size = ALIGN_UP(MAX(size, 16ul), align);
	cache->start = ALIGN_UP(sizeof(struct slab), align);
	while ((PAGE_SIZE << cache->order) < cache->start + 8 * cache->size && cache->order < 3)
		cache->order++;
	cache->per_slab = ((PAGE_SIZE << cache->order) - cache->start) / cache->size;
	ASSERT(cache->per_slab > 0);
	cache->limit = MAX(8u, MIN(64u, CPU_STACK_BYTES / cache->size));
	spin_lock_init(&cache->lock, LOCK_CLASS_SLAB);
	list_init(&cache->partial);
	list_add_tail(&cache->link, &caches);
}

static struct slab *new_slab(struct kmem_cache *cache)
{
	struct page *page = alloc_pages(cache->order);
	struct slab *slab;
	char *obj;

	if (!page)
		return NULL;
	slab = page_address(page);
	*slab = (struct slab){.page = page};
	list_init(&slab->link);
	for (unsigned int i = 0; i < 1u << cache->order; i++) {
		page[i].kind = PAGE_SLAB;
		page[i].cache = cache;
		page[i].slab = slab;
	}
	atomic_add_return(&slab_pages, 1 << cache->order);
	obj = (char *)slab + cache->start + (cache->per_slab - 1) * cache->size;
	for (unsigned int i = 0; i < cache->per_slab; i++, obj -= cache->size) {
		poison(cache, obj);
		push(&slab->free, obj);
	}
	return slab;
}

static void free_slab(struct kmem_cache *cache, struct slab *slab)
{
	struct page *page = slab->page;

	list_del(&slab->link);
	for (unsigned int i = 0; i < 1u << cache->order; i++)
		page[i].kind = PAGE_KERNEL;
	atomic_add_return(&slab_pages, -(1 << cache->order));
	free_pages(page, cache->order);
}

/*
 * Moves objects of the partial slabs to stack until it has n or there are none. cache->lock held.
 */
static void take_batch(struct kmem_cache *cache, struct cpu_stack *stack, unsigned int n)
{
	struct slab *slab;

	while (stack->n < n && !list_empty(&cache->partial)) {
		slab = list_first_entry(&cache->partial, struct slab, link);
		if (slab->in_use++ == 0)
			cache->empty_slabs--;
		push(&stack->free, pop(&slab->free));
		stack->n++;
		if (!slab->free)
			list_del(&slab->link);
	}
}

/* Gives an object back to its slab. cache->lock held. */
static void return_object(struct kmem_cache *cache, void *obj)
{
	struct slab *slab = virt_to_page(obj)->slab;

	if (!slab->free)
		list_add(&slab->link, &cache->partial);
	push(&slab->free, obj);
	if (--slab->in_use > 0)
		return;
	if (cache->empty_slabs++ > 0) {
		cache->empty_slabs--;
		free_slab(cache, slab);
	}
}

static struct cpu_stack *cpu_stack(struct kmem_cache *cache)
{
	return cache->cpu[cpu_id()];
}

/* Adds an empty slab to the cache. */
static bool grow(struct kmem_cache *cache)
{
	struct slab *slab = new_slab(cache);

	if (!slab)
		return false;
	spin_lock(&cache->lock);
	list_add(&slab->link, &cache->partial);
	cache->empty_slabs++;
	spin_unlock(&cache->lock);
	return true;
}

static bool refill(struct kmem_cache *cache, struct cpu_stack *stack)
{
	do {
		spin_lock(&cache->lock);
		take_batch(cache, stack, DIV_ROUND_UP(cache->limit, 2));
		spin_unlock(&cache->lock);
	} while (!stack->n && grow(cache));
	return stack->n != 0;
}

/* An object straight from the slabs. */
static void *alloc_shared(struct kmem_cache *cache)
{
	struct cpu_stack one = {0};

	do {
		spin_lock(&cache->lock);
		take_batch(cache, &one, 1);
		cache->balance += one.n;
		spin_unlock(&cache->lock);
	} while (!one.n && grow(cache));
	return one.free;
}

static __noinline void free_shared(struct kmem_cache *cache, void *obj)
{
	spin_lock(&cache->lock);
	return_object(cache, obj);
	cache->balance--;
	spin_unlock(&cache->lock);
}

/* This CPU's first use of the cache: a stack for it. NULL: out of memory. */
static struct cpu_stack *make_cpu_stack(struct kmem_cache *cache)
{
	struct cpu_stack *stack = alloc_shared(&cache_of_stacks);

	if (stack) {
		memset(stack, 0, sizeof(*stack));
		cache->cpu[cpu_id()] = stack;
	}
	return stack;
}

static __noinline void flush(struct kmem_cache *cache, struct cpu_stack *stack, unsigned int keep)
{
	spin_lock(&cache->lock);
	while (stack->n > keep) {
		return_object(cache, pop(&stack->free));
		stack->n--;
	}
	spin_unlock(&cache->lock);
}

static inline void *take(struct kmem_cache *cache, struct cpu_stack *stack)
{
	void *obj = pop(&stack->free);

	stack->n--;
	stack->balance++;
	check_poison(cache, obj);
	return obj;
}

/* This CPU's stack has no objects yet, or no more. */
static __noinline void *alloc_slowly(struct kmem_cache *cache)
{
	struct cpu_stack *stack = cpu_stack(cache);

	if (!stack)
		stack = make_cpu_stack(cache);
	return stack && refill(cache, stack) ? take(cache, stack) : NULL;
}

void *kmem_cache_alloc(struct kmem_cache *cache)
{
	struct cpu_stack *stack = cpu_stack(cache);

	if (should_fail_alloc())
		return NULL;
	return likely(stack && stack->free) ? take(cache, stack) : alloc_slowly(cache);
}

void *kmem_cache_zalloc(struct kmem_cache *cache)
{
	void *obj = kmem_cache_alloc(cache);

	return obj ? memset(obj, 0, cache->size) : NULL;
}

void kmem_cache_free(struct kmem_cache *cache, void *obj)
{
	struct cpu_stack *stack;

	if (!obj)
		return;
	ASSERT(virt_to_page(obj)->kind == PAGE_SLAB && virt_to_page(obj)->cache == cache);
	stack = cpu_stack(cache);
	poison(cache, obj);
	if (unlikely(!stack)) {
		free_shared(cache, obj);
		return;
	}
	push(&stack->free, obj);
	stack->balance--;
	if (unlikely(++stack->n > cache->limit))
		flush(cache, stack, cache->limit / 2);
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
	struct kmem_cache *cache = kmem_cache_zalloc(&cache_of_caches);

	if (!cache)
		panic("no memory for the cache of %s", name);
	setup_cache(cache, name, size, align);
	return cache;
}

long kmem_cache_in_use(const struct kmem_cache *cache)
{
	long n = READ_ONCE(cache->balance);

	for (unsigned int i = 0; i < MAX_CPUS; i++)
		if (cache->cpu[i])
			n += READ_ONCE(cache->cpu[i]->balance);
	return n;
}

void kmem_cache_for_each(void (*visit)(const struct kmem_cache_info *info, void *arg), void *arg)
{
	struct kmem_cache *cache;

	list_for_each_entry(cache, &caches, link) {
		const struct kmem_cache_info info = {
			.name = cache->name,
			.in_use = kmem_cache_in_use(cache),
			.size = cache->size,
			.per_slab = cache->per_slab,
			.order = cache->order,
		};

		if (cache != &cache_of_stacks) /* made as CPUs come to use the others */
			visit(&info, arg);
	}
}

static unsigned long shrink(struct kmem_cache *cache)
{
	struct slab *slab, *next;
	unsigned long freed = 0;

	if (cpu_stack(cache))
		flush(cache, cpu_stack(cache), 0);
	spin_lock(&cache->lock);
	list_for_each_entry_safe(slab, next, &cache->partial, link) {
		if (slab->in_use)
			continue;
		cache->empty_slabs--;
		free_slab(cache, slab);
		freed += 1ul << cache->order;
	}
	spin_unlock(&cache->lock);
	return freed;
}

unsigned long kmem_cache_shrink_all(void)
{
	struct kmem_cache *cache;
	unsigned long freed = 0;

	list_for_each_entry(cache, &caches, link)
		freed += shrink(cache);
	return freed;
}

unsigned long slab_page_count(void)
{
	return atomic_read(&slab_pages);
}

static struct kmem_cache *kmalloc_cache(size_t size)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(kmalloc_sizes); i++)
		if (size <= kmalloc_sizes[i])
			return kmalloc_caches[i];
	return NULL;
}

static unsigned int order_of(size_t size)
{
	unsigned int order = 0;

	while ((PAGE_SIZE << order) < size)
		order++;
	return order;
}

void *kmalloc(size_t size)
{
	struct kmem_cache *cache = kmalloc_cache(size);
	struct page *page;

	if (cache)
		return kmem_cache_alloc(cache);
	if (size > PAGE_SIZE << MAX_ORDER)
		return NULL;
	page = alloc_pages(order_of(size));
	return page ? page_address(page) : NULL;
}

void *kzalloc(size_t size)
{
	void *ptr = kmalloc(size);

	return ptr ? memset(ptr, 0, size) : NULL;
}

void *kcalloc(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return kzalloc(bytes);
}

void kfree(void *ptr)
{
	struct page *page;

	if (!ptr)
		return;
	page = virt_to_page(ptr);
	if (page->kind == PAGE_SLAB)
		kmem_cache_free(page->cache, ptr);
	else
		free_pages(page, page->order);
}

char *kstrdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = kmalloc(n);

	return copy ? memcpy(copy, s, n) : NULL;
}

void slab_init(void)
{
	static struct cpu_stack boot_stack;

	setup_cache(&cache_of_caches, "kmem_cache", sizeof(struct kmem_cache), 64);
	setup_cache(&cache_of_stacks, "cpu_stack", sizeof(struct cpu_stack), 64);
	cache_of_caches.cpu[cpu_id()] = &boot_stack;
	for (unsigned int i = 0; i < ARRAY_SIZE(kmalloc_sizes); i++)
		kmalloc_caches[i] = kmem_cache_create(kmalloc_names[i], kmalloc_sizes[i], 0);
}
