// Judges a JSON value by the API server's own schemas (object_schemas.json): tests only.
//
// Strict as the server is with fieldValidation=Strict: a member that a schema does not list is an
// error. Answers with one line per mistake, empty if there is none.
#pragma once

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include <picojson.h>

namespace mcpgw::kubernetes::testing {

inline picojson::value read_json_file(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    picojson::value value;
    const std::string error = picojson::parse(value, text.str());
    return error.empty() ? value : picojson::value(path + ": " + error);
}

class SchemaCheck {
  public:
    explicit SchemaCheck(const picojson::value& schemas) : schemas_(schemas) {}

    std::string mistakes(const std::string& schema, const picojson::value& value) {
        mistakes_.clear();
        judge(schemas_.get(schema), value, schema);
        return mistakes_;
    }

  private:
    void complain(const std::string& where, const std::string& what) {
        mistakes_ += where + ": " + what + "\n";
    }

    static bool has_type(const std::string& type, const picojson::value& value) {
        if (type == "object") return value.is<picojson::object>();
        if (type == "array") return value.is<picojson::array>();
        if (type == "string") return value.is<std::string>();
        if (type == "boolean") return value.is<bool>();
        if (!value.is<double>()) return false;
        return type == "number" || std::floor(value.get<double>()) == value.get<double>();
    }

    void judge(const picojson::value& schema, const picojson::value& value,
               const std::string& where) {
        if (!schema.is<picojson::object>()) return complain(where, "no schema");
        if (schema.contains("$ref"))
            return judge(schemas_.get(schema.get("$ref").to_str()), value, where);
        if (schema.contains("allOf"))
            for (const picojson::value& part : schema.get("allOf").get<picojson::array>())
                judge(part, value, where);
        if (schema.contains("oneOf")) {
            for (const picojson::value& part : schema.get("oneOf").get<picojson::array>())
                if (has_type(part.get("type").to_str(), value)) return;
            return complain(where, "of none of the types");
        }
        if (!schema.contains("type")) return;
        if (!has_type(schema.get("type").to_str(), value))
            return complain(where, "not of type " + schema.get("type").to_str());
        judge_enum(schema, value, where);
        if (value.is<picojson::object>()) judge_members(schema, value, where);
        if (value.is<picojson::array>())
            for (const picojson::value& item : value.get<picojson::array>())
                judge(schema.get("items"), item, where + "[]");
    }

    void judge_enum(const picojson::value& schema, const picojson::value& value,
                    const std::string& where) {
        if (!schema.contains("enum")) return;
        for (const picojson::value& one : schema.get("enum").get<picojson::array>())
            if (one == value) return;
        complain(where, "not one of the values");
    }

    void judge_members(const picojson::value& schema, const picojson::value& value,
                       const std::string& where) {
        if (schema.contains("required"))
            for (const picojson::value& name : schema.get("required").get<picojson::array>())
                if (!value.contains(name.to_str())) complain(where, "lacks " + name.to_str());
        for (const auto& [name, member] : value.get<picojson::object>()) {
            const std::string here = where + "." + name;
            if (schema.contains("properties") && schema.get("properties").contains(name))
                judge(schema.get("properties").get(name), member, here);
            else if (schema.contains("additionalProperties"))
                judge(schema.get("additionalProperties"), member, here);
            else
                complain(here, "is unknown");
        }
    }

    const picojson::value& schemas_;
    std::string mistakes_;
};

}  // namespace mcpgw::kubernetes::testing
