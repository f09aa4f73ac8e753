// Splitting, decoding and two JSON trees.
#include "common/protocol/jwt.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include <simdjson.h>

#include "common/check.h"

namespace mcpgw::jwt {
namespace {

namespace dom = simdjson::dom;

// Claims have one or two levels; a tree of more is made to cost time.
constexpr std::size_t kDepthMax = 16;
constexpr std::size_t kDecodedMax = limits::token_bytes_max * 3 / 4 + simdjson::SIMDJSON_PADDING;
constexpr double kDateMax = 9007199254740992.0;  // 2^53

using Room = std::array<std::byte, kDecodedMax>;

bool has_repeated_name(dom::object object, std::vector<std::string_view>& names) {
    const std::size_t first = names.size();
    for (const dom::key_value_pair member : object)
        names.push_back(member.key);
    const auto begin = names.begin() + static_cast<std::ptrdiff_t>(first);
    std::sort(begin, names.end());
    const bool repeated = std::adjacent_find(begin, names.end()) != names.end();
    names.resize(first);
    return repeated;
}

// In any object of the tree.
bool repeats_a_member(dom::element element, std::vector<std::string_view>& names) {
    dom::object object;
    dom::array array;
    if (element.get(object) == simdjson::SUCCESS) {
        if (has_repeated_name(object, names)) return true;
        return std::any_of(object.begin(), object.end(), [&names](dom::key_value_pair member) {
            return repeats_a_member(member.value, names);
        });
    }
    if (element.get(array) != simdjson::SUCCESS) return false;
    return std::any_of(array.begin(), array.end(),
                       [&names](dom::element item) { return repeats_a_member(item, names); });
}

// False if it is there and no string.
bool read_text(dom::object object, std::string_view name, std::string_view& out, bool& present) {
    dom::element element;
    present = object.at_key(name).get(element) == simdjson::SUCCESS;
    return !present || element.get(out) == simdjson::SUCCESS;
}

std::optional<dom::element> find(dom::object object, std::string_view path) {
    dom::element element;
    if (object.at_key(path).get(element) == simdjson::SUCCESS) return element;
    const std::size_t dot = path.find('.');
    dom::object inner;
    if (dot == std::string_view::npos || object.at_key(path.substr(0, dot)).get(inner)) return {};
    return find(inner, path.substr(dot + 1));
}

}  // namespace

struct Token::Trees {
    Trees() {
        // Memory for the longest token, so that no later parse needs more.
        check(header_parser.allocate(kDecodedMax, kDepthMax) == simdjson::SUCCESS &&
                  claims_parser.allocate(kDecodedMax, kDepthMax) == simdjson::SUCCESS,
              "memory for tokens");
    }

    [[nodiscard]] ParseFault parse(dom::parser& parser, std::string_view encoded, Room& room,
                                   dom::object& out) {
        const auto bytes = base64url_decode(encoded, room.data());
        if (!bytes) return ParseFault::not_base64url;
        std::memset(room.data() + *bytes, 0, simdjson::SIMDJSON_PADDING);
        dom::element root;
        const auto* text = reinterpret_cast<const char*>(room.data());
        if (parser.parse(text, *bytes, false).get(root) != simdjson::SUCCESS ||
            root.get(out) != simdjson::SUCCESS)
            return ParseFault::not_json;
        names.clear();
        return repeats_a_member(root, names) ? ParseFault::repeated_member : ParseFault::none;
    }

    dom::parser header_parser;
    dom::parser claims_parser;
    dom::object header;
    dom::object claims;
    bool has_claims = false;
    std::vector<std::string_view> names;
    Room header_room;
    Room claims_room;
    Room signature_room;
    std::size_t signature_bytes = 0;
};

Token::Token() : trees_(std::make_unique<Trees>()) {}
Token::~Token() = default;

Bytes Token::signature() const {
    return {trees_->signature_room.data(), trees_->signature_bytes};
}

ParseFault Token::parse(std::string_view token) {
    header_ = {};
    signed_part_ = {};
    trees_->has_claims = false;
    trees_->signature_bytes = 0;
    if (token.size() > limits::token_bytes_max) return ParseFault::too_long;
    const auto dots = std::count(token.begin(), token.end(), '.');
    if (dots == 4) return ParseFault::encrypted;
    if (dots != 2) return ParseFault::not_three_parts;
    const std::size_t first = token.find('.');
    const std::size_t second = token.find('.', first + 1);
    signed_part_ = token.substr(0, second);
    return decode(token.substr(0, first), token.substr(first + 1, second - first - 1),
                  token.substr(second + 1));
}

ParseFault Token::decode(std::string_view header, std::string_view claims,
                         std::string_view signature) {
    Trees& trees = *trees_;
    if (header.empty() || claims.empty()) return ParseFault::not_three_parts;
    ParseFault fault = trees.parse(trees.header_parser, header, trees.header_room, trees.header);
    if (fault == ParseFault::none) fault = read_header();
    if (fault == ParseFault::none)
        fault = trees.parse(trees.claims_parser, claims, trees.claims_room, trees.claims);
    if (fault != ParseFault::none) return fault;
    const auto bytes = base64url_decode(signature, trees.signature_room.data());
    if (!bytes) return ParseFault::not_base64url;
    trees.signature_bytes = *bytes;
    trees.has_claims = true;
    return ParseFault::none;
}

ParseFault Token::read_header() {
    bool has_algorithm = false;
    const dom::object object = trees_->header;
    const bool read = read_text(object, "alg", header_.algorithm, has_algorithm) &&
                      read_text(object, "kid", header_.key_id, header_.has_key_id) &&
                      read_text(object, "typ", header_.type, header_.has_type);
    dom::element critical;
    header_.has_critical = object.at_key("crit").get(critical) == simdjson::SUCCESS;
    if (!read || !has_algorithm || header_.algorithm.empty()) return ParseFault::bad_header;
    return ParseFault::none;
}

Token::Kind Token::kind_of(std::string_view path) const {
    if (!trees_->has_claims) return Kind::absent;
    const auto element = find(trees_->claims, path);
    // RFC 7519 leaves null undefined; it says nothing, as if it were not there.
    if (!element || element->is_null()) return Kind::absent;
    if (element->is_string()) return Kind::text;
    if (element->is_array()) return Kind::list;
    return element->is_number() ? Kind::number : Kind::other;
}

std::string_view Token::text(std::string_view path) const {
    std::string_view text;
    if (kind_of(path) != Kind::text || find(trees_->claims, path)->get(text)) return {};
    return text;
}

std::optional<std::int64_t> Token::date(std::string_view path) const {
    double seconds = 0;
    if (kind_of(path) != Kind::number || find(trees_->claims, path)->get(seconds))
        return std::nullopt;
    return static_cast<std::int64_t>(std::floor(std::clamp(seconds, -kDateMax, kDateMax)));
}

bool Token::visit_texts(std::string_view path, Call call, void* context) const {
    const Kind kind = kind_of(path);
    if (kind == Kind::absent) return true;
    const dom::element element = *find(trees_->claims, path);
    std::string_view text;
    if (element.get(text) == simdjson::SUCCESS) {
        call(context, text);
        return true;
    }
    dom::array array;
    if (element.get(array) != simdjson::SUCCESS) return false;
    for (const dom::element item : array) {
        if (item.get(text) != simdjson::SUCCESS) return false;
        call(context, text);
    }
    return true;
}

}  // namespace mcpgw::jwt
