// The words of MCP: which methods there are, which era a request belongs to, what a resource may
// be called, and how an error of the gateway is written. No allocation, no state.
#include "common/protocol/mcp.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/limits.h"

namespace mcpgw::mcp {
namespace {

// Every method and notification of every revision up to 2026-07-28, both directions, ordered by
// length, then text, so that a name is compared with the few of its own length only.
constexpr std::array kMethods = std::to_array<std::string_view>({
    "ping",
    "tasks/get",
    "initialize",
    "roots/list",
    "tasks/list",
    "tools/call",
    "tools/list",
    "prompts/get",
    "prompts/list",
    "tasks/cancel",
    "tasks/result",
    "tasks/update",
    "resources/list",
    "resources/read",
    "server/discover",
    "logging/setLevel",
    "elicitation/create",
    "completion/complete",
    "notifications/tasks",
    "resources/subscribe",
    "subscriptions/listen",
    "notifications/message",
    "resources/unsubscribe",
    "notifications/progress",
    "sampling/createMessage",
    "notifications/cancelled",
    "resources/templates/list",
    "notifications/initialized",
    "notifications/tasks/status",
    "notifications/resources/updated",
    "notifications/roots/list_changed",
    "notifications/tools/list_changed",
    "notifications/elicitation/complete",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/subscriptions/acknowledged",
});
constexpr std::uint8_t kFirstMethod = 2;  // after "other" and "none"

constexpr bool comes_before(std::string_view a, std::string_view b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
}
static_assert(std::adjacent_find(kMethods.begin(), kMethods.end(),
                                 [](auto a, auto b) { return !comes_before(a, b); }) ==
                  kMethods.end(),
              "the methods are in order and each is there once");

constexpr std::size_t kMethodBytesMax = kMethods.back().size();

// Where the methods of each length begin; one entry more for the end of the longest.
constexpr auto kFirstOfLength = [] {
    std::array<std::uint8_t, kMethodBytesMax + 2> first{};
    for (std::size_t length = 0; length < first.size(); ++length)
        first[length] = static_cast<std::uint8_t>(std::count_if(
            kMethods.begin(), kMethods.end(), [length](auto m) { return m.size() < length; }));
    return first;
}();

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// YYYY-MM-DD, perhaps with a suffix as release candidates have it.
bool starts_with_date(std::string_view text) {
    constexpr std::string_view shape = "dddd-dd-dd";
    if (text.size() < shape.size()) return false;
    for (std::size_t i = 0; i < shape.size(); ++i)
        if (shape[i] == '-' ? text[i] != '-' : !is_digit(text[i])) return false;
    return true;
}

// Text into memory of the caller; once something does not fit, nothing more is written.
class Room {
  public:
    explicit Room(std::span<char> out) : out_(out) {}

    void put(std::string_view text) {
        if (text.size() > out_.size() - size_) overflowed_ = true;
        if (overflowed_) return;
        std::copy(text.begin(), text.end(), out_.begin() + static_cast<std::ptrdiff_t>(size_));
        size_ += text.size();
    }
    void put_number(int number) {
        std::array<char, 16> digits{};
        const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
        put({digits.data(), static_cast<std::size_t>(result.ptr - digits.data())});
    }
    // The inside of a JSON string. The sentences are ours and in ASCII; what else may have slipped
    // into one becomes a question mark, so that the body is valid whatever it is.
    void put_escaped(std::string_view text) {
        for (const char c : text) {
            if (c == '"' || c == '\\') put("\\");
            const bool printable = c >= 0x20 && c < 0x7f;
            put(printable ? std::string_view(&c, 1) : std::string_view("?"));
        }
    }
    [[nodiscard]] std::size_t size() const { return overflowed_ ? 0 : size_; }

  private:
    std::span<char> out_;
    std::size_t size_ = 0;
    bool overflowed_ = false;
};

void put_error(Room& room, std::string_view id, int code, std::string_view message) {
    room.put(R"({"jsonrpc":"2.0","id":)");
    room.put(id.empty() ? "null" : id);
    room.put(R"(,"error":{"code":)");
    room.put_number(code);
    room.put(R"(,"message":")");
    room.put_escaped(message);
    room.put(R"("}})");
}

}  // namespace

Era era_of(std::string_view version_header, std::string_view meta_version) {
    if (starts_with_date(version_header) && version_header >= kFirstModernRevision)
        return Era::modern;
    return meta_version.empty() ? Era::legacy : Era::modern;
}

std::uint8_t method_index(std::string_view method) {
    if (method.size() > kMethodBytesMax) return kMethodOther;
    for (std::uint8_t i = kFirstOfLength[method.size()]; i < kFirstOfLength[method.size() + 1]; ++i)
        if (kMethods[i] == method) return static_cast<std::uint8_t>(kFirstMethod + i);
    return kMethodOther;
}

std::string_view method_label(std::uint8_t index) {
    if (index == kMethodNone) return "none";
    if (index < kFirstMethod || index >= method_count()) return "other";
    return kMethods[index - kFirstMethod];
}

std::size_t method_count() {
    return kFirstMethod + kMethods.size();
}

std::size_t write_error(std::span<char> out, std::string_view id, int code,
                        std::string_view message) {
    Room room(out);
    put_error(room, id, code, message);
    return room.size();
}

std::size_t write_error_event(std::span<char> out, std::string_view id, int code,
                              std::string_view message) {
    Room room(out);
    room.put("event: message\ndata: ");
    put_error(room, id, code, message);
    room.put("\n\n");
    return room.size();
}

bool is_resource_name(std::string_view name) {
    const auto inner = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-'; };
    return !name.empty() && name.size() <= limits::name_bytes_max &&
           std::all_of(name.begin(), name.end(), inner) && name.front() != '-' &&
           name.back() != '-';
}

bool is_reserved_name(std::string_view name) {
    return name == "mcp" || name == "toolgateway" || name == "gateway";
}

}  // namespace mcpgw::mcp
