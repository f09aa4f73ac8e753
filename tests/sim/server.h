// One server instance: accepts connections of the gateway, checks what it is sent, and answers each
// request as the ledger has planned it.
//
// It sees what a real server would see, and knows what the client has sent; so it notices a byte
// that is missing, doubled or out of order, a head with the wrong fields, a second request on a
// connection that is not free, and a connection that the gateway keeps idle for too long.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/ledger.h"
#include "tests/sim/message_reader.h"
#include "tests/sim/network.h"

namespace mcpgw::sim {

struct ServerOptions {
    std::uint64_t instance = 0;
    std::uint16_t port = 0;
    std::string adapter;
    Nanos first_byte = 0;  // the adapter's deadlines; 0: none
    Nanos idle = 0;
    Nanos closes_idle = 0;     // it ends connections that are idle for so long; 0: never
    std::size_t read_max = 0;  // a slow server reads so much at a time; 0: all there is
    Nanos read_pause = 0;
    unsigned cut_permille = 0;  // connections that the network breaks
};

class Server {
  public:
    Server(Network& network, Ledger& ledger, const ServerOptions& options);
    ~Server();

    // The process dies: every connection is reset, further ones are refused.
    void kill();
    void set_mode(Port::Mode mode);
    [[nodiscard]] bool alive() const { return alive_; }
    [[nodiscard]] const ServerOptions& options() const { return options_; }

  private:
    class Line;
    void accept(Wire& wire);

    Network& network_;
    Ledger& ledger_;
    ServerOptions options_;
    bool alive_ = true;
    std::vector<std::unique_ptr<Line>> lines_;
};

}  // namespace mcpgw::sim
