/* Counts what a process changes on disk under one folder, and ends it at a chosen change, as if power were lost.
 *
 * Preloaded (LD_PRELOAD) and idle until power_loss_arm() is called. A write can be torn: half of it is done first.
 * Each change is noted, so that a test can also see what was not flushed before it was relied on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[PATH_MAX];
static long remaining = -1; /* changes still to be done; negative: count only */
static int torn, notes = -1;
static volatile int armed;

void power_loss_arm(const char *watched, long number, int tear, int descriptor)
{
    snprintf(folder, sizeof folder, "%s", watched);
    remaining = number;
    torn = tear;
    notes = descriptor;
    armed = 1;
}

static void lose_power(void)
{
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    for (;;)
        pause();
}

static int watched_path(const char *path) { return path && strncmp(path, folder, strlen(folder)) == 0; }

static int path_of(int descriptor, char *out)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, out, PATH_MAX - 1);
    if (length <= 0)
        return 0;
    out[length] = 0;
    return watched_path(out);
}

static int absolute(int at, const char *path, char *out)
{
    char base[PATH_MAX];
    if (!path)
        return 0;
    if (path[0] == '/') {
        snprintf(out, PATH_MAX, "%s", path);
    } else if (at == AT_FDCWD) {
        if (!getcwd(base, sizeof base))
            return 0;
        snprintf(out, PATH_MAX, "%.2000s/%.2000s", base, path);
    } else {
        path_of(at, base);
        snprintf(out, PATH_MAX, "%.2000s/%.2000s", base, path);
    }
    return watched_path(out);
}

static void note(const char *what, const char *path, const char *other)
{
    char line[2 * PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s\t%s\t%s\n", what, path, other ? other : "");
    if (notes >= 0 && length > 0)
        syscall(SYS_write, notes, line, (size_t)length);
}

/* Tells whether power is lost at this very change. */
static int last(void) { return remaining >= 0 && __sync_fetch_and_sub(&remaining, 1) == 0; }

static void change(const char *what, const char *path, const char *other)
{
    if (last())
        lose_power();
    note(what, path, other);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void before_write(int descriptor, const void *data, size_t length, off_t at)
{
    char path[PATH_MAX];
    if (!armed || !path_of(descriptor, path))
        return;
    if (last()) {
        if (torn && at >= 0)
            syscall(SYS_pwrite64, descriptor, data, length / 2, at);
        else if (torn)
            syscall(SYS_write, descriptor, data, length / 2);
        lose_power();
    }
    note("write", path, NULL);
}

ssize_t write(int descriptor, const void *data, size_t length)
{
    before_write(descriptor, data, length, -1);
    return REAL(write)(descriptor, data, length);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count)
{
    if (count > 0)
        before_write(descriptor, parts[0].iov_base, parts[0].iov_len, -1);
    return REAL(writev)(descriptor, parts, count);
}

ssize_t pwrite(int descriptor, const void *data, size_t length, off_t at)
{
    before_write(descriptor, data, length, at);
    return REAL(pwrite)(descriptor, data, length, at);
}

ssize_t pwrite64(int descriptor, const void *data, size_t length, off64_t at)
{
    before_write(descriptor, data, length, at);
    return REAL(pwrite64)(descriptor, data, length, at);
}

static void on_descriptor(const char *what, int descriptor)
{
    char path[PATH_MAX];
    if (armed && path_of(descriptor, path))
        change(what, path, NULL);
}

int fsync(int descriptor) { on_descriptor("fsync", descriptor); return REAL(fsync)(descriptor); }
int fdatasync(int descriptor) { on_descriptor("fsync", descriptor); return REAL(fdatasync)(descriptor); }
int ftruncate(int descriptor, off_t length) { on_descriptor("truncate", descriptor); return REAL(ftruncate)(descriptor, length); }
int ftruncate64(int descriptor, off64_t length) { on_descriptor("truncate", descriptor); return REAL(ftruncate64)(descriptor, length); }

static void on_path(const char *what, int at, const char *path)
{
    char full[PATH_MAX];
    if (armed && absolute(at, path, full))
        change(what, full, NULL);
}

static void on_two(const char *what, int at, const char *path, int at2, const char *other)
{
    char full[PATH_MAX], full2[PATH_MAX];
    if (!armed)
        return;
    int here = absolute(at, path, full), there = absolute(at2, other, full2);
    if (here || there)
        change(what, full, full2);
}

int unlink(const char *path) { on_path("unlink", AT_FDCWD, path); return REAL(unlink)(path); }
int unlinkat(int at, const char *path, int flags) { on_path("unlink", at, path); return REAL(unlinkat)(at, path, flags); }
int rmdir(const char *path) { on_path("rmdir", AT_FDCWD, path); return REAL(rmdir)(path); }
int mkdir(const char *path, mode_t mode) { on_path("mkdir", AT_FDCWD, path); return REAL(mkdir)(path, mode); }
int mkdirat(int at, const char *path, mode_t mode) { on_path("mkdir", at, path); return REAL(mkdirat)(at, path, mode); }

int rename(const char *path, const char *other)
{
    on_two("rename", AT_FDCWD, path, AT_FDCWD, other);
    return REAL(rename)(path, other);
}

int renameat(int at, const char *path, int at2, const char *other)
{
    on_two("rename", at, path, at2, other);
    return REAL(renameat)(at, path, at2, other);
}

int link(const char *path, const char *other)
{
    on_two("link", AT_FDCWD, path, AT_FDCWD, other);
    return REAL(link)(path, other);
}

int linkat(int at, const char *path, int at2, const char *other, int flags)
{
    on_two("link", at, path, at2, other);
    return REAL(linkat)(at, path, at2, other, flags);
}

#define OPENS(name)                                        \
    int name(const char *path, int flags, ...)             \
    {                                                      \
        va_list rest;                                      \
        va_start(rest, flags);                             \
        mode_t mode = va_arg(rest, mode_t);                \
        va_end(rest);                                      \
        if (flags & (O_CREAT | O_TRUNC))                   \
            on_path("create", AT_FDCWD, path);             \
        return REAL(name)(path, flags, mode);              \
    }
OPENS(open)
OPENS(open64)

int openat(int at, const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    if (flags & (O_CREAT | O_TRUNC))
        on_path("create", at, path);
    return REAL(openat)(at, path, flags, mode);
}
