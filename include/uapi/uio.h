/* readv(2), writev(2). */
#ifndef TINE_UAPI_UIO_H
#define TINE_UAPI_UIO_H

struct iovec {
	void *iov_base;
	unsigned long iov_len;
};

#define UIO_MAXIOV 1024

#endif
