// Errors of the rooms below as answers: statuses, and words that are fit for clients.
#include "controlplane/api/answer.h"

#include <gtest/gtest.h>

namespace mcpgw::api {
namespace {

struct AnswerCase {
    Code code;
    int status;
    const char* word;
};

TEST(Answer, what_ails_the_disk_has_a_status_of_its_own_and_no_path) {
    for (const AnswerCase& one :
         {AnswerCase{Code::no_space, 507, "full"}, AnswerCase{Code::io, 503, "disk"},
          AnswerCase{Code::corrupt, 503, "damaged"}, AnswerCase{Code::internal, 500, "log"}}) {
        const Answer answer = problem_of({one.code, Side::gateway, Retry::never, "/var/lib/x.db"});
        EXPECT_EQ(answer.status, one.status);
        EXPECT_EQ(answer.content_type, "application/problem+json");
        EXPECT_NE(answer.body.find(one.word), std::string::npos) << answer.body;
        EXPECT_EQ(answer.body.find("/var/lib"), std::string::npos) << answer.body;
    }
}

TEST(Answer, what_a_client_can_mend_is_told_as_it_is) {
    const Answer answer = problem_of({Code::conflict, Side::client, Retry::never, "it is taken"});
    EXPECT_EQ(answer.status, 409);
    EXPECT_NE(answer.body.find("it is taken"), std::string::npos) << answer.body;
}

}  // namespace
}  // namespace mcpgw::api
