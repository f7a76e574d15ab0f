/*
 * Atomic integers and reference counts. All operations are sequentially consistent unless named
 * otherwise.
 */
#pragma once

#include <tine/types.h>

struct atomic {
	int value;
};

#define ATOMIC_INIT(v) ((struct atomic){(v)})

static inline int atomic_read(const struct atomic *a)
{
	return __atomic_load_n(&a->value, __ATOMIC_ACQUIRE);
}

static inline void atomic_set(struct atomic *a, int v)
{
	__atomic_store_n(&a->value, v, __ATOMIC_RELEASE);
}

static inline void atomic_inc(struct atomic *a)
{
	__atomic_fetch_add(&a->value, 1, __ATOMIC_SEQ_CST);
}

static inline void atomic_dec(struct atomic *a)
{
	__atomic_fetch_sub(&a->value, 1, __ATOMIC_SEQ_CST);
}

/* Returns the new value. */
static inline int atomic_add_return(struct atomic *a, int n)
{
	return __atomic_add_fetch(&a->value, n, __ATOMIC_SEQ_CST);
}

/* Subtracts one; true if the count is now zero. */
static inline bool atomic_dec_and_test(struct atomic *a)
{
	return __atomic_sub_fetch(&a->value, 1, __ATOMIC_SEQ_CST) == 0;
}

/* Subtracts one unless that would make zero; true if it was subtracted. */
static inline bool atomic_dec_unless_last(struct atomic *a)
{
	int old = __atomic_load_n(&a->value, __ATOMIC_RELAXED);

	while (old != 1)
		if (__atomic_compare_exchange_n(&a->value, &old, old - 1, false, __ATOMIC_SEQ_CST,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

/* Adds one unless the count is zero; true if it was added. */
static inline bool atomic_inc_not_zero(struct atomic *a)
{
	int old = __atomic_load_n(&a->value, __ATOMIC_RELAXED);

	while (old != 0)
		if (__atomic_compare_exchange_n(&a->value, &old, old + 1, false, __ATOMIC_SEQ_CST,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static inline void smp_mb(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
