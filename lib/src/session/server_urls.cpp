#include "session/server_urls.hpp"

#include <algorithm>

namespace lk::session {

void
ServerUrls::set_given (const net::Url &given) {
  if (given.websocket () == given_.websocket ()) return;
  given_ = given;
  named_.clear ();
  at_ = 0;
}

void
ServerUrls::add (const std::string &text) {
  auto url = net::parse_url (text);
  // The token goes there: never with less protection than we were asked for.
  if (!url || (given_.tls && !url->tls) || named_.size () >= kMaxNamed) return;
  auto same = [&] (const net::Url &other) { return other.websocket () == url->websocket (); };
  if (same (given_) || std::any_of (named_.begin (), named_.end (), same)) return;
  named_.push_back (*url);
}

void
ServerUrls::on_regions (const std::vector<RegionInfo> &regions) {
  if (regions.empty ()) return;
  named_.clear ();
  for (const auto &region : regions)
    add (region.url);
  at_ = 0;
}

void
ServerUrls::on_alternative (const std::string &url) {
  if (url.empty () || at_ < named_.size ()) return; // where we are was named by itself
  named_.clear ();
  add (url);
  at_ = 0;
}

const net::Url &
ServerUrls::current () const {
  return at_ < named_.size () ? named_[at_] : given_;
}

void
ServerUrls::failed () {
  at_ = (at_ + 1) % (named_.size () + 1);
}

} // namespace lk::session
