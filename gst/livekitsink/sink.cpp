#include "livekitsink/sink.hpp"

#include "participant/errors.hpp"

#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN (livekit_sink_debug);
#define GST_CAT_DEFAULT livekit_sink_debug

namespace lk::gst {

namespace {

constexpr SinkPadKind kPadKinds[] = {
  { SinkKind::Any, "sink_%u", "sink_" },
  { SinkKind::Audio, "audio_%u", "audio_" },
  { SinkKind::Video, "video_%u", "video_" },
};

const SinkPadKind &
kind_of (GstPadTemplate *templ) {
  const gchar *name = GST_PAD_TEMPLATE_NAME_TEMPLATE (templ);
  return *std::ranges::find_if (kPadKinds,
                                [=] (const SinkPadKind &k) { return g_str_equal (k.templ, name); });
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
  const ErrorPtr error (raw_error);
  const CString debug (raw_debug);
  const CString where (gst_object_get_path_string (GST_MESSAGE_SRC (message)));
  const CString text (g_strdup_printf ("%s: %s", where.get (), debug ? debug.get () : ""));
  return fatal ? gst_message_new_error (GST_OBJECT (bin), error.get (), text.get ())
               : gst_message_new_warning (GST_OBJECT (bin), error.get (), text.get ());
}

} // namespace

std::span<const SinkPadKind>
sink_pad_kinds () {
  return kPadKinds;
}

Sink::Sink (GstBin *bin, gpointer parent)
    : participant (GST_ELEMENT (bin),
                   { [] {
                      session::Needs needs;
                      needs.publish = true;
                      return needs;
                    },
                     [this] (const auto &event) { on_event (event); }, [this] { end_stream (); } }),
      bin_ (bin), parent_ (GST_BIN_CLASS (parent)) {}

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

std::vector<Sink::PadRef>
Sink::pads () const {
  std::lock_guard guard (lock_);
  return pads_;
}

void
Sink::while_open (const std::function<void ()> &change) {
  std::lock_guard guard (gate_);
  if (open_) change ();
}

session::LocalTrackPtr
Sink::publish (const session::PublishSpec &spec) {
  auto session = participant.session ();
  auto user = participant.user ();
  return session && user ? session->publish (user, spec) : nullptr;
}

void
Sink::encoder_made (GstPad *pad, GstElement *encoder) {
  g_signal_emit_by_name (bin_, kEncoderSetupSignal, pad, encoder);
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
Sink::on_event (const session::SessionEvent &event) {
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
  } else if (const auto *suspended = std::get_if<s::LocalTrackSuspended> (&event)) {
    with_pad_of (suspended->track, [this, suspended] (GstLiveKitSinkPad *pad) {
      g_object_notify (G_OBJECT (pad), "track-sid");
      post_warning (GST_ELEMENT (bin_), suspended->error);
    });
  } else if (const auto *ended = std::get_if<s::LocalTrackEnded> (&event)) {
    with_pad_of (ended->track, [this, ended] (GstLiveKitSinkPad *pad) {
      pad->track->refused ();
      post_error (GST_ELEMENT (bin_), ended->error);
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
  parent_->handle_message (bin_, gst_message_new_async_start (GST_OBJECT (bin_)));
}

void
Sink::try_finish_start () {
  {
    std::lock_guard guard (lock_);
    if (!starting_) return;
  }
  auto session = participant.session ();
  if (!session || session->state () != session::State::Connected) return;
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
  parent_->handle_message (bin_, gst_message_new_async_done (GST_OBJECT (bin_), GST_CLOCK_TIME_NONE));
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
  return GST_ELEMENT_CLASS (parent_)->send_event (GST_ELEMENT (bin_), event);
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
  parent_->handle_message (bin_, held.release ());
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

  auto result = GST_ELEMENT_CLASS (parent_)->change_state (element, transition);
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

} // namespace lk::gst
