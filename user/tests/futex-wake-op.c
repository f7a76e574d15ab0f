/*
 * FUTEX_WAKE_OP: each operation with each comparison, its operands, and whom it wakes at two words.
 */
#include "futex_waiters.h"

#define CODE(op, operand, comparison, compared)                                                 \
	((int)((unsigned)(op) << 28 | (unsigned)(comparison) << 24 | ((operand)&0xfffu) << 12 | \
	       ((compared)&0xfffu)))

static volatile int first, second;

static long wake_op(int code)
{
	return futex(&first, FUTEX_WAKE_OP, 1, (void *)1, &second, code);
}

/* ---- what it stores ---- */

static const unsigned values[] = {0,          1,          2,          100,        0x7ff,
				  0x800,      0xfff,      0x7fffffff, 0x80000000, 0xfffff800,
				  0xfffff7ff, 0xffffffff, 0x55555555};
static const int operands[] = {0, 1, 2, 31, 32, 0x7ff, 0x800, 0xfff, 0xaaa};

/* Twelve bits with a sign; or, with OPARG_SHIFT, the lowest five say which bit. */
static unsigned operand_of(int bits, int shift)
{
	return shift ? 1u << (bits & 31) : (unsigned)(bits & 0x800 ? bits - 0x1000 : bits);
}

static unsigned result_of(int op, unsigned old, unsigned operand)
{
	switch (op) {
	case FUTEX_OP_SET:
		return operand;
	case FUTEX_OP_ADD:
		return old + operand;
	case FUTEX_OP_OR:
		return old | operand;
	case FUTEX_OP_ANDN:
		return old & ~operand;
	default:
		return old ^ operand;
	}
}

static void stores(int op, int shift)
{
	for (size_t v = 0; v < TAP_COUNT(values); v++)
		for (size_t i = 0; i < TAP_COUNT(operands); i++) {
			second = (int)values[v];
			check_eq(wake_op(CODE(op | shift, operands[i], FUTEX_OP_CMP_EQ, 0)), 0);
			check_eq((unsigned)second,
				 result_of(op, values[v], operand_of(operands[i], shift)));
		}
}

static void operations_store(void)
{
	for (int op = FUTEX_OP_SET; op <= FUTEX_OP_XOR; op++)
		stores(op, 0);
}

static void operations_store_bits(void)
{
	for (int op = FUTEX_OP_SET; op <= FUTEX_OP_XOR; op++)
		stores(op, FUTEX_OP_OPARG_SHIFT);
}

/* ---- what it compares ---- */

static int holds(int comparison, int old, int compared)
{
	switch (comparison) {
	case FUTEX_OP_CMP_EQ:
		return old == compared;
	case FUTEX_OP_CMP_NE:
		return old != compared;
	case FUTEX_OP_CMP_LT:
		return old < compared;
	case FUTEX_OP_CMP_LE:
		return old <= compared;
	case FUTEX_OP_CMP_GT:
		return old > compared;
	default:
		return old >= compared;
	}
}

/*
 * Both words are one, with one waiter: it is found at the first, unless nobody is to be woken there,
 * and then at the second only if the comparison holds.
 */
static int wakes_at_second(int comparison, int old, int compared)
{
	set(&shared->word[0], old);
	return (int)futex(&shared->word[1], FUTEX_WAKE_OP, 1, (void *)1, &shared->word[0],
			  CODE(FUTEX_OP_OR, 0, comparison, compared));
}

static void comparisons_decide(void)
{
	static const int olds[] = {-2049, -2048, -1, 0, 1, 2047, 2048, 0x7fffffff, -0x7fffffff - 1};
	static const int compareds[] = {0, 1, -1, 2047, -2048};
	int waiting = 0;

	make_shared();
	for (int c = FUTEX_OP_CMP_EQ; c <= FUTEX_OP_CMP_GE; c++)
		for (size_t o = 0; o < TAP_COUNT(olds); o++)
			for (size_t i = 0; i < TAP_COUNT(compareds); i++) {
				int expected = holds(c, olds[o], compareds[i]);

				if (!waiting)
					start_waiter_for(&shared->word[0], FUTEX_WAIT,
							 get(&shared->word[0]), 0);
				check_eq(wakes_at_second(c, olds[o], compareds[i]), expected);
				waiting = !expected;
				if (expected)
					reap(1);
			}
	check_eq(futex(&shared->word[0], FUTEX_WAKE, 2, NULL, NULL, 0), waiting);
	reap(waiting);
}

/* ---- whom it wakes ---- */

static void counts_are_each_words_own(void)
{
	volatile int *a, *b;

	make_shared();
	a = &shared->word[0];
	b = &shared->word[1];
	start_waiters(4, a, FUTEX_WAIT, 0);
	start_waiters(4, b, FUTEX_WAIT, 0);
	check_eq(futex(a, FUTEX_WAKE_OP, 1, (void *)5, b,
		       CODE(FUTEX_OP_SET, 4, FUTEX_OP_CMP_GT, 0)),
		 1);
	check_eq(futex(a, FUTEX_WAKE_OP, 2, (void *)1, b,
		       CODE(FUTEX_OP_SET, 4, FUTEX_OP_CMP_EQ, 4)),
		 3);
	check_eq(futex(a, FUTEX_WAKE_OP, 9, (void *)9, b,
		       CODE(FUTEX_OP_SET, 0, FUTEX_OP_CMP_GE, 4)),
		 4);
	reap(8);
}

/* The first count is of the first word: the second finds who is left. */
static void both_words_are_one(void)
{
	volatile int *word;

	make_shared();
	word = &shared->word[0];
	start_waiters(5, word, FUTEX_WAIT, 0);
	check_eq(futex(word, FUTEX_WAKE_OP, 1, (void *)2, word,
		       CODE(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0)),
		 3);
	check_eq(get(word), 1);
	check_eq(futex(word, FUTEX_WAKE_OP, 1, (void *)2, word,
		       CODE(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0)),
		 1);
	check_eq(get(word), 2);
	check_eq(futex(word, FUTEX_WAKE, 9, NULL, NULL, 0), 1);
	reap(5);
}

/* A count of 0 wakes one all the same, as FUTEX_WAKE does; a bitset does not matter. */
static void odd_counts(void)
{
	volatile int *a, *b;

	make_shared();
	a = &shared->word[0];
	b = &shared->word[1];
	start_waiters(2, a, FUTEX_WAIT, 0);
	start_waiters(2, b, FUTEX_WAIT_BITSET, 2);
	check_eq(futex(a, FUTEX_WAKE_OP, 0, (void *)0, b,
		       CODE(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 0)),
		 2);
	check_eq(futex(a, FUTEX_WAKE_OP, -1, (void *)-1, b,
		       CODE(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 0)),
		 2);
	reap(4);
}

/* ---- refusals ---- */

static void unknown_codes(void)
{
	for (int op = FUTEX_OP_XOR + 1; op < FUTEX_OP_OPARG_SHIFT; op++) {
		second = 7;
		check_eq(wake_op(CODE(op, 1, FUTEX_OP_CMP_EQ, 0)), -ENOSYS);
		check_eq(wake_op(CODE(op | FUTEX_OP_OPARG_SHIFT, 1, FUTEX_OP_CMP_EQ, 0)), -ENOSYS);
		check_eq(second, 7);
	}
	for (int comparison = FUTEX_OP_CMP_GE + 1; comparison < 16; comparison++) {
		second = 7;
		check_eq(wake_op(CODE(FUTEX_OP_SET, comparison, comparison, 0)), -ENOSYS);
		check_eq(second, comparison); /* it has been stored by then */
	}
}

static void bad_words(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile int *readable = (int *)page, *misaligned = (int *)(page + 4097);
	void *bad[] = {UNMAPPED_ADDRESS, KERNEL_ADDRESS};
	int code = CODE(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0);

	check(page != MAP_FAILED);
	*readable = 5;
	check_call(mprotect(page, 4096, PROT_READ));
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		second = 7;
		check_eq(futex(bad[i], FUTEX_WAKE_OP, 1, (void *)1, &second, code), -EFAULT);
		check_eq(second, 7);
		check_eq(futex(&first, FUTEX_WAKE_OP, 1, (void *)1, bad[i], code), -EFAULT);
	}
	check_eq(futex(misaligned, FUTEX_WAKE_OP, 1, (void *)1, &second, code), -EINVAL);
	check_eq(futex(&first, FUTEX_WAKE_OP, 1, (void *)1, misaligned, code), -EINVAL);
	check_eq(futex(bad[0], FUTEX_WAKE_OP, 1, (void *)1, misaligned, code), -EFAULT);
	check_eq(futex(&first, FUTEX_WAKE_OP, 1, (void *)1, readable, code), -EFAULT);
	check_eq(futex(&first, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, (void *)1, readable, code),
		 -EFAULT);
	check_eq(*readable, 5);
	check_eq(futex(readable, FUTEX_WAKE_OP, 1, (void *)1, &second, code), -EFAULT);
	check_eq(second, 7);
	check_eq(futex(readable, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, (void *)1, &second, code),
		 0);
	check_eq(second, 1);
	check_eq(futex(&first, FUTEX_WAKE_OP | FUTEX_CLOCK_REALTIME, 1, (void *)1, &second, code),
		 -ENOSYS);
}

/* ---- atomicity ---- */

#define ADDERS 3
#define ROUNDS 20000

static int add_often(void *unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		wake_op(CODE(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0));
		wake_op(CODE(FUTEX_OP_XOR | FUTEX_OP_OPARG_SHIFT, 30, FUTEX_OP_CMP_EQ, 0));
	}
	return 0;
}

/* Each exclusive-or is done an even number of times. */
static void changes_are_atomic(void)
{
	struct thread threads[ADDERS];

	for (int i = 0; i < ADDERS; i++)
		thread_start(&threads[i], add_often, NULL);
	for (int i = 0; i < ADDERS; i++)
		thread_join(&threads[i]);
	check_eq(second, ADDERS * ROUNDS);
}

static const struct test_case cases[] = {
	TEST(operations_store, "wake-op: each operation, by values and operands with a sign"),
	TEST(operations_store_bits, "wake-op: each operation with a bit's number"),
	TEST(comparisons_decide, "wake-op: each comparison, by the old value with its sign"),
	TEST(counts_are_each_words_own, "wake-op: each word has its own count"),
	TEST(both_words_are_one, "wake-op: both words may be one"),
	TEST(odd_counts, "wake-op: counts of zero and below wake one; bitsets do not matter"),
	TEST(unknown_codes, "wake-op: unknown operations and comparisons are ENOSYS"),
	TEST(bad_words, "wake-op: words that are bad, misaligned or cannot be written"),
	TEST(changes_are_atomic, "wake-op: three threads' changes of one word all count"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
