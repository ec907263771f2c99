/*
 * Disk faults that come and go while a process runs, for one that has this library preloaded. The file that
 * DISK_FAULTS names says which; without it there are none.
 *
 *   hang      what opens, reads, writes or syncs a file below usage/ does not return until the word is gone
 *   slow MS   every fsync and fdatasync takes that many milliseconds more, or less if the word is another one before that
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

/* The fault of this moment; empty when there is none. By bare system calls: libc's are hooked below. */
static void fault(char *word, int size) {
  word[0] = 0;
  const char *path = getenv("DISK_FAULTS");
  int file = path == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return;
  long length = syscall(SYS_read, file, word, size - 1);
  word[length < 0 ? 0 : length] = 0;
  syscall(SYS_close, file);
}

static void rest_ms(long ms) {
  struct timespec rest = {ms / 1000, ms % 1000 * 1000000};
  while (nanosleep(&rest, &rest) == -1 && errno == EINTR) {
  }
}

static void rest_while(const char *word, long ms) {
  char now[32];
  for (long rested = 0; rested < ms; rested += 5) {
    rest_ms(5);
    fault(now, sizeof now);
    if (strcmp(now, word) != 0) return;
  }
}

static int is_hanging(void) {
  char word[16];
  fault(word, sizeof word);
  return strncmp(word, "hang", 4) == 0;
}

static void before_path(const char *path) {
  int error = errno;
  while (strstr(path, "/usage/") != NULL && is_hanging()) rest_ms(5);
  errno = error;
}

static void before_file(int file) {
  int error = errno;
  if (is_hanging()) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    before_path(path);
  }
  errno = error;
}

static void before_sync(int file) {
  int error = errno;
  char word[32];
  fault(word, sizeof word);
  if (strncmp(word, "slow ", 5) == 0) rest_while(word, atol(word + 5));
  errno = error;
  before_file(file);
}

int fsync(int file) {
  before_sync(file);
  return REAL("fsync", int (*)(int))(file);
}
int fdatasync(int file) {
  before_sync(file);
  return REAL("fdatasync", int (*)(int))(file);
}
ssize_t read(int file, void *to, size_t size) {
  before_file(file);
  return REAL("read", ssize_t(*)(int, void *, size_t))(file, to, size);
}
ssize_t write(int file, const void *from, size_t size) {
  before_file(file);
  return REAL("write", ssize_t(*)(int, const void *, size_t))(file, from, size);
}
ssize_t pread64(int file, void *to, size_t size, off64_t at) {
  before_file(file);
  return REAL("pread64", ssize_t(*)(int, void *, size_t, off64_t))(file, to, size, at);
}
ssize_t pread(int file, void *to, size_t size, off_t at) { return pread64(file, to, size, at); }

ssize_t pwrite64(int file, const void *from, size_t size, off64_t at) {
  before_file(file);
  return REAL("pwrite64", ssize_t(*)(int, const void *, size_t, off64_t))(file, from, size, at);
}
ssize_t pwrite(int file, const void *from, size_t size, off_t at) {
  return pwrite64(file, from, size, at);
}

static mode_t mode_of(int flags, va_list rest) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
}
int openat(int folder, const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = mode_of(flags, rest);
  va_end(rest);
  before_path(path);
  return REAL("openat", int (*)(int, const char *, int, ...))(folder, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = mode_of(flags, rest);
  va_end(rest);
  before_path(path);
  return REAL("open64", int (*)(const char *, int, ...))(path, flags, mode);
}
int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = mode_of(flags, rest);
  va_end(rest);
  before_path(path);
  return REAL("open", int (*)(const char *, int, ...))(path, flags, mode);
}
