/*
 * The random number generator.
 *
 * One secret key is made at boot from what the processor offers (RDSEED or RDRAND), the clocks, and
 * what little else differs from boot to boot. Each CPU draws a key of its own from it the first
 * time it needs one, and from then on makes its numbers alone: it runs ChaCha20 under its key for a
 * pool of bytes, the first of which are its next key. Bytes are wiped as they are handed out. So
 * who reads the kernel's memory now learns nothing about numbers handed out before; and no lock is
 * taken on the way, since only code that cannot be interrupted by another user of the same pool
 * gets there: the kernel is not preempted, and interrupt handlers do not ask.
 *
 * After a while a CPU takes its key from the processor and the shared secret anew, which ends
 * whatever an attacker knew of it.
 *
 * Linux keeps estimating how much its sources are worth and lets the first readers wait; here the
 * seed is there before the first program runs, so getrandom(2) never blocks, and the flags that
 * choose between sources choose the same one.
 *
 * Lock: seed_lock guards the shared secret.
 */
#include <tine/arch.h>
#include <tine/chacha20.h>
#include <tine/printk.h>
#include <tine/random.h>
#include <tine/sched.h>
#include <tine/slab.h>
#include <tine/spinlock.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>
#include <uapi/random.h>

#define POOL_BLOCKS   8
#define POOL_SIZE     (POOL_BLOCKS * CHACHA20_BLOCK_SIZE)
#define POOLS_PER_KEY 4096 /* then a CPU is keyed anew */
#define USER_CHUNK    1024

struct pool {
	u8 key[CHACHA20_KEY_SIZE];
	u8 bytes[POOL_SIZE];
	u32 used;       /* bytes handed out */
	u32 pools_left; /* until the key comes from the shared secret again */
} __aligned(64);

static struct spinlock seed_lock = SPINLOCK_INIT(LOCK_CLASS_RANDOM);
static u8 seed[CHACHA20_KEY_SIZE];
static u64 seed_uses;
static struct pool pools[MAX_CPUS];

static const u8 zero_nonce[12];

u8 random_boot_id[16];

/* What is unpredictable right now, 32 bytes, xored into key. */
static void mix_entropy(u8 key[CHACHA20_KEY_SIZE])
{
	union {
		u64 word[4];
		u8 byte[CHACHA20_KEY_SIZE];
	} fresh;

	if (!arch_random(&fresh, sizeof(fresh)))
		fresh.word[0] = fresh.word[1] = fresh.word[2] = fresh.word[3] = 0;
	fresh.word[0] ^= arch_clock_ns();
	fresh.word[1] ^= ktime_get_real();
	fresh.word[2] ^= (unsigned long)&fresh;
	fresh.word[3] ^= seed_uses;
	for (unsigned int i = 0; i < CHACHA20_KEY_SIZE; i++)
		key[i] ^= fresh.byte[i];
}

/* A new key from the shared secret, which moves on. */
static void draw_key(u8 key[CHACHA20_KEY_SIZE])
{
	struct chacha20 state;
	u8 block[CHACHA20_BLOCK_SIZE];

	spin_lock(&seed_lock);
	mix_entropy(seed);
	seed_uses++;
	chacha20_init(&state, seed, 0, zero_nonce);
	chacha20_block(&state, block);
	memcpy(seed, block, CHACHA20_KEY_SIZE);
	spin_unlock(&seed_lock);
	memcpy(key, block + CHACHA20_KEY_SIZE, CHACHA20_KEY_SIZE);
}

static void refill(struct pool *pool)
{
	struct chacha20 state;

	if (!pool->pools_left) {
		draw_key(pool->key);
		pool->pools_left = POOLS_PER_KEY;
	}
	pool->pools_left--;
	chacha20_init(&state, pool->key, 0, zero_nonce);
	for (unsigned int i = 0; i < POOL_BLOCKS; i++)
		chacha20_block(&state, pool->bytes + i * CHACHA20_BLOCK_SIZE);
	memcpy(pool->key, pool->bytes, CHACHA20_KEY_SIZE);
	memset(pool->bytes, 0, CHACHA20_KEY_SIZE);
	pool->used = CHACHA20_KEY_SIZE;
}

void get_random_bytes(void *buf, size_t n)
{
	struct pool *pool = &pools[cpu_id()];
	size_t part;

	for (; n; n -= part, buf = (u8 *)buf + part) {
		if (!pool->pools_left || pool->used == POOL_SIZE)
			refill(pool);
		part = MIN(n, (size_t)(POOL_SIZE - pool->used));
		memcpy(buf, pool->bytes + pool->used, part);
		memset(pool->bytes + pool->used, 0, part);
		pool->used += part;
	}
}

u64 get_random_u64(void)
{
	u64 value;

	get_random_bytes(&value, sizeof(value));
	return value;
}

/* Fills user memory by way of chunk; bytes written, which is less than n if a signal or a bad
 * address cut it short. */
static size_t random_to_user(char __user *buf, size_t n, u8 *chunk)
{
	size_t done = 0, part, left;

	while (done < n) {
		part = MIN(n - done, (size_t)USER_CHUNK);
		get_random_bytes(chunk, part);
		left = copy_to_user(buf + done, chunk, part);
		done += part - left;
		if (left)
			break;
		if (done % PAGE_SIZE == 0) {
			if (signal_pending(current))
				break;
			if (READ_ONCE(current->work) & TIF_RESCHED)
				schedule();
		}
	}
	return done;
}

long sys_getrandom(char __user *buf, size_t n, unsigned int flags)
{
	size_t done;
	u8 *chunk;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if ((flags & GRND_RANDOM) && (flags & GRND_INSECURE))
		return -EINVAL;
	n = MIN(n, (size_t)0x7ffff000);
	if (!access_ok(buf, n))
		return -EFAULT;
	if (!n)
		return 0;
	chunk = kmalloc(MIN(n, (size_t)USER_CHUNK));
	if (!chunk)
		return -ENOMEM;
	done = random_to_user(buf, n, chunk);
	memset(chunk, 0, MIN(n, (size_t)USER_CHUNK));
	kfree(chunk);
	return done ? (long)done : -EFAULT;
}

void random_init(void)
{
	u8 probe[8];

	draw_key(pools[cpu_id()].key);
	pools[cpu_id()].pools_left = POOLS_PER_KEY;
	pools[cpu_id()].used = POOL_SIZE;
	get_random_bytes(random_boot_id, sizeof(random_boot_id));
	if (!arch_random(probe, sizeof(probe)))
		printk(LOG_WARNING,
		       "random: this processor has no random numbers; seeded from clocks alone\n");
}
