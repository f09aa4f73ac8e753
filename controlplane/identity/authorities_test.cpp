// What is said of a file before anybody relies on it.
#include "controlplane/identity/authorities.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "common/limits.h"
#include "controlplane/identity/tls_for_test.h"

namespace mcpgw::identity {
namespace {

class Authorities : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_authorities_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    // What is wrong with a file of this text; "" if nothing is.
    [[nodiscard]] std::string complaint(const std::string& text) const {
        std::ofstream(path()) << text;
        return complaint();
    }
    [[nodiscard]] std::string complaint() const {
        const auto good = check_authorities(path());
        return good ? "" : good.error().detail;
    }
    [[nodiscard]] std::string path() const { return directory_ + "/ca.pem"; }

    std::string directory_;
};

TEST_F(Authorities, certificates_are_good_one_or_many_with_anything_around_them) {
    const std::string one = Authority("one").certificate();
    EXPECT_EQ(complaint(one), "");
    EXPECT_EQ(
        complaint("The company's own.\n" + one + "\n# and\n" + Authority("two").certificate()), "");
    EXPECT_EQ(complaint(Authority("one").issue("127.0.0.1").second + one), "");
}

TEST_F(Authorities, a_file_without_a_certificate_is_refused) {
    const std::string key = Authority("one").issue("127.0.0.1").second;
    const std::string sentence =
        path() + " holds no certificate (PEM, from -----BEGIN CERTIFICATE----- on)";
    for (const std::string& text : {std::string(), std::string("hello\n"), key})
        EXPECT_EQ(complaint(text), sentence) << text;
}

TEST_F(Authorities, a_damaged_certificate_spoils_the_good_one_beside_it) {
    const std::string good = Authority("one").certificate();
    std::string damaged = good;
    damaged[100] = damaged[100] == 'A' ? 'B' : 'A';
    damaged.erase(200, 8);
    const std::string sentence =
        path() + " holds something damaged between its lines of BEGIN and END";
    EXPECT_EQ(complaint(good + damaged), sentence);
    EXPECT_EQ(complaint(good + good.substr(0, good.size() / 2)), sentence);
}

TEST_F(Authorities, what_cannot_be_read_is_told_with_the_reason) {
    EXPECT_EQ(complaint(), "cannot read " + path() + ": No such file or directory");
    std::filesystem::create_directory(path());
    EXPECT_EQ(complaint(), path() + " is no regular file");
    std::filesystem::remove(path());
    std::ofstream(path()) << "";
    std::filesystem::resize_file(path(), limits::authorities_bytes_max + 1);
    EXPECT_EQ(complaint(), path() + " is larger than 4 MiB");
}

}  // namespace
}  // namespace mcpgw::identity
