package main

import (
	"github.com/apache/thrift/lib/go/thrift"

	"meshwire/thrift-go/target/gen/echo"
)

// link is a connection.
type link struct {
	transport thrift.TTransport
	in        thrift.TProtocol
	plain     *echo.WiderClient
}

func connect(f flavour, address string) (*link, error) {
	transport, err := f.transport.GetTransport(thrift.NewTSocketConf(address, f.config))
	if err != nil {
		return nil, err
	}
	l := &link{transport: transport, in: f.protocol.GetProtocol(transport)}
	l.plain = echo.NewWiderClient(thrift.NewTStandardClient(l.in, l.in))
	return l, transport.Open()
}

func (l *link) of(service string) *echo.WiderClient {
	return echo.NewWiderClient(thrift.NewTStandardClient(l.in, thrift.NewTMultiplexedProtocol(l.in, service)))
}
