// The management API on a Unix socket of mode 0600.
//
// The data plane forwards management requests to it and says in X-Mcp-UserId and X-Mcp-Roles who
// asks; whoever can connect is believed, and only this user and root can. One request per
// connection: management is rare, and no leftover of one request can pass for another one.
#pragma once

#include <memory>
#include <string>

#include "common/result.h"
#include "controlplane/api/resource_routes.h"

namespace mcpgw::api {

class ApiServer {
  public:
    // Listens: from now on clients can connect, but they are answered after start().
    // address_in_use: somebody answers on that path.
    [[nodiscard]] static Result<std::unique_ptr<ApiServer>> open(const std::string& socket_path,
                                                                 Services services);
    ApiServer(const ApiServer&) = delete;
    ApiServer& operator=(const ApiServer&) = delete;
    ~ApiServer();  // stops; removes the socket

    void start();
    // Ends live streams and returns when the last request is answered or cut off.
    void stop();

  private:
    class Server;
    ApiServer(std::string socket_path, Services services);

    std::string socket_path_;
    std::unique_ptr<Server> server_;
};

}  // namespace mcpgw::api
