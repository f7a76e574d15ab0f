/* Object caches for unit tests: malloc, so that the sanitizer sees every mistake, with counts and
 * failures on demand. */
#ifndef UNIT_OBJECTS_H
#define UNIT_OBJECTS_H

#include <stdlib.h>

#include <tine/slab.h>

#include "failing.h"

struct kmem_cache {
	size_t size;
};

static long objects_in_use;
static long objects_allocated; /* ever */

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
	struct kmem_cache *cache = malloc(sizeof(*cache));

	cache->size = size;
	return cache;
}

void *kmem_cache_alloc(struct kmem_cache *cache)
{
	if (allocation_fails())
		return NULL;
	objects_in_use++;
	objects_allocated++;
	return malloc(cache->size);
}

void *kmem_cache_zalloc(struct kmem_cache *cache)
{
	void *object = kmem_cache_alloc(cache);

	if (object)
		__builtin_memset(object, 0, cache->size);
	return object;
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	if (object)
		objects_in_use--;
	free(object);
}

#endif
