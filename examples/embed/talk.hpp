// A conversation inside an application: its own pipeline with livekitsink and livekitsrc, as one participant.
// The application has a loop of its own and asks once in every frame.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <string>
#include <vector>

struct Unref {
  void
  operator() (gpointer object) const {
    gst_object_unref (object);
  }
};

class Talk {
public:
  struct Settings {
    std::string room, identity;
    double tone_hz = 440; ///< in place of a microphone
  };
  /// What the application shows.
  struct View {
    std::string state = "disconnected";
    std::vector<std::string> people;
    double level_db = -100; ///< of everybody together
    std::string error;
    bool over = false;
  };

  explicit Talk (const Settings &settings);
  ~Talk ();
  /// Never waits: takes what the bus has. To be called from one thread.
  const View &look ();

private:
  void take (GstMessage *message);
  void change_people (const GstStructure *told, bool joined);

  std::unique_ptr<GstElement, Unref> pipeline_;
  std::unique_ptr<GstBus, Unref> bus_;
  View view_;
};
