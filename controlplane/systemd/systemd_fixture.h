// The systemd deployer on a directory of its own, under a real systemd: what its tests share.
//
// The tests run inside `systemd-user` or `systemd-pid1` of ../shared/testenv; MCPGW_SYSTEMD_SCOPE
// says which systemd that is, a user's by default. Nothing drains unless a test says for how long.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/deploy/testing.h"
#include "controlplane/systemd/systemd_deployer.h"

namespace mcpgw::systemd::testing {

using namespace deploy::testing;  // NOLINT: tests speak its words
using deploy::InstanceStatus;

inline bool under_the_system() {
    const char* scope = std::getenv("MCPGW_SYSTEMD_SCOPE");
    return scope != nullptr && std::string(scope) == "system";
}

// What a command of the shell prints.
inline std::string shell(const std::string& command) {
    std::FILE* pipe = popen(command.c_str(), "r");  // NOLINT: fixed commands
    if (pipe == nullptr) return "";
    std::string text;
    std::array<char, 4096> block{};
    for (std::size_t got = 0; (got = fread(block.data(), 1, block.size(), pipe)) > 0;)
        text.append(block.data(), got);
    pclose(pipe);
    return text;
}
inline std::string systemctl(const std::string& arguments) {
    return shell(std::string("systemctl ") + (under_the_system() ? "" : "--user ") + arguments +
                 " 2>&1");
}

class SystemdDeployerTest : public ::testing::Test {
  protected:
    SystemdDeployerTest() {
        namespace fs = std::filesystem;
        adapter_.name = "x";
        // Whatever the servers may see of /tmp is bound into their view: the directory of programs.
        const std::string bin = directory_.path() + "/bin";
        fs::create_directory(bin);
        fs::copy_file(MCPGW_TEST_SERVER, bin + "/server");
        fs::copy_file(MCPGW_SHIM, bin + "/mcp-gateway-shim");
        adapter_.command = {bin + "/server"};
        options_.scope = under_the_system() ? Scope::system : Scope::user;
        options_.local.data_dir = directory_.path() + "/data";
        fs::create_directory(options_.local.data_dir);
        options_.local.bin_dir = bin;
        options_.local.drain_ms = 0;
        options_.local.grace_ms = 2'000;
        options_.local.backoff_first_ms = 20;
        options_.local.backoff_last_ms = 200;
        options_.local.probe_interval_ms = 50;
        open_lifeline();
    }
    // Whatever a failed test left behind ends with the lifeline.
    ~SystemdDeployerTest() override {
        deployer_.reset();
        lifeline_write_.reset();
        EXPECT_TRUE(eventually([this] { return units().empty(); })) << units();
        if (HasFailure())
            std::fputs(systemctl("status --no-pager -n 20 'mcp-gateway-*'").c_str(), stderr);
    }

    void open_lifeline() {
        int fds[2];
        ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
        lifeline_read_ = deploy::Descriptor(fds[0]);
        lifeline_write_ = deploy::Descriptor(fds[1]);
        options_.local.lifeline_fd = lifeline_read_.get();
    }
    SystemdDeployer& deployer() {
        if (deployer_ == nullptr) {
            auto opened = SystemdDeployer::open(options_);
            if (!opened) {
                ADD_FAILURE() << opened.error().detail;
                std::abort();
            }
            deployer_ = std::move(*opened);
        }
        return *deployer_;
    }
    template <class Predicate>
    [[nodiscard]] bool until(Predicate done) {
        if (drive(deployer(), adapter_, done)) return true;
        for (const InstanceStatus& status : deployer().observe(adapter_.name))
            std::fprintf(stderr, "%s: %s\n", status.name.c_str(), status.reason.c_str());
        std::fputs(units().c_str(), stderr);
        return false;
    }
    InstanceStatus one() { return deployer().observe("x").at(0); }
    std::string instance_path(int ordinal = 0) const {
        return options_.local.data_dir + "/units/x/" + std::to_string(ordinal);
    }
    std::string gateway() const {
        std::ifstream file(options_.local.data_dir + "/systemd-id");
        std::string id;
        file >> id;
        return id;
    }
    // Every unit of this gateway that systemd knows in any way, but not the lifeline's.
    std::string units() const {
        return shell(std::string("systemctl ") + (under_the_system() ? "" : "--user ") +
                     "list-units --all --plain --no-legend 'mcp-gateway-" + gateway() +
                     "*' | grep -v LIFELINE");
    }
    // Of the oldest generation that there is.
    std::string unit_of(int ordinal = 0) const {
        std::string path = instance_path(ordinal);
        for (int later = 1; later < 5 && !std::filesystem::exists(path); ++later)
            path = instance_path(ordinal) + "." + std::to_string(later);
        std::ifstream file(path + "/unit");
        std::string unit;
        file >> unit;
        return unit;
    }
    std::string property(const std::string& unit, const std::string& name) const {
        std::string value = systemctl("show --value -p " + name + " " + unit);
        while (value.ends_with('\n'))
            value.pop_back();
        return value;
    }
    std::string log_text(deploy::LogQuery query = {}) {
        std::string text;
        const Result<> done = deployer().logs(adapter_, query, [&text](std::string_view piece) {
            text += piece;
            return true;
        });
        EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().detail);
        return text;
    }

    TemporaryDirectory directory_;
    deploy::Descriptor lifeline_read_;
    deploy::Descriptor lifeline_write_;
    SystemdOptions options_;
    model::Adapter adapter_;
    std::unique_ptr<SystemdDeployer> deployer_;
};

}  // namespace mcpgw::systemd::testing
