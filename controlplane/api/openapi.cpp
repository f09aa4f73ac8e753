// One page that never changes, so most readers are told that they have it.
#include "controlplane/api/openapi.h"

#include "controlplane/api/conditions.h"

namespace mcpgw::api {

bool is_openapi_path(std::string_view path) {
    return path == "/openapi.json";
}

Answer openapi_answer(std::string_view method, const std::vector<std::string>& if_none_match) {
    if (method != "GET" && method != "HEAD") return wrong_method("GET, HEAD");
    Answer answer;
    if (if_none_match_names(if_none_match, openapi_etag()))
        answer.status = 304;
    else
        answer = json_answer(200, std::string(openapi_document()));
    answer.headers.emplace_back("ETag", openapi_etag());
    // May be kept, and has to be asked for again: the next release may describe more.
    answer.headers.emplace_back("Cache-Control", "no-cache");
    return answer;
}

}  // namespace mcpgw::api
