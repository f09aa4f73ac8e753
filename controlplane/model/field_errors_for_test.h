// What tests ask of complaints: which members they are about, in one line.
//
// The sentences are left to the tests of the rules.
#pragma once

#include <string>

#include "controlplane/model/field_reader.h"

namespace mcpgw::model {

inline std::string fields_of(const FieldErrors& errors) {
    std::string text;
    for (const auto& [field, complaints] : errors)
        text += (text.empty() ? "" : " ") + field;
    return text;
}

}  // namespace mcpgw::model
