/* Makes the n-th input or output of a process on its store fail, or be its last. Loaded by
 * LD_PRELOAD; a call counts when its file's path holds FAULTS_IN. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DESCRIPTORS 4096
#define REAL(result, name, ...)                   \
    static result (*real)(__VA_ARGS__);           \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, name)

static const char *files[DESCRIPTORS]; /* which of the store's files a descriptor is */
static volatile long calls, nth;
static volatile int deadly;
static char struck[32];

/* Strike at the n-th call from now on: with EIO, or with SIGKILL when `kills`. */
void arm(long n, int kills) {
    calls = 0;
    deadly = kills;
    struck[0] = 0;
    nth = n;
}

void disarm(void) { nth = 0; }

long calls_so_far(void) { return calls; }

/* The call that failed, such as "pwrite wal"; empty when none did. */
const char *call_struck(void) { return struck; }

static const char *file_of(const char *path) {
    const char *in = getenv("FAULTS_IN");
    if (!path || !in || !strstr(path, in)) return NULL;
    const char *suffix = strrchr(path, '-');
    if (suffix && (!strcmp(suffix, "-wal") || !strcmp(suffix, "-shm"))) return suffix + 1;
    return "db";
}

static const char *known(int descriptor) {
    return descriptor >= 0 && descriptor < DESCRIPTORS ? files[descriptor] : NULL;
}

static int strikes(const char *name, const char *file) {
    if (!file || !nth || __sync_add_and_fetch(&calls, 1) != nth) return 0;
    snprintf(struck, sizeof struck, "%s %s", name, file);
    if (deadly) kill(getpid(), SIGKILL);
    errno = EIO;
    return 1;
}

int open64(const char *path, int flags, ...) {
    REAL(int, "open64", const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    const char *file = file_of(path);
    if (strikes("open", file)) return -1;
    int descriptor = real(path, flags, mode);
    if (descriptor >= 0 && descriptor < DESCRIPTORS) files[descriptor] = file;
    return descriptor;
}

int close(int descriptor) {
    REAL(int, "close", int);
    if (known(descriptor)) files[descriptor] = NULL;
    return real(descriptor);
}

ssize_t pread64(int descriptor, void *into, size_t size, off64_t at) {
    REAL(ssize_t, "pread64", int, void *, size_t, off64_t);
    return strikes("pread", known(descriptor)) ? -1 : real(descriptor, into, size, at);
}

/* What fails has written the half of it: a sector is whole or absent, a page is not. */
ssize_t pwrite64(int descriptor, const void *from, size_t size, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    const char *file = known(descriptor);
    if (file && nth && calls + 1 == nth) real(descriptor, from, size / 2, at);
    return strikes("pwrite", file) ? -1 : real(descriptor, from, size, at);
}

int fdatasync(int descriptor) {
    REAL(int, "fdatasync", int);
    return strikes("fdatasync", known(descriptor)) ? -1 : real(descriptor);
}

int fsync(int descriptor) {
    REAL(int, "fsync", int);
    return strikes("fsync", known(descriptor)) ? -1 : real(descriptor);
}

int ftruncate64(int descriptor, off64_t size) {
    REAL(int, "ftruncate64", int, off64_t);
    return strikes("ftruncate", known(descriptor)) ? -1 : real(descriptor, size);
}

void *mmap64(void *at, size_t size, int protection, int flags, int descriptor, off64_t offset) {
    REAL(void *, "mmap64", void *, size_t, int, int, int, off64_t);
    if (strikes("mmap", known(descriptor))) return MAP_FAILED;
    return real(at, size, protection, flags, descriptor, offset);
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    return strikes("unlink", file_of(path)) ? -1 : real(path);
}

/* Locking fails, unlocking does not. */
int fcntl64(int descriptor, int command, ...) {
    REAL(int, "fcntl64", int, int, ...);
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (command == F_SETLK && ((struct flock *)argument)->l_type != F_UNLCK &&
        strikes("lock", known(descriptor)))
        return -1;
    return real(descriptor, command, argument);
}
