/* A pose of an actor: u32 time in ms, u8 actor, u8 bones, then 7 floats per bone (place and rotation), little-endian.
 * 32 bones are 902 bytes, which fit into one lossy message. */
#ifndef GAME_AUDIO_MOCAP_H
#define GAME_AUDIO_MOCAP_H

#include <stddef.h>
#include <stdint.h>

enum { MOCAP_MOST_BONES = 32, MOCAP_HEAD = 6, MOCAP_BONE = 28, MOCAP_MOST_BYTES = 6 + 28 * 32 };

/* An arm that waves, at a time. The number of bytes. */
size_t mocap_make (uint8_t *bytes, uint32_t time_ms, uint8_t actor, uint8_t bones);
/* 0 where the bytes are not a pose. */
int mocap_read (const uint8_t *bytes, size_t len, uint32_t *time_ms, uint8_t *actor, uint8_t *bones);

#endif
