/* Makes every fsync and fdatasync take SLOW_SYNC_US microseconds longer: a slower disk, for a preloaded process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

static void wait_a_while(void) {
  static long delay_us = -1;
  if (delay_us < 0) {
    const char *text = getenv("SLOW_SYNC_US");
    delay_us = text == NULL ? 0 : atol(text);
  }
  struct timespec rest = {delay_us / 1000000, delay_us % 1000000 * 1000};
  while (nanosleep(&rest, &rest) == -1 && errno == EINTR) {
  }
}

static int slowly(const char *name, int descriptor) {
  int (*call)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  int result = call(descriptor);
  int error = errno;
  wait_a_while();
  errno = error;
  return result;
}

int fsync(int descriptor) { return slowly("fsync", descriptor); }

int fdatasync(int descriptor) { return slowly("fdatasync", descriptor); }
