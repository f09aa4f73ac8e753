// StatefulSets and Services of one namespace in memory, behind the seam of changes.h: tests only.
//
// Answers as the recordings do where the code under test looks: statuses, reasons, uid checks,
// generations. Pods, status and ownership of fields are the business of the fake API server that
// the system tests use. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <picojson.h>

#include "common/json_writer.h"
#include "controlplane/kubernetes/api_client.h"
#include "controlplane/kubernetes/tree.h"
#include "controlplane/model/json.h"

namespace mcpgw::kubernetes::testing {

inline Outcome refusal(int status, const std::string& reason, const std::string& field = "",
                       const std::string& cause = "") {
    JsonWriter out;
    out.object();
    out.key("kind").string("Status");
    out.key("reason").string(reason);
    out.key("message").string("message of " + reason);
    out.key("details").object();
    out.key("kind").string("statefulsets").key("name").string("x");
    if (!field.empty()) {
        out.key("causes").array().object();
        out.key("reason").string(cause).key("field").string(field).key("message").string("cause");
        out.end().end();
    }
    out.end();
    out.key("code").number(status);
    out.end();
    Answer answer;
    answer.status = status;
    answer.body = out.take();
    return std::unexpected(failure_of(answer));
}

class FakeCluster {
  public:
    // Called before each call is served; an Outcome is the answer instead.
    using Interrupt = std::function<std::optional<Outcome>(const Call& call)>;

    Outcome send(const Call& call) {
        const std::scoped_lock lock(mutex_);
        calls_.push_back(call.method + " " + call.path);
        if (interrupt)
            if (auto instead = interrupt(call)) return *instead;
        if (call.method == "GET") return get(call);
        if (call.method == "POST") return post(call);
        if (call.method == "PATCH") return patch(call);
        return erase(call);
    }

    // Puts an object there as somebody else would.
    void put(const std::string& path, const std::string& json) {
        const std::scoped_lock lock(mutex_);
        auto object = model::parse_json(json);
        objects_[path] = store(object ? *object : picojson::value(picojson::object{}));
    }
    [[nodiscard]] std::string text(const std::string& path) {
        const std::scoped_lock lock(mutex_);
        const auto found = objects_.find(path);
        return found == objects_.end() ? "" : found->second.serialize();
    }
    [[nodiscard]] picojson::value object(const std::string& path) {
        const std::scoped_lock lock(mutex_);
        const auto found = objects_.find(path);
        return found == objects_.end() ? picojson::value() : found->second;
    }
    [[nodiscard]] std::vector<std::string> take_calls() {
        const std::scoped_lock lock(mutex_);
        return std::exchange(calls_, {});
    }

    Interrupt interrupt;
    bool has_finalizers = false;  // what is deleted stays, being deleted

  private:
    static Outcome ok(const picojson::value& object, int status = 200) {
        Answer answer;
        answer.status = status;
        answer.body = object.serialize();
        return answer;
    }

    picojson::value store(picojson::value object) {
        auto& metadata = object.get<picojson::object>()["metadata"];
        if (!metadata.is<picojson::object>()) metadata = picojson::value(picojson::object{});
        auto& members = metadata.get<picojson::object>();
        if (!members.contains("uid"))
            members["uid"] = picojson::value("uid-" + std::to_string(++last_uid_));
        if (!members.contains("generation")) members["generation"] = picojson::value(1.0);
        return object;
    }

    Outcome get(const Call& call) {
        const auto found = objects_.find(call.path);
        return found == objects_.end() ? refusal(404, "NotFound") : ok(found->second);
    }

    Outcome post(const Call& call) {
        const auto object = model::parse_json(call.body);
        if (!object) return refusal(400, "BadRequest");
        const std::string path = call.path + "/" + text_at(*object, {"metadata", "name"});
        if (objects_.contains(path)) return refusal(409, "AlreadyExists");
        objects_[path] = store(*object);
        return ok(objects_[path], 201);
    }

    Outcome patch(const Call& call) {
        const auto body = model::parse_json(call.body);
        const auto found = objects_.find(call.path);
        if (!body) return refusal(400, "BadRequest");
        const std::string wanted = text_at(*body, {"metadata", "uid"});
        if (found == objects_.end()) return refusal(409, "Conflict");
        if (wanted != text_at(found->second, {"metadata", "uid"}))
            return refusal(422, "Invalid", "metadata.uid", "FieldValueInvalid");
        double generation =
            static_cast<double>(number_at(found->second, {"metadata", "generation"}));
        if (node_at(*body, {"spec"}).serialize() != node_at(found->second, {"spec"}).serialize())
            ++generation;
        found->second = *body;
        found->second.get<picojson::object>()["metadata"].get<picojson::object>()["generation"] =
            picojson::value(generation);
        return ok(found->second);
    }

    Outcome erase(const Call& call) {
        const auto body = model::parse_json(call.body);
        const auto found = objects_.find(call.path);
        if (found == objects_.end()) return refusal(404, "NotFound");
        if (!body ||
            text_at(*body, {"preconditions", "uid"}) != text_at(found->second, {"metadata", "uid"}))
            return refusal(409, "Conflict");
        if (has_finalizers)
            found->second.get<picojson::object>()["metadata"]
                .get<picojson::object>()["deletionTimestamp"] =
                picojson::value("2026-11-21T09:58:01Z");
        else
            objects_.erase(found);
        return ok(picojson::value(picojson::object{}));
    }

    std::mutex mutex_;
    std::map<std::string, picojson::value> objects_;
    std::vector<std::string> calls_;
    std::uint64_t last_uid_ = 0;
};

}  // namespace mcpgw::kubernetes::testing
