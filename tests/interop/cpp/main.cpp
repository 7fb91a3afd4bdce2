// Apache Thrift for C++: `thrift-peer FLAVOUR server PORT SECONDS`, `thrift-peer FLAVOUR client HOST:PORT CASE...` or
// `thrift-peer version`.

#include <algorithm>
#include <iostream>
#include <string>
#include <thread>

#include <unistd.h>

#include <thrift/config.h>

#include "cases.h"
#include "server.h"

using std::string;

namespace {

// Until the end of the input.
int run_server(const Flavour& flavour, int port, int seconds) {
    std::thread([&] {
        try {
            serve(flavour, port);
        } catch (const std::exception& error) {
            std::cerr << error.what() << std::endl;
        }
        _exit(2);
    }).detach();
    alarm(seconds);
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    _exit(0);
}

void say(const string& name, const string& word, string remark) {
    std::replace(remark.begin(), remark.end(), '\n', ' ');
    std::cout << name << " " << word << " " << remark.substr(0, 300) << std::endl;
}

int run_client(const Flavour& flavour, const string& address, char** names) {
    size_t colon = address.find(':');
    std::unique_ptr<Cases> cases;
    for (; *names; ++names) {
        try {
            if (!cases) {
                cases = std::make_unique<Cases>(flavour, address.substr(0, colon), std::stoi(address.substr(colon + 1)));
            }
            say(*names, "ok", cases->run(*names));
        } catch (const std::exception& error) {
            say(*names, "FAIL", error.what());
        }
    }
    return 0;
}

} // namespace

int main(int count, char** words) {
    if (count == 2 && words[1] == string("version")) {
        std::cout << PACKAGE_VERSION << std::endl;
        return 0;
    }
    if (count < 5) return 2;
    Flavour flavour = Flavour::named(words[1]);
    if (words[2] == string("server")) return run_server(flavour, std::stoi(words[3]), std::stoi(words[4]));
    return run_client(flavour, words[3], words + 4);
}
