// Which of a server's addresses the next attempt goes to. Pure.
//
// The server may name others than the one that was given: in a Leave the regions that are free, in the join
// response an alternative. They come first, in its order, then the given one, in turn until one lets us in.
#pragma once

#include "net/url.hpp"
#include "proto/model.hpp"

namespace lk::session {

class ServerUrls {
public:
  static constexpr size_t kMaxNamed = 16;

  /// The one that settings or token endpoint say; another one than before forgets what the server named.
  void set_given (const net::Url &given);
  void on_regions (const std::vector<RegionInfo> &regions);
  void on_alternative (const std::string &url);
  /// For the next attempt; the one that let us in stays until it fails.
  const net::Url &current () const;
  void failed ();
  bool
  has_others () const {
    return !named_.empty ();
  }

private:
  void add (const std::string &text);
  net::Url given_;
  std::vector<net::Url> named_;
  size_t at_ = 0; // in named_; beyond it is given_
};

} // namespace lk::session
