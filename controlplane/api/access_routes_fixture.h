// What tests of the routes of tenants and tokens share: a store of their own, and callers.
//
// For tests only.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "controlplane/api/answer.h"
#include "controlplane/model/json.h"
#include "controlplane/store/sqlite_store.h"

namespace mcpgw::api {

template <class Routes>
class AccessRoutesTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_access_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
        store_ = std::move(*store::SqliteStore::open(directory_ + "/store.db"));
        routes_ = make_routes();
    }
    void TearDown() override {
        routes_.reset();
        store_.reset();
        std::filesystem::remove_all(directory_);
    }
    virtual std::unique_ptr<Routes> make_routes() = 0;

    static identity::Principal admin() { return {"root", {"MCP.admin"}, ""}; }
    static identity::Principal user(const std::string& tenant = "") { return {"bob", {}, tenant}; }

    // "GET /tenants?limit=1" by somebody.
    Answer ask(const std::string& line, identity::Principal who, const std::string& body = "",
               std::vector<std::string> if_match = {}) {
        Call call;
        const std::size_t space = line.find(' ');
        const std::size_t question = std::min(line.find('?'), line.size());
        call.method = line.substr(0, space);
        call.path = line.substr(space + 1, question - space - 1);
        for (std::size_t at = question; at < line.size();) {
            const std::size_t end = std::min(line.find('&', at + 1), line.size());
            const std::string pair = line.substr(at + 1, end - at - 1);
            const std::size_t equals = pair.find('=');
            call.query.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
            at = end;
        }
        call.content_type = "application/json";
        call.body = body;
        call.if_match = std::move(if_match);
        call.who = std::move(who);
        return routes_->answer(call);
    }
    Answer as_admin(const std::string& line, const std::string& body = "",
                    std::vector<std::string> if_match = {}) {
        return ask(line, admin(), body, std::move(if_match));
    }
    static picojson::value tree(const Answer& answer) {
        const auto json = model::parse_json(answer.body);
        EXPECT_TRUE(json) << answer.body;
        return json ? *json : picojson::value();
    }
    static std::string header(const Answer& answer, std::string_view wanted) {
        for (const auto& [name, value] : answer.headers)
            if (name == wanted) return value;
        return {};
    }
    // "GET" of the next page; empty if there is none.
    static std::string next_of(const Answer& answer) {
        const std::string link = header(answer, "Link");
        if (link.empty()) return {};
        return "GET " + link.substr(1, link.find('>') - 1);
    }
    std::size_t records() { return store_->audit(std::nullopt, 1000)->size(); }

    std::string directory_;
    std::unique_ptr<store::SqliteStore> store_;
    std::unique_ptr<Routes> routes_;
    int changes_ = 0;
};

}  // namespace mcpgw::api
