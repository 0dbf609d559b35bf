#include "participant/data_messages.hpp"

#include "participant/announcement.hpp"
#include "participant/participant.hpp"

namespace lk::gst {

namespace {

constexpr gint64 kProgressEveryUs = 100'000, kWindowUs = 1'000'000;
constexpr unsigned kPerWindow = 100;

} // namespace

Progress::Progress (Participant *participant, Stream stream)
    : participant_ (participant), stream_ (std::move (stream)) {}

void
Progress::at (uint64_t bytes) {
  const gint64 now = g_get_monotonic_time ();
  if (now < next_us_) return;
  next_us_ = now + kProgressEveryUs;
  post ("active", bytes, "");
}

void
Progress::done (uint64_t bytes) {
  post ("done", bytes, "");
}

void
Progress::failed (uint64_t bytes, const std::string &reason) {
  post ("failed", bytes, reason);
}

void
Progress::post (const char *state, uint64_t bytes, const std::string &reason) {
  auto session = participant_ ? participant_->session () : nullptr;
  if (!session) return;
  auto message = new_message ("livekit-stream-progress", *session);
  auto *s = message.get ();
  gst_structure_set (s, "direction", G_TYPE_STRING, stream_.direction.c_str (), "state", G_TYPE_STRING, state,
                     "stream-id", G_TYPE_STRING, stream_.id.c_str (), "topic", G_TYPE_STRING,
                     stream_.topic.c_str (), "name", G_TYPE_STRING, stream_.name.c_str (), "bytes",
                     G_TYPE_UINT64, bytes, nullptr);
  if (!stream_.identity.empty ())
    gst_structure_set (s, "identity", G_TYPE_STRING, stream_.identity.c_str (), nullptr);
  if (stream_.total) gst_structure_set (s, "total", G_TYPE_UINT64, *stream_.total, nullptr);
  if (!reason.empty ()) gst_structure_set (s, "reason", G_TYPE_STRING, reason.c_str (), nullptr);
  participant_->post_message (std::move (message));
}

std::optional<unsigned>
MessageLimit::admit () {
  const gint64 now = g_get_monotonic_time ();
  std::lock_guard guard (lock_);
  if (now - window_us_ >= kWindowUs) {
    window_us_ = now;
    passed_ = 0;
  }
  if (passed_ >= kPerWindow) {
    left_out_++;
    return std::nullopt;
  }
  passed_++;
  return std::exchange (left_out_, 0u);
}

} // namespace lk::gst
