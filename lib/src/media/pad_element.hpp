// An element whose pads call a C++ object. The bridge's ends need exact control over what passes (flow
// errors, caps, GAP events), which appsrc and appsink do not give.
#pragma once

#include "base/ref.hpp"

#include <memory>

namespace lk::media {

/// What the element calls. The defaults pass everything on to the other pad. Streaming threads, no lock held.
class PadHandler {
public:
  virtual ~PadHandler () = default;

  virtual GstFlowReturn chain (Ref<GstBuffer> buffer);
  virtual bool sink_event (Ref<GstEvent> event);
  virtual bool src_event (Ref<GstEvent> event);
  /// Answers a query that arrived at the src pad, or false for the default answer.
  virtual bool src_query (GstQuery *query);
  /// Around READY↔PAUSED, on the thread that changes the state: before the pads go active, or before they
  /// stop.
  virtual void
  start () {}
  virtual void
  stop () {}
  /// One round of the src pad's task; only elements without a sink pad have one. False ends the task.
  virtual bool
  produce () {
    return false;
  }
  /// False: the src pad of a source has no task (and no thread): somebody else's thread pushes.
  virtual bool
  has_task () const {
    return true;
  }

protected:
  /// The element's pads, null where it has none. Valid while the element lives, so in every call that comes
  /// from it.
  GstPad *sink_pad = nullptr, *src_pad = nullptr;

private:
  friend Ref<GstElement> make_pad_element (const char *name, std::shared_ptr<PadHandler> handler,
                                           const char *sink_caps, const char *src_caps);
};

/// An element with the pads "sink" and "src" whose templates have these caps; null = no such pad. Without
/// "sink" it is a live source.
Ref<GstElement> make_pad_element (const char *name, std::shared_ptr<PadHandler> handler,
                                  const char *sink_caps, const char *src_caps);

/// Adds an element whose messages stay unheard: a fault of one track (a malformed stream, say) must not look
/// like one of the transport.
void add_quietly (GstElement *bin, GstElement *element);

} // namespace lk::media
