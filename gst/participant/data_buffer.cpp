#include "participant/data_buffer.hpp"

#include <gst/livekit/data_meta.h>

namespace lk::gst {

namespace {

// docs/data-time.md: milliseconds, but some applications write microseconds.
constexpr uint64_t kLargestMillis = 100'000'000'000'000;

using Buffers = std::vector<Ref<GstBuffer>>;

struct Made {
  Ref<GstBuffer> buffer;
  GstLiveKitDataMeta *meta;
};

/// The bytes move into the buffer; nothing is copied.
Made
make (GstLiveKitDataKind kind, const session::DataSender &from, std::string bytes) {
  auto *owner = new std::string (std::move (bytes));
  auto buffer = Ref<GstBuffer>::adopt (gst_buffer_new ());
  if (owner->empty ())
    delete owner;
  else
    gst_buffer_append_memory (
        buffer.get (),
        gst_memory_new_wrapped (GstMemoryFlags (0), owner->data (), owner->size (), 0, owner->size (), owner,
                                [] (gpointer p) { delete static_cast<std::string *> (p); }));
  auto *meta = gst_livekit_buffer_add_data_meta (buffer.get (), kind);
  gst_livekit_data_meta_set_sender (meta, from.identity.c_str (), from.sid.c_str ());
  return { std::move (buffer), meta };
}

const gchar *
or_null (const std::string &text) {
  return text.empty () ? nullptr : text.c_str ();
}

void
fill (GstLiveKitDataMeta *meta, const StreamHeader &header) {
  const auto *byte_header = std::get_if<ByteHeader> (&header.kind);
  gst_livekit_data_meta_set_topic (meta, header.topic.c_str ());
  gst_livekit_data_meta_set_stream (meta, header.id.c_str (), or_null (header.mime_type),
                                    byte_header ? or_null (byte_header->name) : nullptr);
  gst_livekit_data_meta_set_reliability (meta, GST_LIVEKIT_RELIABILITY_RELIABLE);
  for (const auto &[key, value] : header.attributes)
    gst_livekit_data_meta_set_attribute (meta, key.c_str (), value.c_str ());
  if (header.total_length) meta->total_size = *header.total_length;
  guint64 exact = 0;
  const auto it = header.attributes.find (kTimeAttribute);
  if (it != header.attributes.end ()
      && g_ascii_string_to_unsigned (it->second.c_str (), 10, 0, G_MAXINT64, &exact, nullptr))
    meta->timestamp = exact;
  else if (header.timestamp_ms > 0)
    meta->timestamp = guint64 (header.timestamp_ms) * 1000;
}

Buffers
one (Made made) {
  Buffers out;
  out.push_back (std::move (made.buffer));
  return out;
}

struct Maker {
  Buffers
  operator() (const session::PacketReceived &e) const {
    auto made = make (GST_LIVEKIT_DATA_KIND_PACKET, e.from, e.message.payload);
    if (e.message.topic) gst_livekit_data_meta_set_topic (made.meta, e.message.topic->c_str ());
    if (e.message.id) gst_livekit_data_meta_set_stream (made.meta, e.message.id->c_str (), nullptr, nullptr);
    gst_livekit_data_meta_set_reliability (made.meta, e.reliability == Reliability::Lossy
                                                          ? GST_LIVEKIT_RELIABILITY_LOSSY
                                                          : GST_LIVEKIT_RELIABILITY_RELIABLE);
    // What is no time in microseconds is of a unit that only the application knows.
    if (e.message.start_time.value_or (0) > kLargestMillis) made.meta->timestamp = *e.message.start_time;
    return one (std::move (made));
  }
  Buffers
  operator() (const session::ChatReceived &e) const {
    if (e.message.deleted) return {};
    auto made = make (GST_LIVEKIT_DATA_KIND_CHAT, e.from, e.message.text);
    gst_livekit_data_meta_set_topic (made.meta, "lk.chat");
    gst_livekit_data_meta_set_stream (made.meta, or_null (e.message.id), nullptr, nullptr);
    if (e.message.timestamp_ms > 0) made.meta->timestamp = guint64 (e.message.timestamp_ms) * 1000;
    return one (std::move (made));
  }
  Buffers
  operator() (const session::TranscriptionReceived &e) const {
    Buffers out;
    for (const auto &segment : e.transcription.segments) {
      auto made = make (GST_LIVEKIT_DATA_KIND_TRANSCRIPTION, e.from, segment.text);
      gst_livekit_data_meta_set_topic (made.meta, "lk.transcription");
      gst_livekit_data_meta_set_stream (made.meta, or_null (segment.id), nullptr, nullptr);
      const auto attribute = [&made] (const char *key, const std::string &value) {
        if (!value.empty ()) gst_livekit_data_meta_set_attribute (made.meta, key, value.c_str ());
      };
      attribute ("lk.segment_id", segment.id);
      attribute ("lk.transcribed_track_id", e.transcription.track_sid);
      attribute ("lk.transcription_final", segment.final ? "true" : "false");
      attribute ("gst.language", segment.language);
      if (e.transcription.timestamp_ms > 0)
        made.meta->timestamp = guint64 (e.transcription.timestamp_ms) * 1000;
      if (segment.end_time_ms > segment.start_time_ms)
        GST_BUFFER_DURATION (made.buffer.get ())
            = std::min<guint64> (segment.end_time_ms - segment.start_time_ms, G_MAXUINT32) * GST_MSECOND;
      out.push_back (std::move (made.buffer));
    }
    return out;
  }
  Buffers
  operator() (const session::StreamData &e) const {
    auto made = make (kind_of (*e.stream), e.stream->from, e.bytes);
    fill (made.meta, e.stream->header);
    GST_BUFFER_OFFSET (made.buffer.get ()) = e.offset;
    GST_BUFFER_OFFSET_END (made.buffer.get ()) = e.offset + e.bytes.size ();
    if (e.offset == 0) GST_BUFFER_FLAG_SET (made.buffer.get (), GST_BUFFER_FLAG_DISCONT);
    return one (std::move (made));
  }
  Buffers
  operator() (const session::StreamEnded &e) const {
    if (e.error) return {};
    auto made = make (kind_of (*e.stream), e.stream->from, e.bytes);
    fill (made.meta, e.stream->header);
    made.meta->total_size = e.bytes.size ();
    return one (std::move (made));
  }
  Buffers
  operator() (const session::TrackFrameReceived &e) const {
    auto made = make (GST_LIVEKIT_DATA_KIND_TRACK, e.from, e.payload);
    gst_livekit_data_meta_set_topic (made.meta, e.track.name.c_str ());
    gst_livekit_data_meta_set_stream (made.meta, or_null (e.track.sid), nullptr, nullptr);
    gst_livekit_data_meta_set_reliability (made.meta, GST_LIVEKIT_RELIABILITY_LOSSY);
    if (e.user_timestamp)
      made.meta->timestamp
          = *e.user_timestamp > kLargestMillis ? *e.user_timestamp : *e.user_timestamp * 1000;
    return one (std::move (made));
  }
  template <typename Other>
  Buffers
  operator() (const Other &) const {
    return {};
  }

  static GstLiveKitDataKind
  kind_of (const session::StreamInfo &stream) {
    return stream.is_text () ? GST_LIVEKIT_DATA_KIND_TEXT : GST_LIVEKIT_DATA_KIND_BYTES;
  }
};

} // namespace

Buffers
buffers_of (const session::DataEvent &event) {
  return std::visit (Maker (), event);
}

} // namespace lk::gst
