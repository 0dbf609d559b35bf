// The pictures of a room in one frame, in the size and rate that downstream names, otherwise 1280×720 at 30.
#pragma once

#include "mix/floor.hpp"
#include "mix/layout.hpp"
#include "mix/mix.hpp"

namespace lk::gst {

class PictureMix : public Mix {
public:
  static const char *const kDescription;

  PictureMix (GstElement *src, Ref<GstElement> bin) : Mix (src, media::MediaKind::Video, std::move (bin)) {}

  void heard (const session::ActiveSpeakers &speakers) override;
  void left (const std::string &identity) override;
  void complete (const std::string &identity, MixChildSettings &settings) const override;

private:
  struct Picture {
    Branch branch;
    std::string identity;
    TrackInfo info;
    MixChildSettings wish;
    Tile tile{};
    guint zorder = 1;
    bool shown = false;

    bool
    blank () const {
      return info.muted;
    }
  };
  using Row = std::vector<Picture *>;

  void choose_format (GstPad *peer) override;
  Ref<GstElement> make_tail (const session::RemoteTrack &remote) override;
  void prepare_input (GstPad *input) override;
  void arrange () override;
  void track_gone (const Branch &branch) override;
  void tick () override;

  GstClockTimeDiff half_a_frame () const;
  Tile frame () const;
  void lay_out (Row row, const MixSettings &settings, GstClockTime now);
  Picture *main_of (const Row &row, GstLiveKitLayout layout, const std::string &focus, GstClockTime now);
  void rename (const Picture &picture);
  void tell_demand (const Picture &picture, bool adapt, GstClockTime now);
  void withdraw_demand (session::RemoteTrack &track);

  mutable std::mutex stage_; // leaf: all below
  int width_ = 0, height_ = 0;
  GstClockTime half_a_frame_ = 0;
  Floor floor_;
  std::map<const session::RemoteTrack *, std::pair<session::Demand, GstClockTime>> told_; // and when
};

} // namespace lk::gst
