#ifndef STRESS_H
#define STRESS_H

/*
 * What the parts of forkstress share: the model of a process's memory (model.c), what is done to it
 * (actions.c), and the account of all processes (processes.c). user/stress/forkstress.c says what it is about.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE          4096ul
#define AREAS         12 /* where pages are mapped at random, and behind them the heap */
#define HEAP          AREAS
#define AREA_PAGES    32
#define OBJECT_PAGES  64
#define MOST_WORKERS  60 /* each has a word in a page of a shared object */
#define CHECKED_WORDS 8  /* of a page */
#define TID_WORD      61 /* where clone stores numbers; not checked afterwards */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- one page of the model ---- */

enum source {
	ZEROES,      /* anonymous */
	BASE_FILE,   /* a file that nobody writes to */
	SHARED_FILE, /* one that all map, also with MAP_SHARED */
	SHARED_ANON, /* memory from mmap(MAP_SHARED | MAP_ANONYMOUS), inherited */
};

enum at_fork { COPIED, LEFT_OUT, WIPED };

/*
 * A page that is mapped shows page `index` of its source. If the mapping is private and the process
 * has written to it, it shows what `tag` stands for. A thread writes in the order next, page, tag:
 * who forks meanwhile has a child that must find some of the page old and the rest new.
 */
struct page_model {
	unsigned char mapped, shared, source, rights, at_fork;
	unsigned short index;
	volatile uint32_t tag, next; /* 0: not written to */
};

extern struct page_model model[AREAS + 1][AREA_PAGES];

uint64_t *page_at(int area, int page);
/* The page shows what the model says; ends the process and the whole run if not. */
void check_page(int area, int page);
/* The same of a copy of the page. */
void check_bytes(int area, int page, const uint64_t *words);
void check_area(int area);
/* Writes to a page that may be written to, by itself or (through a pipe) by the kernel. */
void write_page(int area, int page);
void write_page_with(int area, int page, uint32_t tag); /* of a private mapping */
void write_page_by_kernel(int area, int page);
/* A child's model, right after fork: what the parent's other threads were doing is completed. */
void inherit_model(void);
/* The model and the memory of a process that has just executed this program. */
void empty_model(void);
/* What page `index` of the base file holds. */
void fill_base_page(uint64_t *words, int index);

/* ---- processes ---- */

enum slot_state { FREE, TAKEN, UNSETTLED };

/* A process, and its words in shared pages. The number in the table is its id. */
struct slot {
	int state; /* atomic */
	pid_t pid, parent;
	int killed;       /* its parent has sent SIGKILL */
	uint32_t writing; /* 1 + the place in the ledger that is about to grow by one; 0: none */
};

/* In a file that all have mapped. */
struct control {
	uint64_t seed;
	int processes, stop, failed;
	long actions, births, deaths, kills, execs, checks; /* atomic */
	int check_round, check_done;                        /* futexes */
	struct slot slots[MOST_WORKERS];
	/* What each worker's words in the pages of the shared objects are. */
	uint64_t ledger[2][OBJECT_PAGES][MOST_WORKERS];
};

extern struct control *control;
extern int my_id;
/* All of the shared anonymous memory, where nothing is unmapped; only the controller uses it. */
extern uint64_t *shared_anon;

enum { CONTROL_FD = 200, BASE_FD, SHARED_FD };

/* Starts a worker from this process's memory. False: there are enough. tids: NULL, or where clone is to store
 * the child's number: in the first in the parent's memory, in the second in the child's. */
int start_worker(uint64_t seed, int *tids);
/* Waits for a child; with WNOHANG in options perhaps for none. Its end must have been a good one. */
pid_t reap(int options);
/* The slot is free, or to be settled first. */
void give_back(struct slot *slot);
/* actions.c: acts at random until its time has come. */
_Noreturn void work(void);
/* What the program that a vfork child executes leaves with. */
#define HELPER_STATUS 42

uint64_t any(void);
/* A number below n. */
unsigned below(unsigned n);
void seed_random(uint64_t seed);
long long now(void);

/* Says what is wrong, on one line, and ends the run. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define must(condition) ((condition) ? (void)0 : fail("%s:%d: %s", __FILE__, __LINE__, #condition))

/* What is above one page's place in the ledger. */
static inline uint64_t *ledger_of(const struct page_model *page, int id)
{
	return &control->ledger[page->source == SHARED_ANON][page->index][id];
}

#endif
