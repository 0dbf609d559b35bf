// livekit_ffi.h: client, connection, role, log.
#include "capi/entry.hpp"

#include "auth/jwt.hpp"
#include "base/utf8.hpp"

#include <cmath>
#include <cstring>

namespace lk::capi {

namespace {

// Servers take shorter ones only.
constexpr size_t kMaxUrl = 8192;

LkResult
connect (LkClientHandle *handle, const char *url, const char *token, int role, bool wait) {
  return with_client (handle, [&] (Client &client) {
    if (role < LkRoleAuto || role > LkRoleBoth) return fail (Code::BadSetting, "there is no such role");
    auto to = text_of (url, kMaxUrl), with = text_of (token, auth::kMaxToken);
    if (!to || to->empty ())
      return fail (Code::BadString, "url is NULL, empty or not UTF-8: give the server's, as wss://host");
    if (!with || with->empty ()) return fail (Code::BadString, "token is NULL, empty or not UTF-8");
    return client.connect (*to, *with, LkRole (role), wait);
  });
}

} // namespace

Handles<LkClientHandle, Client> &
clients () {
  // Never destroyed: a callback may run while the process ends.
  static auto *table = new Handles<LkClientHandle, Client>;
  return *table;
}

Handles<LkAudioTrackHandle, TrackEntry> &
audio_tracks () {
  static auto *table = new Handles<LkAudioTrackHandle, TrackEntry>;
  return *table;
}

LkClientHandle *
create_client (SessionFactory factory) {
  return clients ().add (Client::create (std::move (factory)));
}

std::optional<std::string>
text_of (const char *text, size_t limit) {
  if (!text) return std::nullopt;
  const size_t size = strnlen (text, limit + 1);
  if (size > limit || !is_utf8 ({ text, size })) return std::nullopt;
  return std::string (text, size);
}

} // namespace lk::capi

using namespace lk;
using namespace lk::capi;

void
lk_free_str (char *p) {
  g_free (p);
}

LkClientHandle *
lk_client_create (void) {
  try {
    if (!gst_init_check (nullptr, nullptr, nullptr)) return nullptr;
    return create_client ([] { return session::Session::create ("livekit_ffi"); });
  } catch (const std::exception &) {
    return nullptr;
  }
}

void
lk_client_destroy (LkClientHandle *handle) {
  try {
    auto client = clients ().remove (handle);
    if (!client) return;
    audio_tracks ().remove_if ([&] (const TrackEntry &entry) { return entry.client == client; });
    client->destroy ();
  } catch (const std::exception &problem) {
    g_critical ("lk_client_destroy: %s", problem.what ());
  }
}

LkResult
lk_client_set_data_callback (LkClientHandle *handle, LkDataCallback cb, void *user) {
  return with_client (handle, [&] (Client &client) {
    client.set_callbacks ([&] (Callbacks &all) { all.data = { cb, user }; });
    return ok ();
  });
}

LkResult
lk_client_set_data_callback_ex (LkClientHandle *handle, LkDataCallbackEx cb, void *user) {
  return with_client (handle, [&] (Client &client) {
    client.set_callbacks ([&] (Callbacks &all) { all.data_ex = { cb, user }; });
    return ok ();
  });
}

LkResult
lk_client_set_audio_callback (LkClientHandle *handle, LkAudioCallback cb, void *user) {
  return with_client (handle, [&] (Client &client) {
    client.set_callbacks ([&] (Callbacks &all) {
      all.audio = { cb, user };
      if (cb) all.audio_ex = {};
    });
    return ok ();
  });
}

LkResult
lk_client_set_audio_callback_ex (LkClientHandle *handle, LkAudioCallbackEx cb, void *user) {
  return with_client (handle, [&] (Client &client) {
    client.set_callbacks ([&] (Callbacks &all) {
      all.audio_ex = { cb, user };
      if (cb) all.audio = {};
    });
    return ok ();
  });
}

LkResult
lk_set_audio_format_change_callback (LkClientHandle *handle, LkAudioFormatChangeCallback cb, void *user) {
  return with_client (handle, [&] (Client &client) {
    client.set_callbacks ([&] (Callbacks &all) { all.format = { cb, user }; });
    return ok ();
  });
}

LkResult
lk_set_connection_callback (LkClientHandle *handle, LkConnectionCallback cb, void *user) {
  return with_client (handle, [&] (Client &client) {
    client.set_callbacks ([&] (Callbacks &all) { all.connection = { cb, user }; });
    return ok ();
  });
}

LkResult
lk_connect (LkClientHandle *handle, const char *url, const char *token) {
  return connect (handle, url, token, LkRoleBoth, true);
}

LkResult
lk_connect_with_role (LkClientHandle *handle, const char *url, const char *token, LkRole role) {
  return connect (handle, url, token, int (role), true);
}

LkResult
lk_connect_async (LkClientHandle *handle, const char *url, const char *token) {
  return connect (handle, url, token, LkRoleBoth, false);
}

LkResult
lk_connect_with_role_async (LkClientHandle *handle, const char *url, const char *token, LkRole role) {
  return connect (handle, url, token, int (role), false);
}

LkResult
lk_disconnect (LkClientHandle *handle) {
  return guarded ([&] {
    // Held by the call: the client may be destroyed meanwhile.
    auto client = clients ().find (handle);
    return client ? client->disconnect ()
                  : fail (Code::NullHandle, "the client handle is NULL or was destroyed");
  });
}

int32_t
lk_client_is_ready (LkClientHandle *handle) {
  try {
    auto client = clients ().find (handle);
    return client && client->ready () ? 1 : 0;
  } catch (const std::exception &) {
    return 0;
  }
}

LkResult
lk_set_reconnect_backoff (LkClientHandle *handle, int32_t initial_ms, int32_t max_ms, float multiplier) {
  return with_client (handle, [&] (Client &client) {
    if (initial_ms < 1 || max_ms < initial_ms || !std::isfinite (multiplier) || multiplier < 1
        || multiplier > 100)
      return fail (Code::BadSetting, "initial_ms must be at least 1, max_ms no less, multiplier 1 to 100");
    client.set_backoff (Millis (initial_ms), Millis (max_ms), double (multiplier));
    return ok ();
  });
}

LkResult
lk_refresh_token (LkClientHandle *handle, const char *token) {
  return with_client (handle, [&] (Client &client) {
    auto text = text_of (token, auth::kMaxToken);
    if (!text || !auth::split (*text)) return fail (Code::BadString, "this is not a token");
    return client.refresh_token (*text);
  });
}

LkResult
lk_set_role (LkClientHandle *handle, LkRole role, int32_t auto_subscribe) {
  return with_client (handle, [&] (Client &client) {
    if (int (role) < LkRoleAuto || int (role) > LkRoleBoth)
      return fail (Code::BadSetting, "there is no such role");
    return client.set_role (role, auto_subscribe != 0);
  });
}

LkResult
lk_set_log_level (LkClientHandle *handle, LkLogLevel level) {
  return with_client (handle, [&] (Client &) {
    constexpr GstDebugLevel kLevels[]
        = { GST_LEVEL_ERROR, GST_LEVEL_WARNING, GST_LEVEL_INFO, GST_LEVEL_DEBUG, GST_LEVEL_TRACE };
    if (int (level) < LkLogError || int (level) > LkLogTrace)
      return fail (Code::BadSetting, "there is no such log level");
    gst_debug_set_threshold_for_name ("lk*", kLevels[level]);
    return ok ();
  });
}
