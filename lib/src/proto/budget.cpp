#include "proto/budget.hpp"

#include "proto/shape.hpp"

namespace lk {

namespace {

LK_SHAPE (kFirst, { 1, &kLeaf });       // a list in field 1
LK_SHAPE (kDescription, { 4, &kLeaf }); // mid_to_track_id
LK_SHAPE (kCodec, { 4, &kLeaf });       // layers
LK_SHAPE (kTrack, { 10, &kLeaf }, { 13, &kCodec });
LK_SHAPE (kParticipant, { 4, &kTrack }, { 15, &kLeaf }, { 19, &kLeaf });
LK_SHAPE (kParticipants, { 1, &kParticipant });
LK_SHAPE (kRoom, { 7, &kLeaf });
LK_SHAPE (kRoomUpdate, { 1, &kRoom });
LK_SHAPE (kDisabledCodecs, { 1, &kLeaf }, { 2, &kLeaf });
LK_SHAPE (kClientConfiguration, { 4, &kDisabledCodecs });
LK_SHAPE (kIceServer, { 1, &kLeaf });
LK_SHAPE (kJoin, { 1, &kRoom }, { 2, &kParticipant }, { 3, &kParticipant }, { 5, &kIceServer },
          { 8, &kClientConfiguration }, { 14, &kLeaf });
LK_SHAPE (kReconnect, { 1, &kIceServer }, { 2, &kClientConfiguration });
LK_SHAPE (kPublished, { 2, &kTrack });
LK_SHAPE (kLeave, { 4, &kFirst });
LK_SHAPE (kSubscribedCodec, { 2, &kLeaf });
LK_SHAPE (kSubscribedQuality, { 2, &kLeaf }, { 3, &kSubscribedCodec });
LK_SHAPE (kAddTrack, { 9, &kLeaf }, { 10, &kCodec });
LK_SHAPE (kUpdateMetadata, { 3, &kLeaf });
LK_SHAPE (kRequestResponse, { 5, &kAddTrack }, { 7, &kUpdateMetadata });
LK_SHAPE (kRoomMoved, { 1, &kRoom }, { 3, &kParticipant }, { 4, &kParticipant });
LK_SHAPE (kSecond, { 2, &kLeaf });
LK_SHAPE (kResponse, { 1, &kJoin }, { 2, &kDescription }, { 3, &kDescription }, { 5, &kParticipants },
          { 6, &kPublished }, { 8, &kLeave }, { 10, &kFirst }, { 11, &kRoomUpdate }, { 12, &kFirst },
          { 13, &kFirst }, { 14, &kSubscribedQuality }, { 19, &kReconnect }, { 22, &kRequestResponse },
          { 24, &kRoomMoved }, { 26, &kSecond }, { 29, &kFirst });

} // namespace

bool
within_budget (std::string_view signal_response, std::size_t limit) {
  return fits (signal_response, kResponse, limit);
}

} // namespace lk
