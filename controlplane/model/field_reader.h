// Reads the members of one JSON object and collects everything that is wrong with them.
//
//   FieldReader in(value, "timeouts", errors);
//   in.integer("connectMs", {0, 1000}, out.connect_ms);   // absent: `out` keeps its default
//   in.refuse_unknown();                                  // at the end
//
// Errors are keyed by the path of the field ("timeouts.connectMs", "command[2]"), so a person who
// made five mistakes learns of five. A member that was asked for once counts as known.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <picojson.h>

namespace mcpgw::model {

// Field path -> complaints, as in the member `errors` of a problem document.
using FieldErrors = std::map<std::string, std::vector<std::string>>;

struct IntegerRange {
    std::uint64_t min;
    std::uint64_t max;
};

class FieldReader {
  public:
    // `value` is the object; anything else is itself an error. `path` is "" for the document.
    FieldReader(const picojson::value& value, std::string path, FieldErrors& errors);

    [[nodiscard]] bool has(std::string_view key);
    // The member, or nullptr if there is none.
    [[nodiscard]] const picojson::value* take(std::string_view key);

    // These say whether the member was there and of the right kind; only then `out` is written.
    bool string(std::string_view key, std::string& out);
    bool boolean(std::string_view key, bool& out);
    bool strings(std::string_view key, std::vector<std::string>& out);
    template <class Integer>
    bool integer(std::string_view key, IntegerRange range, Integer& out) {
        std::uint64_t number = 0;
        if (!read_integer(key, range, number)) return false;
        out = static_cast<Integer>(number);
        return true;
    }
    // One of `words`; its index goes to `out`.
    bool word(std::string_view key, const std::vector<std::string_view>& words, std::size_t& out);

    void complain(std::string_view key, std::string what);
    // Complains if there is something to complain about (see rules.h).
    void judge(std::string_view key, const char* complaint);
    void refuse_unknown();

    [[nodiscard]] std::string path_of(std::string_view key) const;
    // Where the complaints go, for readers of objects inside this one.
    [[nodiscard]] FieldErrors& errors() { return errors_; }

  private:
    bool read_integer(std::string_view key, IntegerRange range, std::uint64_t& out);

    const picojson::object* object_ = nullptr;
    std::string path_;
    FieldErrors& errors_;
    std::set<std::string, std::less<>> known_;
};

}  // namespace mcpgw::model
