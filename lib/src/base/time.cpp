#include "base/time.hpp"

#include <glib.h>

#include <random>

namespace lk {
namespace {

class SystemClock : public Clock {
public:
  Nanos
  now () const override {
    return std::chrono::duration_cast<Nanos> (std::chrono::steady_clock::now ().time_since_epoch ());
  }
  Millis
  wall () const override {
    return std::chrono::duration_cast<Millis> (std::chrono::system_clock::now ().time_since_epoch ());
  }
};

class SystemRandom : public Random {
public:
  double
  uniform () override {
    return g_random_double ();
  }
  std::string
  token () override {
    // The token ends up in identities and request ids, which strangers must not guess: the system's source,
    // not GLib's Mersenne twister.
    std::random_device device;
    static constexpr char kHex[] = "0123456789abcdef";
    std::string text;
    while (text.size () < 32) {
      auto bits = static_cast<uint32_t> (device ());
      for (int nibble = 0; nibble < 8; ++nibble, bits >>= 4)
        text += kHex[bits & 0xf];
    }
    return text;
  }
};

} // namespace

Clock &
system_clock () {
  static SystemClock clock;
  return clock;
}

Random &
system_random () {
  static SystemRandom random;
  return random;
}

} // namespace lk
