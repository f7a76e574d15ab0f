// sources: kernel/clone_rules.c
/*
 * The rules of clone against the second statement of them (user/tests/clone_rules.h): every word of
 * clone's flags; and every one, two and three of clone3's flags with every two of the circumstances
 * that a call can be made in: exit signals, addresses, stacks, set_tid, TLS bases, callers, sizes.
 */
#include <stdio.h>
#include <string.h>
#include <tine/cred.h>
#include <tine/fork.h>

#include "../../user/tests/clone_rules.h"
#include "tap.h"

struct request {
	struct clone_call call;
	struct clone_who who;
	u64 capabilities; /* besides those that who has */
};

static const struct request plain = {
	.call = {.clone3 = true, .size = sizeof(struct clone_args)},
	.who = {.sys_admin = true, .checkpoint_restore = true, .pid_max = 32768},
};

/*
 * What Linux does. What it does for the asking and Tine has not is EINVAL, as the last rule: only
 * taking a number comes after that.
 */
static int expected(const struct request *r)
{
	int error = clone_refused(&r->call, &r->who);
	bool last = error == 0 || error == EEXIST;

	return last && asks_for_more(&r->call) ? EINVAL : error;
}

/* The stages of a call in the order of kernel/fork.c. */
static const struct clone_rule *broken_rule(const struct request *r)
{
	static int word, other;
	const pid_t set_tid[1] = {r->call.number};
	struct clone_args block = {
		.flags = r->call.flags,
		.exit_signal = r->call.exit_signal,
		.stack = r->call.stack,
		.stack_size = r->call.stack_size,
		.set_tid = r->call.set_tid,
		.set_tid_size = r->call.set_tid_size,
		.cgroup = r->call.cgroup,
	};
	struct clone3_block read = {.size = r->call.size, .bytes_unknown = r->call.bytes_beyond};
	const struct clone_caller caller = {
		.init_of_namespace = r->who.init,
		.capabilities = r->capabilities | (u64)r->who.sys_admin << CAP_SYS_ADMIN |
				(u64)r->who.checkpoint_restore << CAP_CHECKPOINT_RESTORE,
		.pid_max = r->who.pid_max,
	};
	struct kernel_clone_args args = {
		.flags = r->call.clone3 ? r->call.flags : (u32)r->call.flags & ~CSIGNAL,
		.exit_signal = r->call.exit_signal,
		.tls = r->call.tls,
		.pidfd = &word,
		.parent_tid = r->call.same_address ? &word : &other,
		.block = r->call.clone3 ? &read : NULL,
	};
	const struct clone_rule *rule = NULL;

	if (r->call.clone3) {
		memcpy(&read.args, &block, MIN(read.size, sizeof(block)));
		args.set_tid = set_tid;
		args.set_tid_size = read.args.set_tid_size;
	}
	for (int stage = r->call.clone3 ? CLONE_SIZE : CLONE_FLAGS; stage < CLONE_STAGES && !rule;
	     stage++)
		if (clone_concerns(stage, &args) && (stage != CLONE_SET_TID || args.set_tid_size))
			rule = clone_check(stage, &args, &caller);
	if (!rule && args.set_tid_size && r->call.number_taken)
		rule = &clone_number_taken;
	return rule;
}

static bool agree(const struct request *r)
{
	const struct clone_rule *rule = broken_rule(r);
	int error = rule ? rule->error : 0;

	if (error == expected(r))
		return true;
	printf("# %s, by %s%s%s: the table says %d (%s), Linux %d\n", clone_call_words(&r->call),
	       r->who.init ? "init " : "one ", r->who.sys_admin ? "with CAP_SYS_ADMIN " : "",
	       r->who.checkpoint_restore ? "with CAP_CHECKPOINT_RESTORE" : "", error,
	       rule ? rule->why : "it is done", expected(r));
	return false;
}

/* --- clone: every word --- */

static void check_words(struct request r, const char *text)
{
	r.call.clone3 = false;
	for (u64 high = 0; high < 1u << 24; high++) {
		r.call.flags = high << 8;
		CHECK(agree(&r));
	}
	tap_ok(text);
}

static void check_clone(void)
{
	struct request privileged = plain, same = plain, unprivileged = plain, init = plain;

	unprivileged.who.sys_admin = unprivileged.who.checkpoint_restore = false;
	same.call.same_address = true;
	init.who.init = true;
	check_words(privileged, "all words of flags, privileged");
	check_words(same, "all words of flags, pidfd and parent_tid at one address");
	check_words(unprivileged, "all words of flags, without privilege");
	check_words(init, "all words of flags, called by init");
}

/* --- clone3: each circumstance --- */

#define VALUE_OF(...) (((const u64[]){__VA_ARGS__})[value])

static void exit_signal(struct request *r, unsigned int value)
{
	r->call.exit_signal = VALUE_OF(0, 17, 1, 64, 65, 0xff, 0x100, 0x100000011);
}

static void address(struct request *r, unsigned int value)
{
	r->call.same_address = value;
}

static void stack(struct request *r, unsigned int value)
{
	const u64 top = USER_TOP;

	r->call.stack = VALUE_OF(0, 4096, 0, 4096, 4096, top, top - 4096, top - 4096, ~0ul);
	r->call.stack_size = VALUE_OF(0, 4096, 1, 0, ~0ul, 1, 4096, 4097, 4096);
}

static void set_tid(struct request *r, unsigned int value)
{
	r->call.set_tid = VALUE_OF(0, 8, 8, 0, 8, 8, 8, 8, 8, 8, 8, 8);
	r->call.set_tid_size = VALUE_OF(0, 1, 0, 1, 2, 32, 33, 1ul << 32 | 1, 1, 1, 1, 1);
	r->call.number = VALUE_OF(0, 9, 9, 9, 9, 9, 9, 9, 0, (u64)-1, 32767, 32768);
}

static void taken_number(struct request *r, unsigned int value)
{
	r->call.number_taken = value;
}

static void tls(struct request *r, unsigned int value)
{
	r->call.tls = VALUE_OF(0, USER_TOP - 1, USER_TOP, ~0ul);
}

static void caller(struct request *r, unsigned int value)
{
	r->who.init = value & 1;
	r->who.sys_admin = value >> 1 & 1;
	r->who.checkpoint_restore = value >> 2 & 1;
}

static void size(struct request *r, unsigned int value)
{
	r->call.size = VALUE_OF(88, 0, 63, 64, 72, 80, 87, 88, 89, 96, 96, 4096, 4096, 4097, ~0ul);
	r->call.bytes_beyond = VALUE_OF(0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0);
}

static void cgroup(struct request *r, unsigned int value)
{
	r->call.cgroup = VALUE_OF(0, 0x7fffffff, 0x80000000, ~0ul);
}

static const struct circumstance {
	void (*set)(struct request *r, unsigned int value);
	unsigned int values;
} circumstances[] = {
	{exit_signal, 8}, {address, 2}, {stack, 9}, {set_tid, 12}, {taken_number, 2},
	{tls, 4},         {caller, 8},  {size, 15}, {cgroup, 4},
};

/* Numbers of a pid namespace that is being made are none that Tine could have an opinion on. */
static bool is_stated(const struct clone_call *call)
{
	return !(has(call, BIT(NEWPID)) && call->set_tid_size);
}

/* The request with every two of the circumstances changed. */
static void check_circumstances(const struct request *r)
{
	const struct circumstance *end = circumstances + ARRAY_SIZE(circumstances);
	struct request changed;

	for (const struct circumstance *a = circumstances; a < end; a++)
		for (const struct circumstance *b = a + 1; b < end; b++)
			for (unsigned int i = 0; i < a->values * b->values; i++) {
				changed = *r;
				a->set(&changed, i % a->values);
				b->set(&changed, i / a->values);
				CHECK(!is_stated(&changed.call) || agree(&changed));
			}
}

/* Every flag there is, and some that there are not. */
static const unsigned char bits[] = {0,  3,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
				     16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
				     28, 29, 30, 31, 32, 33, 34, 35, 48, 63};

static void check_clone3(void)
{
	const unsigned int n = ARRAY_SIZE(bits);
	struct request r = plain;

	check_circumstances(&r);
	/* Each triple; with i == j it is a pair, and with all equal a flag alone. */
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = i; j < n; j++)
			for (unsigned int k = j; k < n; k++) {
				r.call.flags = 1ull << bits[i] | 1ull << bits[j] | 1ull << bits[k];
				check_circumstances(&r);
			}
	tap_ok("clone3: one, two and three flags in every two circumstances");
	for (unsigned int bit = 0; bit < 64; bit++) {
		r.call.flags = 1ull << bit;
		check_circumstances(&r);
	}
	tap_ok("clone3: each of the 64 bits in every two circumstances");
}

/* A thread, and everything that may go with one, is three flags and more. */
static void check_threads(void)
{
	struct request r = plain;

	for (u64 others = 0; others < 1u << 17; others++) {
		r.call.flags = (others << 17 | 0x10900) & 0x3ffffff00;
		CHECK(agree(&r));
		r.call.exit_signal = 17;
		CHECK(agree(&r));
		r.call.exit_signal = 0;
	}
	tap_ok("clone3: a thread with every set of the flags above CLONE_THREAD");
}

/* One capability alone, and all others: only two of them make a difference. */
static void check_capabilities(void)
{
	struct request r = plain;

	set_tid(&r, 1);
	for (int cap = 0; cap <= CAP_LAST; cap++)
		for (int all_but = 0; all_but < 2; all_but++) {
			r.capabilities = all_but ? CAP_FULL_SET & ~(1ull << cap) : 1ull << cap;
			r.who.sys_admin = r.capabilities >> CAP_SYS_ADMIN & 1;
			r.who.checkpoint_restore = r.capabilities >> CAP_CHECKPOINT_RESTORE & 1;
			for (u64 high = 0; high < 1u << 12; high++) {
				r.call.flags = high << 20;
				r.call.clone3 = high & 1;
				CHECK(!is_stated(&r.call) || agree(&r));
			}
		}
	tap_ok("each capability alone, and each lacking");
}

static void check_reasons(void)
{
	for (int stage = 0; stage < CLONE_STAGES; stage++)
		for (unsigned int i = 0; i < clone_rules[stage].count; i++) {
			const struct clone_rule *rule = &clone_rules[stage].rows[i];

			CHECK(rule->why && rule->why[0] && rule->error > 0);
			CHECK(rule->needs || rule->excludes || rule->breaks);
		}
	tap_ok("every rule has an errno, a reason and something that breaks it");
}

int main(void)
{
	printf("TAP version 13\n");
	check_clone();
	check_clone3();
	check_threads();
	check_capabilities();
	check_reasons();
	return tap_done();
}
