#include "server.h"

#include <iostream>
#include <map>
#include <mutex>

#include <thrift/processor/TMultiplexedProcessor.h>
#include <thrift/server/TThreadedServer.h>
#include <thrift/transport/TServerSocket.h>

#include "Echo.h"

using namespace apache::thrift;
using std::make_shared;
using std::shared_ptr;
using std::string;

namespace {

class Service : public interop::EchoIf {
public:
    void call(string& answer, const string& text) override { answer = text; }

    void post(const string& text) override {
        std::lock_guard<std::mutex> lock(mutex_);
        ++posts_[text];
    }

    int32_t posted(const string& text) override {
        std::lock_guard<std::mutex> lock(mutex_);
        auto found = posts_.find(text);
        return found == posts_.end() ? 0 : found->second;
    }

    void refuse(string&, const int32_t code) override {
        interop::Refused refused;
        refused.__set_code(code);
        refused.__set_why("no " + std::to_string(code));
        throw refused;
    }

    void nested(interop::Nested& answer, const interop::Nested& value) override { answer = value; }

    void bytes(string& answer, const string& data) override { answer = data; }

    void ping() override {}

private:
    std::mutex mutex_;
    std::map<string, int32_t> posts_;
};

class Ready : public server::TServerEventHandler {
public:
    explicit Ready(int port) : port_(port) {}

    void preServe() override { std::cout << "READY " << port_ << std::endl; }

private:
    int port_;
};

} // namespace

void serve(const Flavour& flavour, int port) {
    auto service = make_shared<interop::EchoProcessor>(make_shared<Service>());
    auto processor = make_shared<TMultiplexedProcessor>();
    processor->registerProcessor("Echo", service);
    processor->registerDefault(service);
    auto answers = flavour.both_ways ? nullptr : flavour.protocols;
    server::TThreadedServer server(shared_ptr<TProcessor>(processor),
                                   make_shared<transport::TServerSocket>("127.0.0.1", port), flavour.transports,
                                   flavour.transports, flavour.protocols, answers);
    server.setServerEventHandler(make_shared<Ready>(port));
    server.serve();
}
