#include "data/message.hpp"

namespace lk::data {

Ref<GBytes>
to_message (std::string bytes) {
  auto *kept = new std::string (std::move (bytes));
  return Ref<GBytes>::adopt (g_bytes_new_with_free_func (
      kept->data (), kept->size (), [] (gpointer text) { delete static_cast<std::string *> (text); }, kept));
}

std::string_view
view_of (const Ref<GBytes> &message) {
  gsize size = 0;
  const auto *data = static_cast<const char *> (g_bytes_get_data (message.get (), &size));
  return { data, size };
}

} // namespace lk::data
