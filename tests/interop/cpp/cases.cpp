#include "cases.h"

#include <chrono>
#include <exception>
#include <functional>
#include <random>
#include <stdexcept>
#include <thread>

#include <thrift/protocol/TMultiplexedProtocol.h>
#include <thrift/transport/TSocket.h>

using namespace apache::thrift;
using interop::EchoClient;
using interop::Leaf;
using interop::Nested;
using std::make_shared;
using std::string;
using std::to_string;
using std::vector;

namespace {

void check(bool holds, const string& what) {
    if (!holds) throw std::runtime_error(what);
}

// The lines "1", "2", ... or from `first` on, cut at `size`: no two places in it look the same.
string numbered(size_t size, int first = 1) {
    string lines;
    for (int i = first; lines.size() < size; ++i) lines += to_string(i) + "\n";
    lines.resize(size);
    return lines;
}

vector<string> texts() {
    return {"", "hello", "wörld", "世界", "\U0001f600", "a \"quote\", a \\ and a /", "\x01\t\r\n\x7f", numbered(70000)};
}

void echo(EchoClient& client, const string& text) {
    string got;
    client.call(got, text);
    check(got == text, "sent " + to_string(text.size()) + " bytes, got other " + to_string(got.size()));
}

void refused(EchoClient& client, int32_t code) {
    string got;
    try {
        client.refuse(got, code);
    } catch (const interop::Refused& thrown) {
        check(thrown.code == code && thrown.why == "no " + to_string(code), "threw " + to_string(thrown.code));
        return;
    }
    check(false, "it did not refuse");
}

TApplicationException fails(const std::function<void()>& call) {
    try {
        call();
    } catch (const TApplicationException& thrown) {
        return thrown;
    }
    throw std::runtime_error("it answered");
}

Leaf leaf(int32_t number, const string& text, double half, bool yes) {
    Leaf leaf;
    leaf.__set_number(number);
    leaf.__set_text(text);
    leaf.__set_half(half);
    leaf.__set_yes(yes);
    return leaf;
}

Nested full() {
    Nested value;
    value.__set_leaves({
        {"two", {leaf(1, "leaf", 0.5, true), leaf(INT32_MIN, "", -1e300, false)}},
        {"none", {}},
        {"ünï", {leaf(INT32_MAX, string(1000, 'x'), 1.0 / 3, true)}},
    });
    value.__set_numbers({0, -1, 1, (int64_t(1) << 53) + 1, INT64_MIN, INT64_MAX});
    value.__set_deep({{{1, {"a", ""}}, {-7, {}}}, {}});
    value.__set_leaf(leaf(5, "alone", 5e-324, false));
    vector<bool> flags(40);
    for (size_t i = 0; i < flags.size(); i += 2) flags[i] = true;
    value.__set_flags(flags);
    value.__set_small(INT8_MIN);
    value.__set_short_one(INT16_MIN);
    return value;
}

Nested plain() {
    Nested value;
    value.__set_small(INT8_MAX);
    value.__set_short_one(INT16_MAX);
    return value;
}

} // namespace

Link::Link(const Flavour& flavour, const string& host, int port) {
    auto socket = make_shared<transport::TSocket>(host, port);
    socket->setRecvTimeout(60000);
    auto transport = flavour.transports->getTransport(socket);
    protocol_ = flavour.protocols->getProtocol(transport);
    socket->open();
    client_ = std::make_unique<interop::WiderClient>(protocol_);
}

EchoClient Link::named(const string& service) {
    return EchoClient(make_shared<protocol::TMultiplexedProtocol>(protocol_, service));
}

Cases::Cases(const Flavour& flavour, const string& host, int port)
    : flavour_(flavour), host_(host), port_(port), link_(flavour, host, port) {}

string Cases::run(const string& name) {
    if (name == "call") return call(), "";
    if (name == "oneway") return oneway(link_.client()), "";
    if (name == "exception") return exception(), "";
    if (name == "unknown-method") return unknown_method();
    if (name == "multiplexed") return multiplexed(), "";
    if (name == "nested") return nested(), "";
    if (name == "body-1m") return body_1m(), "";
    if (name == "many") return many(), "";
    if (name == "concurrent") return concurrent(), "";
    if (name == "local-replies") return local_replies();
    throw std::invalid_argument("no such case");
}

void Cases::call() {
    for (const string& text : texts()) echo(link_.client(), text);
    link_.client().ping();
}

void Cases::oneway(EchoClient& client) {
    string mark = "mark " + to_string(std::random_device()());
    check(client.posted(mark) == 0, "posted before it was");
    client.post(mark);
    for (int i = 0; i < 1000; ++i) {
        int32_t count = client.posted(mark);
        if (count == 1) return;
        check(count == 0, "posted " + to_string(count) + " times");
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    check(false, "it was not posted");
}

void Cases::exception() {
    for (int32_t code : {7, 0, INT32_MIN, INT32_MAX}) refused(link_.client(), code);
    echo(link_.client(), "again");
}

string Cases::unknown_method() {
    string got;
    auto thrown = fails([&] { link_.client().missing(got, "x"); });
    check(thrown.getType() == TApplicationException::UNKNOWN_METHOD, "threw " + to_string(thrown.getType()));
    echo(link_.client(), "again");
    return thrown.what();
}

void Cases::multiplexed() {
    EchoClient named = link_.named("Echo");
    for (int i = 0; i < 3; ++i) {
        for (const string& text : texts()) echo(named, text);
        echo(link_.client(), "by no name");
    }
    oneway(named);
    refused(named, 5);
    named.ping();
}

void Cases::nested() {
    for (const Nested& value : {full(), plain()}) {
        Nested got;
        link_.client().nested(got, value);
        check(got == value, "another came back");
    }
}

void Cases::body_1m() {
    string sent = numbered((1 << 20) - 256), got;
    for (int i = 0; i < 256; ++i) sent += char(i);
    link_.client().bytes(got, sent);
    check(got == sent, to_string(sent.size()) + " bytes went, other " + to_string(got.size()) + " came back");
}

void Cases::many() {
    for (int i = 0; i < 200; ++i) echo(link_.client(), numbered(i * 37 % 5001, i));
}

void Cases::concurrent() {
    vector<std::exception_ptr> failed(8);
    vector<std::thread> threads;
    for (size_t number = 0; number < failed.size(); ++number) {
        threads.emplace_back([&, number] {
            try {
                Link link(flavour_, host_, port_);
                for (int i = 0; i < 50; ++i) {
                    echo(link.client(), to_string(number) + " " + to_string(i) + " " + numbered(i * 97 % 1000, i));
                }
            } catch (...) {
                failed[number] = std::current_exception();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& failure : failed) {
        if (failure) std::rethrow_exception(failure);
    }
}

string Cases::local_replies() {
    string remark;
    for (const char* outcome :
         {"success", "exception", "bad_request", "no_route", "unavailable", "timeout", "overloaded", "bad_response",
          "too_large", "denied", "unimplemented", "cancelled", "server_error", "unknown"}) {
        echo(link_.client(), "before");
        EchoClient named = link_.named(string("interop.reply.") + outcome);
        string got;
        auto thrown = fails([&] { named.call(got, "x"); });
        remark += (remark.empty() ? "" : ", ") + string(outcome) + " " + to_string(thrown.getType());
    }
    echo(link_.client(), "after");
    return remark;
}
