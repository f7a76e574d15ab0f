/* futex(2): operations, and the list of robust futexes that a thread holds. */
#pragma once

#define FUTEX_WAIT            0
#define FUTEX_WAKE            1
#define FUTEX_FD              2
#define FUTEX_REQUEUE         3
#define FUTEX_CMP_REQUEUE     4
#define FUTEX_WAKE_OP         5
#define FUTEX_LOCK_PI         6
#define FUTEX_UNLOCK_PI       7
#define FUTEX_TRYLOCK_PI      8
#define FUTEX_WAIT_BITSET     9
#define FUTEX_WAKE_BITSET     10
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_CMP_REQUEUE_PI  12
#define FUTEX_LOCK_PI2        13

#define FUTEX_PRIVATE_FLAG   128
#define FUTEX_CLOCK_REALTIME 256
#define FUTEX_CMD_MASK       (~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME))

#define FUTEX_BITSET_MATCH_ANY 0xffffffffu

#define FUTEX_OP_SET         0
#define FUTEX_OP_ADD         1
#define FUTEX_OP_OR          2
#define FUTEX_OP_ANDN        3
#define FUTEX_OP_XOR         4
#define FUTEX_OP_OPARG_SHIFT 8 /* the argument is a bit number */

#define FUTEX_OP_CMP_EQ 0
#define FUTEX_OP_CMP_NE 1
#define FUTEX_OP_CMP_LT 2
#define FUTEX_OP_CMP_LE 3
#define FUTEX_OP_CMP_GT 4
#define FUTEX_OP_CMP_GE 5

/* A robust futex: the number of the thread that holds it, and two flags. */
#define FUTEX_WAITERS    0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK   0x3fffffffu

/* Circular; ends at the head. Bit 0 of a pointer: the entry is a priority-inheritance futex. */
struct robust_list {
	struct robust_list *next;
};

struct robust_list_head {
	struct robust_list list;
	long futex_offset;                   /* from an entry to its futex */
	struct robust_list *list_op_pending; /* being taken or released, maybe not in the list */
};

_Static_assert(sizeof(struct robust_list_head) == 24, "set_robust_list asks for this size");

/* futex_waitv(2): one of the futexes to wait for. */
struct futex_waitv {
	unsigned long val;
	unsigned long uaddr;
	unsigned int flags; /* FUTEX_32, FUTEX_PRIVATE_FLAG */
	unsigned int reserved;
};

#define FUTEX_32        2 /* the word's size: the only one there is */
#define FUTEX_WAITV_MAX 128

_Static_assert(sizeof(struct futex_waitv) == 24, "the ABI's size");
