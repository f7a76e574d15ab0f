/* signalfd(2): what is read from it. */
#pragma once

#include <uapi/fcntl.h>

#define SFD_CLOEXEC  O_CLOEXEC
#define SFD_NONBLOCK O_NONBLOCK

struct signalfd_siginfo {
	unsigned int ssi_signo;
	int ssi_errno, ssi_code;
	unsigned int ssi_pid, ssi_uid;
	int ssi_fd;
	unsigned int ssi_tid, ssi_band, ssi_overrun, ssi_trapno;
	int ssi_status, ssi_int;
	unsigned long ssi_ptr, ssi_utime, ssi_stime, ssi_addr;
	unsigned short ssi_addr_lsb, pad2_;
	int ssi_syscall;
	unsigned long ssi_call_addr;
	unsigned int ssi_arch;
	unsigned char pad_[28];
};

_Static_assert(sizeof(struct signalfd_siginfo) == 128, "struct signalfd_siginfo");
