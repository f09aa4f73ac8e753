// The rest of a long body goes from one connection to another inside the kernel, through a pipe.
//
//   arranged ──▶ open ──▶ free
//
// Arranged: `from` receives no more; what it has received goes its usual way through the queues.
// Open: once that is read, open() says how many bytes are left; from then on settle() fills the
// pipe from one socket and empties it into the other, as soon as the queue of `to` is empty, and
// marks the owner of `from`. Free again when its owner ends it, or when either connection closes:
// then what is in the pipe is lost, as is what lies in a queue.
//
// The two operations of the connections are used for waiting: a splice needs none of its own. A
// connection takes part in one splice at a time; the table belongs to a worker.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/io/ring.h"

namespace mcpgw::transport {

class Connection;

class Splice {
  public:
    Splice(io::Ring& ring, std::uint16_t number) : ring_(ring), number_(number) {}
    Splice(const Splice&) = delete;
    Splice& operator=(const Splice&) = delete;
    ~Splice();

    // For the owner of `from`: true when all that was received the usual way has been read.
    [[nodiscard]] bool is_ready() const;
    void open(std::uint64_t bytes);
    // Bytes that `to` has taken since the last call.
    [[nodiscard]] std::uint64_t take_moved() { return std::exchange(moved_, 0); }
    // `from` waits for `to`. Once all has been read from it, nobody asks `from` for more, so that
    // its end is not seen before that of the body.
    [[nodiscard]] bool is_stuck() const { return in_pipe_ > 0; }
    void end();

  private:
    friend class Connection;
    friend class SpliceTable;
    void settle();
    [[nodiscard]] bool fill();
    [[nodiscard]] bool drain();

    io::Ring& ring_;
    io::Pipe pipe_;
    Connection* from_ = nullptr;  // nullptr: free
    Connection* to_ = nullptr;
    std::uint64_t left_ = 0;    // to be read from `from`
    std::uint64_t moved_ = 0;   // taken by `to`, not yet told
    std::size_t in_pipe_ = 0;   // read from one, not yet taken by the other
    bool from_is_dry_ = false;  // it had less than was asked for
    bool is_open_ = false;
    std::uint16_t number_;
};

class SpliceTable {
  public:
    SpliceTable(io::Ring& ring, std::size_t splices_max) : ring_(ring), splices_max_(splices_max) {}

    // nullptr if all are in use, a connection takes part in one already, or there is no pipe: the
    // body goes on the usual way.
    [[nodiscard]] Splice* arrange(Connection& from, Connection& to);
    // `number` is that of a splice: 1 and up.
    [[nodiscard]] Splice& at(std::uint16_t number) { return *splices_[number - 1U]; }

  private:
    [[nodiscard]] Splice* find_free();

    io::Ring& ring_;
    std::size_t splices_max_;
    std::vector<std::unique_ptr<Splice>> splices_;  // made when needed, kept with their pipes
};

}  // namespace mcpgw::transport
