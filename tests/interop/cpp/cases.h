// What a client does to a server.
#pragma once

#include <memory>
#include <string>

#include "Wider.h"
#include "flavour.h"

// A connection.
class Link {
public:
    Link(const Flavour& flavour, const std::string& host, int port);

    interop::WiderClient& client() { return *client_; }

    // On the same connection, a client that names the service.
    interop::EchoClient named(const std::string& service);

private:
    std::shared_ptr<apache::thrift::protocol::TProtocol> protocol_;
    std::unique_ptr<interop::WiderClient> client_;
};

class Cases {
public:
    Cases(const Flavour& flavour, const std::string& host, int port);

    // Answers with a remark, or throws why it failed.
    std::string run(const std::string& name);

private:
    void call();
    void oneway(interop::EchoClient& client);
    void exception();
    std::string unknown_method();
    void multiplexed();
    void nested();
    void body_1m();
    void many();
    void concurrent();
    std::string local_replies();

    const Flavour& flavour_;
    std::string host_;
    int port_;
    Link link_;
};
