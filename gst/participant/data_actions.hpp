// Data by signals, for every LiveKit element: sending, calling and being called, and hearing what comes.
#pragma once

#include "participant/data_listener.hpp"
#include "participant/outbox.hpp"
#include "session/session.hpp"

#include <gst/gst.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace lk::gst {

class Participant;

/// Any thread; nothing blocks.
class DataActions {
public:
  /// Installs the signals on an element class.
  static void install (GType type);

  DataActions (Participant *owner, GstElement *element);

  /// NULL→READY: serves these methods; hears what comes when "data-received" has a handler.
  /// Refused when another element of the session serves one of them.
  /// @param listens  false: the element emits "data-received" by itself.
  Result<> attach (const std::shared_ptr<session::Session> &session, const std::vector<std::string> &methods,
                   bool listens);
  /// READY→NULL.
  void detach ();

  // The action signals; false or "" when below READY, or when too much waits.
  bool send_data (GBytes *payload, const char *topic, bool lossy, std::vector<std::string> destinations);
  std::string send_text (const char *text, const char *topic, std::vector<std::string> destinations);
  std::string send_chat (const char *text, std::vector<std::string> destinations);
  std::string perform_rpc (session::RpcCall call, GstPromise *promise);
  bool answer_rpc (const std::string &id, const GstStructure *answer);

private:
  struct Pending {
    std::shared_ptr<session::RpcInvocation> call;
    gint64 until_us;
  };

  std::shared_ptr<session::DataPort> port () const;
  void invoked (const std::shared_ptr<session::RpcInvocation> &call);
  void heard (const session::DataEvent &event);

  Participant *const owner_;
  GstElement *const element_;
  Outbox outbox_;

  mutable std::mutex lock_; // leaf
  std::shared_ptr<session::DataPort> port_;
  std::vector<std::string> methods_;
  std::shared_ptr<DataListener> listener_;
  std::map<std::string, Pending> pending_; ///< calls that are answered by "answer-rpc"
};

} // namespace lk::gst
