// The process deployer on a directory of its own, with real shims and the test server: what its
// tests share.
//
// Nothing drains unless a test says for how long. Header only, for tests.
#pragma once

#include <memory>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "controlplane/deploy/process_deployer.h"
#include "controlplane/deploy/testing.h"
#include "controlplane/shim/run_files.h"

namespace mcpgw::deploy::testing {

inline constexpr const char* kServer = MCPGW_TEST_SERVER;

class ProcessDeployerTest : public ::testing::Test {
  protected:
    ProcessDeployerTest() {
        adopt_orphans();
        adapter_.name = "x";
        adapter_.command = {kServer};
        options_.data_dir = directory_.path();
        options_.bin_dir = MCPGW_BIN_DIR;
        options_.drain_ms = 0;
        options_.grace_ms = 2'000;
        options_.backoff_first_ms = 20;
        options_.backoff_last_ms = 200;
        options_.probe_interval_ms = 50;
        options_.unknown_ms_max = 100;
        open_lifeline();
        options_.lifeline_fd = lifeline_read_.get();
    }
    // Whatever a failed test left behind ends with the lifeline.
    ~ProcessDeployerTest() override {
        deployer_.reset();
        lifeline_write_.reset();
        EXPECT_TRUE(eventually(no_child_left));
    }

    void open_lifeline() {
        int fds[2];
        ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
        lifeline_read_ = Descriptor(fds[0]);
        lifeline_write_ = Descriptor(fds[1]);
    }
    ProcessDeployer& deployer() {
        if (deployer_ == nullptr) {
            auto opened = ProcessDeployer::open(options_);
            EXPECT_TRUE(opened.has_value()) << (opened ? "" : opened.error().detail);
            deployer_ = std::move(*opened);
        }
        return *deployer_;
    }
    template <class Predicate>
    [[nodiscard]] bool until(Predicate done) {
        return drive(deployer(), adapter_, done);
    }
    InstanceStatus one() { return deployer().observe("x").at(0); }
    std::string instance_path(int ordinal = 0) const {
        return directory_.path() + "/instances/x/" + std::to_string(ordinal);
    }
    // The server may answer a moment before its shim has noted that it runs.
    shim::RunState running_state() const {
        shim::RunState state;
        EXPECT_TRUE(eventually([&] {
            const auto read = shim::read_run_state(instance_path());
            if (read) state = *read;
            return state.phase == shim::Phase::running;
        }));
        return state;
    }
    std::string log_text(LogQuery query = {}) {
        std::string text;
        const Result<> done = deployer().logs(adapter_, query, [&text](std::string_view piece) {
            text += piece;
            return true;
        });
        EXPECT_TRUE(done.has_value());
        return text;
    }

    TemporaryDirectory directory_;
    Descriptor lifeline_read_;
    Descriptor lifeline_write_;
    LocalOptions options_;
    model::Adapter adapter_;
    std::unique_ptr<ProcessDeployer> deployer_;
};

}  // namespace mcpgw::deploy::testing
