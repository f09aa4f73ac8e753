// Line by line, with the simplest means; speed does not matter here.
#include "tests/http1/plain_message.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace mcpgw::http1 {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

bool is_name(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || marks.contains(c);
    });
}

bool is_value(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
    });
}

std::string trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return std::string(text);
}

bool is_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Reads what a message consists of, from its first byte on.
class Reader {
  public:
    explicit Reader(std::string_view bytes) : rest_(bytes), all_(bytes.size()) {}

    Message message;

    void refuse(std::string why) {
        message.state = Message::State::wrong;
        message.wrong = std::move(why);
    }
    // One line without its CR LF. False: not yet there, or wrong.
    bool line(std::string& out) {
        const std::size_t end = rest_.find('\n');
        if (end == std::string_view::npos) return false;
        if (end == 0 || rest_[end - 1] != '\r') {
            refuse("a line ends with a bare LF");
            return false;
        }
        out = rest_.substr(0, end - 1);
        if (!is_value(out)) {
            refuse("a control character in: " + out);
            return false;
        }
        rest_.remove_prefix(end + 1);
        return true;
    }
    bool fields(Fields& out) {
        std::string text;
        while (line(text)) {
            if (text.empty()) return true;
            const std::size_t colon = text.find(':');
            if (colon == std::string::npos || !is_name(text.substr(0, colon))) {
                refuse("no field: " + text);
                return false;
            }
            std::string name = text.substr(0, colon);
            std::ranges::transform(name, name.begin(),
                                   [](unsigned char c) { return std::tolower(c); });
            out.emplace_back(name, trimmed(std::string_view(text).substr(colon + 1)));
        }
        return false;
    }
    bool data(std::size_t size) {
        if (rest_.size() < size) return false;
        message.body += rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
    }
    bool chunks() {
        std::string text;
        while (line(text)) {
            std::size_t size = 0;
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), size, 16);
            if (error != std::errc{} || end != text.data() + text.size()) {
                refuse("no chunk size: " + text);
                return false;
            }
            if (size == 0) return fields(message.trailers);
            if (!data(size) || !line(text)) return false;
            if (!text.empty()) {
                refuse("a chunk is longer than it says: " + text);
                return false;
            }
        }
        return false;
    }
    void rest_is_body() { data(rest_.size()); }
    void complete() {
        message.state = Message::State::whole;
        message.bytes = all_ - rest_.size();
    }
    // The body that the two framing fields announce. False if neither does, or it is not complete.
    bool framed_body() {
        const std::size_t lengths = message.count("content-length");
        const std::size_t codings = message.count("transfer-encoding");
        if (lengths + codings > 1) {
            refuse("more than one field frames the body");
            return false;
        }
        if (codings == 1) {
            if (message.field("transfer-encoding") == "chunked") return chunks();
            refuse("transfer coding " + message.field("transfer-encoding"));
            return false;
        }
        const std::string length = message.field("content-length");
        if (!is_digits(length) || length.size() > 18) {
            refuse("content-length " + length);
            return false;
        }
        return data(std::stoul(length));
    }
    [[nodiscard]] bool is_framed() const {
        return message.count("content-length") + message.count("transfer-encoding") > 0;
    }

  private:
    std::string_view rest_;
    std::size_t all_;
};

}  // namespace

std::size_t Message::count(std::string_view name) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(fields, [name](const auto& item) { return item.first == name; }));
}

std::string Message::field(std::string_view name) const {
    for (const auto& [key, value] : fields)
        if (key == name) return value;
    return {};
}

int Message::status() const {
    return start.size() < 12 ? 0 : std::atoi(start.c_str() + 9);
}

Message read_request(std::string_view bytes) {
    Reader reader(bytes);
    Message& message = reader.message;
    if (!reader.line(message.start) || !reader.fields(message.fields)) return message;
    if (!message.start.ends_with(" HTTP/1.1") || std::ranges::count(message.start, ' ') != 2)
        reader.refuse("request line: " + message.start);
    else if (message.count("host") != 1)
        reader.refuse("not one Host");
    else if (!reader.is_framed() || reader.framed_body())
        reader.complete();
    return message;
}

Message read_response(std::string_view bytes, std::string_view method, bool ended) {
    Reader reader(bytes);
    Message& message = reader.message;
    if (!reader.line(message.start) || !reader.fields(message.fields)) return message;
    const int status = message.status();
    const bool bodiless = method == "HEAD" || status < 200 || status == 204 || status == 304;
    if (!message.start.starts_with("HTTP/1.1 ") || message.start.size() < 13)
        reader.refuse("status line: " + message.start);
    else if (bodiless)
        reader.complete();
    else if (reader.is_framed()) {
        if (reader.framed_body()) reader.complete();
    } else if (ended) {
        reader.rest_is_body();
        reader.complete();
    }
    return message;
}

}  // namespace mcpgw::http1
