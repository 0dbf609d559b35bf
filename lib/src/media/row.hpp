// Small helpers to build bins of elements in a row.
#pragma once

#include "media/codecs.hpp"

#include <string_view>
#include <vector>

namespace lk::media {

/// "property=value" pairs, blank-separated. Properties that this version of the element lacks are skipped.
void apply_settings (GstElement *element, std::string_view settings);
Result<Ref<GstElement>> make_filter (const char *caps);
/// A bin of these elements, linked in this order; the ends are its pads "sink" and "src". The first error
/// among them is passed on.
Result<Ref<GstElement>> make_row (std::vector<Result<Ref<GstElement>>> row);
/// The parser that keeps parameter sets in-band.
Result<Ref<GstElement>> make_parser (const char *factory);

} // namespace lk::media
