// One connection of the management server: bytes between its Unix socket and cpp-httplib.
//
// Why not the library's own stream: it would let anybody talk who can reach the socket, hand its
// descriptor on to programs that are started meanwhile, and it percent-decodes header values, so
// that a user named "%61lice" would become "alice". Here the peer is checked, the descriptor is
// close-on-exec, and a '%' in a header line arrives as "%25", which the library turns back into
// '%'.
//
//   request line --CRLF--> header lines --empty line--> body (passed on as it is)
//
// Owned by the thread that answers; `cancel` may come from another one.
#pragma once

#include <cstdint>
#include <string>

#include <httplib.h>

namespace mcpgw::api {

class Connection : public httplib::Stream {
  public:
    // Takes the socket over.
    explicit Connection(int socket);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() override;

    // Only this user and root may manage.
    [[nodiscard]] bool peer_is_allowed() const;
    // Makes every wait end now; any thread.
    void cancel() const;

    [[nodiscard]] bool is_readable() const override;
    // False once the peer is gone; a peer that is only slow is writable.
    [[nodiscard]] bool is_writable() const override;
    ssize_t read(char* to, std::size_t size) override;
    ssize_t write(const char* from, std::size_t size) override;
    void get_remote_ip_and_port(std::string& ip, int& port) const override;
    void get_local_ip_and_port(std::string& ip, int& port) const override;
    [[nodiscard]] socket_t socket() const override { return socket_; }

  private:
    enum class Part : std::uint8_t { request_line, header_lines, body };
    void take_in(const char* bytes, std::size_t size);

    int socket_;
    Part part_ = Part::request_line;
    std::size_t line_bytes_ = 0;  // of the line that is being received, without its end
    bool line_has_only_cr_ = false;
    std::string received_;  // for the library, escaped
    std::size_t handed_out_ = 0;
};

}  // namespace mcpgw::api
