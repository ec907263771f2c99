/*
 * A disk that remembers the order of what is written to it: a file in a FUSE file system, with a loop device on it. What
 * dm-log-writes does, where there is no device-mapper.
 *
 *   block-log MOUNTPOINT IMAGE LOG [SYNC_MICROSECONDS]
 *
 * MOUNTPOINT/disk is IMAGE. Each write, zeroing and flush of it is a record of LOG, in order. So is what is written to
 * MOUNTPOINT/note: what a client sent and what it was answered, each at its place between the writes.
 *
 * A record, little endian: u32 kind, u32 length, u64 offset, u64 nanoseconds since 1970; after a write or a note, its bytes.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <linux/falloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { WRITE = 1, FLUSH = 2, NOTE = 3, ZERO = 4 };

struct __attribute__((packed)) record {
  uint32_t kind, length;
  uint64_t offset, at_ns;
};

static int image_fd, log_fd;
static unsigned sync_us;

static int is_disk(const char *path) { return strcmp(path, "/disk") == 0; }
static int is_note(const char *path) { return strcmp(path, "/note") == 0; }

/* The log is the truth of the run: without it there is none. */
static void append(uint32_t kind, uint64_t offset, uint32_t length, const void *bytes) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  struct record record = {kind, length, offset,
                          (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec};
  struct iovec parts[2] = {{&record, sizeof record}, {(void *)bytes, bytes == NULL ? 0 : length}};
  if (writev(log_fd, parts, 2) != (ssize_t)(sizeof record + parts[1].iov_len)) {
    perror("block-log");
    _exit(1);
  }
}

static int op_getattr(const char *path, struct stat *stat, struct fuse_file_info *info) {
  (void)info;
  memset(stat, 0, sizeof *stat);
  if (strcmp(path, "/") == 0) {
    stat->st_mode = S_IFDIR | 0700;
    stat->st_nlink = 2;
    return 0;
  }
  if (!is_disk(path) && !is_note(path)) return -ENOENT;
  if (is_disk(path)) fstat(image_fd, stat);
  stat->st_mode = S_IFREG | 0600;
  stat->st_nlink = 1;
  return 0;
}

static int op_readdir(const char *path, void *to, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *info, enum fuse_readdir_flags flags) {
  (void)path, (void)offset, (void)info, (void)flags;
  fill(to, "disk", NULL, 0, 0);
  fill(to, "note", NULL, 0, 0);
  return 0;
}

static int op_open(const char *path, struct fuse_file_info *info) {
  if (is_disk(path)) info->keep_cache = 1;
  else if (is_note(path)) info->direct_io = 1;
  else return -ENOENT;
  return 0;
}

static int op_truncate(const char *path, off_t length, struct fuse_file_info *info) {
  (void)length, (void)info;
  return is_note(path) ? 0 : -EPERM;
}

static int op_read(const char *path, char *to, size_t size, off_t offset,
                   struct fuse_file_info *info) {
  (void)info;
  if (!is_disk(path)) return 0;
  ssize_t read = pread(image_fd, to, size, offset);
  return read < 0 ? -errno : (int)read;
}

static int op_write(const char *path, const char *from, size_t size, off_t offset,
                    struct fuse_file_info *info) {
  (void)info;
  if (is_note(path)) {
    append(NOTE, 0, (uint32_t)size, from);
    return (int)size;
  }
  append(WRITE, (uint64_t)offset, (uint32_t)size, from);
  ssize_t written = pwrite(image_fd, from, size, offset);
  return written < 0 ? -errno : (int)written;
}

static int op_fsync(const char *path, int data_only, struct fuse_file_info *info) {
  (void)data_only, (void)info;
  if (!is_disk(path)) return 0;
  if (sync_us > 0) usleep(sync_us);
  append(FLUSH, 0, 0, NULL);
  return 0;
}

/* Of a loop device: a discard, or zeros. Both are read as zeros here. */
static int op_fallocate(const char *path, int mode, off_t offset, off_t length,
                        struct fuse_file_info *info) {
  (void)info;
  if (!is_disk(path) || (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) == 0)
    return -EOPNOTSUPP;
  append(ZERO, (uint64_t)offset, (uint32_t)length, NULL);
  return fallocate(image_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) == 0
             ? 0
             : -errno;
}

static void *op_init(struct fuse_conn_info *connection, struct fuse_config *config) {
  connection->max_write = 1 << 20;
  config->kernel_cache = 1;
  config->attr_timeout = config->entry_timeout = 3600;
  return NULL;
}

static const struct fuse_operations operations = {
    .init = op_init,
    .getattr = op_getattr,
    .readdir = op_readdir,
    .open = op_open,
    .truncate = op_truncate,
    .read = op_read,
    .write = op_write,
    .fsync = op_fsync,
    .fallocate = op_fallocate,
};

int main(int count, char **words) {
  if (count < 4) {
    fprintf(stderr, "block-log MOUNTPOINT IMAGE LOG [SYNC_MICROSECONDS]\n");
    return 2;
  }
  image_fd = open(words[2], O_RDWR);
  log_fd = open(words[3], O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (image_fd < 0 || log_fd < 0) {
    perror("block-log");
    return 1;
  }
  if (count > 4) sync_us = (unsigned)atoi(words[4]);
  /* One thread: one order. */
  char *options[] = {words[0], "-f", "-s", words[1], NULL};
  return fuse_main(4, options, &operations, NULL);
}
