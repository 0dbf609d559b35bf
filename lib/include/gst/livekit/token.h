/* Access tokens of LiveKit: JSON Web Tokens, signed with HMAC-SHA-256. */
#pragma once

#include <gst/gst.h>
#include <gst/livekit/prelude.h>

G_BEGIN_DECLS

/**
 * SECTION:token
 * @title: Access tokens
 * @short_description: making and reading what a participant shows to the server
 *
 * All functions are pure: any thread, no I/O, no state. Claims travel in a #GstStructure named `livekit-claims` with
 * these fields, all optional:
 *
 * - `identity`, `name`, `metadata`, `kind`, `room-preset`, `sha256`: string. `identity` is unique in a room;
 *   at most 256 bytes, as are `name` and `room`; `metadata` at most 512 KiB.
 * - `attributes`: string, a JSON object of strings, at most 64 KiB. (Not a structure: its field names are interned for
 *   ever, so that foreign tokens could fill the memory.)
 * - `room-config`: string, a JSON object: how the room is made if this participant is the first.
 * - `room`, `destination-room`: string.
 * - `room-join`, `room-create`, `room-list`, `room-record`, `room-admin`, `ingress-admin`, `hidden`, `recorder`,
 *   `agent`, `sip-admin`, `sip-call`, `agent-admin`: gboolean, FALSE if absent; `room-join` is TRUE if absent
 *   when `room` and `identity` are given.
 * - `can-publish`, `can-subscribe`, `can-publish-data`, `can-update-own-metadata`, `can-subscribe-metrics`,
 *   `can-manage-agent-session`: gboolean; absent means the server's default (the first three TRUE, the others FALSE).
 * - `can-publish-sources`: #GST_TYPE_ARRAY of `camera`, `microphone`, `screen_share`, `screen_share_audio`; absent or
 *   empty: any.
 * - `ttl`: guint, seconds from now; only for minting; 6 hours if absent.
 * - `issuer`: string, the API key, and `issued`, `not-before`, `expires`: gint64, seconds since 1970; only in results.
 */

/**
 * gst_livekit_token_mint:
 * @claims: what the token grants; fields as above
 * @api_key: the API key
 * @api_secret: the secret that belongs to it
 * @error: return location for an error
 *
 * Makes and signs a token. A field that does not exist or has another type is an error, so that a misspelt grant is
 * not lost in silence.
 *
 * Errors: %GST_LIVEKIT_ERROR_SETTINGS, with the name of the field.
 *
 * Returns: (transfer full) (nullable): the token, secret; %NULL on error
 *
 * Since: 0.1
 */
GST_LIVEKIT_API gchar *gst_livekit_token_mint (const GstStructure *claims, const gchar *api_key,
    const gchar *api_secret, GError **error);

/**
 * gst_livekit_token_inspect:
 * @token: a token
 * @error: return location for an error
 *
 * Reads a token without checking its signature or times: fit for showing, not for trusting. Claims that this version
 * does not know are passed over.
 *
 * Errors: %GST_LIVEKIT_ERROR_INVALID_TOKEN.
 *
 * Returns: (transfer full) (nullable): the claims; %NULL on error
 *
 * Since: 0.1
 */
GST_LIVEKIT_API GstStructure *gst_livekit_token_inspect (const gchar *token, GError **error);

/**
 * gst_livekit_token_verify:
 * @token: a token
 * @api_key: (nullable): the API key that must have issued it, or %NULL for any
 * @api_secret: the secret that belongs to the key
 * @error: return location for an error
 *
 * Checks algorithm, signature, issuer and times (against the system clock, with the server's leeway of one minute),
 * then reads the token.
 *
 * Errors: %GST_LIVEKIT_ERROR_INVALID_TOKEN; %GST_LIVEKIT_ERROR_SETTINGS if @api_secret is empty.
 *
 * Returns: (transfer full) (nullable): the claims; %NULL on error
 *
 * Since: 0.1
 */
GST_LIVEKIT_API GstStructure *gst_livekit_token_verify (const gchar *token, const gchar *api_key,
    const gchar *api_secret, GError **error);

G_END_DECLS
