// What this process holds, one line of JSON each time it is asked.
#pragma once

#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

namespace lk::test {

struct Usage {
  size_t threads, files, rss_kb, heap;
};

inline size_t
entries (const char *directory) {
  return size_t (std::distance (std::filesystem::directory_iterator (directory),
                                std::filesystem::directory_iterator ()));
}

/// The resident size is that of what is in use: what free() has kept for the next malloc() goes back first.
inline Usage
usage () {
  malloc_trim (0);
  long pages = 0;
  if (auto *file = fopen ("/proc/self/statm", "r")) {
    if (fscanf (file, "%*s %ld", &pages) != 1) pages = 0;
    fclose (file);
  }
  return { entries ("/proc/self/task"), entries ("/proc/self/fd"),
           size_t (pages) * size_t (sysconf (_SC_PAGESIZE)) / 1024, mallinfo2 ().uordblks };
}

inline void
print_usage (int round) {
  const auto now = usage ();
  printf ("{\"round\": %d, \"threads\": %zu, \"files\": %zu, \"rss_kb\": %zu, \"heap\": %zu}\n", round,
          now.threads, now.files, now.rss_kb, now.heap);
  fflush (stdout);
}

} // namespace lk::test
