/* statfs(2). */
#pragma once

struct statfs {
	long f_type, f_bsize;
	unsigned long f_blocks, f_bfree, f_bavail, f_files, f_ffree;
	int f_fsid[2];
	long f_namelen, f_frsize, f_flags, f_spare[4];
};

_Static_assert(sizeof(struct statfs) == 120, "struct statfs");

#define DEVPTS_SUPER_MAGIC 0x1cd1
#define TMPFS_MAGIC        0x01021994
#define PROC_SUPER_MAGIC   0x9fa0
#define PIPEFS_MAGIC       0x50495045
#define SOCKFS_MAGIC       0x534f434b

#define ANON_INODE_FS_MAGIC 0x09041934

#define ST_RDONLY 0x0001
#define ST_VALID  0x0020
