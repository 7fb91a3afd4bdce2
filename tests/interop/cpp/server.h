// The service Echo of thrift/echo.thrift.
#pragma once

#include "flavour.h"

// Says READY once it listens, and does not return.
void serve(const Flavour& flavour, int port);
