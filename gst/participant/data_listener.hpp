// An element that hears data; held by the session, holds the element only while an event is delivered.
#pragma once

#include "participant/element_ref.hpp"
#include "participant/pool.hpp"
#include "session/data.hpp"

#include <atomic>
#include <functional>

namespace lk::gst {

class DataListener : public session::DataListener {
public:
  /// `handle` may use the element and what lives as long as it.
  DataListener (GstElement *element, std::function<void (const session::DataEvent &)> handle)
      : element_ (element), handle_ (std::move (handle)) {}

  /// Hears nothing any more, but for the call under way. Leaves the port without waiting for that one: it may
  /// be what stops the element.
  static void
  leave (const std::shared_ptr<DataListener> &listener, const std::shared_ptr<session::DataPort> &port) {
    listener->left_ = true;
    run_in_pool ([listener, port] { port->remove_listener (listener.get ()); });
  }

  void
  on_data (const session::DataEvent &event) override {
    if (left_) return;
    if (auto alive = element_.lock ()) handle_ (event);
  }

private:
  std::atomic<bool> left_{ false };
  const ElementRef element_;
  const std::function<void (const session::DataEvent &)> handle_;
};

} // namespace lk::gst
