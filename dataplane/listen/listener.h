// Accepts connections of one listening socket for one worker.
//
// When the client table is full, accepting pauses (new connections wait in the kernel's backlog)
// and resumes as soon as a slot is free. The socket itself belongs to the process.
#pragma once

#include <vector>

#include "dataplane/client/table.h"
#include "dataplane/io/operation.h"

namespace mcpgw::listen {

class Listener {
  public:
    Listener(transport::Context& context, client::Table& table, int socket, bool loopback);

    void start();
    // No further connections; idle() becomes true when nothing is armed.
    void stop();
    [[nodiscard]] bool idle() const { return !accept_operation_.armed(); }
    // Once a tick: pauses or resumes by the state of the table.
    void settle();

  private:
    void take(int socket);
    void on_retry_time() {}  // settle() follows in the tick that the timer causes
    void on_accepted(const io::Completion& completion);

    transport::Context& context_;
    client::Table& table_;
    int socket_;
    bool loopback_;
    bool stopped_ = false;
    bool cancelled_ = false;
    Nanos retry_at_ = 0;
    io::TimerOf<Listener, &Listener::on_retry_time> retry_timer_{*this};
    io::OperationOf<Listener, &Listener::on_accepted> accept_operation_{*this};
};

}  // namespace mcpgw::listen
