#include "room.hpp"

#include "media/row.hpp"

#include <algorithm>

namespace lk::record {

namespace {

std::string
text_of (gpointer object, const char *property) {
  gchar *raw = nullptr;
  g_object_get (object, property, &raw, nullptr);
  const CString text (raw);
  return text ? text.get () : "";
}

StructurePtr
structure_of (gpointer object, const char *property) {
  GstStructure *s = nullptr;
  g_object_get (object, property, &s, nullptr);
  return StructurePtr (s);
}

std::string
field_of (const GstStructure *s, const char *field) {
  const gchar *text = s ? gst_structure_get_string (s, field) : nullptr;
  return text ? text : "";
}

/// In which codec an encoded pad comes.
const Codec *
codec_of_pad (GstPad *pad) {
  auto caps = Ref<GstCaps>::adopt (gst_pad_query_caps (pad, nullptr));
  for (guint i = 0; i < gst_caps_get_size (caps.get ()); i++)
    if (const Codec *codec
        = codec_of_media_type (gst_structure_get_name (gst_caps_get_structure (caps.get (), i))))
      return codec;
  return nullptr;
}

Errc
code_of (const std::string &name) {
  for (int code = 0; code <= int (Errc::Internal); code++)
    if (name == to_string (Errc (code))) return Errc (code);
  return Errc::MediaFailed;
}

Error
error_of (GstMessage *message) {
  GError *raw = nullptr;
  const GstStructure *details = nullptr;
  gst_message_parse_error (message, &raw, nullptr);
  gst_message_parse_error_details (message, &details);
  const ErrorPtr error (raw);
  return { code_of (field_of (details, "code")), Retry::Never, error->message };
}

} // namespace

bool
RoomTrack::muted () const {
  gboolean muted = FALSE, paused = FALSE;
  g_object_get (pad.get (), "muted", &muted, "paused", &paused, nullptr);
  return muted || paused;
}

struct Room::Hop {
  std::shared_ptr<TaskQueue> queue;
  std::weak_ptr<Room *> room;
  Kinds tapped;
};

Room::~Room () {
  stop ();
}

Result<>
Room::start (const Request &request, Kinds received, Kinds tapped) {
  auto source = media::make_element ("livekitsrc");
  if (!source) return source.error ();
  source_ = *source;
  // Nobody stands before it and waits: a busy machine is no reason to record nothing.
  g_object_set (source_.get (), "connect-timeout", 30000, nullptr);
  for (const auto &[property, value] : request.connection) {
    if (!g_object_class_find_property (G_OBJECT_GET_CLASS (source_.get ()), property.c_str ()))
      return Error{ Errc::Settings, Retry::Never, "livekitsrc has no property " + property };
    gst_util_set_object_arg (G_OBJECT (source_.get ()), property.c_str (), value.c_str ());
  }
  if (request.hidden) g_object_set (source_.get (), "hidden", TRUE, nullptr);
  const auto set = [this] (const char *property, const std::string &value) {
    if (!value.empty ()) g_object_set (source_.get (), property, value.c_str (), nullptr);
  };
  set ("participants", request.participants);
  set ("tracks", request.tracks);
  set ("sources", request.sources);
  set ("kinds", received.audio && received.video ? "audio,video" : received.audio ? "audio" : "video");
  // A publisher that takes a while to find the server again goes on in its file.
  media::apply_settings (source_.get (), "output=encoded reappear-timeout=60000");

  pipeline_ = Ref<GstElement>::sink (gst_pipeline_new (nullptr));
  gst_bin_add (GST_BIN (pipeline_.get ()), source_.get ());
  for (const char *signal : { "pad-added", "pad-removed" }) {
    const bool added = g_str_equal (signal, "pad-added");
    using Callback = void (*) (GstElement *, GstPad *, gpointer);
    const Callback callback
        = added ? Callback ([] (GstElement *e, GstPad *pad, gpointer hop) { on_pad (e, pad, hop, true); })
                : Callback ([] (GstElement *e, GstPad *pad, gpointer hop) { on_pad (e, pad, hop, false); });
    g_signal_connect_data (
        source_.get (), signal, G_CALLBACK (callback), new Hop{ thread_.queue (), self_, tapped },
        [] (gpointer hop, GClosure *) { delete static_cast<Hop *> (hop); }, GConnectFlags (0));
  }

  auto bus = Ref<GstBus>::adopt (gst_element_get_bus (pipeline_.get ()));
  watch_ = gst_bus_create_watch (bus.get ());
  const GstBusFunc on_bus = [] (GstBus *, GstMessage *message, gpointer self) -> gboolean {
    static_cast<Room *> (self)->on_message (message);
    return G_SOURCE_CONTINUE;
  };
  g_source_set_callback (watch_, reinterpret_cast<GSourceFunc> (reinterpret_cast<void *> (on_bus)), this,
                         nullptr);
  g_source_attach (watch_, thread_.context ());
  gst_element_set_state (pipeline_.get (), GST_STATE_PLAYING); // an error comes by the bus
  return {};
}

void
Room::stop () {
  self_.reset ();
  if (watch_) {
    g_source_destroy (watch_);
    g_source_unref (std::exchange (watch_, nullptr));
  }
  if (pipeline_) gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  for (const auto &track : tracks_)
    if (track->tap) track->tap->close ();
  tracks_.clear ();
}

Result<>
Room::link_mix (Tap &tap, bool video, const std::string &layout) {
  auto pad = Ref<GstPad>::adopt (
      gst_element_request_pad_simple (source_.get (), video ? "video_mix" : "audio_mix"));
  if (pad && video && !layout.empty ()) {
    auto *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (pad.get ()), "layout");
    GValue value = G_VALUE_INIT;
    if (spec) g_value_init (&value, spec->value_type);
    const bool known = spec && gst_value_deserialize (&value, layout.c_str ());
    if (known) g_object_set_property (G_OBJECT (pad.get ()), "layout", &value);
    if (spec) g_value_unset (&value);
    if (!known)
      return Error{ Errc::Settings, Retry::Never, "livekitsrc here has no layout '" + layout + "'" };
  }
  if (!pad || !tap.link (pad.get ()))
    return Error{ Errc::MediaFailed, Retry::Never,
                  std::string ("the room's ") + (video ? "pictures" : "sound") + " cannot be mixed here" };
  return {};
}

void
Room::on_pad (GstElement *source, GstPad *pad, gpointer data, bool added) {
  auto *hop = static_cast<Hop *> (data);
  auto kept = Ref<GstPad>::retain (pad);
  const CString name (gst_pad_get_name (pad));
  if (g_str_has_suffix (name.get (), "_mix")) return; // linked by who requests them
  if (!added) {
    hop->queue->post ([weak = hop->room, kept] {
      if (auto room = weak.lock ()) (*room)->pad_removed (kept.get ());
    });
    return;
  }
  const Codec *codec = codec_of_pad (pad);
  if (!codec) return;
  std::shared_ptr<Tap> tap;
  if (codec->video ? hop->tapped.video : hop->tapped.audio) {
    auto pipeline = Ref<GstObject>::adopt (gst_element_get_parent (source));
    auto made = pipeline ? Tap::make (GST_ELEMENT (pipeline.get ()), codec) : Error{};
    if (made && (*made)->link_and_hold (pad)) tap = *made;
  }
  hop->queue->post ([weak = hop->room, kept, codec, tap] {
    if (auto room = weak.lock ()) (*room)->pad_added (kept, *codec, tap);
  });
}

void
Room::pad_added (Ref<GstPad> pad, const Codec &codec, std::shared_ptr<Tap> tap) {
  auto track = std::make_shared<RoomTrack> ();
  track->pad = pad;
  track->codec = &codec;
  track->tap = std::move (tap);
  auto &status = track->status;
  const auto info = structure_of (pad.get (), "track-info");
  const auto who = structure_of (pad.get (), "participant-info");
  status.participant = text_of (pad.get (), "participant-identity");
  status.name = field_of (who.get (), "name");
  status.sid = text_of (pad.get (), "track-sid");
  status.track = text_of (pad.get (), "track-name");
  status.source = field_of (info.get (), "source");
  status.kind = track->codec->video ? "video" : "audio";
  status.codec = track->codec->name;
  if (info)
    gst_structure_get (info.get (), "width", G_TYPE_UINT, &track->width, "height", G_TYPE_UINT,
                       &track->height, nullptr);
  const GValue *all = who ? gst_structure_get_value (who.get (), "tracks") : nullptr;
  track->published = all ? gst_value_array_get_size (all) : 1;
  track->last_packet_us = g_get_monotonic_time ();
  tracks_.push_back (track);
  hooks_.track_came (track);
}

void
Room::pad_removed (GstPad *pad) {
  auto it = std::find_if (tracks_.begin (), tracks_.end (),
                          [pad] (const auto &t) { return t->pad.get () == pad; });
  if (it == tracks_.end ()) return;
  auto track = *it;
  tracks_.erase (it);
  hooks_.track_gone (track);
  if (track->tap) track->tap->close ();
}

void
Room::look (Millis stall) {
  const gint64 now = g_get_monotonic_time ();
  for (const auto &track : tracks_) {
    auto &status = track->status;
    const auto stats = structure_of (track->pad.get (), "stats");
    guint64 packets = 0;
    if (stats)
      gst_structure_get (stats.get (), "packets-received", G_TYPE_UINT64, &packets, "packets-lost",
                         G_TYPE_INT64, &status.packets_lost, nullptr);
    status.muted = track->muted ();
    const bool moved = packets != status.packets;
    status.packets = packets;
    if (track->tap) {
      status.dropped = track->tap->dropped ();
      status.frames = status.key_requests = 0;
      for (const auto &feed : track->tap->feeds ()) {
        status.frames = std::max (status.frames, feed->frames ());
        status.key_requests += feed->key_requests ();
      }
    }
    if (moved || status.muted) {
      track->last_packet_us = now;
      status.stalled = false;
      continue;
    }
    const gint64 silent_us = now - track->last_packet_us;
    // A shared screen that rests sends again when it is asked.
    if (track->tap && silent_us > 3000000)
      for (const auto &feed : track->tap->feeds ())
        if ((silent_us / 1000000) % 3 == 0) feed->request_key ();
    if (status.stalled || silent_us < stall.count () * 1000) continue;
    status.stalled = true;
    gst_element_post_message (
        pipeline_.get (),
        gst_message_new_element (GST_OBJECT (pipeline_.get ()),
                                 gst_structure_new ("livekit-recorder-stalled", "identity", G_TYPE_STRING,
                                                    status.participant.c_str (), "sid", G_TYPE_STRING,
                                                    status.sid.c_str (), "seconds", G_TYPE_INT64,
                                                    silent_us / 1000000, nullptr)));
    hooks_.stalled (track);
  }
}

void
Room::on_message (GstMessage *message) {
  switch (GST_MESSAGE_TYPE (message)) {
  case GST_MESSAGE_LATENCY:
    gst_bin_recalculate_latency (GST_BIN (pipeline_.get ()));
    break;
  case GST_MESSAGE_ERROR:
    hooks_.ended (error_of (message));
    break;
  case GST_MESSAGE_ELEMENT:
    on_element (gst_message_get_structure (message));
    break;
  default:
    break;
  }
}

void
Room::on_element (const GstStructure *s) {
  if (gst_structure_has_name (s, "livekit-room-joined")) {
    GstStructure *info = nullptr;
    gst_structure_get (s, "room-info", GST_TYPE_STRUCTURE, &info, nullptr);
    name_ = field_of (StructurePtr (info).get (), "name");
    hooks_.joined ();
  } else if (gst_structure_has_name (s, "livekit-participant-joined")) {
    participants_.insert (field_of (s, "identity"));
    hooks_.participants (unsigned (participants_.size ()));
  } else if (gst_structure_has_name (s, "livekit-participant-left")) {
    participants_.erase (field_of (s, "identity"));
    hooks_.participants (unsigned (participants_.size ()));
  } else if (gst_structure_has_name (s, "livekit-connection-state")) {
    const auto to = field_of (s, "to"), code = field_of (s, "code");
    if (to == "reconnecting") reconnects_++;
    if (to != "disconnected" && to != "failed") return;
    if (code.empty () || code == to_string (Errc::RoomClosed))
      hooks_.ended (std::nullopt);
    else
      hooks_.ended (Error{ code_of (code), Retry::Never, field_of (s, "reason") });
  }
}

} // namespace lk::record
