// The pipeline of a writer.
#include "writer.hpp"
#include "writer_gate.hpp"

#include "media/row.hpp"

namespace lk::record {

namespace {

/// What makes the bytes.
Ref<GstElement>
find_muxer (GstElement *made, const Format &format) {
  if (format.medium != Medium::Hls) return Ref<GstElement>::retain (made);
  auto *all = gst_bin_iterate_all_by_element_factory_name (GST_BIN (made), "mpegtsmux");
  GValue item = G_VALUE_INIT;
  Ref<GstElement> found;
  if (gst_iterator_next (all, &item) == GST_ITERATOR_OK)
    found = Ref<GstElement>::retain (GST_ELEMENT (g_value_get_object (&item)));
  g_value_unset (&item);
  gst_iterator_free (all);
  return found;
}

} // namespace

std::string
redacted (const std::string &location) {
  const auto scheme = location.find ("://");
  if (scheme == location.npos) return location;
  auto host = location.substr (scheme + 3);
  host = host.substr (0, host.find_first_of ("/?"));
  if (const auto at = host.rfind ('@'); at != host.npos) host = host.substr (at + 1);
  return location.substr (0, scheme + 3) + host + "/…";
}

Result<std::unique_ptr<Writer>>
Writer::make (const Format &format, const std::string &location, Millis buffer,
              const std::vector<Slot> &slots) {
  std::unique_ptr<Writer> writer (
      new Writer (format, location, GstClockTime (buffer.count ()) * GST_MSECOND));
  if (auto built = writer->build (slots); !built) return built.error ();
  return writer;
}

/// The element that writes, with what goes before it added and linked.
Result<Ref<GstElement>>
Writer::make_end (Ref<GstElement> &muxer) {
  auto made = media::make_element (format_.muxer);
  if (!made) return made;
  muxer = *made;
  media::apply_settings (muxer.get (), format_.settings);
  gst_bin_add (GST_BIN (pipeline_.get ()), muxer.get ());
  if (format_.medium == Medium::Hls) {
    const std::string base = location_.substr (0, location_.rfind ('.'));
    g_object_set (muxer.get (), "location", (base + "-%05d.ts").c_str (), "playlist-location",
                  location_.c_str (), nullptr);
    return muxer;
  }
  const char *factory = format_.medium == Medium::Rtmp  ? "rtmp2sink"
                        : format_.medium == Medium::Srt ? "srtsink"
                                                        : "filesink";
  auto end = media::make_element (factory);
  if (!end) return end;
  // Nothing waits in buffers of ours: what is written is in the file when the process dies.
  media::apply_settings (end->get (), "sync=false buffer-mode=unbuffered wait-for-connection=false");
  g_object_set (end->get (), format_.medium == Medium::Srt ? "uri" : "location", location_.c_str (), nullptr);
  gst_bin_add (GST_BIN (pipeline_.get ()), end->get ());
  gst_element_link (muxer.get (), end->get ());
  return end;
}

Result<>
Writer::build (const std::vector<Slot> &slots) {
  pipeline_ = Ref<GstElement>::sink (gst_pipeline_new (nullptr));
  if (format_.medium == Medium::File || format_.medium == Medium::Hls)
    folder_ = CString (g_path_get_dirname (location_.c_str ())).get ();
  Ref<GstElement> muxer;
  if (auto end = make_end (muxer); !end) return end.error ();
  tracks_.reserve (slots.size ());
  for (const Slot &slot : slots)
    if (auto added = add_track (slot, muxer.get ()); !added) return added;
  auto inner = find_muxer (muxer.get (), format_);
  if (!inner) return Error{ Errc::MediaFailed, Retry::Never, std::string (format_.muxer) + " has no muxer" };
  auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (inner.get (), "src"));
  meter_.emplace (pad.get (), folder_, format_.medium == Medium::File);
  keeper_.emplace (pipeline_);
  return {};
}

Result<>
Writer::add_track (const Slot &slot, GstElement *muxer) {
  Track track{ slot };
  auto source = media::make_element ("appsrc");
  if (!source) return source.error ();
  // Not live: a muxer then waits for each track instead of for the clock.
  media::apply_settings (source->get (), "format=time max-bytes=0 block=false is-live=false");
  gst_bin_add (GST_BIN (pipeline_.get ()), source->get ());
  GstElement *last = source->get ();
  const bool h264 = std::string_view (slot.codec->name) == "h264";
  if (*slot.codec->parser) {
    auto parser = media::make_element (slot.codec->parser);
    if (!parser) return parser.error ();
    media::apply_settings (parser->get (), "config-interval=-1");
    const std::string caps
        = h264 ? std::string ("video/x-h264,alignment=au,stream-format=") + format_.h264 : "ANY";
    auto filter = media::make_filter (caps.c_str ());
    if (!filter) return filter.error ();
    gst_bin_add_many (GST_BIN (pipeline_.get ()), parser->get (), (*filter).get (), nullptr);
    gst_element_link_many (last, parser->get (), (*filter).get (), nullptr);
    last = (*filter).get ();
  }
  const char *pad_name = !strcmp (format_.muxer, "mpegtsmux") ? "sink_%d"
                         : !strcmp (format_.muxer, "wavenc")  ? "sink"
                         : !strcmp (format_.muxer, "flvmux") || format_.medium == Medium::Hls
                             ? (slot.codec->video ? "video" : "audio")
                             : (slot.codec->video ? "video_%u" : "audio_%u");
  auto input
      = Ref<GstPad>::adopt (strcmp (pad_name, "sink") ? gst_element_request_pad_simple (muxer, pad_name)
                                                      : gst_element_get_static_pad (muxer, pad_name));
  auto output = Ref<GstPad>::adopt (gst_element_get_static_pad (last, "src"));
  if (!input || gst_pad_link (output.get (), input.get ()) != GST_PAD_LINK_OK)
    return Error{ Errc::UnsupportedCodec, Retry::Never,
                  std::string (format_.muxer) + " takes no " + slot.codec->label + " of this kind" };
  track.gate = std::make_shared<Gate> ();
  gst_pad_add_probe (
      output.get (), GstPadProbeType (GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      [] (GstPad *, GstPadProbeInfo *info, gpointer gate) {
        return (*static_cast<std::shared_ptr<Gate> *> (gate))->on_item (info);
      },
      new std::shared_ptr<Gate> (track.gate),
      [] (gpointer gate) { delete static_cast<std::shared_ptr<Gate> *> (gate); });
  track.source = *source;
  if (!slot.codec->video) {
    auto silence = make_stand_in (*slot.codec, slot.encoding);
    if (!silence) return silence.error ();
    track.stand_in = *silence;
  }
  tracks_.push_back (std::move (track));
  return {};
}

} // namespace lk::record
