// How the calls are put into bytes.
#pragma once

#include <memory>
#include <string>

#include <thrift/protocol/TProtocol.h>
#include <thrift/transport/TTransport.h>

struct Flavour {
    std::shared_ptr<apache::thrift::transport::TTransportFactory> transports;
    std::shared_ptr<apache::thrift::protocol::TProtocolFactory> protocols;
    // Whether one protocol is for both directions: a server answers with what the header of the call said.
    bool both_ways = false;

    static Flavour named(const std::string& name);
};
