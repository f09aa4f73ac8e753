// The listening sockets of the data plane, bound by `up` and handed over by the systemd protocol.
//
// `up` keeps them open while a data plane is restarted, so that clients wait in the backlog instead
// of being refused, and so that port 0 keeps the port it got. One SO_REUSEPORT socket for each
// worker on the main address, one for the admin address.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "tools/gateway/listen_address.h"
#include "tools/gateway/unique_fd.h"

namespace mcpgw::cli {

struct Listeners {
    ListenAddress main;  // with the real port
    ListenAddress admin;
    std::vector<UniqueFd> main_sockets;
    UniqueFd admin_socket;

    // In the order of the names: "main:main:...:admin".
    [[nodiscard]] std::vector<int> fds() const;
    [[nodiscard]] std::string fd_names() const;
    void close();
};

// Errors: address_in_use with a sentence that names the flag, else what the kernel says.
[[nodiscard]] Result<Listeners> open_listeners(const ListenAddress& main,
                                               const ListenAddress& admin, unsigned workers);

}  // namespace mcpgw::cli
