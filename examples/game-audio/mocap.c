#include "mocap.h"

#include <math.h>
#include <string.h>

static void
put_u32 (uint8_t *to, uint32_t value) {
  for (int i = 0; i < 4; ++i)
    to[i] = (uint8_t)(value >> (8 * i));
}

static void
put_float (uint8_t *to, float value) {
  uint32_t bits;
  memcpy (&bits, &value, sizeof bits);
  put_u32 (to, bits);
}

size_t
mocap_make (uint8_t *bytes, uint32_t time_ms, uint8_t actor, uint8_t bones) {
  put_u32 (bytes, time_ms);
  bytes[4] = actor;
  bytes[5] = bones;
  for (int bone = 0; bone < bones; ++bone) {
    const float angle = 0.5f * sinf ((float)time_ms / 500.0f + (float)bone);
    const float values[7] = { 0, (float)bone * 0.1f, 0, sinf (angle / 2), 0, 0, cosf (angle / 2) };
    for (int i = 0; i < 7; ++i)
      put_float (bytes + MOCAP_HEAD + bone * MOCAP_BONE + 4 * i, values[i]);
  }
  return (size_t)(MOCAP_HEAD + bones * MOCAP_BONE);
}

int
mocap_read (const uint8_t *bytes, size_t len, uint32_t *time_ms, uint8_t *actor, uint8_t *bones) {
  if (len < MOCAP_HEAD || bytes[5] > MOCAP_MOST_BONES || len != (size_t)(MOCAP_HEAD + bytes[5] * MOCAP_BONE)) return 0;
  *time_ms = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
  *actor = bytes[4];
  *bones = bytes[5];
  return 1;
}
