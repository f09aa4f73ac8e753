// An identity provider for tests: a real HTTP server on a loopback port, with TLS if there is an
// authority for it, and keys made on the spot.
//
// What it answers can be changed while it runs, from the test's thread. For tests only.
#pragma once

#include <chrono>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>
#include <httplib.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/bytes.h"
#include "common/time.h"
#include "controlplane/identity/tls_for_test.h"

namespace mcpgw::identity {

struct TestKey {
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key;

    [[nodiscard]] std::string spki() const {
        std::string der(static_cast<std::size_t>(i2d_PUBKEY(key.get(), nullptr)), '\0');
        auto* out = reinterpret_cast<unsigned char*>(der.data());
        i2d_PUBKEY(key.get(), &out);
        return der;
    }
    [[nodiscard]] static std::string base64url(const std::string& bytes) {
        std::string text(base64url_size(bytes.size()), '\0');
        base64url_encode(as_bytes(bytes), text.data());
        return text;
    }
    // A number of the key in so many bytes; 0: as many as it needs.
    [[nodiscard]] std::string number(const char* name, int size = 0) const {
        BIGNUM* value = nullptr;
        EXPECT_EQ(EVP_PKEY_get_bn_param(key.get(), name, &value), 1) << name;
        if (size == 0) size = BN_num_bytes(value);
        std::string bytes(static_cast<std::size_t>(size), '\0');
        BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()), size);
        BN_free(value);
        return base64url(bytes);
    }
    // Members of a JWK that say which key it is, with a comma before them.
    [[nodiscard]] std::string rsa_members() const {
        return R"("kty":"RSA","n":")" + number(OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" +
               number(OSSL_PKEY_PARAM_RSA_E) + "\"";
    }
    [[nodiscard]] std::string curve_members(const char* curve, int size) const {
        return std::string(R"("kty":"EC","crv":")") + curve + R"(","x":")" +
               number(OSSL_PKEY_PARAM_EC_PUB_X, size) + R"(","y":")" +
               number(OSSL_PKEY_PARAM_EC_PUB_Y, size) + "\"";
    }
    [[nodiscard]] std::string edwards_members() const {
        std::string raw(32, '\0');
        std::size_t size = raw.size();
        EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(raw.data()), &size);
        return R"("kty":"OKP","crv":"Ed25519","x":")" + base64url(raw) + "\"";
    }
};

inline TestKey new_rsa_key(unsigned bits = 2048) {
    return {{EVP_RSA_gen(bits), &EVP_PKEY_free}};
}
inline TestKey new_curve_key(const char* curve) {
    return {{EVP_EC_gen(curve), &EVP_PKEY_free}};
}
inline TestKey new_edwards_key() {
    return {{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free}};
}

inline std::string key_set_of(std::initializer_list<std::string> keys) {
    std::string text = R"({"keys":[)";
    for (const std::string& key : keys)
        text += (text.ends_with('[') ? "{" : ",{") + key + "}";
    return text + "]}";
}

// Whether it becomes true within a time that is long for any machine.
template <class Predicate>
[[nodiscard]] bool becomes_true(Predicate predicate) {
    const Nanos deadline = monotonic_now() + 20 * kSecond;
    while (monotonic_now() < deadline) {
        if (predicate()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return predicate();
}

class FakeProvider {
  public:
    struct Page {
        int status = 200;
        std::string body;
        std::string cache_control = {};
        std::string location = {};
    };

    explicit FakeProvider(const Authority* authority = nullptr)
        : scheme_(authority == nullptr ? "http" : "https"),
          server_(authority == nullptr
                      ? std::make_unique<httplib::Server>()
                      : make_tls_server({.authority = authority, .name = "127.0.0.1"})) {
        server_->Get(".*", [this](const httplib::Request& request, httplib::Response& response) {
            const std::scoped_lock lock(mutex_);
            ++asked_[request.path];
            const auto page = pages_.find(request.path);
            if (page == pages_.end()) {
                response.status = 404;
                return;
            }
            response.status = page->second.status;
            if (!page->second.cache_control.empty())
                response.set_header("Cache-Control", page->second.cache_control);
            if (!page->second.location.empty())
                response.set_header("Location", page->second.location);
            response.set_content(page->second.body, "application/json");
        });
        port_ = server_->bind_to_any_port("127.0.0.1");
        thread_ = std::thread([this] { server_->listen_after_bind(); });
        while (!server_->is_running())
            std::this_thread::yield();  // else stop() is lost
    }
    FakeProvider(const FakeProvider&) = delete;
    FakeProvider& operator=(const FakeProvider&) = delete;
    ~FakeProvider() {
        server_->stop();
        thread_.join();
    }

    [[nodiscard]] std::string url(const std::string& path = "") const {
        return scheme_ + "://127.0.0.1:" + std::to_string(port_) + path;
    }
    void put(const std::string& path, Page page) {
        const std::scoped_lock lock(mutex_);
        pages_[path] = std::move(page);
    }
    // Metadata and keys at the usual places, for an issuer that is this server.
    void serve(const std::string& key_set, const std::string& cache_control = "") {
        put("/.well-known/openid-configuration",
            {200, R"({"issuer":")" + url() + R"(","jwks_uri":")" + url("/keys") + R"("})"});
        put("/keys", {200, key_set, cache_control});
    }
    int asked(const std::string& path) {
        const std::scoped_lock lock(mutex_);
        return asked_[path];
    }

  private:
    const std::string scheme_;
    const std::unique_ptr<httplib::Server> server_;
    std::thread thread_;
    int port_ = 0;
    std::mutex mutex_;
    std::map<std::string, Page> pages_;
    std::map<std::string, int> asked_;
};

}  // namespace mcpgw::identity
