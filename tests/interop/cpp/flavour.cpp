#include "flavour.h"

#include <stdexcept>

#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/protocol/TCompactProtocol.h>
#include <thrift/protocol/THeaderProtocol.h>
#include <thrift/protocol/TJSONProtocol.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/THeaderTransport.h>

using namespace apache::thrift::protocol;
using namespace apache::thrift::transport;
using std::make_shared;
using std::shared_ptr;

namespace {

// The library's own factory leaves no choice.
class HeaderFactory : public TProtocolFactory {
public:
    HeaderFactory(uint16_t protocol, bool zlib) : protocol_(protocol), zlib_(zlib) {}

    shared_ptr<TProtocol> getProtocol(shared_ptr<TTransport> transport) override {
        return getProtocol(transport, transport);
    }

    shared_ptr<TProtocol> getProtocol(shared_ptr<TTransport> in, shared_ptr<TTransport> out) override {
        auto protocol = make_shared<THeaderProtocol>(in, out, protocol_);
        if (zlib_) {
            auto transport = std::dynamic_pointer_cast<THeaderTransport>(protocol->getTransport());
            transport->setTransform(THeaderTransport::ZLIB_TRANSFORM);
        }
        return protocol;
    }

private:
    uint16_t protocol_;
    bool zlib_;
};

shared_ptr<TProtocolFactory> old() {
    return make_shared<TBinaryProtocolFactory>(0, 0, false, false);
}

} // namespace

Flavour Flavour::named(const std::string& name) {
    auto framed = make_shared<TFramedTransportFactory>();
    auto buffered = make_shared<TBufferedTransportFactory>();
    if (name == "framed-binary") return {framed, make_shared<TBinaryProtocolFactory>()};
    if (name == "framed-compact") return {framed, make_shared<TCompactProtocolFactory>()};
    if (name == "framed-json") return {framed, make_shared<TJSONProtocolFactory>()};
    if (name == "buffered-binary") return {buffered, make_shared<TBinaryProtocolFactory>()};
    if (name == "buffered-compact") return {buffered, make_shared<TCompactProtocolFactory>()};
    if (name == "header-binary") return {buffered, make_shared<HeaderFactory>(T_BINARY_PROTOCOL, false), true};
    if (name == "header-compact") return {buffered, make_shared<HeaderFactory>(T_COMPACT_PROTOCOL, false), true};
    if (name == "header-zlib") return {buffered, make_shared<HeaderFactory>(T_BINARY_PROTOCOL, true), true};
    if (name == "old-framed") return {framed, old()};
    if (name == "old-buffered") return {buffered, old()};
    throw std::invalid_argument("no flavour " + name);
}
