// The description of the HTTP interface (OpenAPI 3.1), as GET /openapi.json answers it.
//
// The document is openapi.json beside this file, which the build puts into the program
// (embed.cmake). It is the same for everybody and for as long as the program runs: whoever asks
// need not say who they are. That it tells the truth is what tests/system/openapi.test.mjs is for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controlplane/api/answer.h"

namespace mcpgw::api {

[[nodiscard]] std::string_view openapi_document();
// Strong and quoted; another document, another tag.
[[nodiscard]] std::string_view openapi_etag();

[[nodiscard]] bool is_openapi_path(std::string_view path);
// `if_none_match`: the values of the header lines of that name.
[[nodiscard]] Answer openapi_answer(std::string_view method,
                                    const std::vector<std::string>& if_none_match);

}  // namespace mcpgw::api
