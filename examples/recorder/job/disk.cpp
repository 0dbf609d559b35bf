#include "disk.hpp"

#include <condition_variable>
#include <mutex>
#include <sys/statvfs.h>
#include <thread>
#include <utility>

namespace lk::record {

namespace {

constexpr Millis kLeave{ 1000 };
constexpr gint64 kBetweenLooksUs = 1000000;

std::atomic<unsigned> held_{ 0 };

} // namespace

bool
within (Millis patience, std::function<void ()> work) {
  struct Wait {
    std::mutex lock;
    std::condition_variable changed;
    bool done = false;
  };
  auto wait = std::make_shared<Wait> ();
  held_++;
  std::thread ([wait, work = std::move (work)] {
    work ();
    held_--;
    std::lock_guard guard (wait->lock);
    wait->done = true;
    wait->changed.notify_all ();
  }).detach ();
  std::unique_lock guard (wait->lock);
  return wait->changed.wait_for (guard, patience, [&wait] { return wait->done; });
}

unsigned
held_by_disks () {
  return held_;
}

// ---- Keeper

struct Keeper::Shared {
  Ref<GstElement> pipeline;
  mutable std::mutex lock; // leaf
  std::condition_variable changed;
  bool opened = false, closing = false, closed = false;
  std::optional<Error> error;

  explicit Shared (Ref<GstElement> p) : pipeline (std::move (p)) {}

  void
  run (const std::function<Result<> ()> &prepare) {
    auto prepared = prepare ();
    if (prepared && gst_element_set_state (pipeline.get (), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
      prepared = Error{ Errc::MediaFailed, Retry::Never, "it cannot be opened" };
    {
      std::unique_lock guard (lock);
      if (!prepared) error = prepared.error ();
      changed.wait (guard, [this] { return closing; });
    }
    gst_element_set_state (pipeline.get (), GST_STATE_NULL);
    pipeline = {};
    held_--;
    std::lock_guard guard (lock);
    closed = true;
    changed.notify_all ();
  }
};

Keeper::Keeper (Ref<GstElement> pipeline) : shared_ (std::make_shared<Shared> (std::move (pipeline))) {}

Keeper::~Keeper () {
  close ();
  std::unique_lock guard (shared_->lock);
  shared_->changed.wait_for (guard, kLeave, [this] { return shared_->closed; });
}

void
Keeper::open (std::function<Result<> ()> prepare) {
  {
    std::lock_guard guard (shared_->lock);
    shared_->opened = true;
  }
  held_++;
  std::thread ([shared = shared_, prepare = std::move (prepare)] { shared->run (prepare); }).detach ();
}

void
Keeper::close () {
  std::lock_guard guard (shared_->lock);
  shared_->closing = true;
  shared_->closed |= !shared_->opened;
  shared_->changed.notify_all ();
}

bool
Keeper::closed () const {
  std::lock_guard guard (shared_->lock);
  return shared_->closed;
}

std::optional<Error>
Keeper::error () const {
  std::lock_guard guard (shared_->lock);
  return shared_->error;
}

// ---- Meter

Meter::Meter (GstPad *pad, std::string folder, bool seeks)
    : shared_ (std::make_shared<Shared> (std::move (folder), seeks)) {
  gst_pad_add_probe (
      pad,
      GstPadProbeType (GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST
                       | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      [] (GstPad *, GstPadProbeInfo *info, gpointer shared) {
        (*static_cast<std::shared_ptr<Shared> *> (shared))->on_item (info);
        return GST_PAD_PROBE_OK;
      },
      new std::shared_ptr<Shared> (shared_),
      [] (gpointer shared) { delete static_cast<std::shared_ptr<Shared> *> (shared); });
}

/// Each thing that comes says that the one before has been taken.
void
Meter::Shared::on_item (GstPadProbeInfo *info) {
  position += std::exchange (under_way, 0);
  bytes = std::max (bytes.load (), position);
  taken++;
  const auto type = GST_PAD_PROBE_INFO_TYPE (info);
  if (type & GST_PAD_PROBE_TYPE_BUFFER)
    under_way = gst_buffer_get_size (gst_pad_probe_info_get_buffer (info));
  else if (type & GST_PAD_PROBE_TYPE_BUFFER_LIST)
    under_way = gst_buffer_list_calculate_size (gst_pad_probe_info_get_buffer_list (info));
  else if (GstEvent *event = gst_pad_probe_info_get_event (info);
           GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT) {
    const GstSegment *segment = nullptr;
    gst_event_parse_segment (event, &segment);
    if (seeks && segment->format == GST_FORMAT_BYTES) position = segment->start;
  }
  look ();
}

/// Here, where the disk is waited for anyway.
void
Meter::Shared::look () {
  const gint64 now = g_get_monotonic_time ();
  if (folder.empty () || now - looked_us < kBetweenLooksUs) return;
  looked_us = now;
  struct statvfs disk;
  if (statvfs (folder.c_str (), &disk) == 0) free_bytes = uint64_t (disk.f_bavail) * disk.f_frsize;
}

std::optional<uint64_t>
Meter::free_bytes () const {
  const uint64_t free = shared_->free_bytes;
  return free == UINT64_MAX ? std::nullopt : std::optional (free);
}

} // namespace lk::record
