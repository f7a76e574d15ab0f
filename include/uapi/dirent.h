/* getdents(2), getdents64(2): directory entries as they are written to user memory. */
#pragma once

struct linux_dirent64 {
	unsigned long long d_ino;
	long long d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

/* The type follows the name's NUL, in the entry's last byte. */
struct linux_dirent {
	unsigned long d_ino, d_off;
	unsigned short d_reclen;
	char d_name[];
};

#define DT_DIR 4
#define DT_REG 8
#define DT_LNK 10
