// Parts of a request that are more than a name and a value: If-Match, pages of a list, the query.
//
// Pure; errors are invalid_argument with a sentence.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "controlplane/api/answer.h"
#include "controlplane/model/rules.h"

namespace mcpgw::api {

// Of every list that comes in pages.
inline constexpr std::array<std::string_view, 2> kListParameters = {"limit", "cursor"};
// A change that meets another one at the same moment is tried again; this often is never needed.
inline constexpr int kAttemptsMax = 16;

// The strong entity tag of a version: its decimal digits in quotes (RFC 9110 section 8.8.3).
[[nodiscard]] std::string etag_of(std::uint64_t version);

// RFC 9110 section 13.1.1: "*" or a list of entity tags, compared strongly (a weak tag never
// matches). No header at all matches everything.
[[nodiscard]] Result<bool> if_match_holds(const std::vector<std::string>& header_lines,
                                          std::string_view etag);

// RFC 9110 section 13.1.2: whether "*" or one of the entity tags, compared weakly, is this one.
// What is malformed names nothing: its sender gets the whole answer.
[[nodiscard]] bool if_none_match_names(const std::vector<std::string>& header_lines,
                                       std::string_view etag);

// CONTRACT section 7, Lists.
struct Page {
    std::string after;  // the name after which the page starts; "": from the first
    std::size_t limit = 0;
};
// `complaint` knows what a name in a cursor can be.
[[nodiscard]] Result<Page> page_of(
    const Call& call, model::Complaint (*complaint)(std::string_view) = model::name_complaint);
[[nodiscard]] std::string cursor_of(std::string_view last_name);

// A parameter that is a text of at least one byte, without control characters.
struct TextParameter {
    const char* name;
    std::size_t bytes_max;
};
// Leaves `out` alone if it is not given; a wrong one is taken and complained about.
void take_text(const Call& call, TextParameter parameter, std::string& out,
               model::FieldErrors& errors);

// Complaints about parameters that are not `known`, and about those that come twice: a misspelt one
// must not be as good as none.
[[nodiscard]] model::FieldErrors parameter_errors(const Call& call,
                                                  std::span<const std::string_view> known);

}  // namespace mcpgw::api
