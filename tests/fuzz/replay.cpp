// Stands in for libFuzzer where there is none: runs a target over its corpus and over mutations of it from a
// fixed seed.
//   replay ROUNDS PATH…   (a path is an input or a directory of inputs)
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

namespace {

void
run (const std::string &input) {
  // A copy of its own size, so that a sanitizer sees a read beyond it.
  std::vector<uint8_t> bytes (input.begin (), input.end ());
  LLVMFuzzerTestOneInput (bytes.data (), bytes.size ());
}

std::string
read (const std::filesystem::path &path) {
  std::ifstream file (path, std::ios::binary);
  return { std::istreambuf_iterator<char> (file), {} };
}

} // namespace

int
main (int argc, char **argv) {
  std::vector<std::filesystem::path> paths;
  for (int i = 2; i < argc; ++i) {
    if (!std::filesystem::is_directory (argv[i])) {
      paths.emplace_back (argv[i]);
      continue;
    }
    for (const auto &entry : std::filesystem::directory_iterator (argv[i]))
      paths.push_back (entry.path ());
  }
  if (paths.empty ()) {
    fprintf (stderr, "usage: %s ROUNDS PATH…\n", argv[0]);
    return 2;
  }
  std::sort (paths.begin (), paths.end ());
  std::vector<std::string> corpus;
  for (const auto &path : paths) {
    corpus.push_back (read (path));
    run (corpus.back ());
  }

  std::mt19937 random (1);
  auto below = [&] (size_t limit) { return size_t (random ()) % limit; };
  for (long round = atol (argv[1]); round > 0; --round) {
    auto input = corpus[below (corpus.size ())];
    for (auto edits = 1 + below (5); edits > 0; --edits) {
      auto at = below (input.size () + 1), length = below (std::min<size_t> (input.size () - at, 64) + 1);
      const auto &other = corpus[below (corpus.size ())];
      switch (below (4)) {
      case 0:
        input.erase (at, length);
        break;
      case 1:
        input.insert (at, other, below (other.size () + 1), 1 + below (64));
        break;
      case 2:
        input.insert (below (input.size () + 1), input.substr (at, length));
        break;
      default:
        if (at < input.size ()) input[at] = char (below (256));
      }
    }
    run (input);
  }
  printf ("%zu inputs and their mutations\n", corpus.size ());
}
