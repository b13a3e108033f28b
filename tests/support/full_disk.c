/* Let the disk be full from the nth write on: preloaded into the process under test, armed by `fill_at`.
 * Counted are calls that take space in regular files and folders; pipes, sockets and standard output are not touched. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static long left = -1, count = 0;

void fill_at(long write) { left = write; count = 0; } /* below 0: never */
long writes_counted(void) { return count; }

static int full(void) {
    __sync_fetch_and_add(&count, 1);
    if (left < 0 || __sync_sub_and_fetch(&left, left > 0) > 0) return 0;
    errno = ENOSPC;
    return 1;
}

static int is_file(int descriptor) {
    struct stat status;
    return descriptor > 2 && !fstat(descriptor, &status) && S_ISREG(status.st_mode);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define ON_FILE(result, name, parameters, arguments) \
    result name parameters { return is_file(descriptor) && full() ? -1 : REAL(name) arguments; }

ON_FILE(ssize_t, write, (int descriptor, const void *data, size_t size), (descriptor, data, size))
ON_FILE(ssize_t, pwrite, (int descriptor, const void *data, size_t size, off_t at), (descriptor, data, size, at))
ON_FILE(ssize_t, pwrite64, (int descriptor, const void *data, size_t size, off64_t at), (descriptor, data, size, at))
ON_FILE(ssize_t, writev, (int descriptor, const struct iovec *data, int parts), (descriptor, data, parts))
ON_FILE(int, ftruncate, (int descriptor, off_t size), (descriptor, size))
ON_FILE(int, ftruncate64, (int descriptor, off64_t size), (descriptor, size))
ON_FILE(int, fsync, (int descriptor), (descriptor))
ON_FILE(int, fdatasync, (int descriptor), (descriptor))

int fallocate(int descriptor, int mode, off_t at, off_t size) {
    return full() ? -1 : REAL(fallocate)(descriptor, mode, at, size);
}
int posix_fallocate(int descriptor, off_t at, off_t size) {
    return full() ? ENOSPC : REAL(posix_fallocate)(descriptor, at, size);
}
int mkdir(const char *path, mode_t mode) { return access(path, F_OK) && full() ? -1 : REAL(mkdir)(path, mode); }
int rename(const char *from, const char *to) { return full() ? -1 : REAL(rename)(from, to); }

#define ON_CREATE(name) \
    int name(const char *path, int flags, ...) { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = va_arg(more, mode_t); \
        va_end(more); \
        return flags & O_CREAT && access(path, F_OK) && full() ? -1 : REAL(name)(path, flags, mode); \
    }

ON_CREATE(open)
ON_CREATE(open64)
