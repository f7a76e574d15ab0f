/*
 * tmpfs: its super block and what its two halves (fs/tmpfs.c, fs/tmpfs_file.c) and devtmpfs share.
 */
#pragma once

#include <tine/fs.h>

/* Limits and use, in pages and inodes. Atomic. */
struct tmpfs {
	u64 max_blocks, blocks;
	u64 max_inodes, inodes;
	u64 default_blocks; /* half of memory */
};

/* Adds one to *used unless that would exceed *limit. */
bool tmpfs_charge(u64 *used, const u64 *limit);
void tmpfs_uncharge(u64 *used, u64 n);
/* Pages of file contents in all instances. */
u64 tmpfs_total_pages(void);
void tmpfs_count_pages(s64 n);
/* fcntl F_ADD_SEALS and F_GET_SEALS (fs/memfd.c). */
long memfd_fcntl(struct file *file, unsigned int cmd, unsigned long arg);
/* inode's lock held, except when it is nobody else's any more. */
int tmpfs_set_size(struct inode *inode, loff_t size);
/* As page_tree_remove. Takes the mapping's lock. */
void tmpfs_drop_pages(struct inode *inode, u64 first, u64 end, bool (*keep)(struct page *page));
/*
 * Boot: gives file the whole pages at bytes as its own from pos on, where that is possible: they are
 * reserved memory, page-aligned, and meet holes. Nobody else uses the file system. Returns how many bytes it took, often 0; the rest
 * is to be written.
 */
size_t tmpfs_adopt_pages(struct file *file, const u8 *bytes, size_t n, loff_t pos);
struct super_block *tmpfs_get_super(const struct file_system_type *type, const char *data);
