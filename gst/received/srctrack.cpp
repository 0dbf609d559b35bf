#include "received/srctrack.hpp"

#include "media/encode.hpp"
#include "participant/errors.hpp"

namespace lk::gst {

namespace {

// Any Opus stream may be declared stereo (RFC 7845 §5.1): a sender that goes from mono to stereo changes
// nothing for a muxer, and a muted track has a format before its first packet.
constexpr const char *kOpusCaps
    = "audio/x-opus, rate=(int)48000, channels=(int)2, channel-mapping-family=(int)0, "
      "stream-count=(int)1, coupled-count=(int)1";

// A camera that is not muted shows its first picture long before; or the server holds it back for lack of
// bandwidth.
constexpr GstClockTime kPatience = 3 * GST_SECOND;

const char *
raw_caps_of (const media::Codec &codec) {
  return codec.kind == media::MediaKind::Audio ? "audio/x-raw" : "video/x-raw(ANY)";
}

Ref<GstCaps>
caps_from (const char *text) {
  return Ref<GstCaps>::adopt (gst_caps_from_string (text));
}

Ref<GstTagList>
tags_of (const session::RemoteTrack &track) {
  const auto participant = track.participant ();
  const auto info = track.info ();
  auto tags = Ref<GstTagList>::adopt (gst_tag_list_new_empty ());
  const std::string &who = participant.name.empty () ? participant.identity : participant.name;
  if (!who.empty ())
    gst_tag_list_add (tags.get (), GST_TAG_MERGE_REPLACE, GST_TAG_ARTIST, who.c_str (), nullptr);
  if (!info.name.empty ())
    gst_tag_list_add (tags.get (), GST_TAG_MERGE_REPLACE, GST_TAG_TITLE, info.name.c_str (), nullptr);
  return tags;
}

} // namespace

std::shared_ptr<SrcTrack>
SrcTrack::create (const Params &params) {
  auto self = std::shared_ptr<SrcTrack> (new SrcTrack (params));
  std::weak_ptr<SrcTrack> weak = self;
  FrameSrc::Params source{ params.codec->kind,      params.stream_id, params.group_id, nullptr,
                           tags_of (*params.track), params.time };
  if (std::string_view (params.codec->name) == "opus") source.caps = caps_from (kOpusCaps);
  FrameSrc::Hooks hooks;
  hooks.prepare = [weak] {
    auto owner = weak.lock ();
    return owner && owner->prepare ();
  };
  hooks.latency = params.latency;
  hooks.request_keyframe = [track = std::weak_ptr<session::RemoteTrack> (params.track)] {
    if (auto t = track.lock ()) t->frames ().request_keyframe ();
  };
  hooks.stand_in = [weak] (GstClockTime waited) {
    auto owner = weak.lock ();
    return owner ? owner->stand_in (waited) : nullptr;
  };
  hooks.on_flow_error = [weak] (GstFlowReturn flow) {
    auto owner = weak.lock ();
    if (!owner) return;
    post_error (owner->bin_,
                { Errc::MediaFailed, Retry::Never,
                  "track " + owner->track_->info ().sid + ": what is linked to its pad refused the data ("
                      + gst_flow_get_name (flow) + "); check the caps and elements behind that pad" });
  };
  std::tie (self->source_, self->frame_src_) = FrameSrc::make (std::move (source), std::move (hooks));
  gst_bin_add (GST_BIN (params.bin), self->source_.get ());
  gst_element_sync_state_with_parent (self->source_.get ());
  return self;
}

SrcTrack::SrcTrack (const Params &params)
    : bin_ (params.bin), track_ (params.track), codec_ (*params.codec), output_ (params.output) {}

SrcTrack::~SrcTrack () {
  dismantle ();
}

Ref<GstCaps>
SrcTrack::possible_caps () const {
  auto caps = Ref<GstCaps>::adopt (gst_caps_new_empty ());
  if (output_ != GST_LIVEKIT_OUTPUT_ENCODED)
    caps
        = Ref<GstCaps>::adopt (gst_caps_merge (caps.release (), gst_caps_from_string (raw_caps_of (codec_))));
  if (output_ != GST_LIVEKIT_OUTPUT_RAW)
    caps = Ref<GstCaps>::adopt (
        gst_caps_merge (caps.release (), gst_caps_new_empty_simple (codec_.media_type)));
  return caps;
}

void
SrcTrack::set_pad (GstPad *ghost) {
  std::lock_guard guard (build_lock_);
  if (ghost_ && !ghost) gst_ghost_pad_set_target (GST_GHOST_PAD (ghost_), nullptr);
  ghost_ = ghost;
}

void
SrcTrack::set_output (GstLiveKitOutput output) {
  output_ = output;
  frame_src_->reconsider ();
}

void
SrcTrack::on_linked () {
  frame_src_->relinked ();
  linked_ = true;
  if (opened_) consume ();
}

void
SrcTrack::open (GstClockTime now) {
  frame_src_->open (now);
  opened_ = true;
  if (linked_) consume ();
}

/// Not before somebody takes the frames: the second consumer of a track has a queue and a thread, which a mix
/// would pay for where nothing is linked to the pad.
void
SrcTrack::consume () {
  if (!consuming_.exchange (true)) track_->frames ().add_consumer (frame_src_);
}

void
SrcTrack::close () {
  opened_ = false;
  frame_src_->close ();
  if (consuming_.exchange (false)) track_->frames ().remove_consumer (frame_src_);
}

void
SrcTrack::finish () {
  frame_src_->finish ();
  close ();
}

void
SrcTrack::dismantle () {
  if (frame_src_) close ();
  std::lock_guard guard (build_lock_);
  if (std::exchange (dismantled_, true)) return;
  clear_chain ();
  if (!source_) return;
  gst_element_set_locked_state (source_.get (), TRUE);
  gst_element_set_state (source_.get (), GST_STATE_NULL);
  gst_bin_remove (GST_BIN (bin_), source_.get ());
}

bool
SrcTrack::wants_raw () const {
  if (output_ == GST_LIVEKIT_OUTPUT_RAW) return true;
  if (output_ == GST_LIVEKIT_OUTPUT_ENCODED) return false;
  auto downstream = Ref<GstCaps>::adopt (gst_pad_peer_query_caps (ghost_, nullptr));
  auto raw = caps_from (raw_caps_of (codec_));
  if (gst_caps_can_intersect (downstream.get (), raw.get ())) return true;
  auto encoded = Ref<GstCaps>::adopt (gst_caps_new_empty_simple (codec_.media_type));
  return !gst_caps_can_intersect (downstream.get (), encoded.get ());
}

bool
SrcTrack::prepare () {
  std::lock_guard guard (build_lock_);
  if (dismantled_ || !ghost_ || !gst_pad_is_linked (ghost_)) return false;
  const bool raw = wants_raw ();
  if (raw_ == raw) return true;
  clear_chain ();
  return build (raw);
}

Ref<GstCaps>
SrcTrack::stand_in (GstClockTime waited) {
  const auto info = track_->info ();
  if (is_audio () || (!info.muted && waited < kPatience)) return {};
  {
    // Encoded frames cannot be made up, and for most codecs not even their caps.
    std::lock_guard guard (build_lock_);
    if (!raw_.value_or (false)) return {};
  }
  const bool known = info.width > 0 && info.height > 0 && info.width <= G_MAXINT && info.height <= G_MAXINT;
  return Ref<GstCaps>::adopt (gst_caps_new_simple (codec_.media_type, "width", G_TYPE_INT,
                                                   known ? int (info.width) : 640, "height", G_TYPE_INT,
                                                   known ? int (info.height) : 360, nullptr));
}

bool
SrcTrack::build (bool raw) {
  if (raw) {
    auto decoder = media::make_decode_bin (codec_);
    if (!decoder) {
      post_error (bin_, decoder.error ());
      return false;
    }
    chain_.push_back (*decoder);
  } else if (*codec_.parser) {
    auto parser = media::make_element (codec_.parser);
    if (!parser) {
      post_error (bin_, parser.error ());
      return false;
    }
    chain_.push_back (*parser);
  }

  GstElement *last = source_.get ();
  for (const auto &element : chain_) {
    gst_bin_add (GST_BIN (bin_), element.get ());
    gst_element_link (last, element.get ());
    last = element.get ();
  }
  auto target = Ref<GstPad>::adopt (gst_element_get_static_pad (last, "src"));
  gst_ghost_pad_set_target (GST_GHOST_PAD (ghost_), target.get ());
  for (auto it = chain_.rbegin (); it != chain_.rend (); ++it)
    gst_element_sync_state_with_parent (it->get ());
  raw_ = raw;
  return true;
}

void
SrcTrack::clear_chain () {
  if (ghost_) gst_ghost_pad_set_target (GST_GHOST_PAD (ghost_), nullptr);
  for (auto it = chain_.rbegin (); it != chain_.rend (); ++it) {
    gst_element_set_locked_state (it->get (), TRUE);
    gst_element_set_state (it->get (), GST_STATE_NULL);
    gst_bin_remove (GST_BIN (bin_), it->get ());
  }
  chain_.clear ();
  raw_.reset ();
}

} // namespace lk::gst
