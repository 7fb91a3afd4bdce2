package main

import (
	"fmt"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
)

// flavour is a transport and a protocol, and what servers use where it is not the same: with THeader they answer
// in what they were asked in.
type flavour struct {
	transport      thrift.TTransportFactory
	protocol       thrift.TProtocolFactory
	serverProtocol thrift.TProtocolFactory
	config         *thrift.TConfiguration
}

func flavourOf(name string) (flavour, error) {
	config := &thrift.TConfiguration{ConnectTimeout: 30 * time.Second, SocketTimeout: 30 * time.Second}
	// As strict as the other languages are.
	strict, old := true, false
	config.TBinaryStrictRead, config.TBinaryStrictWrite = &strict, &strict
	framed := thrift.NewTFramedTransportFactoryConf(thrift.NewTTransportFactory(), config)
	buffered := thrift.NewTBufferedTransportFactory(8192)
	same := func(transport thrift.TTransportFactory, protocol thrift.TProtocolFactory) (flavour, error) {
		return flavour{transport, protocol, protocol, config}, nil
	}
	header := func(id thrift.THeaderProtocolID, transforms ...thrift.THeaderTransformID) (flavour, error) {
		detecting := thrift.NewTHeaderProtocolFactoryConf(config)
		own := *config
		own.THeaderProtocolID, own.THeaderTransforms = &id, transforms
		// The buffer is for Node.js, which loses its place if it reads less than a whole header at once.
		return flavour{buffered, thrift.NewTHeaderProtocolFactoryConf(&own), detecting, config}, nil
	}
	switch name {
	case "framed-binary":
		return same(framed, thrift.NewTBinaryProtocolFactoryConf(config))
	case "framed-compact":
		return same(framed, thrift.NewTCompactProtocolFactoryConf(config))
	case "framed-json":
		return same(framed, thrift.NewTJSONProtocolFactory())
	case "buffered-binary":
		return same(buffered, thrift.NewTBinaryProtocolFactoryConf(config))
	case "buffered-compact":
		return same(buffered, thrift.NewTCompactProtocolFactoryConf(config))
	case "old-framed", "old-buffered":
		config.TBinaryStrictRead, config.TBinaryStrictWrite = &old, &old
		if name == "old-framed" {
			return same(framed, thrift.NewTBinaryProtocolFactoryConf(config))
		}
		return same(buffered, thrift.NewTBinaryProtocolFactoryConf(config))
	case "header-binary":
		return header(thrift.THeaderProtocolBinary)
	case "header-compact":
		return header(thrift.THeaderProtocolCompact)
	case "header-zlib":
		return header(thrift.THeaderProtocolBinary, thrift.TransformZlib)
	}
	return flavour{}, fmt.Errorf("no such flavour: %s", name)
}
