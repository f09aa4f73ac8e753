// The reconciler with a store and deployers played by this test.
#include "controlplane/reconcile/reconciler.h"

#include <condition_variable>
#include <memory>

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "controlplane/deploy/testing.h"

namespace mcpgw::reconcile {
namespace {

using deploy::testing::eventually;

model::Adapter local(const std::string& name) {
    model::Adapter adapter;
    adapter.name = name;
    adapter.command = {"x"};
    return adapter;
}

// Rows in memory; can be made to fail.
class FakeStore final : public store::Store {
  public:
    void put(model::Adapter adapter) {
        const std::scoped_lock lock(mutex_);
        rows_[adapter.name] = std::move(adapter);
    }
    void drop(const std::string& name) {
        const std::scoped_lock lock(mutex_);
        rows_.erase(name);
    }
    std::atomic<bool> is_down = false;
    std::atomic<int> gets = 0;

    Result<model::Adapter> get(std::string_view name) override {
        ++gets;
        const std::scoped_lock lock(mutex_);
        if (is_down) return failure(Code::unavailable, "busy");
        const auto row = rows_.find(name);
        if (row == rows_.end()) return failure(Code::not_found, "no such adapter");
        return row->second;
    }
    Result<std::vector<model::Adapter>> list(std::optional<model::Kind>, std::string_view after,
                                             std::size_t max) override {
        const std::scoped_lock lock(mutex_);
        if (is_down) return failure(Code::unavailable, "busy");
        std::vector<model::Adapter> page;
        for (auto row = rows_.upper_bound(after); row != rows_.end() && page.size() < max; ++row)
            page.push_back(row->second);
        return page;
    }

    // The reconciler only reads.
    Result<std::string> epoch() override { return not_asked(); }
    Result<model::Adapter> create(const model::Adapter&, const store::AuditRecord&) override {
        return not_asked();
    }
    Result<model::Adapter> replace(const model::Adapter&, std::uint64_t,
                                   const store::AuditRecord&) override {
        return not_asked();
    }
    Result<> remove(std::string_view, std::uint64_t, const store::AuditRecord&) override {
        return not_asked();
    }
    Result<keys::KeyRing> sealing_keys() override { return not_asked(); }
    Result<> put_sealing_keys(const keys::KeyRing&, const store::AuditRecord&) override {
        return not_asked();
    }
    Result<std::uint64_t> snapshot_version() override { return not_asked(); }
    Result<std::uint64_t> next_snapshot_version() override { return not_asked(); }
    Result<> append_audit(const store::AuditRecord&) override { return not_asked(); }
    Result<std::vector<store::AuditRecord>> audit(std::optional<std::uint64_t>, std::size_t,
                                                  const store::AuditFilter&) override {
        return not_asked();
    }
    Result<> check_up() override { return not_asked(); }

  private:
    static std::unexpected<Error> not_asked() { return failure(Code::unsupported, "not asked"); }

    std::mutex mutex_;
    std::map<std::string, model::Adapter, std::less<>> rows_;
};

// One instance per adapter that is ready one step after the first, or when told; notes every call.
class FakeDeployer final : public deploy::Deployer {
  public:
    FakeDeployer() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

    // From the test's thread.
    void leave_behind(const std::string& name) { left_[name] = {}; }
    void happen(const std::string& name, const std::string& reason) {
        const std::scoped_lock lock(mutex_);
        events_.push_back(name);
        happened_[name] = reason;
        const std::uint64_t one = 1;
        maybe(write(event_.get(), &one, sizeof one) == sizeof one);
    }
    // Something is found that nobody has asked for.
    void appear(const std::string& name) {
        {
            const std::scoped_lock lock(mutex_);
            appeared_.push_back(name);
        }
        happen(name, "left over");
    }
    int count(const std::string& call) {
        const std::scoped_lock lock(mutex_);
        return calls_[call];
    }
    std::atomic<bool> settled = true;
    std::atomic<int> removal_steps = 1;
    // A number that changes with every step, so that every step is news.
    std::atomic<bool> restless = false;
    std::atomic<bool> are_ready = true;
    // Something is wrong with every adapter as a whole.
    std::atomic<bool> in_trouble = false;
    // Instances drain until they are told that nobody uses them.
    std::atomic<bool> draining = false;

    std::vector<std::string> adapters() const override {
        std::vector<std::string> names;
        for (const auto& [name, steps] : left_)
            names.push_back(name);
        return names;
    }
    std::vector<InstanceStatus> observe(std::string_view adapter) const override {
        const auto found = left_.find(adapter);
        if (found == left_.end()) return {};
        InstanceStatus status;
        status.name = std::string(adapter) + "-0";
        status.alive = true;
        status.ready = are_ready;
        status.reason = found->second.reason;
        status.draining = draining;
        status.restarts = restless ? static_cast<std::uint32_t>(found->second.steps) : 0;
        return {status};
    }
    deploy::Trouble trouble(std::string_view) const override {
        return in_trouble ? deploy::Trouble{"QuotaExceeded", "no room"} : deploy::Trouble{};
    }
    deploy::Step apply(const model::Adapter& desired) override {
        note("apply " + desired.name);
        ++left_[desired.name].steps;
        deploy::Step step;
        step.settled = settled;
        if (!step.settled) step.again_at = monotonic_now() + kMillisecond;
        if (restless) step.again_at = monotonic_now();
        return step;
    }
    deploy::Step remove(std::string_view adapter) override {
        const auto found = left_.find(adapter);
        if (found == left_.end()) return {};
        note("remove " + std::string(adapter));
        if (++found->second.removals >= removal_steps) {
            left_.erase(found);
            return {};
        }
        deploy::Step step;
        step.done = false;
        step.again_at = monotonic_now() + kMillisecond;
        return step;
    }
    void probe_now(std::string_view adapter) override { note("probe " + std::string(adapter)); }
    void note_drained(std::string_view adapter, std::uint64_t instance) override {
        draining = false;
        note("drained " + std::string(adapter) + " " + std::to_string(instance));
    }
    int wait_fd() const override { return event_.get(); }
    std::vector<std::string> take_events() override {
        std::uint64_t count = 0;
        maybe(read(event_.get(), &count, sizeof count) == sizeof count);
        const std::scoped_lock lock(mutex_);
        for (const std::string& name : std::exchange(appeared_, {}))
            left_[name] = {};
        for (const std::string& name : events_)
            if (left_.contains(name)) left_[name].reason = happened_[name];
        return std::exchange(events_, {});
    }
    Result<> logs(const model::Adapter& adapter, const deploy::LogQuery&,
                  const deploy::LogSink& sink) override {
        sink("log of " + adapter.name);
        return {};
    }

  private:
    struct Left {
        int steps = 0;
        int removals = 0;
        std::string reason = "starting";
    };
    void note(const std::string& call) {
        const std::scoped_lock lock(mutex_);
        ++calls_[call];
    }

    deploy::Descriptor event_;
    std::map<std::string, Left, std::less<>> left_;  // the reconciler's thread, once that runs
    std::mutex mutex_;
    std::map<std::string, int> calls_;
    std::vector<std::string> events_;
    std::vector<std::string> appeared_;
    std::map<std::string, std::string> happened_;
};

class ReconcilerTest : public ::testing::Test {
  protected:
    ReconcilerTest() {
        options_.store = &store_;
        options_.observations = &observations_;
        options_.deployers = {{model::Source::command, &local_}, {model::Source::url, &remote_}};
        options_.on_change = [this](std::string_view name, const model::Adapter* desired,
                                    const std::vector<InstanceStatus>& instances) {
            const std::scoped_lock lock(mutex_);
            std::string line(name);
            line += desired == nullptr ? " gone" : " " + desired->description;
            for (const InstanceStatus& one : instances)
                line += " " + one.reason;
            changes_.push_back(line);
        };
        options_.on_settled = [this] { ++settled_; };
    }
    ~ReconcilerTest() override { reconciler_.reset(); }
    Reconciler& start() {
        auto opened = Reconciler::open(options_);
        EXPECT_TRUE(opened.has_value());
        reconciler_ = std::move(*opened);
        reconciler_->start();
        return *reconciler_;
    }
    bool changed(const std::string& line) {
        return eventually([&] {
            const std::scoped_lock lock(mutex_);
            return std::ranges::find(changes_, line) != changes_.end();
        });
    }
    std::size_t change_count() {
        const std::scoped_lock lock(mutex_);
        return changes_.size();
    }

    FakeStore store_;
    FakeDeployer local_;
    FakeDeployer remote_;
    Observations observations_;
    ReconcilerOptions options_;
    std::mutex mutex_;
    std::vector<std::string> changes_;
    std::atomic<int> settled_ = 0;
    std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(ReconcilerTest, what_is_desired_is_applied_and_what_is_left_over_removed) {
    store_.put(local("a"));
    model::Adapter url = local("b");
    url.command.clear();
    url.url = "http://127.0.0.1:1/";
    store_.put(url);
    local_.leave_behind("old");
    start();
    EXPECT_TRUE(changed("a  starting"));
    EXPECT_TRUE(changed("b  starting"));
    EXPECT_TRUE(changed("old gone"));
    EXPECT_TRUE(eventually([this] { return local_.count("remove old") == 1; }));
    EXPECT_EQ(local_.count("apply b"), 0);
    EXPECT_EQ(remote_.count("apply b"), 1);
    EXPECT_TRUE(eventually([this] { return settled_ == 1; }));
}

TEST_F(ReconcilerTest, what_is_found_later_and_nobody_wants_is_removed_in_silence) {
    store_.put(local("a"));
    start();
    ASSERT_TRUE(changed("a  starting"));
    local_.removal_steps = 2;
    local_.appear("old");
    EXPECT_TRUE(eventually([this] { return local_.count("remove old") == 2; }));
    store_.put(local("b"));
    reconciler_->wake("b");
    ASSERT_TRUE(changed("b  starting"));
    const std::scoped_lock lock(mutex_);
    EXPECT_EQ(std::ranges::find(changes_, "old gone"), changes_.end());
}

TEST_F(ReconcilerTest, many_rows_are_read_page_by_page) {
    for (int i = 0; i < 1203; ++i)
        store_.put(local("a" + std::to_string(i)));
    start();
    EXPECT_TRUE(eventually([this] { return settled_ == 1; }));
    EXPECT_EQ(change_count(), 1203U);
}

TEST_F(ReconcilerTest, a_change_of_the_row_is_news_even_if_the_instances_are_the_same) {
    start();
    model::Adapter adapter = local("a");
    store_.put(adapter);
    reconciler_->wake("a");
    EXPECT_TRUE(changed("a  starting"));
    adapter.description = "better";
    store_.put(adapter);
    reconciler_->wake("a");
    EXPECT_TRUE(changed("a better starting"));
}

TEST_F(ReconcilerTest, what_a_deployer_sees_is_recorded) {
    store_.put(local("a"));
    start();
    ASSERT_TRUE(changed("a  starting"));
    const std::uint64_t version = observations_.version();
    local_.happen("a", "ready");
    EXPECT_TRUE(changed("a  ready"));
    EXPECT_EQ(observations_.of("a")->at(0).reason, "ready");
    EXPECT_GT(observations_.version(), version);
    const std::size_t changes = change_count();
    local_.happen("a", "ready");  // the same again
    local_.happen("unheard-of", "ready");
    ASSERT_TRUE(eventually([this] { return local_.count("apply a") >= 3; }));
    EXPECT_EQ(change_count(), changes);
}

TEST_F(ReconcilerTest, a_removed_row_is_gone_at_once_and_its_servers_when_they_ended) {
    store_.put(local("a"));
    local_.removal_steps = 5;
    start();
    ASSERT_TRUE(changed("a  starting"));
    store_.drop("a");
    reconciler_->wake("a");
    EXPECT_TRUE(changed("a gone"));
    EXPECT_TRUE(eventually([this] { return local_.count("remove a") == 5; }));
    EXPECT_TRUE(observations_.of("a")->empty());
}

TEST_F(ReconcilerTest, an_obstacle_keeps_instances_from_being_ready_until_it_is_gone) {
    std::atomic<bool> is_missing = true;
    options_.obstacle = [&is_missing](const model::Adapter& adapter) {
        return std::string(adapter.names_secrets() && is_missing ? "secret k is missing" : "");
    };
    model::Adapter adapter = local("a");
    adapter.request_headers["A"] = {"k", true};
    store_.put(adapter);
    store_.put(local("b"));
    start();
    ASSERT_TRUE(changed("a  secret k is missing"));
    ASSERT_TRUE(changed("b  starting"));
    EXPECT_FALSE(observations_.of("a")->at(0).ready);
    EXPECT_TRUE(observations_.of("b")->at(0).ready);
    is_missing = false;
    reconciler_->secrets_changed();
    ASSERT_TRUE(changed("a  starting"));
    EXPECT_TRUE(observations_.of("a")->at(0).ready);
}

// Nothing that is observed differs, but what is told to data planes does.
TEST_F(ReconcilerTest, changed_secrets_are_news_to_those_that_name_one) {
    model::Adapter adapter = local("a");
    adapter.request_headers["A"] = {"k", true};
    store_.put(adapter);
    store_.put(local("b"));
    start();
    ASSERT_TRUE(eventually([this] { return change_count() == 2; }));
    reconciler_->secrets_changed();
    ASSERT_TRUE(eventually([this] { return change_count() == 3; }));
    reconciler_->secrets_changed();
    ASSERT_TRUE(eventually([this] { return change_count() == 4; }));
    const std::scoped_lock lock(mutex_);
    EXPECT_EQ(std::ranges::count(changes_, "b  starting"), 1);
}

TEST_F(ReconcilerTest, an_adapter_that_changes_its_source_changes_its_deployer) {
    model::Adapter adapter = local("a");
    store_.put(adapter);
    start();
    ASSERT_TRUE(changed("a  starting"));
    adapter.command.clear();
    adapter.url = "http://127.0.0.1:1/";
    store_.put(adapter);
    reconciler_->wake("a");
    EXPECT_TRUE(eventually(
        [this] { return local_.count("remove a") == 1 && remote_.count("apply a") == 1; }));
}

TEST_F(ReconcilerTest, a_source_nobody_runs_has_no_instances) {
    model::Adapter adapter = local("a");
    adapter.command.clear();
    adapter.image_name = "image";
    store_.put(adapter);
    start();
    EXPECT_TRUE(changed("a "));
    const auto logs = reconciler_->logs(adapter, {}, [](std::string_view) { return true; });
    EXPECT_EQ(logs.error().code, Code::unsupported);
}

TEST_F(ReconcilerTest, one_that_is_always_busy_does_not_keep_the_others_waiting) {
    store_.put(local("busy"));
    local_.restless = true;
    start();
    ASSERT_TRUE(eventually([this] { return local_.count("apply busy") > 100; }));
    model::Adapter url = local("b");
    url.command.clear();
    url.url = "http://127.0.0.1:1/";
    store_.put(url);
    reconciler_->wake("b");
    EXPECT_TRUE(changed("b  starting"));
}

TEST_F(ReconcilerTest, it_settles_when_the_first_look_is_complete) {
    store_.put(local("a"));
    local_.settled = false;
    options_.settle_ms_max = 60'000;
    start();
    ASSERT_TRUE(eventually([this] { return local_.count("apply a") > 3; }));
    EXPECT_EQ(settled_, 0);
    local_.settled = true;
    EXPECT_TRUE(eventually([this] { return settled_ == 1; }));
}

TEST_F(ReconcilerTest, it_does_not_wait_for_ever_to_settle) {
    store_.put(local("a"));
    local_.settled = false;
    options_.settle_ms_max = 20;
    start();
    EXPECT_TRUE(eventually([this] { return settled_ == 1; }));
}

TEST_F(ReconcilerTest, a_store_that_fails_is_asked_again_and_nothing_is_removed_meanwhile) {
    store_.put(local("a"));
    store_.is_down = true;
    local_.leave_behind("a");
    start();
    EXPECT_EQ(settled_, 0);
    store_.is_down = false;
    ASSERT_TRUE(changed("a  starting"));
    ASSERT_TRUE(eventually([this] { return settled_ == 1; }));
    store_.is_down = true;
    const int before = local_.count("apply a");
    reconciler_->wake("a");
    ASSERT_TRUE(eventually([&] { return local_.count("apply a") > before; }));
    model::Adapter adapter = local("a");
    adapter.description = "better";
    store_.put(adapter);
    store_.is_down = false;
    EXPECT_TRUE(changed("a better starting"));
    EXPECT_EQ(local_.count("remove a"), 0);
}

TEST_F(ReconcilerTest, failures_seen_by_traffic_reach_the_deployer) {
    store_.put(local("a"));
    start();
    ASSERT_TRUE(changed("a  starting"));
    reconciler_->probe("a");
    reconciler_->probe("unheard-of");
    EXPECT_TRUE(eventually([this] { return local_.count("probe a") == 1; }));
    EXPECT_EQ(local_.count("probe unheard-of"), 0);
}

TEST_F(ReconcilerTest, that_an_instance_is_drained_reaches_the_deployer_and_is_acted_on) {
    store_.put(local("a"));
    start();
    ASSERT_TRUE(changed("a  starting"));
    const int before = local_.count("apply a");
    reconciler_->drained("a", UINT64_MAX);
    reconciler_->drained("a", 2);
    reconciler_->drained("unheard-of", 1);
    EXPECT_TRUE(eventually([&] {
        return local_.count("drained a 18446744073709551615") == 1 &&
               local_.count("drained a 2") == 1 && local_.count("apply a") >= before + 2;
    }));
    EXPECT_EQ(local_.count("drained unheard-of 1"), 0);
}

TEST_F(ReconcilerTest, nobody_waits_for_a_tool_to_be_drained) {
    local_.draining = true;
    model::Adapter tool = local("t");
    tool.tool_definition.emplace();
    store_.put(tool);
    start();
    // The step after the one that told it.
    EXPECT_TRUE(eventually([this] { return local_.count("apply t") >= 2; }));
    EXPECT_FALSE(local_.draining);
    EXPECT_FALSE(observations_.of("t")->at(0).draining);
    local_.draining = true;
    store_.put(local("a"));
    reconciler_->wake("a");
    EXPECT_TRUE(changed("a  starting"));
    EXPECT_TRUE(local_.draining) << "an adapter's instances wait for the data planes";
}

TEST_F(ReconcilerTest, it_is_known_which_row_was_looked_at_last) {
    model::Adapter row = local("a");
    row.version = 7;
    store_.put(row);
    EXPECT_EQ(observations_.row_version_of("a"), 0U);
    start();
    EXPECT_TRUE(eventually([this] { return observations_.row_version_of("a") == 7; }));
    EXPECT_EQ(observations_.of("a")->size(), 1U);
    row.version = 8;
    store_.put(row);
    reconciler_->wake("a");
    EXPECT_TRUE(eventually([this] { return observations_.row_version_of("a") == 8; }));
    store_.drop("a");
    reconciler_->wake("a");
    EXPECT_TRUE(eventually([this] { return observations_.row_version_of("a") == 0; }));
}

TEST_F(ReconcilerTest, what_was_asked_before_the_start_is_not_lost) {
    auto opened = Reconciler::open(options_);
    ASSERT_TRUE(opened.has_value());
    reconciler_ = std::move(*opened);
    store_.put(local("a"));
    reconciler_->wake("a");
    reconciler_->start();
    EXPECT_TRUE(changed("a  starting"));
}

TEST_F(ReconcilerTest, logs_come_from_whoever_runs_the_adapter) {
    start();
    std::string text;
    EXPECT_TRUE(reconciler_
                    ->logs(local("a"), {},
                           [&text](std::string_view piece) {
                               text += piece;
                               return true;
                           })
                    .has_value());
    EXPECT_EQ(text, "log of a");
}

// --- Conditions ---------------------------------------------------------------------------------

// The condition of the adapter x, as "True REASON".
std::string condition(const Observations& observations, const std::string& type) {
    const ConditionList all = observations.conditions_of("x");
    for (const Condition& one : *all)
        if (one.type == type) return (one.holds ? "True " : "False ") + one.reason;
    return "";
}

TEST_F(ReconcilerTest, conditions_follow_what_is_seen) {
    store_.put(local("x"));
    local_.are_ready = false;
    start();
    ASSERT_TRUE(eventually([&] { return condition(observations_, "Degraded") != ""; }));
    EXPECT_EQ(condition(observations_, "Ready"), "False NotEnoughReady");
    EXPECT_EQ(condition(observations_, "Degraded"), "False AsExpected");
    local_.in_trouble = true;
    local_.happen("x", "another");
    ASSERT_TRUE(
        eventually([&] { return condition(observations_, "Degraded") == "True QuotaExceeded"; }));
    EXPECT_EQ(observations_.conditions_of("x")->at(2).message, "no room");
    local_.in_trouble = false;
    // A row that cannot be read is trouble, too, and over once it can be.
    store_.is_down = true;
    reconciler_->wake("x");
    ASSERT_TRUE(
        eventually([&] { return condition(observations_, "Degraded") == "True StoreUnreadable"; }));
    store_.is_down = false;
    ASSERT_TRUE(
        eventually([&] { return condition(observations_, "Degraded") == "False AsExpected"; }));
    store_.drop("x");
    reconciler_->wake("x");
    EXPECT_TRUE(eventually([&] { return observations_.conditions_of("x")->empty(); }));
}

TEST_F(ReconcilerTest, a_store_that_cannot_be_read_is_asked_less_and_less_often) {
    for (const char* name : {"x", "y", "z"})
        store_.put(local(name));
    start();
    ASSERT_TRUE(eventually([&] { return settled_ == 1; }));
    store_.is_down = true;
    const int before = store_.gets;
    for (const char* name : {"x", "y", "z"})
        reconciler_->wake(name);
    const Nanos begin = monotonic_now();
    ASSERT_TRUE(eventually([&] { return store_.gets >= before + 3 * 4; }));
    // 0.2 + 0.4 + 0.8 s, each a fifth shorter at most; all three are asked for at the same times.
    EXPECT_GE(monotonic_now() - begin, 1'120 * kMillisecond);
}

}  // namespace
}  // namespace mcpgw::reconcile
