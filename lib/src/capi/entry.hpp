// The edge of the C API: no exception crosses it, and no handle is trusted.
#pragma once

#include "capi/client.hpp"
#include "capi/handles.hpp"

#include <optional>
#include <string>

namespace lk::capi {

struct TrackEntry {
  std::shared_ptr<Client> client;
  std::shared_ptr<AudioTrack> track;
};

Handles<LkClientHandle, Client> &clients ();
Handles<LkAudioTrackHandle, TrackEntry> &audio_tracks ();

/// lk_client_create() with sessions of another make.
LkClientHandle *create_client (SessionFactory factory);

/// Runs `body`; what it throws becomes a code.
template <typename Body>
LkResult
guarded (Body body) noexcept {
  try {
    return body ();
  } catch (const std::bad_alloc &) {
    return { number (Code::Internal, false), nullptr };
  } catch (const std::exception &problem) {
    return fail (Code::Internal, problem.what ());
  }
}

/// The same for what needs a client.
template <typename Body>
LkResult
with_client (const LkClientHandle *handle, Body body) noexcept {
  return guarded ([&] {
    auto client = clients ().find (handle);
    return client ? body (*client) : fail (Code::NullHandle, "the client handle is NULL or was destroyed");
  });
}

/// A string of the caller; nothing when it is NULL, longer than `limit`, or not UTF-8.
std::optional<std::string> text_of (const char *text, size_t limit);

} // namespace lk::capi
