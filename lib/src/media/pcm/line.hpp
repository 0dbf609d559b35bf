// Elements in a row outside any pipeline: what a thread of ours pushes in at one end falls out at the other.
#pragma once

#include "base/ref.hpp"
#include "base/result.hpp"
#include "media/pcm/inlet.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace lk::media::pcm {

/// Raw samples as they are in memory: 16 bit, interleaved.
Ref<GstCaps> caps_of (Format format);

/// All methods but the destructor on one thread at a time.
class Line {
public:
  /// On the pushing thread.
  using Out = std::function<void (Ref<GstBuffer> buffer, const Ref<GstCaps> &caps)>;

  /// @param elements  each with the pads "sink" and "src"
  /// @return Errc::MediaFailed: they cannot be linked, or do not start
  static Result<std::unique_ptr<Line>> make (const std::vector<Ref<GstElement>> &elements, Out out);
  ~Line ();
  Line (const Line &) = delete;
  Line &operator= (const Line &) = delete;

  /// Of the buffers that follow. Before the first of them.
  void set_caps (GstCaps *caps);
  void push (Ref<GstBuffer> buffer);
  /// @param event  transfer full
  void push_event (GstEvent *event);

private:
  class Head;
  class Tail;
  Line () = default;

  Ref<GstElement> bin_;
  std::shared_ptr<Head> head_;
  bool begun_ = false;
};

} // namespace lk::media::pcm
