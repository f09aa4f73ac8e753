// picojson's own parser with a context of ours, which sees every value before and after it is read.
#include "controlplane/model/json.h"

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "common/bytes.h"
#include "common/json_writer.h"
#include "common/limits.h"

namespace mcpgw::model {
namespace {

using Input = picojson::input<const char*>;

// picojson keeps the place to itself; it is wanted for the line and the column.
class Cursor : public Input {
  public:
    explicit Cursor(std::string_view text) : Input(text.data(), text.data() + text.size()) {}
    [[nodiscard]] const char* place() const { return cur_; }
};

struct Trouble {
    const char* end = nullptr;    // of the whole text
    const char* place = nullptr;  // where, if `message` is set
    std::string message;

    bool is(const char* where, std::string what) {
        place = where;
        message = std::move(what);
        return false;
    }
};

// RFC 8259 section 6. picojson itself takes whatever strtod takes: "01", "1.", "+1" inside "1e+1".
bool is_number(std::string_view text) {
    std::size_t at = 0;
    const auto peek = [&] { return at < text.size() ? text[at] : '\0'; };
    const auto digits = [&] {
        const std::size_t start = at;
        while (is_digit(peek()))
            ++at;
        return at > start;
    };
    if (peek() == '-') ++at;
    if (peek() == '0')
        ++at;
    else if (!digits())
        return false;
    if (peek() == '.') {
        ++at;
        if (!digits()) return false;
    }
    if (peek() == 'e' || peek() == 'E') {
        ++at;
        if (peek() == '+' || peek() == '-') ++at;
        if (!digits()) return false;
    }
    return at == text.size();
}

class TreeContext {
  public:
    TreeContext(picojson::value& out, std::size_t depth, Trouble& trouble)
        : out_(out), depth_(depth), trouble_(trouble) {}

    // What must hold before a value is read. Leaves `in` at the first character of the value.
    bool may_start(Input& in) {
        in.skip_ws();
        const char* start = in.cur();
        if (start == trouble_.end) return true;
        if ((*start == '{' || *start == '[') && depth_ >= limits::json_depth_max)
            return trouble_.is(start, "the text is nested too deeply");
        if (*start != '-' && !is_digit(*start)) return true;
        const char* stop = start;
        while (stop != trouble_.end &&
               std::string_view("+-.eE0123456789").find(*stop) != std::string_view::npos)
            ++stop;
        number_start_ = start;
        if (is_number({start, stop})) return true;
        return trouble_.is(start, "this is not a number");
    }

    bool set_null() {
        out_ = picojson::value();
        return true;
    }
    bool set_bool(bool value) {
        out_ = picojson::value(value);
        return true;
    }
    bool set_number(double value) {
        if (!std::isfinite(value)) return trouble_.is(number_start_, "the number is too large");
        out_ = picojson::value(value);
        return true;
    }
    template <class Iter>
    bool parse_string(picojson::input<Iter>& in) {
        out_ = picojson::value(picojson::string_type, false);
        return picojson::_parse_string(out_.get<std::string>(), in);
    }
    bool parse_array_start() {
        out_ = picojson::value(picojson::array_type, false);
        return true;
    }
    template <class Iter>
    bool parse_array_item(picojson::input<Iter>& in, std::size_t) {
        auto& items = out_.get<picojson::array>();
        items.emplace_back();
        return parse_inner(in, items.back());
    }
    bool parse_array_stop(std::size_t) { return true; }
    bool parse_object_start() {
        out_ = picojson::value(picojson::object_type, false);
        return true;
    }
    template <class Iter>
    bool parse_object_item(picojson::input<Iter>& in, const std::string& key) {
        auto [member, is_new] = out_.get<picojson::object>().try_emplace(key);
        if (is_new) return parse_inner(in, member->second);
        std::string message = "the key ";
        append_json_string(message, key);
        return trouble_.is(in.cur(), message + " appears twice");
    }
    bool parse_object_stop() { return true; }

  private:
    bool parse_inner(Input& in, picojson::value& out) {
        TreeContext inner(out, depth_ + 1, trouble_);
        // picojson does not ask what set_number says: the message tells.
        return inner.may_start(in) && picojson::_parse(inner, in) && trouble_.message.empty();
    }

    picojson::value& out_;
    std::size_t depth_;
    Trouble& trouble_;
    const char* number_start_ = nullptr;
};

// The first byte that is not part of well-formed UTF-8 (RFC 3629), if any.
std::optional<std::size_t> first_broken_byte(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto first = static_cast<unsigned char>(text[at]);
        std::size_t size = 1;
        if (first >= 0xF0)
            size = 4;
        else if (first >= 0xE0)
            size = 3;
        else if (first >= 0x80)
            size = 2;
        if (size > text.size() - at) return at;
        std::uint32_t point = size == 1 ? first : first & (0x7FU >> size);
        for (std::size_t i = 1; i < size; ++i) {
            const auto next = static_cast<unsigned char>(text[at + i]);
            if ((next & 0xC0U) != 0x80U) return at;
            point = point << 6 | (next & 0x3FU);
        }
        const bool is_stray = size == 2 && first < 0xC2;
        const bool is_overlong = (size == 3 && point < 0x800) || (size == 4 && point < 0x10000);
        const bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
        if (is_stray || is_overlong || is_surrogate || point > 0x10FFFF || first > 0xF4) return at;
        at += size;
    }
    return std::nullopt;
}

std::unexpected<Error> error_at(std::string_view text, const char* place, std::string_view what) {
    std::size_t line = 1;
    std::size_t column = 1;
    for (const char* c = text.data(); c != place; ++c) {
        if (*c == '\n') {
            ++line;
            column = 1;
        } else if ((static_cast<unsigned char>(*c) & 0xC0U) != 0x80U) {
            ++column;
        }
    }
    return failure(Code::invalid_argument,
                   "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " +
                       std::string(what),
                   Side::client);
}

std::string unexpected_at(const char* place, const char* end) {
    if (place >= end) return "the text ends too early";
    const auto c = static_cast<unsigned char>(*place);
    if (c < 0x20) return "a control character stands where it must not";
    if (c >= 0x7f) return "unexpected character";
    return std::string("unexpected '") + *place + "'";
}

Result<picojson::value> parse(std::string_view text) {
    if (const auto broken = first_broken_byte(text))
        return error_at(text, text.data() + *broken, "the text is not UTF-8");
    picojson::value tree;
    Trouble trouble;
    trouble.end = text.data() + text.size();
    Cursor in(text);
    TreeContext context(tree, 0, trouble);
    const bool good = context.may_start(in) && picojson::_parse(context, in);
    if (!good || !trouble.message.empty()) {
        if (!trouble.message.empty()) return error_at(text, trouble.place, trouble.message);
        return error_at(text, in.place(), unexpected_at(in.place(), trouble.end));
    }
    in.cur();  // steps over the last character of the value
    in.skip_ws();
    if (in.place() != trouble.end)
        return error_at(text, in.place(), "there is more text after the value");
    return tree;
}

}  // namespace

Result<picojson::value> parse_json(std::string_view text) {
    try {
        return parse(text);
    } catch (const std::exception& problem) {
        return failure(Code::internal, std::string("JSON: ") + problem.what());
    }
}

const std::string* text_of(const picojson::value& object, const char* member) {
    if (!object.contains(member) || !object.get(member).is<std::string>()) return nullptr;
    return &object.get(member).get<std::string>();
}

}  // namespace mcpgw::model
