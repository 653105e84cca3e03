/* A disk that misbehaves at a chosen operation. Preloaded into a process (LD_PRELOAD) by faults.py, which also says
 * what to do: by the environment (KANARIA_FAULT=what:number:folder, and KANARIA_FAULT_LOG) or, in a forked child, by
 * fault_arm().
 *
 * Operations that change files below the folder are counted: writes, truncations, syncs, renames, links, removals. At
 * the chosen one the process is killed before it happens (kill) or when half of it is written (torn); or from it on
 * writes and syncs fail (eio, enospc), or only that one does (eio-once). With "slow" each sync sleeps as many
 * milliseconds. SQLite's shared index (-shm) is no operation: nothing of it outlives the process that wrote it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { NONE, COUNT, KILL, TORN, EIO_ON, EIO_ONCE, ENOSPC_ON, SLOW };
static const char *NAMES[] = {"none", "count", "kill", "torn", "eio", "eio-once", "enospc", "slow"};
enum { NOTHING, HALF, FAIL };

static int what = NONE, logged = -1;
static long chosen = 0;
static char folder[PATH_MAX];
static size_t length = 0;
static atomic_long count = 0;

void fault_arm(const char *action, long number, const char *below, const char *log) {
    what = NONE;
    for (int known = 0; known <= SLOW; known++)
        if (!strcmp(action, NAMES[known])) what = known;
    chosen = number;
    atomic_store(&count, 0);
    snprintf(folder, sizeof folder, "%s", below);
    length = strlen(folder);
    if (logged >= 0) close(logged);
    logged = log && *log ? open(log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600) : -1;
}

__attribute__((constructor)) static void begin(void) {
    const char *asked = getenv("KANARIA_FAULT");
    char action[16];
    long number;
    int end;
    if (asked && sscanf(asked, "%15[^:]:%ld:%n", action, &number, &end) == 2)
        fault_arm(action, number, asked + end, getenv("KANARIA_FAULT_LOG"));
}

static int below(const char *path) {
    size_t size = strlen(path);
    if (strncmp(path, folder, length) || (path[length] && path[length] != '/')) return 0;
    return size < 4 || strcmp(path + size - 4, "-shm");
}

static void absolute(int at, const char *path, char *into) {
    char base[PATH_MAX] = "";
    if (*path == '/') {
        snprintf(into, PATH_MAX, "%s", path);
        return;
    }
    if (at == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) *base = 0;
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t size = readlink(link, base, sizeof base - 1);
        base[size > 0 ? size : 0] = 0;
    }
    snprintf(into, PATH_MAX, "%.2000s/%.2000s", base, path);
}

/* What is to become of an operation: its place in the count decides. */
static int reached(const char *name, const char *path, int fails, int syncs) {
    if (what == SLOW) {
        if (syncs) {
            struct timespec pause = {chosen / 1000, chosen % 1000 * 1000000};
            while (nanosleep(&pause, &pause) && errno == EINTR) {}
        }
        return NOTHING;
    }
    long number = atomic_fetch_add(&count, 1) + 1;
    if (logged >= 0) {
        char line[PATH_MAX + 64];
        int size = snprintf(line, sizeof line, "%ld\t%s\t%s\n", number, name, path);
        syscall(SYS_write, logged, line, (size_t)size);
    }
    if (what == KILL && number == chosen) kill(getpid(), SIGKILL);
    if (what == TORN && number == chosen) return HALF;
    int now = what == EIO_ONCE ? number == chosen : number >= chosen;
    if (fails && now && (what == EIO_ON || what == EIO_ONCE)) return errno = EIO, FAIL;
    if (fails && !syncs && now && what == ENOSPC_ON) return errno = ENOSPC, FAIL;
    return NOTHING;
}

static int on_file(const char *name, int descriptor, int syncs) {
    char link[64], path[PATH_MAX];
    if (what == NONE) return NOTHING;
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, sizeof path - 1);
    errno = before;
    if (size <= 0) return NOTHING;
    path[size] = 0;
    return below(path) ? reached(name, path, 1, syncs) : NOTHING;
}

static void on_name(const char *name, int at, const char *given) {
    char path[PATH_MAX];
    if (what == NONE) return;
    absolute(at, given, path);
    if (below(path) && reached(name, path, 0, 0) == HALF) kill(getpid(), SIGKILL);
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define WRITES(label, whole, half) \
    int became = on_file(label, descriptor, 0); \
    if (became == FAIL) return -1; \
    if (became == HALF) { \
        (void)!(half); \
        kill(getpid(), SIGKILL); \
    } \
    return whole

ssize_t write(int descriptor, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    WRITES("write", real(descriptor, data, size), real(descriptor, data, size / 2));
}
ssize_t pwrite(int descriptor, const void *data, size_t size, off_t at) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    WRITES("write", real(descriptor, data, size, at), real(descriptor, data, size / 2, at));
}
ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    WRITES("write", real(descriptor, data, size, at), real(descriptor, data, size / 2, at));
}
ssize_t writev(int descriptor, const struct iovec *parts, int number) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    WRITES("write", real(descriptor, parts, number), real(descriptor, parts, number / 2));
}
ssize_t sendfile64(int descriptor, int from, off64_t *at, size_t size) {
    REAL(ssize_t, "sendfile64", int, int, off64_t *, size_t);
    WRITES("write", real(descriptor, from, at, size), real(descriptor, from, at, size / 2));
}
ssize_t sendfile(int descriptor, int from, off_t *at, size_t size) {
    REAL(ssize_t, "sendfile", int, int, off_t *, size_t);
    WRITES("write", real(descriptor, from, at, size), real(descriptor, from, at, size / 2));
}
int ftruncate(int descriptor, off_t size) {
    REAL(int, "ftruncate", int, off_t);
    WRITES("truncate", real(descriptor, size), 0);
}
int ftruncate64(int descriptor, off64_t size) {
    REAL(int, "ftruncate64", int, off64_t);
    WRITES("truncate", real(descriptor, size), 0);
}
int fsync(int descriptor) {
    REAL(int, "fsync", int);
    int became = on_file("sync", descriptor, 1);
    if (became == HALF) kill(getpid(), SIGKILL);
    return became == FAIL ? -1 : real(descriptor);
}
int fdatasync(int descriptor) {
    REAL(int, "fdatasync", int);
    int became = on_file("sync", descriptor, 1);
    if (became == HALF) kill(getpid(), SIGKILL);
    return became == FAIL ? -1 : real(descriptor);
}
int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    on_name("rename", AT_FDCWD, to);
    return real(from, to);
}
int renameat(int at, const char *from, int at_new, const char *to) {
    REAL(int, "renameat", int, const char *, int, const char *);
    on_name("rename", at_new, to);
    return real(at, from, at_new, to);
}
int link(const char *from, const char *to) {
    REAL(int, "link", const char *, const char *);
    on_name("link", AT_FDCWD, to);
    return real(from, to);
}
int linkat(int at, const char *from, int at_new, const char *to, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    on_name("link", at_new, to);
    return real(at, from, at_new, to, flags);
}
int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    on_name("remove", AT_FDCWD, path);
    return real(path);
}
int unlinkat(int at, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    on_name("remove", at, path);
    return real(at, path, flags);
}
