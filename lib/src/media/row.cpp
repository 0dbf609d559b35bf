#include "media/row.hpp"

#include <algorithm>

namespace lk::media {

void
apply_settings (GstElement *element, std::string_view settings) {
  while (!settings.empty ()) {
    std::string pair (settings.substr (0, settings.find (' ')));
    settings.remove_prefix (std::min (settings.size (), pair.size () + 1));
    auto eq = pair.find ('=');
    std::string name = pair.substr (0, eq);
    if (g_object_class_find_property (G_OBJECT_GET_CLASS (element), name.c_str ()))
      gst_util_set_object_arg (G_OBJECT (element), name.c_str (), pair.c_str () + eq + 1);
  }
}

Result<Ref<GstElement>>
make_filter (const char *caps_text) {
  auto filter = make_element ("capsfilter");
  if (!filter) return filter;
  auto caps = Ref<GstCaps>::adopt (gst_caps_from_string (caps_text));
  g_object_set (filter->get (), "caps", caps.get (), nullptr);
  return filter;
}

Result<Ref<GstElement>>
make_row (std::vector<Result<Ref<GstElement>>> row) {
  auto bin = Ref<GstElement>::sink (gst_bin_new (nullptr));
  for (const auto &element : row) {
    if (!element) return element.error ();
    gst_bin_add (GST_BIN (bin.get ()), element->get ());
  }
  for (size_t i = 1; i < row.size (); ++i)
    if (!gst_element_link (row[i - 1]->get (), row[i]->get ()))
      return Error{ Errc::Internal, Retry::Never,
                    std::string (GST_OBJECT_NAME (row[i - 1]->get ())) + " and "
                        + GST_OBJECT_NAME (row[i]->get ()) + " do not link." };
  auto ghost = [&bin] (GstElement *child, const char *name) {
    auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (child, name));
    gst_element_add_pad (bin.get (), gst_ghost_pad_new (name, pad.get ()));
  };
  ghost (row.front ()->get (), "sink");
  ghost (row.back ()->get (), "src");
  return bin;
}

Result<Ref<GstElement>>
make_parser (const char *factory) {
  auto parser = make_element (factory);
  if (parser) apply_settings (parser->get (), "config-interval=-1");
  return parser;
}

} // namespace lk::media
