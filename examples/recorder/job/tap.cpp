#include "tap.hpp"

#include "media/encode.hpp"
#include "media/row.hpp"

namespace lk::record {

namespace {

/// Leaves out pictures that come faster than the encoding has them. videorate 1.22 aborts on pictures without
/// a duration.
struct Pace {
  GstClockTime interval, next = 0;

  static GstPadProbeReturn
  probe (GstPad *, GstPadProbeInfo *info, gpointer data) {
    auto &pace = *static_cast<Pace *> (data);
    const GstClockTime pts = GST_BUFFER_PTS (gst_pad_probe_info_get_buffer (info));
    if (!GST_CLOCK_TIME_IS_VALID (pts)) return GST_PAD_PROBE_OK;
    if (pts + pace.interval / 2 < pace.next) return GST_PAD_PROBE_DROP;
    // On the grid of the wanted rate, unless the picture is late for it.
    pace.next = std::max (pace.next, pts) + pace.interval;
    if (pace.next > pts + 2 * pace.interval) pace.next = pts + pace.interval;
    return GST_PAD_PROBE_OK;
  }
};

void
limit_rate (GstElement *element, unsigned fps) {
  auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (element, "src"));
  gst_pad_add_probe (pad.get (), GST_PAD_PROBE_TYPE_BUFFER, Pace::probe,
                     new Pace{ GstClockTime (GST_SECOND) / fps },
                     [] (gpointer pace) { delete static_cast<Pace *> (pace); });
}

/// The name of the factory that encodes in this bin.
std::string
encoder_in (GstElement *bin) {
  auto *all = gst_bin_iterate_recurse (GST_BIN (bin));
  GValue found = G_VALUE_INIT;
  const auto encodes = [] (gconstpointer item, gconstpointer) {
    auto *factory
        = gst_element_get_factory (GST_ELEMENT (g_value_get_object (static_cast<const GValue *> (item))));
    return factory && gst_element_factory_list_is_type (factory, GST_ELEMENT_FACTORY_TYPE_ENCODER) ? 0 : 1;
  };
  std::string name;
  if (gst_iterator_find_custom (all, encodes, &found, nullptr)) {
    name = GST_OBJECT_NAME (gst_element_get_factory (GST_ELEMENT (g_value_get_object (&found))));
    g_value_unset (&found);
  }
  gst_iterator_free (all);
  return name;
}

/// Raw data that an encoder is too slow for is dropped, oldest first, and counted.
Result<Ref<GstElement>>
make_queue (bool video, const Feed::Counter &left_out) {
  auto queue = media::make_element ("queue");
  if (!queue) return queue;
  media::apply_settings (queue->get (),
                         video ? "leaky=downstream max-size-buffers=15 max-size-bytes=0 max-size-time=0"
                               : "leaky=downstream max-size-buffers=0 max-size-bytes=0 "
                                 "max-size-time=2000000000");
  g_signal_connect_data (
      queue->get (), "overrun",
      G_CALLBACK (+[] (GstElement *, gpointer counter) { (**static_cast<Feed::Counter *> (counter))++; }),
      new Feed::Counter (left_out),
      [] (gpointer counter, GClosure *) { delete static_cast<Feed::Counter *> (counter); },
      GConnectFlags (0));
  return queue;
}

} // namespace

Result<std::shared_ptr<Tap>>
Tap::make (GstElement *pipeline, const Codec *source) {
  std::shared_ptr<Tap> tap (new Tap (Ref<GstElement>::retain (pipeline), source));
  auto tee = media::make_element ("tee");
  if (!tee) return tee.error ();
  tap->tee_ = *tee;
  media::apply_settings (tap->tee_.get (), "allow-not-linked=true");
  tap->bin_ = Ref<GstElement>::sink (gst_bin_new (nullptr));
  gst_bin_add (GST_BIN (tap->bin_.get ()), tap->tee_.get ());
  auto inside = Ref<GstPad>::adopt (gst_element_get_static_pad (tap->tee_.get (), "sink"));
  gst_element_add_pad (tap->bin_.get (), gst_ghost_pad_new ("sink", inside.get ()));
  gst_bin_add (GST_BIN (pipeline), tap->bin_.get ());
  return tap;
}

Tap::~Tap () {
  close ();
}

void
Tap::close () {
  auto bin = std::exchange (bin_, {});
  if (!bin) return;
  release ();
  gst_element_set_locked_state (bin.get (), TRUE);
  gst_element_set_state (bin.get (), GST_STATE_NULL);
  gst_bin_remove (GST_BIN (pipeline_.get ()), bin.get ());
}

bool
Tap::link (GstPad *pad) {
  if (!bin_ || !gst_element_sync_state_with_parent (bin_.get ())) return false;
  auto sink = Ref<GstPad>::adopt (gst_element_get_static_pad (bin_.get (), "sink"));
  return gst_pad_link (pad, sink.get ()) == GST_PAD_LINK_OK;
}

bool
Tap::link_and_hold (GstPad *pad) {
  auto sink = Ref<GstPad>::adopt (gst_element_get_static_pad (tee_.get (), "sink"));
  hold_ = gst_pad_add_probe (
      sink.get (), GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM,
      [] (GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
  return link (pad);
}

void
Tap::release () {
  if (!hold_) return;
  auto sink = Ref<GstPad>::adopt (gst_element_get_static_pad (tee_.get (), "sink"));
  gst_pad_remove_probe (sink.get (), std::exchange (hold_, 0));
}

uint64_t
Tap::dropped () const {
  uint64_t all = 0;
  for (const auto &[key, feed] : feeds_)
    all += feed->left_out ();
  return all;
}

std::vector<FeedPtr>
Tap::feeds () const {
  std::vector<FeedPtr> all;
  for (const auto &[key, feed] : feeds_)
    all.push_back (feed);
  return all;
}

Result<FeedPtr>
Tap::copied () {
  // Key frames are marked and parameter sets kept with them already; the frames cost nothing more here.
  return branch ("", *source_, {}, std::make_shared<std::atomic<uint64_t>> (0));
}

Result<FeedPtr>
Tap::encoded (const Codec &codec, const Encoding &encoding) {
  std::vector<Result<Ref<GstElement>>> row;
  if (source_) {
    const media::Codec *known = media::find_codec (source_->name);
    if (!known)
      return Error{ Errc::UnsupportedCodec, Retry::Never,
                    std::string (source_->label) + " cannot be decoded here" };
    row.push_back (media::make_decode_bin (*known));
  } else if (codec.video) {
    const std::string caps = "video/x-raw,width=" + std::to_string (encoding.width)
                             + ",height=" + std::to_string (encoding.height)
                             + ",framerate=" + std::to_string (encoding.fps) + "/1,pixel-aspect-ratio=1/1";
    row.push_back (media::make_filter (caps.c_str ()));
  }
  auto left_out = std::make_shared<std::atomic<uint64_t>> (0);
  auto queue = make_queue (codec.video, left_out);
  if (queue && codec.video && source_) limit_rate (queue->get (), encoding.fps);
  row.push_back (std::move (queue));
  row.push_back (make_encoder (codec, encoding));
  return branch (key_of (codec, encoding), codec, std::move (row), std::move (left_out));
}

Result<FeedPtr>
Tap::branch (const std::string &key, const Codec &codec, std::vector<Result<Ref<GstElement>>> row,
             Feed::Counter left_out) {
  if (auto it = feeds_.find (key); it != feeds_.end ()) return it->second;
  auto feed = std::make_shared<Feed> (
      codec, !row.empty () && row.back () ? encoder_in (row.back ()->get ()) : std::string (),
      std::move (left_out));
  row.push_back (Feed::make_sink (feed));
  for (const auto &part : row)
    if (!part) return part.error ();
  GstElement *last = tee_.get ();
  for (const auto &part : row) {
    gst_bin_add (GST_BIN (bin_.get ()), (*part).get ());
    if (!gst_element_link (last, (*part).get ()))
      return Error{ Errc::MediaFailed, Retry::Never,
                    std::string (GST_ELEMENT_NAME (last)) + " does not link to "
                        + GST_ELEMENT_NAME ((*part).get ()) };
    last = (*part).get ();
  }
  for (auto it = row.rbegin (); it != row.rend (); ++it)
    gst_element_sync_state_with_parent ((*it)->get ());
  feeds_[key] = feed;
  return feed;
}

} // namespace lk::record
