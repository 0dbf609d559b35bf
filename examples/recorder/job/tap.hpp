// Behind one pad of livekitsrc: the feeds that are made of it. A track is copied as it comes and decoded and
// encoded again where something needs that; the same need is met once, however many files have it.
#pragma once

#include "encoders.hpp"
#include "feed.hpp"

#include <map>

namespace lk::record {

class Tap {
public:
  /// `source`: the codec in which the pad gives a track; null for a mix, which is raw. Elements go into
  /// `pipeline`.
  static Result<std::shared_ptr<Tap>> make (GstElement *pipeline, const Codec *source);
  ~Tap ();

  Result<FeedPtr> copied ();
  Result<FeedPtr> encoded (const Codec &codec, const Encoding &encoding);
  /// A mix: after the feeds have been asked for, since it chooses its size by them.
  bool link (GstPad *pad);
  /// A track: at once, so that its first key frame is not lost, and its thread waits until release(). Any
  /// thread.
  bool link_and_hold (GstPad *pad);
  void release ();
  /// Ends the stream here; idempotent.
  void close ();

  std::vector<FeedPtr> feeds () const;
  /// Pictures or sound that were left out because an encoder was too slow.
  uint64_t dropped () const;

private:
  Tap (Ref<GstElement> pipeline, const Codec *source) : pipeline_ (std::move (pipeline)), source_ (source) {}
  Result<FeedPtr> branch (const std::string &key, const Codec &codec,
                          std::vector<Result<Ref<GstElement>>> row, Feed::Counter left_out);

  const Ref<GstElement> pipeline_;
  const Codec *const source_;
  Ref<GstElement> bin_, tee_;
  std::map<std::string, FeedPtr> feeds_;
  gulong hold_ = 0;
};

} // namespace lk::record
