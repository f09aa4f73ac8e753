// A watcher against a server whose every answer the test gives.
#include "controlplane/kubernetes/watcher.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controlplane/deploy/testing.h"
#include "controlplane/kubernetes/api_fixture.h"
#include "controlplane/kubernetes/tree.h"

namespace mcpgw::kubernetes {
namespace {

std::string object(const std::string& name, const std::string& version,
                   const std::string& uid = "") {
    return R"({"kind":"Pod","metadata":{"name":")" + name + R"(","uid":")" +
           (uid.empty() ? "uid-" + name : uid) + R"(","resourceVersion":")" + version + R"("}})";
}
std::string list(const std::string& version, const std::vector<std::string>& items,
                 const std::string& rest = "") {
    std::string text = R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":")" +
                       version + R"(","continue":")" + rest + R"("},"items":[)";
    for (const std::string& item : items)
        text += (&item == items.data() ? "" : ",") + item;
    return text + "]}";
}
std::string event(const std::string& type, const std::string& what) {
    return R"({"type":")" + type + R"(","object":)" + what + "}\n";
}
std::string bookmark(const std::string& version) {
    return event("BOOKMARK",
                 R"({"kind":"Pod","metadata":{"resourceVersion":")" + version + R"("}})");
}
const std::string kExpired =
    R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
    R"("message":"too old resource version: 2","reason":"Expired","code":410})";

// Writes down what a watcher says, one word each: "+x-0@5", "-x-0", "listed", "well", "trouble".
class Diary {
  public:
    [[nodiscard]] Listener listener() {
        return {.on_changed =
                    [this](const picojson::value& it) {
                        write("+" + text_at(it, {"metadata", "name"}) + "@" +
                              text_at(it, {"metadata", "resourceVersion"}));
                    },
                .on_deleted = [this](const std::string& name, const std::string& uid,
                                     const picojson::value&) { write("-" + name + "/" + uid); },
                .on_listed = [this] { write("listed"); },
                .on_trouble = [this](const Failure& why) { write("trouble: " + why.message); },
                .on_well = [this] { write("well"); }};
    }
    // The next `count` words, or those that have come when patience ends.
    [[nodiscard]] std::vector<std::string> next(std::size_t count) {
        std::unique_lock lock(mutex_);
        written_.wait_for(lock, std::chrono::seconds(10), [&] { return words_.size() >= count; });
        const auto end =
            words_.begin() + static_cast<std::ptrdiff_t>(std::min(count, words_.size()));
        std::vector<std::string> taken(words_.begin(), end);
        words_.erase(words_.begin(), end);
        return taken;
    }
    [[nodiscard]] bool is_empty() {
        const std::lock_guard lock(mutex_);
        return words_.empty();
    }

  private:
    void write(std::string word) {
        const std::lock_guard lock(mutex_);
        words_.push_back(std::move(word));
        written_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable written_;
    std::vector<std::string> words_;
};

using Words = std::vector<std::string>;

class Watching : public testing::Test {
  protected:
    Watching() {
        auto client = ApiClient::open(server_.access());
        if (client) client_ = std::move(*client);
        options_.path = "/api/v1/namespaces/x/pods";
        options_.retry_first_ms = 1;
        options_.retry_last_ms = 8;
    }
    void start() { watcher_.emplace(*client_, options_, diary_.listener()); }
    // A list that is asked for now, and answered.
    std::shared_ptr<Asked> answer_list(const std::string& body) {
        auto asked = server_.next();
        EXPECT_TRUE(asked && asked->param("watch").empty());
        if (asked) asked->answer({.body = body});
        return asked;
    }
    // A watch that is asked for now, from this version.
    std::shared_ptr<Asked> begin_watch(const std::string& version) {
        auto asked = server_.next();
        EXPECT_TRUE(asked && asked->param("watch") == "1");
        if (!asked) return std::make_shared<Asked>(httplib::Request());
        EXPECT_EQ(asked->param("resourceVersion"), version);
        asked->begin_stream();
        return asked;
    }

    ApiFixture server_;
    std::unique_ptr<ApiClient> client_;
    Diary diary_;
    WatchOptions options_;
    std::optional<Watcher> watcher_;
};

TEST_F(Watching, lists_first_and_watches_from_the_version_of_the_list) {
    options_.label_selector = "app.kubernetes.io/managed-by=mcp-gateway";
    options_.field_selector = "involvedObject.kind=Pod";
    start();
    EXPECT_FALSE(watcher_->has_listed());
    EXPECT_NE(watcher_->without_contact_since(), kNever);
    const auto listed = answer_list(list("10", {object("a", "3"), object("b", "7")}));
    EXPECT_EQ(listed->path, "/api/v1/namespaces/x/pods");
    EXPECT_EQ(listed->param("labelSelector"), "app.kubernetes.io/managed-by=mcp-gateway");
    EXPECT_EQ(listed->param("fieldSelector"), "involvedObject.kind=Pod");
    EXPECT_EQ(listed->param("limit"), std::to_string(limits::kubernetes_page_items));
    const auto watch = begin_watch("10");
    EXPECT_EQ(watch->param("labelSelector"), "app.kubernetes.io/managed-by=mcp-gateway");
    EXPECT_EQ(watch->param("allowWatchBookmarks"), "true");
    const int seconds = std::stoi(watch->param("timeoutSeconds"));
    EXPECT_GE(seconds, static_cast<int>(limits::kubernetes_watch_seconds));
    EXPECT_LE(seconds, static_cast<int>(2 * limits::kubernetes_watch_seconds));
    EXPECT_EQ(diary_.next(4), (Words{"well", "+a@3", "+b@7", "listed"}));
    EXPECT_TRUE(watcher_->has_listed());
    EXPECT_EQ(watcher_->without_contact_since(), kNever);
}

TEST_F(Watching, tells_events_in_order_however_the_lines_are_cut) {
    start();
    answer_list(list("10", {}));
    const auto watch = begin_watch("10");
    const std::string text = event("ADDED", object("a", "11")) +
                             event("MODIFIED", object("a", "12")) + event("LATER", "{}") +
                             event("DELETED", object("a", "13")) +
                             event("ADDED", object("a", "14", "second"));
    for (std::size_t at = 0; at < text.size(); at += 7)
        watch->send(text.substr(at, 7));
    EXPECT_EQ(diary_.next(6), (Words{"well", "listed", "+a@11", "+a@12", "-a/uid-a", "+a@14"}));
}

TEST_F(Watching, goes_on_from_the_last_version_seen_also_that_of_a_bookmark) {
    start();
    answer_list(list("10", {}));
    auto watch = begin_watch("10");
    watch->send(event("ADDED", object("a", "11")));
    watch->end();
    watch = begin_watch("11");
    watch->send(bookmark("25"));
    watch->end();
    watch = begin_watch("25");
    watch->send(event("ADDED", object("b", "26")));
    watch->cut();
    watch = begin_watch("26");
    EXPECT_EQ(diary_.next(4), (Words{"well", "listed", "+a@11", "+b@26"}));
    EXPECT_TRUE(diary_.is_empty());
}

TEST_F(Watching, a_line_that_was_cut_off_counts_for_nothing) {
    start();
    answer_list(list("10", {}));
    auto watch = begin_watch("10");
    watch->send(event("ADDED", object("a", "11")) + R"({"type":"ADDED","object":{"kind")");
    watch->cut();
    watch = begin_watch("11");
    EXPECT_EQ(diary_.next(3), (Words{"well", "listed", "+a@11"}));
}

TEST_F(Watching, a_410_in_the_stream_lists_again_and_tells_only_what_differs) {
    start();
    answer_list(list("10", {object("same", "1"), object("changed", "2"), object("gone", "3"),
                            object("reborn", "4", "old")}));
    const auto watch = begin_watch("10");
    EXPECT_EQ(diary_.next(6).size(), 6U);
    watch->send(event("ERROR", kExpired));
    watch->end();
    answer_list(list("50", {object("same", "1"), object("changed", "40"), object("new", "41"),
                            object("reborn", "42", "young")}));
    begin_watch("50");
    EXPECT_EQ(diary_.next(6), (Words{"+changed@40", "+new@41", "-reborn/old", "+reborn@42",
                                     "-gone/uid-gone", "listed"}));
    EXPECT_TRUE(diary_.is_empty());
}

TEST_F(Watching, a_410_as_status_lists_again) {
    start();
    answer_list(list("10", {object("a", "1")}));
    const auto asked = server_.next();
    ASSERT_TRUE(asked && asked->param("watch") == "1");
    asked->answer({.status = 410, .body = kExpired});
    answer_list(list("20", {object("a", "1")}));
    begin_watch("20");
    EXPECT_EQ(diary_.next(4), (Words{"well", "+a@1", "listed", "listed"}));
}

TEST_F(Watching, pages_are_put_together_and_an_old_continue_begins_again) {
    options_.page_items = 2;
    start();
    auto asked = answer_list(list("10", {object("a", "1"), object("b", "2")}, "next"));
    EXPECT_EQ(asked->param("limit"), "2");
    asked = server_.next();
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->param("continue"), "next");
    asked->answer({.status = 410, .body = kExpired});
    asked = answer_list(list("20", {object("b", "2"), object("c", "3")}, "rest"));
    EXPECT_EQ(asked->param("continue"), "");
    asked = answer_list(list("20", {object("d", "4")}));
    EXPECT_EQ(asked->param("continue"), "rest");
    begin_watch("20");
    EXPECT_EQ(diary_.next(7),
              (Words{"well", "+a@1", "+b@2", "+c@3", "+d@4", "-a/uid-a", "listed"}));
}

TEST_F(Watching, a_page_that_is_too_large_is_asked_for_in_smaller_ones) {
    ApiClientOptions options;
    options.answer_bytes_max = 1000;
    client_ = std::move(*ApiClient::open(server_.access(), options));
    options_.page_items = 20;
    start();
    const auto asked = answer_list(std::string(2000, ' '));
    EXPECT_EQ(asked->param("limit"), "20");
    EXPECT_EQ(answer_list(list("10", {}))->param("limit"), "5");
    begin_watch("10");
    EXPECT_EQ(diary_.next(2), (Words{"well", "listed"}));
}

TEST_F(Watching, trouble_is_told_once_per_reason_and_so_is_its_end) {
    start();
    for (int round = 0; round < 3; ++round) {
        const auto asked = server_.next();
        ASSERT_TRUE(asked);
        asked->answer({.status = 403, .body = R"({"kind":"Status","message":"not you"})"});
    }
    auto asked = server_.next();
    ASSERT_TRUE(asked);
    EXPECT_NE(watcher_->without_contact_since(), kNever);
    asked->answer({.status = 500});
    answer_list(list("10", {}));
    auto watch = begin_watch("10");
    EXPECT_EQ(diary_.next(4),
              (Words{"trouble: not you", "trouble: the API server cannot do it at the moment (500)",
                     "well", "listed"}));
    EXPECT_EQ(watcher_->without_contact_since(), kNever);
    // That a stream breaks is none; that it cannot be had again is.
    watch->cut();
    asked = server_.next();
    ASSERT_TRUE(asked);
    EXPECT_TRUE(diary_.is_empty());
    asked->answer({.status = 503});
    watch = begin_watch("10");
    EXPECT_EQ(diary_.next(2),
              (Words{"trouble: the API server cannot do it at the moment (503)", "well"}));
}

TEST_F(Watching, what_is_no_watch_is_trouble_and_lists_again) {
    start();
    answer_list(list("10", {}));
    const auto watch = begin_watch("10");
    watch->send("<html>\n");
    answer_list(list("11", {}));
    begin_watch("11");
    EXPECT_EQ(diary_.next(5),
              (Words{"well", "listed", "trouble: the API server says something else than events",
                     "well", "listed"}));
}

TEST_F(Watching, a_line_without_end_is_refused) {
    options_.line_bytes_max = 1000;
    start();
    answer_list(list("10", {}));
    const auto watch = begin_watch("10");
    watch->send(std::string(1001, 'x'));
    EXPECT_TRUE(watch->was_left());
    EXPECT_EQ(diary_.next(3), (Words{"well", "listed", "trouble: an event is too large"}));
    answer_list(list("11", {}));
}

TEST_F(Watching, a_server_that_ignores_the_version_is_listed_again) {
    options_.watch_seconds = 2;
    options_.random = [] { return 0; };
    start();
    answer_list(list("10", {}));
    auto watch = begin_watch("10");
    // Silent for the whole time: after a restore of its store it waits for that version.
    EXPECT_TRUE(deploy::testing::eventually(
        [begun = monotonic_now()] { return monotonic_now() - begun > kSecond; }));
    watch->end();
    answer_list(list("3", {}));
    watch = begin_watch("3");
}

TEST_F(Watching, objects_beyond_the_limit_are_left_out) {
    options_.objects_max = 2;
    start();
    answer_list(list("10", {object("a", "1"), object("b", "2"), object("c", "3")}));
    const auto watch = begin_watch("10");
    watch->send(event("DELETED", object("a", "11")) + event("ADDED", object("d", "12")));
    EXPECT_EQ(diary_.next(6), (Words{"well", "+a@1", "+b@2", "listed", "-a/uid-a", "+d@12"}));
}

TEST_F(Watching, ends_at_once_whatever_it_waits_for) {
    const auto ends_promptly = [&] {
        const Nanos before = monotonic_now();
        watcher_.reset();
        EXPECT_LT(monotonic_now() - before, 2 * kSecond);
    };
    start();
    ASSERT_TRUE(server_.next());
    ends_promptly();  // in a list
    start();
    answer_list(list("10", {}));
    begin_watch("10");
    ends_promptly();  // in a watch
    options_.retry_first_ms = options_.retry_last_ms = 60'000;
    start();
    const auto asked = server_.next();
    ASSERT_TRUE(asked);
    asked->answer({.status = 500});
    EXPECT_EQ(diary_.next(3).size(), 3U);
    ends_promptly();  // in a pause
}

TEST_F(Watching, pauses_grow_to_their_limit_and_obey_the_server) {
    options_.retry_first_ms = 4;
    options_.retry_last_ms = 16;
    start();
    std::vector<Nanos> arrivals;
    for (int round = 0; round < 6; ++round) {
        const auto asked = server_.next();
        ASSERT_TRUE(asked);
        arrivals.push_back(monotonic_now());
        asked->answer({.status = 500});
    }
    const auto asked = server_.next();
    ASSERT_TRUE(asked);
    // At least what the jitter leaves of 4 + 8 + 16 + 16 + 16 ms.
    EXPECT_GE(arrivals.back() - arrivals.front(), 60 * kMillisecond * 4 / 5 - 5 * kMillisecond);
    asked->answer({.status = 429, .fields = {{"Retry-After", "1"}}});
    const Nanos before = monotonic_now();
    ASSERT_TRUE(server_.next());
    EXPECT_GE(monotonic_now() - before, 990 * kMillisecond);
}

}  // namespace
}  // namespace mcpgw::kubernetes
