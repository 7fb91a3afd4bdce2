package main

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/connpool"
	"github.com/cloudwego/kitex/pkg/remote/trans/netpoll"
	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/transport"

	"meshwire/kitex/target/gen/echo/wider"
)

// mux is the flavour in which a connection has many calls at a time.
const mux = "ttheader-mux"

var transports = map[string]transport.Protocol{
	"framed-binary":   transport.Framed,
	"buffered-binary": transport.PurePayload,
	"ttheader-binary": transport.TTHeader,
	"ttheader-framed": transport.TTHeaderFramed,
	mux:               transport.TTHeader,
}

// link is a client with connections of its own, of which one is used after the other.
type link struct {
	wider.Client
	connections *atomic.Int64
}

// connect makes the client of a service; only TTHeader carries the service's name.
func connect(flavour, address, service string) (*link, error) {
	protocol, known := transports[flavour]
	if !known {
		return nil, fmt.Errorf("no such flavour: %s", flavour)
	}
	options := []client.Option{
		client.WithHostPorts(address), client.WithRPCTimeout(30 * time.Second), client.WithConnectTimeout(30 * time.Second),
	}
	// It turns on the other header, without frames.
	if flavour == mux {
		options = append(options, client.WithMuxConnection(1))
	} else {
		idle := connpool.IdleConfig{MaxIdlePerAddress: 1, MaxIdleGlobal: 1, MaxIdleTimeout: time.Minute}
		options = append(options, client.WithLongConnection(idle), client.WithTransportProtocol(protocol))
	}
	dialer := &counting{}
	options = append(options, client.WithDialer(dialer), client.WithMetaHandler(transmeta.ClientTTHeaderHandler))
	made, err := wider.NewClient(service, options...)
	return &link{made, &dialer.count}, err
}

type counting struct {
	count atomic.Int64
}

func (d *counting) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	d.count.Add(1)
	return netpoll.NewDialer().DialTimeout(network, address, timeout)
}
