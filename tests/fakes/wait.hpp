// Waiting for a condition, with a bound. The bound is for a failing test: a passing one ends as soon as the
// thing is there.
#pragma once

#include <glib.h>

#include <chrono>
#include <thread>

namespace lk::test {

/// Polls until `pred` holds; for state that another thread changes. False when `timeout` passed first.
template <typename Pred>
bool
wait_until (Pred pred, std::chrono::milliseconds timeout) {
  auto deadline = std::chrono::steady_clock::now () + timeout;
  while (!pred ()) {
    if (std::chrono::steady_clock::now () >= deadline) return false;
    std::this_thread::sleep_for (std::chrono::milliseconds (1));
  }
  return true;
}

/// The same while this thread runs `context` (nullptr = the default one); for state that its callbacks
/// change.
template <typename Pred>
bool
wait_until (Pred pred, std::chrono::milliseconds timeout, GMainContext *context) {
  bool late = false;
  GSource *limit = g_timeout_source_new (static_cast<guint> (timeout.count ()));
  g_source_set_callback (
      limit,
      [] (gpointer data) -> gboolean {
        *static_cast<bool *> (data) = true;
        return G_SOURCE_REMOVE;
      },
      &late, nullptr);
  g_source_attach (limit, context);
  while (!pred () && !late)
    g_main_context_iteration (context, TRUE);
  g_source_destroy (limit);
  g_source_unref (limit);
  return pred ();
}

} // namespace lk::test
