/**
 * SECTION:element-livekitsink
 * @title: livekitsink
 *
 * Publishes what its pads get as tracks of one participant in a LiveKit room. Raw media is encoded (Opus, VP8
 * unless a pad's `codec` says otherwise), encoded media is sent as it is.
 *
 * ## Example
 * |[
 * gst-launch-1.0 audiotestsrc is-live=true ! livekitsink room=demo
 * ]|
 *
 * Since: 0.1
 */
#include "elements.hpp"
#include "errors.hpp"
#include "livekitsinkpad.hpp"
#include "pace.hpp"
#include "participant.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <vector>

GST_DEBUG_CATEGORY_STATIC (livekit_sink_debug);
#define GST_CAT_DEFAULT livekit_sink_debug

G_BEGIN_DECLS
#define GST_TYPE_LIVEKIT_SINK (gst_livekit_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstLiveKitSink, gst_livekit_sink, GST, LIVEKIT_SINK, GstBin)
G_END_DECLS

namespace {

enum Signal { kEncoderSetup, kSetMuted, kSignals };
guint signals[kSignals];

using lk::Ref;
using lk::gst::Pace;
using lk::gst::Participant;
using lk::gst::SinkTrack;
using PadRef = Ref<GstLiveKitSinkPad>;

class Sink final : public lk::gst::SinkOwner {
public:
  explicit Sink (GstBin *bin);

  GstPad *request_pad (GstPadTemplate *templ, const gchar *name);
  void release_pad (GstLiveKitSinkPad *pad);
  std::vector<PadRef> pads () const;

  GstStateChangeReturn change_state (GstStateChange transition);
  bool send_event (GstEvent *event);
  void handle_message (GstMessage *message);
  bool set_muted (const char *track, bool muted);

  Participant participant;

  // SinkOwner
  GstBin *
  bin () const override {
    return bin_;
  }
  std::shared_ptr<Pace>
  pace () const override {
    return pace_;
  }
  GstClockTime
  patience () const override {
    return GstClockTime (participant.connect_timeout ().count ()) * GST_MSECOND;
  }
  bool
  playing () const override {
    return playing_;
  }
  bool
  open () const override {
    return open_;
  }
  void while_open (const std::function<void ()> &change) override;
  lk::session::LocalTrackPtr publish (const lk::session::PublishSpec &spec) override;
  void encoder_made (GstPad *pad, GstElement *encoder) override;
  void look_again () override;

private:
  void on_event (const lk::session::SessionEvent &event);
  void end_stream ();
  void begin_start ();
  void try_finish_start ();
  void finish_start ();
  void announce_playing_again ();
  void try_post_eos ();
  void post_eos ();
  void close_pads ();
  void post (GstMessage *message);

  GstBin *const bin_; // owner of this object
  const std::shared_ptr<Pace> pace_ = std::make_shared<Pace> ();

  // Held while elements are added and brought to the bin's state, so that PAUSED→READY misses none. Taken
  // before everything else.
  std::mutex gate_;
  std::atomic<bool> open_{ false }, playing_{ false };

  mutable std::mutex lock_; // leaf; guards what follows
  std::vector<PadRef> pads_;
  guint next_[3] = { 0, 0, 0 }; // number of the next pad, by kind
  bool starting_ = false;       // ASYNC_START was posted and waits for its ASYNC_DONE
  bool eos_posted_ = false, eos_forced_ = false;
};

} // namespace

struct _GstLiveKitSink {
  GstBin parent;
  Sink *priv;
};

static void gst_livekit_sink_child_proxy_init (gpointer iface, gpointer);

G_DEFINE_FINAL_TYPE_WITH_CODE (GstLiveKitSink, gst_livekit_sink, GST_TYPE_BIN,
                               G_IMPLEMENT_INTERFACE (GST_TYPE_CHILD_PROXY,
                                                      gst_livekit_sink_child_proxy_init))
GST_ELEMENT_REGISTER_DEFINE (livekitsink, "livekitsink", GST_RANK_NONE, GST_TYPE_LIVEKIT_SINK)

namespace {

struct PadKind {
  SinkTrack::Kind kind;
  const char *templ, *prefix;
};
// In this order: gst-launch's "! livekitsink" takes the first template that fits.
constexpr PadKind kPadKinds[] = {
  { SinkTrack::Kind::Any, "sink_%u", "sink_" },
  { SinkTrack::Kind::Audio, "audio_%u", "audio_" },
  { SinkTrack::Kind::Video, "video_%u", "video_" },
};

const PadKind &
kind_of (GstPadTemplate *templ) {
  const gchar *name = GST_PAD_TEMPLATE_NAME_TEMPLATE (templ);
  return *std::ranges::find_if (kPadKinds, [=] (const PadKind &k) { return g_str_equal (k.templ, name); });
}

/// The number in "audio_3"; G_MAXUINT when the name does not fit.
guint
number_in (const char *name, const char *prefix) {
  guint64 number = 0;
  if (!g_str_has_prefix (name, prefix)
      || !g_ascii_string_to_unsigned (name + strlen (prefix), 10, 0, G_MAXUINT - 1, &number, nullptr))
    return G_MAXUINT;
  return guint (number);
}

Sink::Sink (GstBin *bin)
    : participant (GST_ELEMENT (bin),
                   { [] {
                      lk::session::Needs needs;
                      needs.publish = true;
                      return needs;
                    },
                     [this] (const auto &event) { on_event (event); }, [this] { end_stream (); } }),
      bin_ (bin) {}

// ---- pads ---------------------------------------------------------------------------------------

GstPad *
Sink::request_pad (GstPadTemplate *templ, const gchar *name) {
  const auto &kind = kind_of (templ);
  std::string pad_name;
  {
    std::lock_guard guard (lock_);
    guint &next = next_[&kind - kPadKinds];
    if (name) {
      const guint number = number_in (name, kind.prefix);
      if (number == G_MAXUINT) {
        GST_WARNING_OBJECT (bin_, "pad name %s does not fit template %s", name, kind.templ);
        return nullptr;
      }
      next = std::max (next, number + 1);
      pad_name = name;
    } else {
      pad_name = kind.prefix + std::to_string (next++);
    }
  }
  if (auto taken = Ref<GstPad>::adopt (gst_element_get_static_pad (GST_ELEMENT (bin_), pad_name.c_str ()))) {
    GST_WARNING_OBJECT (bin_, "pad %s exists", pad_name.c_str ());
    return nullptr;
  }
  auto *pad = GST_LIVEKIT_SINK_PAD (g_object_new (GST_TYPE_LIVEKIT_SINK_PAD, "name", pad_name.c_str (),
                                                  "direction", GST_PAD_SINK, "template", templ, nullptr));
  pad->track->init (this, kind.kind);
  auto held = PadRef::sink (pad);
  {
    std::lock_guard guard (lock_);
    pads_.push_back (held);
  }
  if (open_) gst_pad_set_active (GST_PAD (pad), TRUE);
  if (!gst_element_add_pad (GST_ELEMENT (bin_), GST_PAD (pad))) {
    std::lock_guard guard (lock_);
    std::erase (pads_, held);
    return nullptr;
  }
  gst_child_proxy_child_added (GST_CHILD_PROXY (bin_), G_OBJECT (pad), pad_name.c_str ());
  return GST_PAD (pad);
}

void
Sink::release_pad (GstLiveKitSinkPad *pad) {
  auto held = PadRef::retain (pad);
  {
    std::lock_guard guard (lock_);
    if (std::erase (pads_, held) == 0) return;
  }
  {
    // A chain that is being built is either whole or will not be begun.
    std::lock_guard guard (gate_);
    pad->track->release ();
  }
  pad->track->close ();
  gst_child_proxy_child_removed (GST_CHILD_PROXY (bin_), G_OBJECT (pad), GST_PAD_NAME (pad));
  gst_element_remove_pad (GST_ELEMENT (bin_), GST_PAD (pad));
  look_again ();
}

std::vector<PadRef>
Sink::pads () const {
  std::lock_guard guard (lock_);
  return pads_;
}

void
Sink::while_open (const std::function<void ()> &change) {
  std::lock_guard guard (gate_);
  if (open_) change ();
}

lk::session::LocalTrackPtr
Sink::publish (const lk::session::PublishSpec &spec) {
  auto session = participant.session ();
  auto user = participant.user ();
  return session && user ? session->publish (user, spec) : nullptr;
}

void
Sink::encoder_made (GstPad *pad, GstElement *encoder) {
  g_signal_emit (bin_, signals[kEncoderSetup], 0, pad, encoder);
}

void
Sink::look_again () {
  try_finish_start ();
  try_post_eos ();
}

bool
Sink::set_muted (const char *which, bool muted) {
  if (!which) return false;
  for (const auto &pad : pads ()) {
    auto track = pad->track->track ();
    if (pad->track->name () != which && !(track && track->sid () == which)) continue;
    g_object_set (pad.get (), "muted", gboolean (muted), nullptr);
    return true;
  }
  return false;
}

// ---- session events, session thread -------------------------------------------------------------

void
Sink::on_event (const lk::session::SessionEvent &event) {
  namespace s = lk::session;
  const auto with_pad_of = [this] (const s::LocalTrackPtr &track, auto &&fn) {
    for (const auto &pad : pads ())
      if (pad->track->owns (track)) return fn (pad.get ());
  };
  if (const auto *published = std::get_if<s::LocalTrackPublished> (&event)) {
    with_pad_of (published->track, [] (GstLiveKitSinkPad *pad) {
      pad->track->wake ();
      g_object_notify (G_OBJECT (pad), "track-sid");
    });
  } else if (const auto *muted = std::get_if<s::LocalTrackMuted> (&event)) {
    with_pad_of (muted->track,
                 [muted] (GstLiveKitSinkPad *pad) { pad->track->muted_by_server (muted->muted); });
  } else if (const auto *ended = std::get_if<s::LocalTrackEnded> (&event)) {
    with_pad_of (ended->track, [this, ended] (GstLiveKitSinkPad *pad) {
      pad->track->refused ();
      lk::gst::post_error (GST_ELEMENT (bin_), ended->error);
    });
  } else if (const auto *change = std::get_if<s::StateChanged> (&event)) {
    const bool over = change->to == s::State::Failed || change->to == s::State::Disconnected;
    GstLiveKitOnDisconnect policy = GST_LIVEKIT_ON_DISCONNECT_AUTO;
    g_object_get (bin_, "on-disconnect", &policy, nullptr);
    // With an error the start fails; without one it must not wait for what never comes.
    if (over && policy == GST_LIVEKIT_ON_DISCONNECT_NONE) finish_start ();
  }
  try_finish_start ();
}

void
Sink::end_stream () {
  {
    std::lock_guard guard (lock_);
    eos_forced_ = true;
  }
  finish_start ();
  try_post_eos ();
}

// ---- start: PAUSED is reached when what has a format is published -------------------------------

void
Sink::begin_start () {
  {
    std::lock_guard guard (lock_);
    starting_ = true;
    eos_posted_ = eos_forced_ = false;
  }
  // GstBin takes itself for one more child that prerolls.
  GST_BIN_CLASS (gst_livekit_sink_parent_class)
      ->handle_message (bin_, gst_message_new_async_start (GST_OBJECT (bin_)));
}

void
Sink::try_finish_start () {
  {
    std::lock_guard guard (lock_);
    if (!starting_) return;
  }
  auto session = participant.session ();
  if (!session || session->state () != lk::session::State::Connected) return;
  if (std::ranges::all_of (pads (), [] (const PadRef &pad) { return pad->track->settled (); }))
    finish_start ();
}

void
Sink::finish_start () {
  {
    std::lock_guard guard (lock_);
    if (!std::exchange (starting_, false)) return;
  }
  GST_DEBUG_OBJECT (bin_, "connected and published");
  GST_BIN_CLASS (gst_livekit_sink_parent_class)
      ->handle_message (bin_, gst_message_new_async_done (GST_OBJECT (bin_), GST_CLOCK_TIME_NONE));
  announce_playing_again ();
}

// GstBin (1.22 to 1.26) notes "PLAYING was not announced yet" after posting its change to PAUSED, which wakes
// the application: when that goes to PLAYING before the posting thread gets on, the note comes too late and
// the bin never posts EOS again. The posting thread is ours here. Held by publish_test's
// test_eos_drains_unpublishes_and_ends_the_program on a busy machine.
void
Sink::announce_playing_again () {
  auto parent = Ref<GstObject>::adopt (gst_object_get_parent (GST_OBJECT (bin_)));
  while (parent) {
    GST_OBJECT_LOCK (parent.get ());
    auto *element = GST_ELEMENT (parent.get ());
    const bool playing
        = GST_STATE (element) == GST_STATE_PLAYING && GST_STATE_PENDING (element) == GST_STATE_VOID_PENDING;
    GST_OBJECT_UNLOCK (parent.get ());
    if (playing)
      gst_element_post_message (element,
                                gst_message_new_state_changed (parent.get (), GST_STATE_PAUSED,
                                                               GST_STATE_PLAYING, GST_STATE_VOID_PENDING));
    parent = Ref<GstObject>::adopt (gst_object_get_parent (parent.get ()));
  }
}

// ---- end ----------------------------------------------------------------------------------------

void
Sink::try_post_eos () {
  if (!playing_) return;
  const auto pads = this->pads ();
  const bool all
      = !pads.empty () && std::ranges::all_of (pads, [] (const PadRef &pad) { return pad->track->ended (); });
  {
    std::lock_guard guard (lock_);
    if (!all && !eos_forced_) {
      eos_posted_ = false;
      return;
    }
    if (std::exchange (eos_posted_, true)) return;
  }
  post_eos ();
}

void
Sink::post_eos () {
  post (gst_message_new_eos (GST_OBJECT (bin_)));
}

void
Sink::post (GstMessage *message) {
  gst_element_post_message (GST_ELEMENT (bin_), message);
}

bool
Sink::send_event (GstEvent *event) {
  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS && pads ().empty ()) {
    gst_event_unref (event);
    {
      std::lock_guard guard (lock_);
      eos_forced_ = true;
    }
    try_post_eos ();
    return true;
  }
  return GST_ELEMENT_CLASS (gst_livekit_sink_parent_class)->send_event (GST_ELEMENT (bin_), event);
}

/// An inner element's failure as ours: nobody knows the inner ones.
GstMessage *
as_ours (GstBin *bin, GstMessage *message) {
  GError *raw_error = nullptr;
  gchar *raw_debug = nullptr;
  const bool fatal = GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR;
  if (fatal)
    gst_message_parse_error (message, &raw_error, &raw_debug);
  else
    gst_message_parse_warning (message, &raw_error, &raw_debug);
  const lk::ErrorPtr error (raw_error);
  const lk::CString debug (raw_debug);
  const lk::CString where (gst_object_get_path_string (GST_MESSAGE_SRC (message)));
  const lk::CString text (g_strdup_printf ("%s: %s", where.get (), debug ? debug.get () : ""));
  return fatal ? gst_message_new_error (GST_OBJECT (bin), error.get (), text.get ())
               : gst_message_new_warning (GST_OBJECT (bin), error.get (), text.get ());
}

void
Sink::handle_message (GstMessage *message) {
  auto held = Ref<GstMessage>::adopt (message);
  switch (GST_MESSAGE_TYPE (message)) {
  case GST_MESSAGE_EOS:
    // Counted by pad: one without data yet has no inner sink that GstBin could wait for.
    for (const auto &pad : pads ())
      if (pad->track->owns (GST_MESSAGE_SRC (message))) pad->track->finish ();
    return;
  case GST_MESSAGE_LATENCY: // we add none, whatever is inside
  case GST_MESSAGE_ASYNC_START:
  case GST_MESSAGE_ASYNC_DONE:
    return;
  case GST_MESSAGE_ERROR:
  case GST_MESSAGE_WARNING:
    // From our own post_error() it does not come this way.
    held = Ref<GstMessage>::adopt (as_ours (bin_, message));
    break;
  default:
    break;
  }
  GST_BIN_CLASS (gst_livekit_sink_parent_class)->handle_message (bin_, held.release ());
}

// ---- states -------------------------------------------------------------------------------------

void
Sink::close_pads () {
  for (const auto &pad : pads ())
    pad->track->close ();
}

GstStateChangeReturn
Sink::change_state (GstStateChange transition) {
  auto *element = GST_ELEMENT (bin_);
  switch (transition) {
  case GST_STATE_CHANGE_NULL_TO_READY:
    if (!participant.attach ()) return GST_STATE_CHANGE_FAILURE;
    break;
  case GST_STATE_CHANGE_READY_TO_PAUSED: {
    pace_->start ();
    begin_start ();
    participant.start ();
    std::lock_guard guard (gate_);
    open_ = true;
    break;
  }
  case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
    playing_ = false;
    break;
  case GST_STATE_CHANGE_PAUSED_TO_READY: {
    std::lock_guard guard (gate_);
    open_ = false;
    break;
  }
  default:
    break;
  }
  if (GST_STATE_TRANSITION_NEXT (transition) == GST_STATE_PLAYING) {
    auto clock = Ref<GstClock>::adopt (gst_element_get_clock (element));
    pace_->play (clock.get (), gst_element_get_base_time (element));
  }

  auto result = GST_ELEMENT_CLASS (gst_livekit_sink_parent_class)->change_state (element, transition);
  const bool failed = result == GST_STATE_CHANGE_FAILURE;

  switch (transition) {
  case GST_STATE_CHANGE_READY_TO_PAUSED: {
    if (failed) {
      std::lock_guard guard (gate_);
      open_ = false;
      break;
    }
    std::lock_guard guard (lock_);
    if (starting_ && result == GST_STATE_CHANGE_SUCCESS) result = GST_STATE_CHANGE_ASYNC;
    break;
  }
  case GST_STATE_CHANGE_PAUSED_TO_PLAYING: {
    if (failed) break;
    {
      std::lock_guard guard (lock_);
      eos_posted_ = false;
    }
    playing_ = true;
    try_post_eos ();
    break;
  }
  case GST_STATE_CHANGE_PAUSED_TO_READY: {
    close_pads ();
    bool was_starting = false;
    {
      std::lock_guard guard (lock_);
      was_starting = std::exchange (starting_, false);
    }
    // The parent still waits for it; GstBin would swallow it on the way down.
    if (was_starting) post (gst_message_new_async_done (GST_OBJECT (bin_), GST_CLOCK_TIME_NONE));
    break;
  }
  case GST_STATE_CHANGE_READY_TO_NULL:
    participant.detach ();
    break;
  default:
    break;
  }
  return result;
}

Sink &
sink_of (gpointer object) {
  return *static_cast<GstLiveKitSink *> (object)->priv;
}

gboolean
set_muted_action (GstElement *element, const gchar *track, gboolean muted) {
  return sink_of (element).set_muted (track, muted);
}

} // namespace

// ---- class --------------------------------------------------------------------------------------

static GstPad *
gst_livekit_sink_request_new_pad (GstElement *element, GstPadTemplate *templ, const gchar *name,
                                  const GstCaps *) {
  return sink_of (element).request_pad (templ, name);
}

static void
gst_livekit_sink_release_pad (GstElement *element, GstPad *pad) {
  if (GST_IS_LIVEKIT_SINK_PAD (pad)) sink_of (element).release_pad (GST_LIVEKIT_SINK_PAD (pad));
}

static GstStateChangeReturn
gst_livekit_sink_change_state (GstElement *element, GstStateChange transition) {
  return sink_of (element).change_state (transition);
}

static gboolean
gst_livekit_sink_send_event (GstElement *element, GstEvent *event) {
  return sink_of (element).send_event (event);
}

static gboolean
gst_livekit_sink_query (GstElement *element, GstQuery *query) {
  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY) {
    // Live input is sent at once, other input has no deadline: nobody need wait for us, nor we for others.
    gst_query_set_latency (query, FALSE, 0, GST_CLOCK_TIME_NONE);
    return TRUE;
  }
  return GST_ELEMENT_CLASS (gst_livekit_sink_parent_class)->query (element, query);
}

static void
gst_livekit_sink_set_context (GstElement *element, GstContext *context) {
  sink_of (element).participant.set_context (context);
  GST_ELEMENT_CLASS (gst_livekit_sink_parent_class)->set_context (element, context);
}

static void
gst_livekit_sink_handle_message (GstBin *bin, GstMessage *message) {
  sink_of (bin).handle_message (message);
}

static void
gst_livekit_sink_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  if (!sink_of (object).participant.set_property (id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_livekit_sink_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  if (!sink_of (object).participant.get_property (id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_livekit_sink_dispose (GObject *object) {
  for (const auto &pad : sink_of (object).pads ())
    sink_of (object).release_pad (pad.get ());
  G_OBJECT_CLASS (gst_livekit_sink_parent_class)->dispose (object);
}

static void
gst_livekit_sink_finalize (GObject *object) {
  delete GST_LIVEKIT_SINK (object)->priv;
  G_OBJECT_CLASS (gst_livekit_sink_parent_class)->finalize (object);
}

static void
gst_livekit_sink_class_init (GstLiveKitSinkClass *klass) {
  GST_DEBUG_CATEGORY_INIT (livekit_sink_debug, "livekitsink", 0, "LiveKit sink");
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  auto *bin = GST_BIN_CLASS (klass);
  object->set_property = gst_livekit_sink_set_property;
  object->get_property = gst_livekit_sink_get_property;
  object->dispose = gst_livekit_sink_dispose;
  object->finalize = gst_livekit_sink_finalize;
  element->request_new_pad = gst_livekit_sink_request_new_pad;
  element->release_pad = gst_livekit_sink_release_pad;
  element->change_state = gst_livekit_sink_change_state;
  element->send_event = gst_livekit_sink_send_event;
  element->query = gst_livekit_sink_query;
  element->set_context = gst_livekit_sink_set_context;
  bin->handle_message = gst_livekit_sink_handle_message;

  Participant::install (element, GST_LIVEKIT_ON_DISCONNECT_ERROR);

  /**
   * GstLiveKitSink::encoder-setup:
   * @pad: the sink pad
   * @encoder: a new encoder, its defaults set
   *
   * To change an encoder's properties. Streaming thread.
   */
  signals[kEncoderSetup]
      = g_signal_new ("encoder-setup", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, nullptr, nullptr,
                      nullptr, G_TYPE_NONE, 2, GST_TYPE_PAD, GST_TYPE_ELEMENT);
  /**
   * GstLiveKitSink::set-muted:
   * @track: name or SID of one of our tracks
   * @muted: what it shall be
   *
   * Returns: FALSE when there is no such track
   */
  signals[kSetMuted] = g_signal_new_class_handler ("set-muted", G_TYPE_FROM_CLASS (klass),
                                                   GSignalFlags (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                                                   G_CALLBACK (set_muted_action), nullptr, nullptr, nullptr,
                                                   G_TYPE_BOOLEAN, 2, G_TYPE_STRING, G_TYPE_BOOLEAN);

  for (const auto &kind : kPadKinds)
    gst_element_class_add_pad_template (
        element, gst_pad_template_new_with_gtype (kind.templ, GST_PAD_SINK, GST_PAD_REQUEST,
                                                  SinkTrack::template_caps (kind.kind).get (),
                                                  GST_TYPE_LIVEKIT_SINK_PAD));
  gst_type_mark_as_plugin_api (GST_TYPE_LIVEKIT_SINK_PAD, GstPluginAPIFlags (0));
  gst_element_class_set_static_metadata (element, "LiveKit sink", "Sink/Network/WebRTC",
                                         "Publishes tracks in a LiveKit room", "gst-livekit");
}

static void
gst_livekit_sink_init (GstLiveKitSink *self) {
  self->priv = new Sink (GST_BIN (self));
  // An empty bin is no sink to GstBin, and its EOS would not be waited for.
  gst_bin_set_suppressed_flags (GST_BIN (self),
                                GstElementFlags (GST_ELEMENT_FLAG_SOURCE | GST_ELEMENT_FLAG_SINK));
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SINK);
}

// ---- GstChildProxy: the pads, not the elements behind them --------------------------------------

static GObject *
gst_livekit_sink_get_child_by_index (GstChildProxy *proxy, guint index) {
  auto pads = sink_of (proxy).pads ();
  return index < pads.size () ? G_OBJECT (g_object_ref (pads[index].get ())) : nullptr;
}

static GObject *
gst_livekit_sink_get_child_by_name (GstChildProxy *proxy, const gchar *name) {
  for (const auto &pad : sink_of (proxy).pads ())
    if (g_str_equal (GST_OBJECT_NAME (pad.get ()), name)) return G_OBJECT (g_object_ref (pad.get ()));
  return nullptr;
}

static guint
gst_livekit_sink_get_children_count (GstChildProxy *proxy) {
  return guint (sink_of (proxy).pads ().size ());
}

static void
gst_livekit_sink_child_proxy_init (gpointer iface, gpointer) {
  auto *proxy = static_cast<GstChildProxyInterface *> (iface);
  proxy->get_child_by_index = gst_livekit_sink_get_child_by_index;
  proxy->get_child_by_name = gst_livekit_sink_get_child_by_name;
  proxy->get_children_count = gst_livekit_sink_get_children_count;
}
