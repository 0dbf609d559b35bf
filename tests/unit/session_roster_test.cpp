// The bookkeeping rules for participants and tracks.
#include "session/roster.hpp"
#include "session_util.hpp"

using namespace lk;
using namespace lk::session;
using lk::test::make_participant;
using lk::test::make_track;
using Kind = RosterChange::Kind;

namespace {

/// "joined alice", "published TR_1", …
std::vector<std::string>
told (const RosterChanges &changes) {
  std::vector<std::string> words;
  for (const auto &c : changes) {
    const auto &identity = c.participant->identity;
    switch (c.kind) {
    case Kind::Joined:
      words.push_back ("joined " + identity);
      break;
    case Kind::Left:
      words.push_back ("left " + identity);
      break;
    case Kind::Changed:
      words.push_back ("changed " + identity);
      break;
    case Kind::SelfChanged:
      words.push_back ("self " + identity);
      break;
    case Kind::TrackPublished:
      words.push_back ("published " + c.track.sid);
      break;
    case Kind::TrackUnpublished:
      words.push_back ("unpublished " + c.track.sid);
      break;
    case Kind::TrackUpdated:
      words.push_back ("updated " + c.track.sid);
      break;
    case Kind::DataTracksChanged:
      words.push_back ("data tracks of " + identity);
      break;
    }
  }
  return words;
}
using Words = std::vector<std::string>;

class RosterTest : public ::testing::Test {
protected:
  Words
  reset (std::vector<ParticipantInfo> others) {
    return told (roster_.reset (make_participant ("me"), others));
  }
  Words
  update (ParticipantInfo info) {
    return told (roster_.update ({ std::move (info) }));
  }
  Roster roster_;
};

TEST_F (RosterTest, DataTracksThatComeOrGoAreToldOnce) {
  reset ({ make_participant ("alice") });
  auto alice = make_participant ("alice", {}, 2);
  alice.data_tracks = { { 1, "DTR_1", "pose", Encryption::None } };
  EXPECT_EQ (update (alice), (Words{ "data tracks of alice" }));
  EXPECT_EQ (update (alice), Words ());
  alice.data_tracks.clear ();
  EXPECT_EQ (update (alice), (Words{ "data tracks of alice" }));
}

TEST_F (RosterTest, AJoinTellsParticipantsBeforeTheirTracks) {
  EXPECT_EQ (reset ({ make_participant ("alice", { make_track ("TR_1") }) }),
             (Words{ "joined alice", "published TR_1" }));
  EXPECT_EQ (roster_.find_track ("TR_1").participant->identity, "alice");
  EXPECT_EQ (roster_.identity_of ("PA_alice"), "alice");
  EXPECT_EQ (roster_.identity_of ("PA_me"), "me");
}

TEST_F (RosterTest, AnOlderVersionIsDropped) {
  reset ({ make_participant ("alice", { make_track ("TR_1") }, 5) });
  EXPECT_EQ (update (make_participant ("alice", {}, 4)), Words{});
  EXPECT_TRUE (roster_.find_track ("TR_1"));
}

TEST_F (RosterTest, AnEqualVersionIsApplied) {
  reset ({ make_participant ("alice", { make_track ("TR_1") }, 5) });
  EXPECT_EQ (update (make_participant ("alice", {}, 5)), (Words{ "unpublished TR_1" }));
}

TEST_F (RosterTest, ATrackThatIsMissingInAnUpdateIsUnpublished) {
  reset ({ make_participant ("alice", { make_track ("TR_1"), make_track ("TR_2") }) });
  EXPECT_EQ (update (make_participant ("alice", { make_track ("TR_2"), make_track ("TR_3") }, 2)),
             (Words{ "unpublished TR_1", "published TR_3" }));
  EXPECT_FALSE (roster_.find_track ("TR_1"));
}

TEST_F (RosterTest, MuteRenameAndResizeAreUpdatesAndARepetitionIsNone) {
  reset ({ make_participant ("alice", { make_track ("TR_1") }) });
  auto muted = make_track ("TR_1");
  muted.muted = true;
  EXPECT_EQ (update (make_participant ("alice", { muted }, 2)), (Words{ "updated TR_1" }));
  EXPECT_EQ (update (make_participant ("alice", { muted }, 3)), Words{});
  auto renamed = muted;
  renamed.name = "other";
  EXPECT_EQ (update (make_participant ("alice", { renamed }, 4)), (Words{ "updated TR_1" }));
  auto resized = renamed;
  resized.width = 10;
  EXPECT_EQ (update (make_participant ("alice", { resized }, 5)), (Words{ "updated TR_1" }));
}

TEST_F (RosterTest, WhoLeavesTakesTracksAlongFirst) {
  reset ({ make_participant ("alice", { make_track ("TR_1") }) });
  auto gone = make_participant ("alice", {}, 9);
  gone.state = ParticipantState::Disconnected;
  EXPECT_EQ (update (gone), (Words{ "unpublished TR_1", "left alice" }));
  EXPECT_EQ (update (gone), Words{});
  EXPECT_TRUE (roster_.participants ().empty ());
  EXPECT_EQ (roster_.identity_of ("PA_alice"), "");
}

TEST_F (RosterTest, ANewSidIsANewSessionOfTheSamePerson) {
  reset ({ make_participant ("alice", { make_track ("TR_1") }, 7) });
  auto again = make_participant ("alice", { make_track ("TR_2") }, 1);
  again.sid = "PA_alice2";
  EXPECT_EQ (update (again), (Words{ "unpublished TR_1", "left alice", "joined alice", "published TR_2" }));
  // The end of the older session arrives late.
  auto late = make_participant ("alice", {}, 8);
  late.state = ParticipantState::Disconnected;
  EXPECT_EQ (update (late), Words{});
  EXPECT_EQ (roster_.identity_of ("PA_alice2"), "alice");
}

TEST_F (RosterTest, ALateUpdateOfAnEarlierSessionDoesNotReplaceTheNewer) {
  auto now = make_participant ("alice");
  now.joined_at_ms = 2000;
  reset ({ now });
  auto before = make_participant ("alice");
  before.sid = "PA_before";
  before.joined_at_ms = 1000;
  EXPECT_EQ (update (before), Words{});
  EXPECT_EQ (roster_.identity_of ("PA_alice"), "alice");
}

TEST_F (RosterTest, OwnUpdatesChangeSelfOnly) {
  reset ({});
  auto me = make_participant ("me", {}, 2);
  me.name = "Me";
  EXPECT_EQ (update (me), (Words{ "self me" }));
  EXPECT_EQ (roster_.self ().name, "Me");
  EXPECT_EQ (update (me), Words{});
  me.sid = "PA_earlier";
  me.name = "Ghost";
  EXPECT_EQ (update (me), Words{});
  EXPECT_TRUE (roster_.participants ().empty ());
}

TEST_F (RosterTest, ChangesOfNameMetadataAttributesAndPermissionAreTold) {
  reset ({ make_participant ("alice") });
  auto info = make_participant ("alice", {}, 2);
  info.metadata = "m";
  EXPECT_EQ (update (info), (Words{ "changed alice" }));
  info.attributes["k"] = "v";
  EXPECT_EQ (update (info), (Words{ "changed alice" }));
  info.permission = Permission{};
  EXPECT_EQ (update (info), (Words{ "changed alice" }));
  info.permission->can_publish = false;
  EXPECT_EQ (update (info), (Words{ "changed alice" }));
  EXPECT_EQ (update (info), Words{});
}

TEST_F (RosterTest, AFullListDropsWhoIsNotInIt) {
  reset ({ make_participant ("alice"), make_participant ("bob") });
  EXPECT_EQ (reset ({ make_participant ("bob") }), (Words{ "left alice" }));
}

TEST_F (RosterTest, ClearingTellsThatEverybodyLeft) {
  reset ({ make_participant ("alice", { make_track ("TR_1") }) });
  EXPECT_EQ (told (roster_.clear ()), (Words{ "unpublished TR_1", "left alice" }));
  EXPECT_FALSE (roster_.find_track ("TR_1"));
}

TEST_F (RosterTest, NamelessEntriesAreIgnored) {
  auto no_sid = make_participant ("alice");
  no_sid.sid.clear ();
  EXPECT_EQ (reset ({ make_participant (""), no_sid }), Words{});
  EXPECT_EQ (update (make_participant ("bob", { make_track ("") })), (Words{ "joined bob" }));
}

TEST_F (RosterTest, ATrackBelongsToWhoNamedItFirst) {
  reset ({ make_participant ("alice", { make_track ("TR_1") }) });
  EXPECT_EQ (update (make_participant ("mallory", { make_track ("TR_1") })), (Words{ "joined mallory" }));
  auto gone = make_participant ("mallory", {}, 9);
  gone.state = ParticipantState::Disconnected;
  update (gone);
  EXPECT_EQ (roster_.find_track ("TR_1").participant->identity, "alice");
}

TEST_F (RosterTest, ARepeatedSidInOneListCountsOnce) {
  reset ({});
  EXPECT_EQ (update (make_participant ("alice", { make_track ("TR_1"), make_track ("TR_1") })),
             (Words{ "joined alice", "published TR_1" }));
  EXPECT_EQ (update (make_participant ("alice", {}, 2)), (Words{ "unpublished TR_1" }));
}

TEST_F (RosterTest, AHostileServerCannotGrowItWithoutBound) {
  std::vector<ParticipantInfo> crowd;
  for (size_t i = 0; i < Roster::kMaxParticipants + 50; ++i)
    crowd.push_back (make_participant ("p" + std::to_string (i)));
  reset (crowd);
  EXPECT_EQ (roster_.participants ().size (), Roster::kMaxParticipants);
  roster_.clear ();
  std::vector<TrackInfo> tracks;
  for (size_t i = 0; i < Roster::kMaxTracks + 50; ++i)
    tracks.push_back (make_track ("TR_" + std::to_string (i)));
  EXPECT_EQ (update (make_participant ("alice", tracks)).size (), Roster::kMaxTracks + 1);
  EXPECT_EQ (roster_.participants ().at ("alice")->tracks.size (), Roster::kMaxTracks);
}

} // namespace
