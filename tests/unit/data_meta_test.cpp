// GstLiveKitDataMeta through the public headers.
#include <gst/livekit/livekit.h>

#include <gtest/gtest.h>

#include <memory>

namespace {

struct UnrefBuffer {
  void
  operator() (GstBuffer *buffer) const {
    gst_buffer_unref (buffer);
  }
};
using Buffer = std::unique_ptr<GstBuffer, UnrefBuffer>;

struct DataMeta : testing::Test {
  static void
  SetUpTestSuite () {
    gst_init (nullptr, nullptr);
  }
  Buffer buffer{ gst_buffer_new_memdup ("abc", 3) };
};

GstLiveKitDataMeta *
fill (GstBuffer *buffer) {
  auto *meta = gst_livekit_buffer_add_data_meta (buffer, GST_LIVEKIT_DATA_KIND_BYTES);
  const gchar *const destinations[] = { "a", "b", nullptr };
  gst_livekit_data_meta_set_topic (meta, "files");
  gst_livekit_data_meta_set_sender (meta, "robot", "PA_1");
  gst_livekit_data_meta_set_destinations (meta, destinations);
  gst_livekit_data_meta_set_reliability (meta, GST_LIVEKIT_RELIABILITY_LOSSY);
  gst_livekit_data_meta_set_stream (meta, "s1", "image/png", "a.png");
  gst_livekit_data_meta_set_attribute (meta, "k", "v");
  gst_livekit_data_meta_set_timestamp (meta, 42);
  meta->total_size = 3;
  return meta;
}

void
expect_filled (const GstLiveKitDataMeta *meta) {
  ASSERT_NE (meta, nullptr);
  EXPECT_EQ (meta->kind, GST_LIVEKIT_DATA_KIND_BYTES);
  EXPECT_STREQ (meta->topic, "files");
  EXPECT_STREQ (meta->sender_identity, "robot");
  EXPECT_STREQ (meta->sender_sid, "PA_1");
  ASSERT_NE (meta->destinations, nullptr);
  EXPECT_STREQ (meta->destinations[1], "b");
  EXPECT_EQ (meta->destinations[2], nullptr);
  EXPECT_TRUE (meta->has_reliability);
  EXPECT_EQ (meta->reliability, GST_LIVEKIT_RELIABILITY_LOSSY);
  EXPECT_STREQ (meta->stream_id, "s1");
  EXPECT_STREQ (meta->mime_type, "image/png");
  EXPECT_STREQ (meta->name, "a.png");
  EXPECT_STREQ (gst_livekit_data_meta_get_attribute (meta, "k"), "v");
  EXPECT_EQ (meta->timestamp, 42u);
  EXPECT_EQ (meta->total_size, 3u);
}

TEST_F (DataMeta, ANewOneHasNothingSet) {
  EXPECT_EQ (gst_livekit_buffer_get_data_meta (buffer.get ()), nullptr);
  const auto *meta = gst_livekit_buffer_add_data_meta (buffer.get (), GST_LIVEKIT_DATA_KIND_CHAT);
  EXPECT_EQ (gst_livekit_buffer_get_data_meta (buffer.get ()), meta);
  EXPECT_EQ (meta->topic, nullptr);
  EXPECT_EQ (meta->destinations, nullptr);
  EXPECT_FALSE (meta->has_reliability);
  EXPECT_EQ (g_hash_table_size (meta->attributes), 0u);
  EXPECT_EQ (meta->timestamp, G_MAXUINT64);
  EXPECT_EQ (meta->total_size, G_MAXUINT64);
}

TEST_F (DataMeta, CopiesAndPartsOfTheBufferHaveAllOfIt) {
  fill (buffer.get ());
  const Buffer copy (gst_buffer_copy_deep (buffer.get ()));
  const Buffer part (gst_buffer_copy_region (buffer.get (), GST_BUFFER_COPY_ALL, 1, 1));
  buffer.reset ();
  expect_filled (gst_livekit_buffer_get_data_meta (copy.get ()));
  expect_filled (gst_livekit_buffer_get_data_meta (part.get ()));
}

TEST_F (DataMeta, FieldsCanBeReplacedByThemselvesAndCleared) {
  auto *meta = fill (buffer.get ());
  gst_livekit_data_meta_set_topic (meta, meta->topic);
  gst_livekit_data_meta_set_destinations (meta, meta->destinations);
  gst_livekit_data_meta_set_stream (meta, meta->stream_id, meta->mime_type, meta->name);
  expect_filled (meta);
  gst_livekit_data_meta_set_sender (meta, nullptr, nullptr);
  gst_livekit_data_meta_set_destinations (meta, nullptr);
  gst_livekit_data_meta_set_attribute (meta, "k", nullptr);
  EXPECT_EQ (meta->sender_identity, nullptr);
  EXPECT_EQ (meta->destinations, nullptr);
  EXPECT_EQ (gst_livekit_data_meta_get_attribute (meta, "k"), nullptr);
}

} // namespace
