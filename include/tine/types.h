/* Fixed-width integers, the kernel's basic types, and a few compiler attributes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#ifndef TINE_HOST_TEST
typedef s64 ssize_t;
typedef s64 off_t;
typedef s64 loff_t;
typedef s32 pid_t;
typedef u32 uid_t;
typedef u32 gid_t;
typedef u32 mode_t;
typedef u64 dev_t;
typedef s64 time_t;
typedef s32 clockid_t;
#else
#include <sys/types.h>
#endif

/* Marks a pointer that came from user space: only the functions of uaccess.h may follow it. */
#define __user

/*
 * A variable that gives back what it holds, by release(), where its scope ends, on every way out:
 *	struct fd f SCOPED(fdput) = fdget(fd);
 * Beside release stands scoped_release(), which does nothing for an empty value.
 */
#define SCOPED(release) __attribute__((cleanup(scoped_##release)))

#define __packed            __attribute__((packed))
#define __aligned(n)        __attribute__((aligned(n)))
#define __noreturn          __attribute__((noreturn))
#define __printf(fmt, args) __attribute__((format(printf, fmt, args)))
#define __must_check        __attribute__((warn_unused_result))
#define __cold              __attribute__((cold))
#define __noinline \
	__attribute__((noinline)) /* a rare path: a common one saves no registers for it */
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define ALIGN_UP(x, a)                  (((x) + ((__typeof__(x))(a)-1)) & ~((__typeof__(x))(a)-1))
#define ALIGN_DOWN(x, a)                ((x) & ~((__typeof__(x))(a)-1))
#define DIV_ROUND_UP(n, d)              (((n) + (d)-1) / (d))
#define MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define MAX(a, b)                       ((a) > (b) ? (a) : (b))

#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
