/* Loaded before the C library (LD_PRELOAD): writes down, in their order, what a program does to the
 * files of one folder (MM1GATE_WRITES_OF) and what of it the disk was told to keep, into the file
 * MM1GATE_WRITES_TO. With MM1GATE_WRITES_UNSYNCED the disk is told nothing, as with
 * PRAGMA synchronous=OFF. Linux; no call of the C library is needed but those that are thin. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { WRITE = 1, TRUNCATE = 2, SYNC = 3, SYNC_FOLDER = 4, UNLINK = 5 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int book = -1;

static const char *folder(void) { return getenv("MM1GATE_WRITES_OF"); }

/* The name inside the folder, "" for the folder itself; NULL for everything else. */
static const char *inside(const char *path) {
    const char *of = folder();
    size_t length = of ? strlen(of) : 0;
    if (!length || strncmp(path, of, length)) return NULL;
    if (!path[length]) return "";
    return path[length] == '/' ? path + length + 1 : NULL;
}

static const char *name_of(int fd, char *room, size_t size) {
    char link[32] = "/proc/self/fd/";
    char digits[12];
    int at = 0, to = 14;
    unsigned rest = (unsigned)fd;
    if (fd < 0 || fd == book || !folder()) return NULL;
    do digits[at++] = (char)('0' + rest % 10); while (rest /= 10);
    while (at) link[to++] = digits[--at];
    link[to] = 0;
    ssize_t got = readlink(link, room, size - 1);
    if (got < 0) return NULL;
    room[got] = 0;
    return inside(room);
}

static void put(const void *octets, size_t count) {
    const char *from = octets;
    while (count) {
        ssize_t done = syscall(SYS_write, book, from, count);
        if (done <= 0) abort();
        from += done;
        count -= (size_t)done;
    }
}

/* One entry: what, length of the name, offset, count, the name, the octets. */
static void note(uint8_t what, const char *name, uint64_t offset, uint64_t count, const void *octets) {
    uint32_t length = (uint32_t)strlen(name);
    if (book < 0) {
        const char *path = getenv("MM1GATE_WRITES_TO");
        book = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
        if (book < 0) abort();
    }
    put(&what, sizeof what);
    put(&length, sizeof length);
    put(&offset, sizeof offset);
    put(&count, sizeof count);
    put(name, length);
    if (octets) put(octets, count);
}

static ssize_t written(int fd, const void *octets, size_t count, int64_t offset) {
    char room[4096];
    const char *name = name_of(fd, room, sizeof room);
    if (!name)
        return offset < 0 ? syscall(SYS_write, fd, octets, count) : syscall(SYS_pwrite64, fd, octets, count, offset);
    pthread_mutex_lock(&lock);
    off_t at = offset < 0 ? (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR) : offset;
    ssize_t done = offset < 0 ? syscall(SYS_write, fd, octets, count) : syscall(SYS_pwrite64, fd, octets, count, offset);
    if (done > 0) note(WRITE, name, (uint64_t)at, (uint64_t)done, octets);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int fd, const void *octets, size_t count) { return written(fd, octets, count, -1); }
ssize_t pwrite(int fd, const void *octets, size_t count, off_t at) { return written(fd, octets, count, at); }
ssize_t pwrite64(int fd, const void *octets, size_t count, off64_t at) { return written(fd, octets, count, at); }

int ftruncate64(int fd, off64_t length) {
    char room[4096];
    const char *name = name_of(fd, room, sizeof room);
    pthread_mutex_lock(&lock);
    int done = (int)syscall(SYS_ftruncate, fd, length);
    if (!done && name) note(TRUNCATE, name, (uint64_t)length, 0, NULL);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int synced(int fd, long call) {
    char room[4096];
    const char *name = name_of(fd, room, sizeof room);
    if (name && getenv("MM1GATE_WRITES_UNSYNCED")) return 0;
    /* What is written while it lasts may be kept or not: it counts from its beginning. */
    if (name) {
        pthread_mutex_lock(&lock);
        note(*name ? SYNC : SYNC_FOLDER, name, 0, 0, NULL);
        pthread_mutex_unlock(&lock);
    }
    return (int)syscall(call, fd);
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

int unlink(const char *path) {
    pthread_mutex_lock(&lock);
    int done = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    const char *name = folder() ? inside(path) : NULL;
    if (!done && name) note(UNLINK, name, 0, 0, NULL);
    pthread_mutex_unlock(&lock);
    return done;
}
