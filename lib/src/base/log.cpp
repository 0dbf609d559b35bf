#include "base/log.hpp"

namespace lk::log {
namespace {

GstDebugCategory *
make (const char *name, const char *description) {
  GstDebugCategory *category = nullptr;
  GST_DEBUG_CATEGORY_INIT (category, name, 0, description);
  return category;
}

} // namespace

GstDebugCategory *
signal () {
  static GstDebugCategory *category = make ("lksignal", "LiveKit signalling connection");
  return category;
}

GstDebugCategory *
net () {
  static GstDebugCategory *category = make ("lknet", "LiveKit HTTP and WebSocket");
  return category;
}

GstDebugCategory *
rtc () {
  static GstDebugCategory *category = make ("lkrtc", "LiveKit peer connections");
  return category;
}

GstDebugCategory *
media () {
  static GstDebugCategory *category = make ("lkmedia", "LiveKit frame bridges and codecs");
  return category;
}

GstDebugCategory *
session () {
  static GstDebugCategory *category = make ("lksession", "LiveKit participants, rosters, publications");
  return category;
}

} // namespace lk::log
