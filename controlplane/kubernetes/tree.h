// Reading JSON trees of Kubernetes objects, in which anything may be absent or null.
//
// Absent, null and of another kind than expected are the same here: a default comes back. So an
// unknown version of an object can never make a reader fail. Pure; references live as long as the
// tree that they point into.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <picojson.h>

namespace mcpgw::kubernetes {

using Path = std::initializer_list<std::string_view>;

// node_at(pod, {"status", "conditions"}); the null value if there is none.
[[nodiscard]] const picojson::value& node_at(const picojson::value& tree, Path path);
[[nodiscard]] const std::string& text_at(const picojson::value& tree, Path path);  // else ""
// Whole numbers; anything else is `otherwise`.
[[nodiscard]] std::int64_t number_at(const picojson::value& tree, Path path,
                                     std::int64_t otherwise = 0);
[[nodiscard]] bool boolean_at(const picojson::value& tree, Path path, bool otherwise = false);
[[nodiscard]] const picojson::array& array_at(const picojson::value& tree, Path path);    // else []
[[nodiscard]] const picojson::object& object_at(const picojson::value& tree, Path path);  // else {}

}  // namespace mcpgw::kubernetes
