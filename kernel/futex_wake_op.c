/*
 * FUTEX_WAKE_OP: changes one word atomically and wakes those who wait for another, and for the
 * changed one too if its old value compares as asked. What to do and how to compare is packed into
 * one number (futex(2)).
 */
#include <tine/err.h>
#include <tine/futex_internal.h>
#include <tine/uaccess.h>
#include <uapi/futex.h>

/* Replaces the word by what op makes of it and operand; *old is what it was. ENOSYS, EFAULT. */
static int change_word(u32 __user *word, unsigned int op, u32 operand, u32 *old)
{
	u32 new, seen;
	int error;

	if (op > FUTEX_OP_XOR)
		return -ENOSYS;
	if (op == FUTEX_OP_SET)
		return user_xchg_u32(word, operand, old);
	if (op == FUTEX_OP_ADD)
		return user_add_u32(word, operand, old);
	if (get_user(seen, word))
		return -EFAULT;
	do {
		*old = seen;
		new = op == FUTEX_OP_OR     ? seen | operand
		      : op == FUTEX_OP_ANDN ? seen & ~operand
					    : seen ^ operand;
		error = user_cmpxchg_u32(word, *old, new, &seen);
	} while (!error && seen != *old);
	return error;
}

/* 0 or 1, or ENOSYS. */
static int compare_word(unsigned int comparison, int old, int operand)
{
	switch (comparison) {
	case FUTEX_OP_CMP_EQ:
		return old == operand;
	case FUTEX_OP_CMP_NE:
		return old != operand;
	case FUTEX_OP_CMP_LT:
		return old < operand;
	case FUTEX_OP_CMP_LE:
		return old <= operand;
	case FUTEX_OP_CMP_GT:
		return old > operand;
	case FUTEX_OP_CMP_GE:
		return old >= operand;
	default:
		return -ENOSYS;
	}
}

/* Sign-extends the low twelve bits. */
static int twelve_bits(u32 n)
{
	return (int)(n << 20) >> 20;
}

/* Does what code asks for to the word; 1 if its comparison with the old value holds. EFAULT,
 * ENOSYS. */
static int futex_op(u32 __user *word, u32 code)
{
	unsigned int op = code >> 28 & 7, comparison = code >> 24 & 15;
	int operand = twelve_bits(code >> 12), error;
	u32 old;

	if (code >> 28 & FUTEX_OP_OPARG_SHIFT)
		operand = (int)(1u << (operand & 31));
	error = change_word(word, op, (u32)operand, &old);
	return error ? error : compare_word(comparison, (int)old, twelve_bits(code));
}

/*
 * The change may happen before the buckets are locked: who queues itself after it sees the new
 * value, who did before is found here.
 */
long futex_wake_op(struct futex *first, struct futex *second, int n1, int n2, u32 code)
{
	int result, woken, more = 0;

	result = find_futex(first, false);
	if (!result)
		result = find_futex(second, true);
	if (result)
		return result;
	result = futex_op(second->word, code);
	if (result < 0)
		return result;
	lock_two_buckets(first->bucket, second->bucket);
	woken = wake_locked(first->bucket, &first->key, n1, FUTEX_BITSET_MATCH_ANY);
	if (result > 0 && woken >= 0)
		more = wake_locked(second->bucket, &second->key, n2, FUTEX_BITSET_MATCH_ANY);
	unlock_two_buckets(first->bucket, second->bucket);
	return more < 0 ? more : woken + more;
}
