/* rseq(2): what a thread registers, and what describes one of its critical sections. */
#pragma once

#define RSEQ_FLAG_UNREGISTER 1

#define RSEQ_CPU_ID_UNINITIALIZED (~0u)

struct rseq {
	unsigned int cpu_id_start; /* a CPU's number at any time: good as an index */
	unsigned int cpu_id;       /* the same, or RSEQ_CPU_ID_UNINITIALIZED */
	unsigned long rseq_cs; /* address of the struct rseq_cs of the section being run, or 0 */
	unsigned int flags;    /* none are left: must be 0 */
} __attribute__((aligned(32)));

struct rseq_cs {
	unsigned int version; /* 0 */
	unsigned int flags;   /* none are left: must be 0 */
	unsigned long start_ip;
	unsigned long post_commit_offset; /* from start_ip: the end, not part of the section */
	unsigned long abort_ip;           /* the four bytes before it are the signature */
} __attribute__((aligned(32)));

_Static_assert(sizeof(struct rseq) == 32, "struct rseq");
_Static_assert(sizeof(struct rseq_cs) == 32, "struct rseq_cs");
