/*
 * Access to user memory (arch/x86_64/uaccess.S, user_string.c and fault.c). A bad pointer is never
 * a fault of the kernel: a fix-up table sends the fault to the error return. May sleep; no spinlock
 * and no mm lock may be held. Writes to a copy-on-write page break it as the user's own write
 * would.
 */
#pragma once

#include <tine/arch.h>
#include <tine/err.h>
#include <tine/types.h>

/* Return how many bytes could NOT be copied: 0 is success. */
size_t copy_from_user(void *dst, const void __user *src, size_t n) __must_check;
size_t copy_to_user(void __user *dst, const void *src, size_t n) __must_check;
size_t clear_user(void __user *dst, size_t n) __must_check;

/*
 * A structure that grows from version to version, known here as size bytes, there as user_size: a
 * shorter one reads as zero behind its end, a longer one must be zero there. EFAULT, E2BIG.
 */
int copy_struct_from_user(void *dst, size_t size, const void __user *src,
			  size_t user_size) __must_check;

/*
 * Copies up to size bytes until a NUL is copied; returns the string's length without it, size if
 * there was none, or -EFAULT.
 */
long strncpy_from_user(char *dst, const char __user *src, size_t size) __must_check;
/* Length with the NUL, more than max if longer, 0 if it cannot be read. */
size_t strnlen_user(const char __user *src, size_t max) __must_check;

/* True if [ptr, ptr + n) lies below TASK_SIZE_MAX. */
static inline bool access_ok(const void __user *ptr, size_t n)
{
	unsigned long p = (unsigned long)ptr;

	return n <= TASK_SIZE_MAX && p <= TASK_SIZE_MAX - n;
}

/* A word by one instruction: nobody sees a part of it, and none is stored if it is cut off. EFAULT. */
int user_load_u32(void *to, const void __user *from) __must_check;
int user_load_u64(void *to, const void __user *from) __must_check;
int user_store_u32(void __user *to, const void *from) __must_check;
int user_store_u64(void __user *to, const void *from) __must_check;

/*
 * 0 or -EFAULT. x is an lvalue of ptr's element type (1, 2, 4 or 8 bytes, or a struct); one of 4 or 8
 * bytes is a word as above.
 */
#define get_user(x, ptr)                                                            \
	(sizeof(*(ptr)) == 4                           ? user_load_u32(&(x), (ptr)) \
	 : sizeof(*(ptr)) == 8                         ? user_load_u64(&(x), (ptr)) \
	 : copy_from_user(&(x), (ptr), sizeof(*(ptr))) ? -EFAULT                    \
						       : 0)
#define put_user(x, ptr)                                                                   \
	({                                                                                 \
		__typeof__(*(ptr)) put_user_value_ = (x);                                  \
		sizeof(put_user_value_) == 4   ? user_store_u32((ptr), &put_user_value_)   \
		: sizeof(put_user_value_) == 8 ? user_store_u64((ptr), &put_user_value_)   \
		: copy_to_user((ptr), &put_user_value_, sizeof(put_user_value_)) ? -EFAULT \
										 : 0;      \
	})

/*
 * Atomic operations on a user word, for futexes: 0 and *old set, or -EFAULT. The word is aligned.
 */
int user_cmpxchg_u32(u32 __user *ptr, u32 expected, u32 new, u32 *old) __must_check;
int user_xchg_u32(u32 __user *ptr, u32 new, u32 *old) __must_check;
int user_add_u32(u32 __user *ptr, u32 n, u32 *old) __must_check;
