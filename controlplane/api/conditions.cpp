// Strict parsers of small texts.
#include "controlplane/api/conditions.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "common/bytes.h"
#include "common/contract/sessions.h"
#include "common/limits.h"

namespace mcpgw::api {
namespace {

constexpr std::size_t kPageItemsDefault = 100;

std::unexpected<Error> refuse(std::string detail) {
    return failure(Code::invalid_argument, std::move(detail), Side::client);
}

void skip_spaces(std::string_view& text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
}

// Takes one entity tag off the text; the tag with its quotes, or nothing if it is malformed.
std::optional<std::string_view> take_tag(std::string_view& text) {
    const std::size_t open = text.starts_with("W/") ? 2 : 0;
    if (text.size() <= open || text[open] != '"') return std::nullopt;
    const std::size_t close = text.find('"', open + 1);
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view tag = text.substr(0, close + 1);
    text.remove_prefix(close + 1);
    return tag;
}

std::optional<std::string> text_of_cursor(std::string_view cursor) {
    std::string name(cursor.size(), '\0');
    const auto size = base64url_decode(cursor, reinterpret_cast<std::byte*>(name.data()));
    if (!size) return std::nullopt;
    name.resize(*size);
    return name;
}

}  // namespace

std::string etag_of(std::uint64_t version) {
    return "\"" + std::to_string(version) + "\"";
}

Result<bool> if_match_holds(const std::vector<std::string>& header_lines, std::string_view etag) {
    if (header_lines.empty()) return true;
    bool holds = false;
    bool saw_tag = false;
    for (std::string_view text : header_lines) {
        skip_spaces(text);
        if (text.starts_with('*')) {
            text.remove_prefix(1);
            skip_spaces(text);
            if (!text.empty() || header_lines.size() > 1)
                return refuse("If-Match is either * or a list of entity tags");
            return true;
        }
        while (!text.empty()) {
            if (text.front() != ',') {
                const auto tag = take_tag(text);
                if (!tag) return refuse("If-Match has something that is not a quoted entity tag");
                saw_tag = true;
                holds = holds || *tag == etag;
            }
            skip_spaces(text);
            if (!text.empty() && text.front() != ',')
                return refuse("If-Match needs commas between entity tags");
            if (!text.empty()) text.remove_prefix(1);
            skip_spaces(text);
        }
    }
    if (!saw_tag) return refuse("If-Match is empty");
    return holds;
}

bool if_none_match_names(const std::vector<std::string>& header_lines, std::string_view etag) {
    for (std::string_view text : header_lines) {
        skip_spaces(text);
        if (text == "*") return true;
        while (!text.empty()) {
            auto tag = take_tag(text);
            if (!tag) break;
            if (tag->starts_with("W/")) tag->remove_prefix(2);
            if (*tag == etag) return true;
            while (!text.empty() && (text.front() == ',' || text.front() == ' '))
                text.remove_prefix(1);
        }
    }
    return false;
}

Result<Page> page_of(const Call& call, model::Complaint (*complaint)(std::string_view)) {
    Page page;
    const std::string* limit = call.parameter("limit");
    const std::string* cursor = call.parameter("cursor");
    page.limit = cursor == nullptr ? limits::list_items_max : kPageItemsDefault;
    if (limit != nullptr) {
        const char* end = limit->data() + limit->size();
        const auto [stop, error] = std::from_chars(limit->data(), end, page.limit);
        if (error != std::errc() || stop != end || page.limit == 0 ||
            page.limit > limits::list_items_max)
            return refuse("limit must be an integer from 1 to 1000");
    }
    if (cursor != nullptr) {
        auto name = text_of_cursor(*cursor);
        if (!name || complaint(*name) != nullptr)
            return refuse("cursor is not one that this gateway gave");
        page.after = std::move(*name);
    }
    return page;
}

void take_text(const Call& call, TextParameter parameter, std::string& out,
               model::FieldErrors& errors) {
    const std::string* text = call.parameter(parameter.name);
    if (text == nullptr) return;
    if (text->empty() || !contract::is_plain_text(*text, parameter.bytes_max))
        errors[parameter.name].push_back("must be a text of 1 to " +
                                         std::to_string(parameter.bytes_max) +
                                         " bytes without control characters");
    out = *text;
}

model::FieldErrors parameter_errors(const Call& call, std::span<const std::string_view> known) {
    model::FieldErrors errors;
    std::set<std::string_view> seen;
    for (const auto& [name, value] : call.query) {
        const bool is_new = seen.insert(name).second;
        if (std::ranges::find(known, std::string_view(name)) == known.end())
            errors[name] = {"is not a known parameter"};
        else if (!is_new)
            errors[name] = {"is given more than once"};
    }
    return errors;
}

std::string cursor_of(std::string_view last_name) {
    std::string text(base64url_size(last_name.size()), '\0');
    base64url_encode(as_bytes(last_name), text.data());
    return text;
}

}  // namespace mcpgw::api
