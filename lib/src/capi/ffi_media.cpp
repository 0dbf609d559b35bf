// livekit_ffi.h: sound and data.
#include "capi/entry.hpp"

#include <algorithm>

using namespace lk;
using namespace lk::capi;
using media::pcm::Format;

namespace {

// A chunk of more than this is a mistake in the arguments, not sound: five seconds are the largest ring.
constexpr size_t kMostFrames = 96000 * 5;
constexpr size_t kMaxName = 256, kMaxLabel = 4096;
constexpr int32_t kDefaultDepth = 1000, kLeastDepth = 100, kMostDepth = 5000;

std::optional<LkResult>
bad_chunk (const int16_t *pcm, size_t frames) {
  if (frames > kMostFrames)
    return fail (Code::BadAudio, "frames_per_channel is more than the largest ring holds");
  if (!pcm && frames > 0) return fail (Code::NullPointer, "pcm is NULL");
  return {};
}

LkResult
bad_format () {
  return fail (Code::BadAudio, "sample rates go from 8000 to 96000 Hz, channels are 1 or 2");
}

LkResult
no_client (bool busy) {
  return busy ? fail (Code::AudioBusy, "too many threads use the library at once")
              : fail (Code::NullHandle, "the handle is NULL or was destroyed");
}

} // namespace

LkResult
lk_set_audio_publish_options (LkClientHandle *handle, int32_t bitrate_bps, int32_t enable_dtx,
                              int32_t stereo) {
  return with_client (handle, [&] (Client &client) {
    // What Opus can (RFC 6716 §2.1.1).
    if (bitrate_bps < 6000 || bitrate_bps > 510000)
      return fail (Code::BadAudio, "bitrate_bps must be 6000 to 510000");
    client.set_publish_options ({ uint32_t (bitrate_bps), enable_dtx != 0, stereo != 0 });
    return ok ();
  });
}

LkResult
lk_set_audio_output_format (LkClientHandle *handle, int32_t sample_rate, int32_t channels) {
  return with_client (handle, [&] (Client &client) {
    const Format format{ sample_rate, channels & ~LK_OUTPUT_MIXED };
    if (!usable (format)) return bad_format ();
    client.set_output (format, channels & LK_OUTPUT_MIXED);
    return ok ();
  });
}

LkResult
lk_publish_audio_pcm_i16 (LkClientHandle *handle, const int16_t *pcm, size_t frames, int32_t channels,
                          int32_t sample_rate) {
  return guarded ([&] {
    bool busy = false;
    auto client = clients ().find_briefly (handle, busy);
    if (!client) return no_client (busy);
    if (auto bad = bad_chunk (pcm, frames)) return *bad;
    const Format format{ sample_rate, channels };
    return usable (format) ? client->publish (pcm, frames, format) : bad_format ();
  });
}

LkResult
lk_audio_track_create (LkClientHandle *handle, const LkAudioTrackConfig *config,
                       LkAudioTrackHandle **out_track) {
  if (out_track) *out_track = nullptr;
  return guarded ([&] {
    auto client = clients ().find (handle);
    if (!client) return no_client (false);
    if (!config || !out_track) return fail (Code::BadAudio, "config or out_track is NULL");
    const Format format{ config->sample_rate, config->channels };
    if (!usable (format)) return bad_format ();
    auto name = config->track_name ? text_of (config->track_name, kMaxName) : "ue-audio-track";
    if (!name) return fail (Code::BadString, "track_name is not UTF-8, or longer than 256 bytes");
    const int32_t depth
        = config->buffer_ms <= 0 ? kDefaultDepth : std::clamp (config->buffer_ms, kLeastDepth, kMostDepth);
    auto track = client->create_track (*name, Millis (depth), format);
    if (!track) return fail (Code::Destroyed, "the client is being destroyed");
    auto entry = std::make_shared<TrackEntry> ();
    entry->client = client;
    entry->track = std::move (track);
    auto *made = audio_tracks ().add (std::move (entry));
    // A client that is destroyed takes the tracks with it that it finds.
    if (!clients ().find (handle)) {
      audio_tracks ().remove (made);
      return fail (Code::Destroyed, "the client is being destroyed");
    }
    *out_track = made;
    return ok ();
  });
}

LkResult
lk_audio_track_destroy (LkAudioTrackHandle *handle) {
  return guarded ([&] {
    if (!handle) return ok ();
    auto entry = audio_tracks ().remove (handle);
    if (!entry) return no_client (false);
    entry->client->destroy_track (entry->track);
    return ok ();
  });
}

LkResult
lk_audio_track_publish_pcm_i16 (LkAudioTrackHandle *handle, const int16_t *pcm, size_t frames) {
  return guarded ([&] {
    bool busy = false;
    auto entry = audio_tracks ().find_briefly (handle, busy);
    if (!entry) return no_client (busy);
    if (auto bad = bad_chunk (pcm, frames)) return *bad;
    return entry->client->publish (*entry->track, pcm, frames, *entry->track->fixed ());
  });
}

LkResult
lk_get_audio_stats (LkClientHandle *handle, LkAudioStats *out_stats) {
  return with_client (handle, [&] (Client &client) {
    if (!out_stats) return fail (Code::NullPointer, "out_stats is NULL");
    *out_stats = client.audio_stats ();
    return ok ();
  });
}

LkResult
lk_send_data (LkClientHandle *handle, const uint8_t *bytes, size_t len, LkReliability reliability) {
  return lk_send_data_ex (handle, bytes, len, reliability, 1, nullptr);
}

LkResult
lk_send_data_ex (LkClientHandle *handle, const uint8_t *bytes, size_t len, LkReliability reliability, int32_t,
                 const char *label) {
  return with_client (handle, [&] (Client &client) {
    if (!bytes && len > 0) return fail (Code::NullPointer, "bytes is NULL");
    if (reliability != LkReliable && reliability != LkLossy)
      return fail (Code::BadSetting, "there is no such reliability");
    auto topic = text_of (label, kMaxLabel);
    if (label && !topic) return fail (Code::BadString, "label is not UTF-8, or longer than 4096 bytes");
    // Not even copied.
    if (len > Client::kMostData)
      return fail (reliability == LkLossy ? Code::LossyTooLarge : Code::ReliableTooLarge,
                   "this is too much for one message");
    return client.send (std::string (reinterpret_cast<const char *> (bytes), len), reliability,
                        std::move (topic));
  });
}

LkResult
lk_set_default_data_labels (LkClientHandle *handle, const char *reliable_label, const char *lossy_label) {
  return with_client (handle, [&] (Client &client) {
    auto reliable = text_of (reliable_label, kMaxLabel), lossy = text_of (lossy_label, kMaxLabel);
    if ((reliable_label && !reliable) || (lossy_label && !lossy))
      return fail (Code::BadString, "a label is not UTF-8, or longer than 4096 bytes");
    client.set_default_labels (reliable.value_or (""), lossy.value_or (""));
    return ok ();
  });
}

LkResult
lk_get_data_stats (LkClientHandle *handle, LkDataStats *out_stats) {
  return with_client (handle, [&] (Client &client) {
    if (!out_stats) return fail (Code::NullPointer, "out_stats is NULL");
    *out_stats = client.data_stats ();
    return ok ();
  });
}
