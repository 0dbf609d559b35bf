// Who has the floor: the one speaker to look at, of what the server says about several at a time. A cough
// does not take it and a breath does not lose it. Pure; times are those of any one clock.
#pragma once

#include <gst/gst.h>

#include <map>
#include <string>
#include <vector>

namespace lk::gst {

class Floor {
public:
  /// As the server tells it, changes only.
  void heard (const std::string &identity, float level, bool active, GstClockTime now);
  void left (const std::string &identity);
  void clear ();

  /// Of `present`, in the order of arrival: who has spoken, or before anybody did, who came first. "" for an
  /// empty room.
  std::string holder (const std::vector<std::string> &present, GstClockTime now);

  bool speaks (const std::string &identity) const;
  /// When somebody was last heard; 0 = never.
  GstClockTime last_heard (const std::string &identity, GstClockTime now) const;

private:
  struct Voice {
    float level = 0;
    bool active = false;
    GstClockTime since = 0; ///< of the last change between speech and silence
  };
  const Voice *voice (const std::string &identity) const;

  std::map<std::string, Voice> voices_; // of those who ever spoke
  std::string holder_;
  GstClockTime taken_ = 0;
};

} // namespace lk::gst
