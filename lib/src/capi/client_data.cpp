// The data of a client: sending, counting, hearing.
#include "capi/client.hpp"

#include "capi/handles.hpp"

namespace lk::capi {

namespace {

constexpr const char kReliableLabel[] = "mocap-bin-reliable", kLossyLabel[] = "mocap-bin-lossy";
// A channel that has not taken a message by then may need long; others do not wait for it.
constexpr Millis kSendLimit{ 20 };

void
add (LkDataStats &sum, const LkDataStats &more) {
  sum.reliable_sent_bytes += more.reliable_sent_bytes;
  sum.reliable_dropped += more.reliable_dropped;
  sum.lossy_sent_bytes += more.lossy_sent_bytes;
  sum.lossy_dropped += more.lossy_dropped;
}

} // namespace

void
Client::set_default_labels (std::string reliable, std::string lossy) {
  std::lock_guard guard (lock_);
  reliable_label_ = reliable.empty () ? kReliableLabel : std::move (reliable);
  lossy_label_ = lossy.empty () ? kLossyLabel : std::move (lossy);
}

LkResult
Client::send (std::string bytes, LkReliability reliability, std::optional<std::string> label) {
  const bool lossy = reliability == LkLossy;
  const size_t size = bytes.size ();
  if (lossy && size > session::kMaxLossyPayload)
    return fail (Code::LossyTooLarge, "lossy data is at most 1300 bytes: send less, or reliably");
  if (!lossy && size > session::kMaxReliablePayload && !streams_)
    return fail (Code::ReliableTooLarge, "reliable data is at most 15360 bytes: send it in pieces");
  ConnectionPtr now;
  {
    std::lock_guard guard (lock_);
    now = connection_;
    if (!label) label = lossy ? lossy_label_ : reliable_label_;
  }
  if (!now || !now->joined ()) {
    std::lock_guard guard (lock_);
    ++(lossy ? data_stats_.lossy_dropped : data_stats_.reliable_dropped);
    return fail (Code::DataNotConnected, "not connected");
  }
  const Outgoing message{ *label, std::move (bytes), lossy };
  std::optional<Error> failed;
  bool queued = !lossy && now->outbox ().waiting ();
  if (!queued) {
    auto sent = deadlines_.run (kSendLimit, [&] (const auto &stop) { return now->send (message, stop); });
    if (!sent) failed = sent.error ();
    queued = failed && failed->code == Errc::Closed && !lossy && now->joined ();
  }
  if (queued) {
    if (now->outbox ().add (message)) return ok (); // counted there
    failed = Error{ Errc::LimitExceeded, Retry::Never, "a megabyte waits to be sent already: send it later" };
  }
  std::lock_guard guard (lock_);
  if (!failed) {
    (lossy ? data_stats_.lossy_sent_bytes : data_stats_.reliable_sent_bytes) += int64_t (size);
    return ok ();
  }
  // The channel has counted a lossy packet itself.
  if (!lossy || streams_) ++(lossy ? data_stats_.lossy_dropped : data_stats_.reliable_dropped);
  return fail (Code::SendFailed, failed->message);
}

void
Client::keep_stats (const LkDataStats &of_one_that_ends) {
  std::lock_guard guard (lock_);
  add (data_stats_, of_one_that_ends);
}

LkDataStats
Client::data_stats () const {
  ConnectionPtr now;
  LkDataStats stats;
  {
    std::lock_guard guard (lock_);
    now = connection_;
    stats = data_stats_;
  }
  if (now) add (stats, now->data_stats ());
  return stats;
}

void
Client::on_data (const ConnectionPtr &in, std::string label, LkReliability reliability, std::string bytes) {
  const size_t size = bytes.size () + label.size ();
  dispatcher_->post (
      [self = shared_from_this (), in, label = std::move (label), reliability, bytes = std::move (bytes)] {
        if (in->silenced ()) return;
        const auto all = self->callbacks ();
        const auto *data = reinterpret_cast<const uint8_t *> (bytes.data ());
        if (all.data_ex)
          all.data_ex.fn (all.data_ex.user, label.c_str (), reliability, data, bytes.size ());
        else if (all.data)
          all.data.fn (all.data.user, data, bytes.size ());
      },
      size);
}

} // namespace lk::capi
