// A request to the management API and its answer, without a server around them.
//
// A Call lives as long as it is answered. An Answer with `stream` has no body: the text is produced
// while it is sent, until the producer ends or the reader goes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/result.h"
#include "controlplane/deploy/deployer.h"
#include "controlplane/identity/principal.h"
#include "controlplane/model/field_reader.h"

namespace mcpgw::api {

struct Call {
    std::string method;
    std::string path;                                        // decoded, without the query
    std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
    std::string content_type;
    std::vector<std::string> if_match;  // the values of its header lines
    std::string body;
    bool body_too_large = false;  // then `body` is not the whole
    identity::Principal who;

    // The value of a query parameter that may be given once; nullptr if absent.
    [[nodiscard]] const std::string* parameter(std::string_view name) const;
};

struct Answer {
    int status = 200;
    std::string content_type;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    std::function<void(const deploy::LogSink& sink)> stream;
};

[[nodiscard]] Answer json_answer(int status, std::string body);

// application/problem+json (RFC 9457).
[[nodiscard]] Answer problem(int status, std::string_view detail);
[[nodiscard]] Answer problem(int status, std::string_view detail, const model::FieldErrors& errors);
// The one place where an error of a room below becomes an answer.
[[nodiscard]] Answer problem_of(const Error& error);

// The same, and a line in the log for what is a 5xx to the client: it is explained there.
[[nodiscard]] Answer answer_of(const Error& error);

[[nodiscard]] Answer no_such_path();
[[nodiscard]] Answer wrong_parameters(const model::FieldErrors& errors);
[[nodiscard]] Answer wrong_method(std::string_view allowed);

[[nodiscard]] std::string_view status_text(int status);

}  // namespace mcpgw::api
