// The parts of access.h as JSON, for the frames that hold them. Used in the .cpp files of contract/
// alone.
//
// Members are named like the fields of the structs. What an older peer leaves out is empty.
#pragma once

#include <string_view>
#include <vector>

#include "common/contract/access.h"
#include "common/contract/decoding.h"
#include "common/json_writer.h"

namespace mcpgw::contract {

// Written only if there are any.
void write_limits(JsonWriter& out, std::string_view member, const LimitPair& limits);
[[nodiscard]] LimitPair read_limits(ObjectReader& in, std::string_view member);

void write_rules(JsonWriter& out, const std::vector<AccessRule>& rules);
[[nodiscard]] std::vector<AccessRule> read_rules(ObjectReader& in, std::string_view member);

// Texts in the order given, none of them empty; all together at most so many bytes, and each one
// counts as one more. An array that is not there is empty.
void write_texts(JsonWriter& out, std::string_view member, const std::vector<std::string>& texts);
[[nodiscard]] std::vector<std::string> read_texts(ObjectReader& in, std::string_view member,
                                                  std::size_t bytes_max);

void write_access(JsonWriter& out, const Access& access);
[[nodiscard]] Access read_access(ObjectReader& in);

}  // namespace mcpgw::contract
