// Reads one JSON frame member by member and remembers the first thing that is wrong, with its
// place ("adapters[3].instances[0].port: ...").
//
// A decoder asks for what it needs and looks at the problem once at the end; after a problem every
// answer is empty. Members nobody asks for are ignored, so that a newer peer may say more. Details
// never quote values, which may be secrets. The only header that knows simdjson; used in the .cpp
// files of contract/ alone.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "common/result.h"

namespace mcpgw::contract {

// Where a value stands: a member of the outer place, or (no name) an element of its array. Linked
// from the inside out on the stack; becomes text only for a problem.
struct Place {
    const Place* outer = nullptr;
    std::string_view member;
    std::size_t index = 0;

    [[nodiscard]] std::string text() const;
};

class Problem {
  public:
    [[nodiscard]] bool found() const { return !detail_.empty(); }
    [[nodiscard]] const std::string& detail() const { return detail_; }
    // Keeps the first one.
    void note(const Place& place, std::string_view what);

  private:
    std::string detail_;
};

struct Range {
    std::uint64_t min = 0;
    std::uint64_t max = UINT64_MAX;
};

// One object of the frame.
class ObjectReader {
  public:
    ObjectReader(simdjson::dom::element element, const Place& place, Problem& problem);

    // A string that must be there, not empty, and one that may be absent or empty. Both hold no
    // control characters. The views live as long as the Frame.
    [[nodiscard]] std::string_view text(std::string_view member, std::size_t bytes_max);
    [[nodiscard]] std::string_view optional_text(std::string_view member, std::size_t bytes_max);
    [[nodiscard]] std::uint64_t number(std::string_view member, Range range);
    // The fallback when absent.
    [[nodiscard]] std::uint64_t number_or(std::string_view member, Range range,
                                          std::uint64_t fallback);
    [[nodiscard]] bool boolean(std::string_view member);
    [[nodiscard]] bool has(std::string_view member) const;
    // False when absent.
    [[nodiscard]] bool optional_boolean(std::string_view member);
    // 16 hexadecimal digits, not all 0.
    [[nodiscard]] std::uint64_t identity(std::string_view member);
    // One of `names`: its index.
    template <std::size_t count>
    [[nodiscard]] std::size_t choice(std::string_view member,
                                     const std::array<std::string_view, count>& names);

    // Calls visit(ObjectReader&) for the elements of an array that must be there and hold objects;
    // stops at a problem.
    template <class Visit>
    void each_object(std::string_view member, std::size_t count_max, Visit visit);
    // Calls visit(std::string_view) for the elements of an array of strings, which are not empty
    // and hold no control characters.
    template <class Visit>
    void each_text(std::string_view member, std::size_t count_max, Visit visit);
    // A reader of a member that must be there and be an object.
    template <class Visit>
    void object(std::string_view member, Visit visit);

    void refuse(std::string_view member, std::string_view what);
    [[nodiscard]] bool failed() const { return problem_.found(); }

  private:
    [[nodiscard]] bool find(std::string_view member, simdjson::dom::element& out) const;
    [[nodiscard]] std::string_view text_of(simdjson::dom::element element, const Place& place);
    [[nodiscard]] bool find_array(std::string_view member, std::size_t count_max,
                                  simdjson::dom::array& out);

    simdjson::dom::object object_;
    const Place& place_;
    Problem& problem_;
};

// A whole frame. Opens with a problem when the text is no JSON object of that type.
class Frame {
  public:
    Frame(std::string_view json, std::string_view type);

    [[nodiscard]] ObjectReader reader() { return {root_, place_, problem_}; }
    [[nodiscard]] const Problem& problem() const { return problem_; }

  private:
    simdjson::dom::parser parser_;
    simdjson::dom::element root_;
    Place place_;
    Problem problem_;
};

// read(ObjectReader&) -> T, then T or the problem.
template <class T, class Read>
[[nodiscard]] Result<T> decode(std::string_view json, std::string_view type, Read read) {
    Frame frame(json, type);
    T value{};
    if (!frame.problem().found()) {
        ObjectReader reader = frame.reader();
        value = read(reader);
    }
    if (frame.problem().found()) return failure(Code::invalid_argument, frame.problem().detail());
    return value;
}

template <std::size_t count>
std::size_t ObjectReader::choice(std::string_view member,
                                 const std::array<std::string_view, count>& names) {
    const std::string_view name = text(member, SIZE_MAX);
    for (std::size_t i = 0; i < count; ++i)
        if (names[i] == name) return i;
    refuse(member, "is none of the known words");
    return 0;
}

// A member that is visible ASCII.
[[nodiscard]] std::string read_visible(ObjectReader& in, std::string_view member,
                                       std::size_t bytes_max);

template <class Visit>
void ObjectReader::each_object(std::string_view member, std::size_t count_max, Visit visit) {
    simdjson::dom::array array;
    if (!find_array(member, count_max, array)) return;
    const Place list{&place_, member};
    Place item{&list, {}};
    for (const simdjson::dom::element element : array) {
        ObjectReader reader(element, item, problem_);
        if (!failed()) visit(reader);
        if (failed()) return;
        ++item.index;
    }
}

template <class Visit>
void ObjectReader::each_text(std::string_view member, std::size_t count_max, Visit visit) {
    simdjson::dom::array array;
    if (!find_array(member, count_max, array)) return;
    const Place list{&place_, member};
    Place item{&list, {}};
    for (const simdjson::dom::element element : array) {
        const std::string_view value = text_of(element, item);
        if (failed()) return;
        visit(value);
        if (failed()) return;
        ++item.index;
    }
}

template <class Visit>
void ObjectReader::object(std::string_view member, Visit visit) {
    simdjson::dom::element element;
    if (!find(member, element)) return refuse(member, "is missing");
    const Place place{&place_, member};
    ObjectReader reader(element, place, problem_);
    if (!failed()) visit(reader);
}

}  // namespace mcpgw::contract
