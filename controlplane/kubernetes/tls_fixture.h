// An API server with TLS, for tests: what ApiFixture is, with a certificate of an authority that
// the test has made (identity/tls_for_test.h). Whom a client trusts is the test's business:
// access() trusts nobody yet.
#pragma once

#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "controlplane/identity/tls_for_test.h"
#include "controlplane/kubernetes/api_client.h"
#include "controlplane/kubernetes/api_fixture.h"

namespace mcpgw::kubernetes {

using identity::Authority;
using identity::TlsOptions;

class TlsFixture {
  public:
    explicit TlsFixture(const TlsOptions& options) : api_(identity::make_tls_server(options)) {}

    [[nodiscard]] int port() const { return api_.port(); }
    [[nodiscard]] Access access() const {
        Access access = api_.access();
        access.server.replace(0, 4, "https");
        return access;
    }
    // Whether a call with this access comes here and back.
    [[nodiscard]] bool answers(const Access& access) {
        auto client = ApiClient::open(access);
        if (!client) return false;
        Outcome outcome;
        std::thread caller([&] { outcome = (*client)->send({.path = "/x"}); });
        if (const auto asked = api_.next()) {
            last_host_ = asked->host;
            asked->answer({});
        }
        caller.join();
        EXPECT_TRUE(outcome) << outcome.error().log_detail;
        return outcome.has_value();
    }
    [[nodiscard]] const std::string& last_host() const { return last_host_; }

  private:
    ApiFixture api_;
    std::string last_host_;
};

}  // namespace mcpgw::kubernetes
