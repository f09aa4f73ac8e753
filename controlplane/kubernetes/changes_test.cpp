// Attempts against a small cluster in memory: what is asked, and what is never touched.
#include "controlplane/kubernetes/changes.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "common/limits.h"
#include "controlplane/kubernetes/fake_cluster.h"

namespace mcpgw::kubernetes {
namespace {

using testing::refusal;

constexpr const char* kSet = "/apis/apps/v1/namespaces/adapter/statefulsets/x";
constexpr const char* kService = "/api/v1/namespaces/adapter/services/x-service";
// An object that bears our label and no more.
constexpr const char* kForeign =
    R"({"metadata":{"name":"x","labels":{"app.kubernetes.io/managed-by":"mcp-gateway"}}})";

class ChangesTest : public ::testing::Test {
  protected:
    ChangesTest() {
        adapter_.name = "x";
        adapter_.image_name = "server";
        adapter_.image_version = "1";
        options_.installation = "ours";
    }
    Effect up() {
        return bring_up(Plan{adapter_, options_},
                        [this](const Call& call) { return cluster_.send(call); });
    }
    Effect down() {
        return take_down("x", options_, [this](const Call& call) { return cluster_.send(call); });
    }
    // The next calls with this method are answered so.
    void answer(const std::string& method, const Outcome& outcome) {
        cluster_.interrupt = [method, outcome](const Call& call) -> std::optional<Outcome> {
            if (call.method == method) return outcome;
            return {};
        };
    }
    [[nodiscard]] static bool writes(const std::vector<std::string>& calls) {
        return std::ranges::any_of(calls, [](const auto& one) { return !one.starts_with("GET"); });
    }

    testing::FakeCluster cluster_;
    model::Adapter adapter_;
    ObjectOptions options_;
};

TEST_F(ChangesTest, both_objects_are_created_and_then_applied) {
    const Effect effect = up();
    EXPECT_EQ(effect.kind, Effect::Kind::done) << effect.trouble;
    EXPECT_EQ(text_at(cluster_.object(kSet), {"metadata", "uid"}), effect.uid);
    EXPECT_EQ(effect.generation, 2U);
    EXPECT_EQ(number_at(cluster_.object(kSet), {"spec", "replicas"}), 1);
    EXPECT_NE(cluster_.text(kService), "");
    EXPECT_EQ(
        cluster_.take_calls(),
        (std::vector<std::string>{
            std::string("GET ") + kSet, std::string("GET ") + kService,
            "POST /api/v1/namespaces/adapter/services", std::string("PATCH ") + kService,
            "POST /apis/apps/v1/namespaces/adapter/statefulsets", std::string("PATCH ") + kSet}));
}

TEST_F(ChangesTest, the_same_again_changes_nothing) {
    const Effect first = up();
    const Effect second = up();
    EXPECT_EQ(second.kind, Effect::Kind::done);
    EXPECT_EQ(second.uid, first.uid);
    EXPECT_EQ(second.generation, first.generation);
}

TEST_F(ChangesTest, a_change_is_applied_to_the_same_object) {
    const Effect first = up();
    adapter_.replica_count = 3;
    const Effect second = up();
    EXPECT_EQ(second.uid, first.uid);
    EXPECT_EQ(second.generation, first.generation + 1);
    EXPECT_EQ(number_at(cluster_.object(kSet), {"spec", "replicas"}), 3);
}

// The API server keeps the address of a Service, also when it is told of another type; the fake
// gives none at all.
TEST_F(ChangesTest, what_was_made_for_the_other_kind_is_made_anew) {
    model::Adapter tool = adapter_;
    tool.tool_definition.emplace();
    const auto settle = [this](const model::Adapter& wanted) {
        const Send send = [this](const Call& call) { return cluster_.send(call); };
        for (int attempt = 0; attempt < 4; ++attempt) {
            const Effect effect = bring_up(Plan{wanted, options_}, send);
            if (effect.kind != Effect::Kind::again) return effect.kind;
            EXPECT_NE(effect.trouble.find("anew"), std::string::npos) << effect.trouble;
        }
        return Effect::Kind::again;
    };
    const auto uid_of = [this](const char* path) {
        return text_at(cluster_.object(path), {"metadata", "uid"});
    };
    ASSERT_EQ(up().kind, Effect::Kind::done);
    const std::string set = uid_of(kSet);
    const std::string service = uid_of(kService);
    ASSERT_EQ(settle(tool), Effect::Kind::done);
    EXPECT_NE(uid_of(kSet), set);
    EXPECT_NE(uid_of(kService), service);
    EXPECT_NE(cluster_.text(kService), "");
    EXPECT_TRUE(node_at(cluster_.object(kService), {"spec", "clusterIP"}).is<picojson::null>());
    EXPECT_EQ(text_at(cluster_.object(kSet), {"spec", "selector", "matchLabels", "adapter/type"}),
              "tool");
    ASSERT_EQ(settle(tool), Effect::Kind::done);
    const std::string tool_set = uid_of(kSet);
    ASSERT_EQ(settle(adapter_), Effect::Kind::done);
    EXPECT_NE(uid_of(kSet), tool_set);
    EXPECT_EQ(text_at(cluster_.object(kService), {"spec", "clusterIP"}), "None");
}

TEST_F(ChangesTest, a_pair_that_is_half_foreign_is_not_made_anew) {
    ASSERT_EQ(up().kind, Effect::Kind::done);
    cluster_.put(kService, kForeign);
    const std::string before = cluster_.text(kSet);
    adapter_.tool_definition.emplace();
    EXPECT_EQ(up().kind, Effect::Kind::refused);
    EXPECT_EQ(cluster_.text(kSet), before);
}

TEST_F(ChangesTest, an_attempt_that_ends_anywhere_is_finished_by_the_next) {
    for (std::size_t last = 1; last <= 6; ++last) {
        testing::FakeCluster fresh;
        std::size_t count = 0;
        fresh.interrupt = [&count, last](const Call&) -> std::optional<Outcome> {
            if (++count >= last) return std::unexpected(transport_failure("cut"));
            return {};
        };
        const Send send = [&fresh](const Call& call) { return fresh.send(call); };
        const Effect cut = bring_up(Plan{adapter_, options_}, send);
        EXPECT_EQ(cut.kind, Effect::Kind::again) << last;
        EXPECT_NE(cut.trouble, "");
        fresh.interrupt = nullptr;
        EXPECT_EQ(bring_up(Plan{adapter_, options_}, send).kind, Effect::Kind::done) << last;
        count = 0;
        // And the same for the way back.
        fresh.interrupt = [&count, last](const Call&) -> std::optional<Outcome> {
            if (++count >= last) return std::unexpected(transport_failure("cut"));
            return {};
        };
        EXPECT_EQ(take_down("x", options_, send).kind, Effect::Kind::again) << last;
        fresh.interrupt = nullptr;
        EXPECT_EQ(take_down("x", options_, send).kind, Effect::Kind::done) << last;
        EXPECT_EQ(fresh.text(kSet) + fresh.text(kService), "");
    }
}

TEST_F(ChangesTest, what_is_not_ours_is_never_touched) {
    for (const char* path : {kSet, kService}) {
        testing::FakeCluster fresh;
        fresh.put(path, kForeign);
        const std::string before = fresh.text(path);
        const Send send = [&fresh](const Call& call) { return fresh.send(call); };
        const Effect effect = bring_up(Plan{adapter_, options_}, send);
        EXPECT_EQ(effect.kind, Effect::Kind::refused);
        EXPECT_NE(effect.trouble.find("that this gateway has not made"), std::string::npos);
        EXPECT_EQ(take_down("x", options_, send).kind, Effect::Kind::done);
        EXPECT_FALSE(writes(fresh.take_calls()));
        EXPECT_EQ(fresh.text(path), before);
        EXPECT_TRUE(find_foreign("x", options_, send).has_value());
    }
}

TEST_F(ChangesTest, the_mark_of_another_adapter_is_foreign_too) {
    adapter_.name = "y";
    ASSERT_EQ(up().kind, Effect::Kind::done);
    cluster_.put(kSet, cluster_.text("/apis/apps/v1/namespaces/adapter/statefulsets/y"));
    adapter_.name = "x";
    EXPECT_EQ(up().kind, Effect::Kind::refused);
}

TEST_F(ChangesTest, an_object_that_comes_between_look_and_creation_is_not_touched) {
    cluster_.interrupt = [](const Call& call) -> std::optional<Outcome> {
        if (call.method != "POST" || !call.path.ends_with("statefulsets")) return {};
        return refusal(409, "AlreadyExists");
    };
    EXPECT_EQ(up().kind, Effect::Kind::again);
    const auto calls = cluster_.take_calls();
    EXPECT_EQ(std::ranges::count(calls, std::string("PATCH ") + kSet), 0);
}

TEST_F(ChangesTest, an_object_that_was_replaced_between_look_and_apply_is_not_touched) {
    ASSERT_EQ(up().kind, Effect::Kind::done);
    bool is_replaced = false;
    cluster_.interrupt = [&](const Call& call) -> std::optional<Outcome> {
        if (call.method == "PATCH" && call.path == kSet && !is_replaced) {
            is_replaced = true;
            return refusal(422, "Invalid", "metadata.uid", "FieldValueInvalid");
        }
        return {};
    };
    EXPECT_EQ(up().kind, Effect::Kind::again);
    EXPECT_EQ(up().kind, Effect::Kind::done);
}

TEST_F(ChangesTest, only_its_own_installation_removes_an_object) {
    ASSERT_EQ(up().kind, Effect::Kind::done);
    options_.installation = "another";
    EXPECT_EQ(down().kind, Effect::Kind::done);
    EXPECT_NE(cluster_.text(kSet), "");
    // Whoever wants it adopts it, and then it is theirs.
    EXPECT_EQ(up().kind, Effect::Kind::done);
    EXPECT_EQ(down().kind, Effect::Kind::done);
    EXPECT_EQ(cluster_.text(kSet) + cluster_.text(kService), "");
}

TEST_F(ChangesTest, a_service_that_is_left_alone_is_removed) {
    ASSERT_EQ(up().kind, Effect::Kind::done);
    const std::string service = cluster_.text(kService);
    ASSERT_EQ(down().kind, Effect::Kind::done);
    cluster_.put(kService, service);
    EXPECT_EQ(down().kind, Effect::Kind::done);
    EXPECT_EQ(cluster_.text(kService), "");
}

TEST_F(ChangesTest, what_is_still_being_deleted_is_waited_for) {
    ASSERT_EQ(up().kind, Effect::Kind::done);
    cluster_.has_finalizers = true;
    EXPECT_EQ(down().kind, Effect::Kind::again);
    const Effect effect = up();
    EXPECT_EQ(effect.kind, Effect::Kind::again);
    EXPECT_EQ(effect.after_ms, limits::kubernetes_deleting_ms);
    EXPECT_NE(effect.trouble.find("waiting until the former"), std::string::npos);
}

TEST_F(ChangesTest, what_cannot_change_is_made_anew) {
    const Effect first = up();
    bool is_first = true;
    cluster_.interrupt = [&is_first](const Call& call) -> std::optional<Outcome> {
        if (call.method != "PATCH" || call.path != kSet || !std::exchange(is_first, false))
            return {};
        return refusal(422, "Invalid", "spec", "FieldValueForbidden");
    };
    EXPECT_EQ(up().kind, Effect::Kind::again);
    EXPECT_EQ(cluster_.text(kSet), "");
    const Effect second = up();
    EXPECT_EQ(second.kind, Effect::Kind::done);
    EXPECT_NE(second.uid, first.uid);
}

TEST_F(ChangesTest, what_the_cluster_does_not_take_is_told_with_its_field) {
    answer("POST", refusal(422, "Invalid", "metadata.name", "FieldValueInvalid"));
    const Effect effect = up();
    EXPECT_EQ(effect.kind, Effect::Kind::refused);
    EXPECT_EQ(effect.trouble, "the cluster does not take it: metadata.name: cause");
}

TEST_F(ChangesTest, failures_that_pass_are_tried_again_and_others_wait_for_somebody) {
    struct Case {
        int status;
        const char* reason;
        Effect::Kind kind;
    };
    for (const Case& one :
         {Case{401, "Unauthorized", Effect::Kind::again},
          Case{403, "Forbidden", Effect::Kind::refused}, Case{409, "Conflict", Effect::Kind::again},
          Case{410, "Expired", Effect::Kind::again},
          Case{413, "RequestEntityTooLarge", Effect::Kind::refused},
          Case{429, "TooManyRequests", Effect::Kind::again},
          Case{500, "InternalError", Effect::Kind::again},
          Case{503, "ServiceUnavailable", Effect::Kind::again}}) {
        answer("POST", refusal(one.status, one.reason));
        EXPECT_EQ(up().kind, one.kind) << one.status;
        answer("GET", refusal(one.status, one.reason));
        EXPECT_EQ(down().kind, one.kind) << one.status;
    }
}

TEST_F(ChangesTest, the_pause_that_the_server_asks_for_is_passed_on) {
    Answer answer_text;
    answer_text.status = 503;
    answer_text.retry_after_ms = 7'000;
    answer("GET", std::unexpected(failure_of(answer_text)));
    EXPECT_EQ(up().after_ms, 7'000U);
}

TEST_F(ChangesTest, a_name_has_no_obstacle_if_it_is_free_ours_or_cannot_be_asked) {
    const Send send = [this](const Call& call) { return cluster_.send(call); };
    EXPECT_FALSE(find_foreign("x", options_, send).has_value());
    ASSERT_EQ(up().kind, Effect::Kind::done);
    EXPECT_FALSE(find_foreign("x", options_, send).has_value());
    answer("GET", std::unexpected(transport_failure("away")));
    EXPECT_FALSE(find_foreign("x", options_, send).has_value());
}

}  // namespace
}  // namespace mcpgw::kubernetes
