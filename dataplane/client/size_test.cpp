// What an idle event stream keeps in user memory: one slot of each of three kinds. The aim is one
// kibibyte for each stream, so a member that grows one of them has to be worth it, or to lie in a
// slot that is given back.
#include <gtest/gtest.h>

#include "dataplane/client/http1_client.h"

namespace mcpgw::client {
namespace {

TEST(Sizes, an_idle_stream_keeps_little) {
    EXPECT_LE(sizeof(Http1Client) + sizeof(exchange::Exchange) + sizeof(backend::Http1Backend),
              624U);
}

TEST(Sizes, an_idle_client_connection_keeps_little) {
    EXPECT_LE(sizeof(Http1Client), 232U);
}

}  // namespace
}  // namespace mcpgw::client
